"""The forecast: an ensemble of futures of the station, from a snapshot."""

from twin.demand import Intensity
from twin.futures import Engine, futures, summarise
from twin.spec import HORIZONS_S, Forecast, StationSpec, StationState


def forecast(
    spec: StationSpec,
    state: StationState,
    intensity: Intensity,
    *,
    replicas: int,
    seed: int,
    horizon_s: float = HORIZONS_S[-1],
    step_s: float = 300.0,
    engine: Engine = "kernel",
) -> Forecast:
    """Live ``replicas`` futures from ``state.time`` on (twin.futures) and say what they have in common."""
    made = futures(
        spec, state, intensity, replicas=replicas, seed=seed, horizon_s=horizon_s, step_s=step_s, engine=engine
    )
    return summarise(made, seed)

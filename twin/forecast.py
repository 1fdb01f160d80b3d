"""The forecast: an ensemble of futures of the station, from a snapshot."""

from math import inf

import numpy as np
from simpy import Environment

from twin.demand import Intensity
from twin.riders import Riders
from twin.spec import HORIZONS_S, Floats, Forecast, StationSpec, StationState
from twin.station import Station

READY_QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
TIME_QUANTILES = (0.10, 0.50, 0.90)


def forecast(
    spec: StationSpec,
    state: StationState,
    intensity: Intensity,
    *,
    replicas: int,
    seed: int,
    horizon_s: float = 7200.0,
    step_s: float = 300.0,
) -> Forecast:
    """Live ``replicas`` futures from ``state.time`` on and say what they have in common.

    Replica ``r`` of a seed is always the same, whatever the number of replicas. Its level of demand is drawn from a
    Gamma distribution with mean one and the coefficient of variation ``intensity.dispersion``. ``horizon_s`` is how
    far ``ready_t`` reaches, in steps of ``step_s``. Arguments and result can be pickled. Raises ``ValueError`` for a
    number of replicas, a horizon or a step that makes no sense, and for a state that is not the station's.
    """
    if replicas < 1:
        raise ValueError(f"replicas is {replicas}: a forecast needs at least one future")
    if horizon_s < HORIZONS_S[-1] or step_s <= 0.0:
        raise ValueError(
            f"horizon_s {horizon_s} with step_s {step_s}: give at least {HORIZONS_S[-1]} s and a step above zero"
        )
    grid = np.arange(0.0, horizon_s + 0.5 * step_s, step_s)
    marks = sorted({*grid.tolist(), *HORIZONS_S})
    on_grid = np.searchsorted(marks, grid)
    at_horizon = np.searchsorted(marks, HORIZONS_S)
    ready = np.empty((replicas, len(marks)))
    lost = np.empty((replicas, len(marks)))
    wait_s = np.empty(replicas)
    for replica, level in enumerate(_levels(intensity.dispersion, replicas, seed)):
        env = Environment(initial_time=state.time)
        riders = Riders(spec, intensity, state.time, seed=seed, replica=replica, level=level)
        station = Station(env, spec, state, riders)
        for column, mark in enumerate(marks):
            if mark > 0.0:
                env.run(until=state.time + mark)
            ready[replica, column] = station.ready
            lost[replica, column] = station.lost
        wait_s[replica] = station.first_stockout - state.time
    return Forecast(
        start=state.time,
        replicas=replicas,
        seed=seed,
        stockout_probability=np.array([np.mean(wait_s <= horizon) for horizon in HORIZONS_S]),
        lost_swaps=lost[:, at_horizon].mean(axis=0),
        time_to_stockout_s=_time_quantiles(wait_s),
        ready_t=state.time + grid,
        ready_quantiles=np.quantile(ready[:, on_grid], READY_QUANTILES, axis=0),
    )


def _levels(dispersion: float, replicas: int, seed: int) -> list[float]:
    if dispersion <= 0.0:
        return [1.0] * replicas
    shape = dispersion**-2
    levels: list[float] = np.random.default_rng(seed).gamma(shape, 1.0 / shape, size=replicas).tolist()
    return levels


def _time_quantiles(wait_s: Floats) -> tuple[float, float, float]:
    """Quantiles by order, without interpolation: between a time and ``inf`` there is nothing to interpolate."""
    within = np.sort(np.where(wait_s <= HORIZONS_S[-1], wait_s, inf))
    low, middle, high = (float(within[int(np.ceil(share * len(within))) - 1]) for share in TIME_QUANTILES)
    return low, middle, high

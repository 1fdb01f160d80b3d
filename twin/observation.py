"""What telemetry says of a station at one moment, as the twin takes it in, and what the twin answers."""

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from twin.drift import Drift
from twin.spec import Floats, StationState


@dataclass(frozen=True, slots=True)
class Observation:
    """Only good telemetry; one entry a slot. Unknown numbers are NaN, unknown flags are ``known == False``.

    ``known``: the slot's occupancy and charger state are good now. ``occupied``, ``out`` (faulted or disabled),
    ``cooling`` and ``charging`` mean something only where ``known``. ``soc_time`` is the source time of ``soc``.
    ``pack`` numbers pack ids (-1: unknown). ``swap_count`` is the station's counter (NaN: none).
    ``promised``: the pack is unlocked, a rider is about to take it. ``power_w``: into the pack; ``station_power_w``:
    from the grid. ``capacity_wh``: usable energy of the full pack.
    """

    time: float
    known: NDArray[np.bool_]
    occupied: NDArray[np.bool_]
    out: NDArray[np.bool_]
    cooling: NDArray[np.bool_]
    charging: NDArray[np.bool_]
    soc: Floats
    soc_time: Floats
    temperature_c: Floats
    pack: NDArray[np.int64]
    swap_count: float = nan
    grid_limit_w: float = nan
    promised: NDArray[np.bool_] | None = None
    power_w: Floats | None = None
    capacity_wh: Floats | None = None
    station_power_w: float = nan


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the twin believes at ``time``.

    ``ready`` counts packs that may be handed out. ``substituted`` marks slots that the model carries on alone
    because telemetry does not tell. ``residual_soc``: telemetry minus model at the latest correction (NaN: none).
    ``swaps`` counts swaps seen since the twin started. ``known_state`` is the latest state of which telemetry told
    most slots, at ``known_time`` (None and NaN: there was none yet): from there on nobody knows how many riders came,
    so that futures begin there. ``drifts``: what telemetry persistently says against the site file.
    """

    time: float
    state: StationState
    ready: int
    substituted: NDArray[np.bool_]
    residual_soc: Floats
    swaps: int
    known_state: StationState | None = None
    known_time: float = nan
    drifts: tuple[Drift, ...] = ()

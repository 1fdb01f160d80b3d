"""What telemetry says of a station at one moment, as the twin takes it in, and what the twin answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.spec import Floats, StationState


@dataclass(frozen=True, slots=True)
class Observation:
    """Only good telemetry; one entry a slot. Unknown numbers are NaN, unknown flags are ``known == False``.

    ``known``: the slot's occupancy and charger state are good now. ``occupied``, ``out`` (faulted or disabled),
    ``cooling`` and ``charging`` mean something only where ``known``. ``soc_time`` is the source time of ``soc``.
    ``pack`` numbers pack ids (-1: unknown). ``swap_count`` is the station's counter (NaN: none).
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
    swap_count: float = float("nan")
    grid_limit_w: float = float("nan")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the twin believes at ``time``.

    ``ready`` counts packs that may be handed out. ``substituted`` marks slots that the model carries on alone
    because telemetry does not tell. ``residual_soc``: telemetry minus model at the latest correction (NaN: none).
    ``swaps`` counts swaps seen since the twin started.
    """

    time: float
    state: StationState
    ready: int
    substituted: NDArray[np.bool_]
    residual_soc: Floats
    swaps: int

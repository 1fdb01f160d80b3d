"""From the process image to what the twin is told: good values only."""

import numpy as np
from numpy.typing import NDArray

from gateway.image import Image
from gateway.layout import Layout, Rows
from twin.observation import Observation
from twin.signals import ChargerState, Quality


def observe(image: Image, layout: Layout, time: float) -> Observation:
    """What good telemetry says of a station now. ``time``: site time of the observation."""
    occupied = _good(image, layout.slot["occupied"])
    state = _good(image, layout.slot["charger_state"])
    enabled = _good(image, layout.slot["enabled"])
    locked = _good(image, layout.slot["locked"])
    soc_rows = layout.slot["soc"]
    present = occupied != 0.0
    soc = np.where(present, _good(image, soc_rows), np.nan)
    pack = np.nan_to_num(_good(image, layout.slot["pack_id"]), nan=0.0).astype(np.int64)
    return Observation(
        time=time,
        known=~np.isnan(occupied) & ~np.isnan(state),
        occupied=occupied == 1.0,
        # An unlocked pack is promised to a rider: it neither charges nor can anybody else have it.
        out=(state == ChargerState.FAULT)
        | (state == ChargerState.DISABLED)
        | (enabled == 0.0)
        | ((occupied == 1.0) & (locked == 0.0)),
        cooling=state == ChargerState.COOLING,
        charging=state == ChargerState.CHARGING,
        soc=soc,
        soc_time=np.where(np.isnan(soc), np.nan, image.as_of(soc_rows)),
        temperature_c=np.where(present, _good(image, layout.slot["temperature_c"]), np.nan),
        pack=np.where(present & (pack > 0), pack, -1),
        swap_count=_own(image, layout, "swap_count"),
        grid_limit_w=_own(image, layout, "grid_limit_w"),
    )


def _good(image: Image, rows: Rows) -> NDArray[np.float64]:
    return np.where(image.quality[rows] == Quality.GOOD, image.value[rows], np.nan)


def _own(image: Image, layout: Layout, signal: str) -> float:
    row = layout.own[signal]
    return float(image.value[row]) if image.quality[row] == Quality.GOOD else float("nan")

"""From the process image to what the twin is told: good values only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.image import Image
from gateway.layout import Layout, Rows
from twin.observation import Observation
from twin.signals import ChargerState, Quality, Reason

IDLE_SHARE = 0.01
"""A charger that gives less than this share of its power does not charge."""

Flags = NDArray[np.bool_]

# NumPy converts members of an enumeration slowly; what is compared at every step are plain numbers.
_GOOD, _BAD, _SENSOR_FAILURE = int(Quality.GOOD), int(Quality.BAD), int(Reason.SENSOR_FAILURE)
_IDLE, _CHARGING, _FULL, _COOLING, _FAULT, _DISABLED = (float(state) for state in ChargerState)


@dataclass(frozen=True, slots=True)
class Presence:
    """Occupancy and charger state of every slot, where they are good: reported, or else inferred.

    A device that does not report occupancy tells of a pack by having its SoC, and of an empty slot by saying that it
    has none. One that does not report a charger's state has a pack charge while power flows into it or, where power
    is not reported either, while its SoC is short of full. ``present``: not last said to be empty, however long ago.
    """

    occupied: Flags
    present: Flags
    occupied_good: Flags
    state: NDArray[np.float64]
    state_good: Flags


def presence(image: Image, layout: Layout) -> Presence:
    """What telemetry says, or lets one conclude, of slots and chargers now."""
    soc = _good(image, layout.slot["soc"])
    occupied = _good(image, layout.slot["occupied"])
    present = image.value[layout.slot["occupied"]] != 0.0
    unreported = (layout.slot["occupied"] < 0) & (layout.slot["soc"] >= 0)
    if unreported.any():
        rows = layout.slot["soc"]
        without_pack = (image.quality[rows] == _BAD) & (image.reason[rows] == _SENSOR_FAILURE)
        inferred = np.where(np.isfinite(soc), 1.0, np.where(without_pack, 0.0, np.nan))
        occupied = np.where(unreported, inferred, occupied)
        present &= occupied != 0.0
    state = _good(image, layout.slot["charger_state"])
    unreported = layout.slot["charger_state"] < 0
    if unreported.any():
        state = np.where(unreported, _state(image, layout, occupied, soc), state)
    return Presence(occupied != 0.0, present, np.isfinite(occupied), state, np.isfinite(state))


def _state(
    image: Image, layout: Layout, occupied: NDArray[np.float64], soc: NDArray[np.float64]
) -> NDArray[np.float64]:
    power_w = _good(image, layout.slot["power_w"])
    full = soc >= layout.station.full_soc
    charges = np.where(np.isfinite(power_w), power_w > IDLE_SHARE * layout.station.charger.power_w, ~full)
    of_a_pack = np.where(charges, _CHARGING, np.where(full, _FULL, _IDLE))
    told = np.isfinite(soc) | np.isfinite(power_w)
    inferred: NDArray[np.float64] = np.where(
        occupied == 0.0, _IDLE, np.where((occupied == 1.0) & told, of_a_pack, np.nan)
    )
    return inferred


def observe(image: Image, layout: Layout, time: float) -> Observation:
    """What good telemetry says of a station now. ``time``: site time of the observation."""
    seen = presence(image, layout)
    state = seen.state
    enabled = _good(image, layout.slot["enabled"])
    locked = _good(image, layout.slot["locked"])
    soc_rows = layout.slot["soc"]
    present = seen.occupied  # also where occupancy is not known: what is known of a pack counts
    occupied = seen.occupied & seen.occupied_good
    soc = np.where(present, _good(image, soc_rows), np.nan)
    pack = np.nan_to_num(_good(image, layout.slot["pack_id"]), nan=0.0).astype(np.int64)
    return Observation(
        time=time,
        known=seen.occupied_good & seen.state_good,
        occupied=occupied,
        out=(state == _FAULT) | (state == _DISABLED) | (enabled == 0.0),
        cooling=state == _COOLING,
        charging=state == _CHARGING,
        soc=soc,
        soc_time=np.where(np.isnan(soc), np.nan, image.as_of(soc_rows)),
        temperature_c=np.where(present, _good(image, layout.slot["temperature_c"]), np.nan),
        pack=np.where(present & (pack > 0), pack, -1),
        swap_count=_own(image, layout, "swap_count"),
        grid_limit_w=_own(image, layout, "grid_limit_w"),
        promised=occupied & (locked == 0.0),
        power_w=np.where(present, _good(image, layout.slot["power_w"]), np.nan),
        capacity_wh=np.where(present, _good(image, layout.slot["capacity_wh"]), np.nan),
        station_power_w=_own(image, layout, "power_w"),
    )


def _good(image: Image, rows: Rows) -> NDArray[np.float64]:
    return np.where(image.quality[rows] == _GOOD, image.value[rows], np.nan)


def _own(image: Image, layout: Layout, signal: str) -> float:
    row = layout.own[signal]
    return float(image.value[row]) if image.quality[row] == _GOOD else float("nan")

"""Where a station's signals stand in the process image."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.binding import BoundDevice
from config.site import Station
from twin.signals import SIGNALS

Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows of one station. ``slot[signal]`` has one row a slot, ``own[signal]`` one; -1 where no device reports it."""

    station: Station
    devices: tuple[BoundDevice, ...]
    rows: Rows
    slot: dict[str, Rows]
    own: dict[str, int]


def layouts(bound: Sequence[BoundDevice]) -> dict[str, Layout]:
    """The layout of every station, by its id, in the order of the site file."""
    by_station: defaultdict[str, list[BoundDevice]] = defaultdict(list)
    for device in bound:
        by_station[device.station.id].append(device)
    return {name: _layout(devices) for name, devices in by_station.items()}


def _layout(devices: list[BoundDevice]) -> Layout:
    station = devices[0].station
    slot = {name: np.full(station.slots, -1, dtype=np.int32) for entity, name in SIGNALS if entity == "slot"}
    own = {name: -1 for entity, name in SIGNALS if entity == "station"}
    rows: list[int] = []
    for device in devices:
        for point in device.points:
            rows.append(point.number)
            if point.slot is None:
                own[point.signal.name] = point.number
            else:
                slot[point.signal.name][point.slot - 1] = point.number
    return Layout(station, tuple(devices), np.array(rows, dtype=np.int32), slot, own)

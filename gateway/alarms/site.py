"""What can have an alarm at a site: its slots, stations and devices, and where their values stand in the image."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.alarms import Rule
from config.loader import LoadedSite
from gateway.image import Image
from gateway.layout import Layout
from gateway.sink import DeviceSink
from twin.signals import PACK_SIGNALS

Rows = NDArray[np.int32]
GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can have alarms. ``path`` is the beginning of their ids. ``devices``: that report of it."""

    path: str
    station: str | None = None
    slot: int | None = None
    device: str | None = None
    devices: tuple[str, ...] = ()

    @property
    def text_values(self) -> dict[str, int | str]:
        """What the alarm's texts name."""
        named = {"station": self.station, "slot": self.slot, "device": self.device}
        return {key: value for key, value in named.items() if value is not None}


class WatchedSite:
    """A site as the alarms see it: made anew when its file changes."""

    def __init__(self, loaded: LoadedSite, image: Image, layouts: Mapping[str, Layout], speed: float) -> None:
        """``speed``: site seconds per wall second."""
        self.image, self.layouts, self.speed = image, dict(layouts), speed
        site = loaded.site
        self.rules: dict[str | None, dict[str, Rule]] = {None: site.alarm_rules()}
        self.rules |= {station.id: site.alarm_rules(station) for station in site.stations}
        self.stations = [
            Source(name, name, devices=tuple(device.id for device in layout.devices))
            for name, layout in self.layouts.items()
        ]
        self.slots = [source for layout in self.layouts.values() for source in _slots(layout)]
        self.sinks: tuple[DeviceSink, ...] = image.sinks
        self.devices = [
            Source(
                device_path(sink.device.id), sink.device.station.id, device=sink.device.id, devices=(sink.device.id,)
            )
            for sink in self.sinks
        ]
        self.gateway = [Source(GATEWAY)]
        self.connections = _connections(self.sinks)
        self.device_of_row = np.full(image.size + 1, -1, dtype=np.int32)
        """Index of the device that reports each row of the image."""
        self.slot_of_row = np.full(image.size + 1, -1, dtype=np.int32)
        """Index of the slot that each row belongs to; -1: none."""
        self.station_of_row = np.full(image.size + 1, -1, dtype=np.int32)
        """Index of the station that each row of its own signals belongs to; -1: a slot's, or nobody's."""
        self.pack_of_row = np.zeros(image.size + 1, dtype=np.bool_)
        """Rows that tell of the pack in a slot: an empty slot has none of them."""
        stations = {source.path: index for index, source in enumerate(self.stations)}
        slots = {(source.station, source.slot): index for index, source in enumerate(self.slots)}
        for number, sink in enumerate(self.sinks):
            for point in sink.device.points:
                self.device_of_row[point.number] = number
                if point.slot is None:
                    self.station_of_row[point.number] = stations[point.station]
                else:
                    self.slot_of_row[point.number] = slots[point.station, point.slot]
                    self.pack_of_row[point.number] = point.signal.name in PACK_SIGNALS
        self.occupied = self.slot_rows("occupied")

    def slot_rows(self, signal: str) -> Rows:
        """The row of a signal in every slot of the site; -1 where no device reports it."""
        return np.concatenate([layout.slot[signal] for layout in self.layouts.values()])

    def station_rows(self, signal: str) -> Rows:
        """The row of a station's signal, of every station."""
        return np.array([layout.own[signal] for layout in self.layouts.values()], dtype=np.int32)

    def device_of(self, row: int) -> str | None:
        """The device that reports a row."""
        number = int(self.device_of_row[row])
        return None if number < 0 else self.sinks[number].device.id


def _slots(layout: Layout) -> list[Source]:
    devices: list[list[str]] = [[] for _ in range(layout.station.slots)]
    for device in layout.devices:
        for slot in layout.station.slots_of(device.device):
            devices[slot - 1].append(device.id)
    name = layout.station.id
    return [
        Source(f"{name}.slot.{number:02d}", name, number, devices=tuple(found))
        for number, found in enumerate(devices, 1)
    ]


def _connections(sinks: Sequence[DeviceSink]) -> list[Source]:
    """Addresses that several devices share."""
    by_address: defaultdict[str, list[DeviceSink]] = defaultdict(list)
    for sink in sinks:
        by_address[sink.device.device.where].append(sink)
    found = []
    for where, shared in by_address.items():
        stations = {sink.device.station.id for sink in shared}
        if len(shared) > 1:
            station = stations.pop() if len(stations) == 1 else None
            devices = tuple(sink.device.id for sink in shared)
            path = f"{GATEWAY}.{re.sub('[^A-Za-z0-9]+', '-', where).strip('-')}"
            found.append(Source(path, station, device=where, devices=devices))
    return found


def device_path(device: str) -> str:
    """The beginning of the ids of a device's alarms."""
    return device.replace("/", ".")

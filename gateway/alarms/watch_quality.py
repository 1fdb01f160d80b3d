"""Conditions that stand in the quality of values: failing sensors; devices away, silent or not as said."""

from typing import Literal

import numpy as np

from adapters.base import LinkState
from gateway.alarms.delays import Flags
from gateway.alarms.design import ALL_AWAY, AWAY
from gateway.alarms.site import WatchedSite
from gateway.alarms.watch import Seen, Watch
from twin.signals import Quality, Reason

_GOOD = int(Quality.GOOD)
_STALE, _NO_COMMUNICATION = int(Reason.STALE), int(Reason.NO_COMMUNICATION)
_NOT_CONFIGURED = int(Reason.NOT_CONFIGURED)


class SensorWatch(Watch):
    """Whether any value of a slot or of a station is bad for one reason. An empty slot has no pack to measure."""

    def __init__(self, name: str, site: WatchedSite, of: Literal["slot", "station"], reason: Reason) -> None:
        owner = site.slot_of_row if of == "slot" else site.station_of_row
        candidates = site.slots if of == "slot" else site.stations
        told = np.zeros(len(candidates), dtype=np.bool_)
        told[owner[owner >= 0]] = True
        super().__init__(name, site, candidates, told)
        entry_of = np.full(len(candidates) + 1, -1, dtype=np.int32)
        entry_of[self.picked] = np.arange(len(self.picked))
        self._rows = np.flatnonzero(entry_of[owner] >= 0)
        self._entry = entry_of[owner[self._rows]]
        self._reason = int(reason)

    def look(self, now: float) -> Seen:
        image, count = self.site.image, len(self.sources)
        reason = image.reason[self._rows]
        bad = (reason == self._reason) & ~without_pack(self.site)[self._rows]
        holds = np.bincount(self._entry[bad], minlength=count) > 0
        known = np.bincount(self._entry[reason != _NO_COMMUNICATION], minlength=count) > 0
        return Seen(holds, known)


class ConnectionWatch(Watch):
    """Addresses that several devices share, and at which none of them can be reached."""

    def __init__(self, site: WatchedSite) -> None:
        super().__init__(ALL_AWAY, site, site.connections)
        links = {sink.device.id: sink.link for sink in site.sinks}
        self._links = [[links[device] for device in source.devices] for source in self.sources]

    def look(self, now: float) -> Seen:
        states = [{link.state for link in links} for links in self._links]
        away = np.array([each == {LinkState.AWAY} for each in states], dtype=np.bool_)
        return Seen(away, np.array([LinkState.CONNECTING not in each for each in states], dtype=np.bool_))

    def explained_by(self, entry: int) -> frozenset[str]:
        return frozenset()


class AwayWatch(Watch):
    """Devices that cannot be reached."""

    def __init__(self, site: WatchedSite) -> None:
        super().__init__(AWAY, site, site.devices)
        self._links = [site.sinks[index].link for index in self.picked.tolist()]
        self._shared = {device: source.path for source in site.connections for device in source.devices}

    def look(self, now: float) -> Seen:
        states = [link.state for link in self._links]
        away = np.array([state is LinkState.AWAY for state in states], dtype=np.bool_)
        known = np.array([state is not LinkState.CONNECTING for state in states], dtype=np.bool_)
        return Seen(away, known)

    def explained_by(self, entry: int) -> frozenset[str]:
        path = self._shared.get(self.sources[entry].device or "")
        return frozenset() if path is None else frozenset({f"{path}.{ALL_AWAY}"})


class StaleWatch(Watch):
    """Devices of whose values most are too old."""

    def __init__(self, site: WatchedSite) -> None:
        super().__init__("values_stale", site, site.devices)

    def look(self, now: float) -> Seen:
        site, image = self.site, self.site.image
        counts = len(site.sinks) + 1
        told = (image.reason != _NO_COMMUNICATION) & (image.reason != _NOT_CONFIGURED) & ~without_pack(site)
        stale = told & (image.reason == _STALE) & ~image.frozen(slice(None))
        # Rows of nobody have the number -1, and are counted in the first place.
        of = site.device_of_row + 1
        all_told = np.bincount(of[told], minlength=counts)[1:][self.picked]
        all_stale = np.bincount(of[stale], minlength=counts)[1:][self.picked]
        share = all_stale / np.maximum(all_told, 1)
        return Seen(self.above(share), all_told > 0, share)


class FrozenWatch(Watch):
    """Devices of which some values stand still although they must move."""

    def __init__(self, site: WatchedSite) -> None:
        super().__init__("values_frozen", site, site.devices)

    def look(self, now: float) -> Seen:
        sinks = [self.site.sinks[index] for index in self.picked.tolist()]
        frozen = np.array([sink.frozen for sink in sinks], dtype=np.float64)
        return Seen(frozen > 0, _connected(self), frozen)


class ClockWatch(Watch):
    """Devices whose clock is off."""

    def __init__(self, site: WatchedSite) -> None:
        super().__init__("clock_skew", site, site.devices)
        # Stamps cannot be told apart by less than what passes while a message is under way.
        self.limit *= max(site.speed, 1.0)
        self.deadband *= max(site.speed, 1.0)

    def look(self, now: float) -> Seen:
        links = [self.site.sinks[index].link for index in self.picked.tolist()]
        skew_s = np.array([np.nan if link.clock_skew_s is None else link.clock_skew_s for link in links])
        return Seen(self.above(np.abs(skew_s)), np.isfinite(skew_s), skew_s)


class MissingWatch(Watch):
    """Devices that do not have what their profile says."""

    def __init__(self, site: WatchedSite) -> None:
        super().__init__("points_missing", site, site.devices)

    def look(self, now: float) -> Seen:
        site, image = self.site, self.site.image
        missing = (image.reason == _NOT_CONFIGURED) & (site.device_of_row >= 0) & ~without_pack(site)
        count = np.bincount(site.device_of_row[missing], minlength=len(site.sinks))[self.picked]
        return Seen(count > 0, _connected(self), count.astype(np.float64))


def without_pack(site: WatchedSite) -> Flags:
    """Rows of the image that tell of a pack where none is known to be."""
    image = site.image
    present = (image.quality[site.occupied] == _GOOD) & (image.value[site.occupied] != 0.0)
    flags: Flags = site.pack_of_row & ~present[site.slot_of_row]
    return flags


def _connected(watch: Watch) -> Flags:
    sinks = (watch.site.sinks[index] for index in watch.picked.tolist())
    return np.array([sink.link.state is LinkState.CONNECTED for sink in sinks], dtype=np.bool_)

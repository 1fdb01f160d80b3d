"""Which pack stood in which slot, from when to when: the packs' own history."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from config.clock import Clock
from gateway.image import Image
from gateway.layout import Layout
from gateway.past import Stay, read_open_stays
from gateway.store import Store
from twin.signals import Quality

PERIOD_S = 1.0
"""Wall seconds between two looks at a station at least."""
KEEP_S = 60.0
"""Wall seconds after which a stay that goes on is stored again; a crash loses no more of its end than this."""


@dataclass(slots=True)
class _Station:
    """Columns by slot. ``code``: the number that stands for the pack's id, NaN where nothing was seen of it yet."""

    layout: Layout
    code: NDArray[np.float64]
    stays: list[Stay | None]
    looked_at: float = -np.inf


class Stays:
    """Looks for packs that came and went. An id that is not known for a while ends nothing: only another id does, or a
    slot that is said to be empty.
    """

    def __init__(self, image: Image, layouts: Mapping[str, Layout], store: Store, clock: Clock) -> None:
        """Use ``restore`` before ``run``."""
        self._image, self._layouts, self._store, self._clock = image, layouts, store, clock
        self._stations: dict[str, _Station] = {}
        self._open: dict[tuple[str, int], Stay] = {}
        """Stays that the store has as not ended, and of which nothing was seen yet."""

    def restore(self) -> None:
        """Take from the store which packs stood where. Blocks."""
        self._open = {(stay.station, stay.slot): stay for stay in read_open_stays(self._store.file)}

    async def run(self) -> None:
        """Store what goes on, until cancelled and once more then."""
        try:
            while True:
                await self._clock.sleep(KEEP_S)
                self._keep()
        finally:
            self._keep()

    def current(self, station: str, slot: int) -> Stay | None:
        """The pack that stands in a slot."""
        known = self._stations.get(station)
        return known.stays[slot - 1] if known is not None and slot <= len(known.stays) else None

    def follow(self) -> None:
        """The layouts are those of a changed site file."""
        self._stations = {name: known for name, known in self._stations.items() if name in self._layouts}

    def look(self, name: str) -> None:
        """See what changed at a station; as often as is handy."""
        layout, now = self._layouts[name], self._clock.monotonic()
        station = self._stations.get(name)
        if station is None or station.layout is not layout:
            station = self._stations[name] = self._begun(layout, station)
        if now - station.looked_at < PERIOD_S:
            return
        station.looked_at = now
        image, rows = self._image, layout.slot
        known = image.quality[rows["pack_id"]] == Quality.GOOD
        code = image.value[rows["pack_id"]]
        empty = (image.quality[rows["occupied"]] == Quality.GOOD) & (image.value[rows["occupied"]] == 0.0)
        for slot in np.flatnonzero(empty).tolist():
            self._end(station, slot)
        for slot in np.flatnonzero(known & ~empty & (code != station.code)).tolist():
            self._take(station, slot, float(code[slot]))
        self._measure(station, np.flatnonzero(known & ~empty).tolist())

    def _begun(self, layout: Layout, before: _Station | None) -> _Station:
        count = layout.station.slots
        stays = [self._open.pop((layout.station.id, slot + 1), None) for slot in range(count)]
        for slot, stay in enumerate(before.stays[:count] if before else ()):
            stays[slot] = stay or stays[slot]
        return _Station(layout, np.full(count, np.nan), stays)

    def _take(self, station: _Station, slot: int, code: float) -> None:
        pack, stay = self._image.text(code), station.stays[slot]
        station.code[slot] = code
        if not pack:
            return
        if stay is None or stay.pack != pack:
            self._end(station, slot)
            now = self._clock.now()
            stay = station.stays[slot] = Stay(pack, station.layout.station.id, slot + 1, now, now)
            station.code[slot] = code
        self._store.stay(stay)

    def _end(self, station: _Station, slot: int) -> None:
        stay, station.stays[slot] = station.stays[slot], None
        station.code[slot] = np.nan
        if stay is not None:
            stay.ended = True
            self._store.stay(stay)

    def _measure(self, station: _Station, slots: list[int]) -> None:
        image, rows, now = self._image, station.layout.slot, self._clock.now()
        soc, temperature_c = (
            np.where(image.quality[rows[name]] == Quality.GOOD, image.value[rows[name]], np.nan).tolist()
            for name in ("soc", "temperature_c")
        )
        for slot in slots:
            stay = station.stays[slot]
            if stay is not None:
                _note(stay, now, soc[slot], temperature_c[slot])

    def _keep(self) -> None:
        for station in self._stations.values():
            for stay in station.stays:
                if stay is not None:
                    self._store.stay(stay)


def _note(stay: Stay, now: float, soc: float, temperature_c: float) -> None:
    stay.last = now
    if isfinite(soc):
        stay.soc_first = soc if stay.soc_first is None else stay.soc_first
        stay.soc_last = soc
    if isfinite(temperature_c):
        highest = stay.temperature_max_c
        stay.temperature_max_c = temperature_c if highest is None else max(temperature_c, highest)

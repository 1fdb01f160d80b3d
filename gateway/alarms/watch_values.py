"""Conditions that stand in single values of the image: flags, states and measurements of slots and stations."""

from typing import Literal

import numpy as np

from config.alarm_catalogue import CATALOGUE
from gateway.alarms.delays import Flags, Floats
from gateway.alarms.site import Rows, WatchedSite
from gateway.alarms.watch import Seen, Watch
from twin.signals import PACK_SIGNALS, ChargerState, Quality

_GOOD = int(Quality.GOOD)
_EQUALS = {"off": 0.0, "fault": float(ChargerState.FAULT)}

Test = Literal["on", "off", "fault", "above", "below"]


class ValueWatch(Watch):
    """One signal against one test. Of a pack's signals, those of an empty slot count as in order.

    ``only_with_pack``: the condition needs a pack in the slot.
    """

    def __init__(self, name: str, site: WatchedSite, signal: str, test: Test, *, only_with_pack: bool = False) -> None:
        of_slot = CATALOGUE[name].of == "slot"
        rows = site.slot_rows(signal) if of_slot else site.station_rows(signal)
        super().__init__(name, site, site.slots if of_slot else site.stations, rows >= 0)
        self._rows: Rows = rows[self.picked]
        self._test = test
        self._needs_pack = only_with_pack or (of_slot and signal in PACK_SIGNALS)
        self._strict = only_with_pack
        self._occupied = site.occupied[self.picked] if self._needs_pack else None

    def look(self, now: float) -> Seen:
        image = self.site.image
        value, known = image.value[self._rows], image.quality[self._rows] == _GOOD
        holds = self._holds(value)
        if self._occupied is not None:
            occupied_good = image.quality[self._occupied] == _GOOD
            occupied = image.value[self._occupied] != 0.0
            if self._strict:
                known = known & occupied_good
            empty = occupied_good & ~occupied
            holds, known = holds & ~empty, known | empty
        # The number of a state says nothing to whoever reads it.
        return Seen(holds, known, value if self._test in ("above", "below") else None)

    def devices_of(self, entry: int) -> tuple[str, ...]:
        device = self.site.device_of(int(self._rows[entry]))
        return () if device is None else (device,)

    def _holds(self, value: Floats) -> Flags:
        if self._test == "above":
            return self.above(value)
        if self._test == "below":
            return self.below(value)
        flags: Flags = value == _EQUALS[self._test] if self._test in _EQUALS else value != 0.0
        return flags


class GridWatch(Watch):
    """Power drawn against the limit in force; the rule's limit is a multiple of that."""

    def __init__(self, site: WatchedSite) -> None:
        rows = site.station_rows("power_w")
        super().__init__("grid_limit_exceeded", site, site.stations, rows >= 0)
        self._rows = rows[self.picked]
        self._limit_rows = site.station_rows("grid_limit_w")[self.picked]
        stated = np.array([layout.station.grid_limit_w for layout in site.layouts.values()])
        self._stated_w = stated[self.picked]

    def look(self, now: float) -> Seen:
        image = self.site.image
        power_w, known = image.value[self._rows], image.quality[self._rows] == _GOOD
        told = image.quality[self._limit_rows] == _GOOD
        grid_w = np.where(told, image.value[self._limit_rows], self._stated_w)
        factor = self.limit - np.where(self.delays.active, self.deadband, 0.0)
        return Seen(power_w > grid_w * factor, known, power_w, grid_w * self.limit)

    def devices_of(self, entry: int) -> tuple[str, ...]:
        device = self.site.device_of(int(self._rows[entry]))
        return () if device is None else (device,)


class CellWatch(Watch):
    """How far the cells of a pack are apart."""

    def __init__(self, site: WatchedSite) -> None:
        high, low = site.slot_rows("cell_voltage_max_v"), site.slot_rows("cell_voltage_min_v")
        super().__init__("cells_unbalanced", site, site.slots, (high >= 0) & (low >= 0))
        self._high, self._low = high[self.picked], low[self.picked]
        self._occupied = site.occupied[self.picked]

    def look(self, now: float) -> Seen:
        image = self.site.image
        apart_v = image.value[self._high] - image.value[self._low]
        known = (image.quality[self._high] == _GOOD) & (image.quality[self._low] == _GOOD)
        empty = (image.quality[self._occupied] == _GOOD) & (image.value[self._occupied] == 0.0)
        return Seen(self.above(apart_v) & ~empty, known | empty, apart_v)


class TwiceWatch(Watch):
    """Packs whose id another pack of the site has too."""

    def __init__(self, site: WatchedSite) -> None:
        rows = site.slot_rows("pack_id")
        super().__init__("pack_id_twice", site, site.slots, rows >= 0)
        self._rows = rows[self.picked]
        self._occupied = site.occupied[self.picked]

    def look(self, now: float) -> Seen:
        image = self.site.image
        number, known = image.value[self._rows], image.quality[self._rows] == _GOOD
        empty = (image.quality[self._occupied] == _GOOD) & (image.value[self._occupied] == 0.0)
        named = known & ~empty & (number > 0.0)
        _, place, count = np.unique(np.where(named, number, 0.0), return_inverse=True, return_counts=True)
        return Seen(named & (count[place] > 1), known | empty)

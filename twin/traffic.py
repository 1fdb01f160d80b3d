"""Swaps as telemetry shows them: counted, and followed while they are under way."""

from collections.abc import Sequence
from math import inf, isfinite, nan

from twin.slot import EMPTY
from twin.spec import StationSpec
from twin.station import Station

OVERDUE_SWAPS = 3.0
"""After this many swap times an emptied slot no longer awaits a pack: somebody has taken one out for good."""


class Traffic:
    """The swaps of one station. ``swaps`` counts them since the twin started.

    The station's own counter counts where there is one. Otherwise every pack that leaves a slot, or is found to be
    another one, is a swap. A slot that has been emptied holds a bay and awaits the rider's pack, unless the rider has
    put it into another slot first (a cabinet with a spare slot) or does so afterwards.
    """

    def __init__(self, spec: StationSpec) -> None:
        self.swaps = 0
        self._swap_s = spec.swap_s
        self._counter = nan
        self._counter_time = -inf
        self._awaiting: dict[int, float] = {}
        self._brought: list[float] = []

    def follow(
        self, station: Station, emptied: Sequence[int], filled: Sequence[int], replaced: int, counter: float
    ) -> None:
        """Take in which slots were emptied and filled since the last call, and how many packs were exchanged."""
        now = station.env.now
        if isfinite(counter):
            self._count(station.spec, now, counter)
        elif not isfinite(self._counter):
            self.swaps += len(emptied) + replaced
        self._brought = [time for time in self._brought if now - time <= OVERDUE_SWAPS * self._swap_s]
        for slot in filled:
            if slot in self._awaiting:
                del self._awaiting[slot]
            elif self._awaiting:
                del self._awaiting[min(self._awaiting, key=self._awaiting.__getitem__)]
            else:
                self._brought.append(now)
        for slot in emptied:
            if self._brought:
                self._brought.pop(0)
            else:
                self._awaiting[slot] = now
        self._hold_bays(station, now)

    def _count(self, spec: StationSpec, now: float, counter: float) -> None:
        grown = counter - self._counter
        possible = spec.slots + 2.0 * spec.bays * (now - self._counter_time) / self._swap_s
        if 0.0 < grown <= possible:  # neither the first reading, nor a counter that was reset or replaced
            self.swaps += round(grown)
        self._counter, self._counter_time = counter, now

    def _hold_bays(self, station: Station, now: float) -> None:
        """Every awaited pack holds a bay until it is expected; where it is overdue, until half a swap from now."""
        self._awaiting = {
            slot: since
            for slot, since in self._awaiting.items()
            if now - since < OVERDUE_SWAPS * self._swap_s and station.slots[slot].phase == EMPTY
        }
        for bay, until in enumerate(station.bay_until):
            if until < inf and station.bay_slot[bay] not in self._awaiting:
                station.bay_until[bay] = inf
        held = {slot for slot, until in zip(station.bay_slot, station.bay_until, strict=True) if until < inf}
        for slot, since in self._awaiting.items():
            if slot not in held and inf in station.bay_until:
                expected = since + self._swap_s
                station.open_bay(
                    station.bay_until.index(inf), slot, expected if expected > now else now + 0.5 * self._swap_s
                )

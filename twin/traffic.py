"""Swaps as telemetry shows them: counted, and followed while they are under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan

from twin.spec import StationSpec
from twin.station import Station

OVERDUE_SWAPS = 3.0
"""After this many swap times a swap is not awaited any more: somebody has taken or brought a pack for good."""


@dataclass(slots=True)
class _Swap:
    """A swap under way: the slot whose pack leaves and the one that the rider's pack came into, as far as seen."""

    since: float
    outward: int | None
    inward: int | None = None


@dataclass(frozen=True, slots=True)
class Moves:
    """What moved since the last observation, by slot.

    ``leaving``: emptied, or its pack now promised to a rider; ``filled``: a pack came; ``kept``: a promise that was
    taken back; ``left``: emptied for certain. ``gone`` are all slots that hold no pack now. ``exchanged`` counts slots
    that hold another pack than before although they were not seen empty.
    """

    leaving: Sequence[int]
    filled: Sequence[int]
    kept: Sequence[int]
    left: int
    gone: frozenset[int]
    exchanged: int


class Traffic:
    """The swaps of one station. ``swaps`` counts them since the twin started.

    The station's own counter counts where there is one. Otherwise every pack that leaves a slot, or is found to be
    another one, is a swap. A swap under way holds a bay. Its pack is as good as gone: the model has it leave at the
    start, and expects the rider's pack in the slot that the swap empties, until it has come into that or another one.
    """

    def __init__(self, spec: StationSpec) -> None:
        self.swaps = 0
        self._swap_s = spec.swap_s
        self._counter = nan
        self._counter_time = -inf
        self._open: list[_Swap] = []

    def follow(self, station: Station, moves: Moves, counter: float) -> None:
        """Take in what moved since the last call, and the station's counter (NaN: not told)."""
        now = station.env.now
        if isfinite(counter):
            self._count(station.spec, now, counter)
        elif not isfinite(self._counter):
            self.swaps += moves.left + moves.exchanged
        for slot in moves.kept:
            self._open = [swap for swap in self._open if swap.outward != slot]
        for slot in moves.filled:
            self._bring(slot, now)
        for slot in moves.leaving:
            self._leave(slot, now)
        self._open = [swap for swap in self._open if not self._is_over(swap, now, moves.gone)]
        self._hold_bays(station, now)

    def _count(self, spec: StationSpec, now: float, counter: float) -> None:
        grown = counter - self._counter
        possible = spec.slots + 2.0 * spec.bays * (now - self._counter_time) / self._swap_s
        if 0.0 < grown <= possible:  # neither the first reading, nor a counter that was reset or replaced
            self.swaps += round(grown)
        self._counter, self._counter_time = counter, now

    def _bring(self, slot: int, now: float) -> None:
        """A pack has come in: that of the swap that emptied this slot, or else of the oldest one that awaits it."""
        awaiting = [swap for swap in self._open if swap.inward is None]
        for swap in sorted(awaiting, key=lambda swap: (swap.outward != slot, swap.since)):
            swap.inward = slot
            return
        self._open.append(_Swap(now, None, slot))

    def _leave(self, slot: int, now: float) -> None:
        """A pack has left or will: that of the swap that has brought one before, or else of a new swap."""
        for swap in self._open:
            if swap.outward is None:
                swap.outward = slot
                return
        self._open.append(_Swap(now, slot))

    def _is_over(self, swap: _Swap, now: float, gone: frozenset[int]) -> bool:
        if now - swap.since >= OVERDUE_SWAPS * self._swap_s:
            return True
        return swap.inward is not None and (swap.outward == swap.inward or swap.outward in gone)

    def _hold_bays(self, station: Station, now: float) -> None:
        """Every swap holds a bay until its end is expected; where it is overdue, until half a swap from now."""
        free = list(range(station.spec.bays))
        for swap in self._open:
            slot = swap.outward if swap.inward is None else swap.inward
            if slot is None or not free:
                continue
            expected = swap.since + self._swap_s
            if expected <= now:
                expected = now + 0.5 * self._swap_s
            bay = free.pop(0)
            held = station.bay_until[bay]
            if station.bay_slot[bay] != slot or not now < held <= expected:
                station.open_bay(bay, slot, expected)
        for bay in free:
            station.bay_until[bay] = inf

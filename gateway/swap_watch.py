"""Which packs left and came: what is known of each swap that the twin counts."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.image import Image
from gateway.layout import Layout
from twin.signals import Quality
from twin.traffic import OVERDUE_SWAPS

_GOOD = int(Quality.GOOD)

Fields = dict[str, Any]


@dataclass(slots=True)
class _Seen:
    """What was last said of the slots of a station."""

    here: NDArray[np.bool_]
    known: NDArray[np.bool_]
    pack: NDArray[np.int64]
    soc: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Move:
    time: float
    slot: int
    pack: int
    soc: float


@dataclass(slots=True, eq=False)
class Swap:
    """A swap that was counted, and what is known of the packs that were exchanged."""

    station: str
    time: float
    out: _Move | None = None
    into: _Move | None = None


class SwapWatch:
    """Follows the slots of all stations in the image."""

    def __init__(self, image: Image, on_more: Callable[[Swap], None]) -> None:
        """``on_more``: called when more is known of a swap that was counted before."""
        self._image, self._on_more = image, on_more
        self._open: dict[str, deque[Swap]] = {}
        self._seen: dict[str, _Seen] = {}
        self._left: dict[str, deque[_Move]] = {}
        self._came: dict[str, deque[_Move]] = {}

    def follow(self, unchanged: frozenset[str]) -> None:
        """The site file has changed: other slots begin anew."""
        for held in (self._seen, self._left, self._came, self._open):
            for name in [name for name in held if name not in unchanged]:
                held.pop(name)

    def look(self, layout: Layout, time: float) -> None:
        """Take in what telemetry says of a station's slots now."""
        name, image = layout.station.id, self._image
        occupied, rows = layout.slot["occupied"], layout.slot["soc"]
        known = image.quality[occupied] == _GOOD
        here = known & (image.value[occupied] != 0.0)
        pack_rows = layout.slot["pack_id"]
        told = here & (image.quality[pack_rows] == _GOOD)
        pack = np.where(told, np.nan_to_num(image.value[pack_rows]), 0.0).astype(np.int64)
        soc = np.where(here & (image.quality[rows] == _GOOD), image.value[rows], np.nan)
        seen = self._seen.get(name)
        if seen is None:
            self._seen[name] = _Seen(here, known, pack, soc)
            return
        another = known & seen.known & here & seen.here & (pack > 0) & (seen.pack > 0) & (pack != seen.pack)
        gone = (known & seen.known & seen.here & ~here) | another
        come = (known & seen.known & ~seen.here & here) | another
        for slot in np.flatnonzero(gone).tolist():
            self._move(layout, _Move(time, slot, int(seen.pack[slot]), float(seen.soc[slot])), self._left)
        for slot in np.flatnonzero(come).tolist():
            self._move(layout, _Move(time, slot, int(pack[slot]), float(soc[slot])), self._came)
        stays = here & seen.here & ~another
        seen.pack = np.where(known, np.where(stays & (pack == 0), seen.pack, pack), seen.pack)
        seen.soc = np.where(known, np.where(stays & np.isnan(soc), seen.soc, soc), seen.soc)
        seen.here, seen.known = np.where(known, here, seen.here), seen.known | known

    def counted(self, layout: Layout, time: float) -> Swap:
        """One more swap was counted at a station: the oldest packs that left and came and belong to none yet."""
        name = layout.station.id
        swap = Swap(name, time)
        for half, held in (("out", self._left), ("into", self._came)):
            setattr(swap, half, self._oldest(held.get(name), layout, time))
        open_swaps = self._open.setdefault(name, deque(maxlen=layout.station.slots))
        open_swaps.append(swap)
        return swap

    def _move(self, layout: Layout, move: _Move, held: dict[str, deque[_Move]]) -> None:
        """A pack has left or come: that of the oldest swap that lacks it, or of one that is to be counted yet."""
        half = "out" if held is self._left else "into"
        for swap in self._open.get(layout.station.id, ()):
            if getattr(swap, half) is None and move.time - swap.time <= _patience_s(layout):
                setattr(swap, half, move)
                self._on_more(swap)
                return
        held.setdefault(layout.station.id, deque(maxlen=layout.station.slots)).append(move)

    def _oldest(self, moves: deque[_Move] | None, layout: Layout, time: float) -> _Move | None:
        while moves:
            move = moves.popleft()
            if time - move.time <= _patience_s(layout):
                return move
        return None

    def fields(self, swap: Swap) -> Fields:
        """A swap as clients see it."""
        out, into = swap.out, swap.into
        return {
            "time": round(swap.time, 3),
            "station": swap.station,
            "kind": "swap",
            "slot": None if out is None else out.slot + 1,
            "pack_out": self._pack(out),
            "pack_in": self._pack(into),
            "soc_out": _soc(out),
            "soc_in": _soc(into),
        }

    def _pack(self, move: _Move | None) -> str | None:
        return self._image.text(move.pack) or None if move is not None and move.pack > 0 else None


def _patience_s(layout: Layout) -> float:
    return OVERDUE_SWAPS * layout.station.swap_s


def _soc(move: _Move | None) -> float | None:
    return None if move is None or np.isnan(move.soc) else round(move.soc, 4)

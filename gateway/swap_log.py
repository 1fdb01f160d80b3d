"""The topic ``swaps``: every swap as an event once it is on disk, and the latest of them as state."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from gateway.hub import Hub
from gateway.image import Image
from gateway.layout import Layout
from gateway.swap_watch import Swap, SwapWatch
from twin.observation import Estimate

TOPIC = "swaps"
LATEST = 100

Fields = dict[str, Any]


class SwapLog:
    """Numbers the swaps that the twins count."""

    def __init__(
        self,
        image: Image,
        layouts: Mapping[str, Layout],
        hub: Hub,
        keep: Callable[[Sequence[Fields]], Awaitable[None]],
    ) -> None:
        """``keep`` writes swaps to where they are not lost, before they are told."""
        self._layouts, self._hub, self._keep = layouts, hub, keep
        self._watch = SwapWatch(image, self._changed)
        self._number = 0
        self._numbers: dict[Swap, int] = {}
        """Of swaps of which more may become known."""
        self._new: list[tuple[int, Swap]] = []
        self._more: dict[Swap, int] = {}
        self._latest: dict[str, None] = {}
        self._wake = asyncio.Event()
        hub.publish(TOPIC, {})

    def restore(self, latest: Sequence[Fields], number: int) -> None:
        """Take up what an earlier run left: its latest swaps, newest first, and the last number. Before ``run``."""
        self._number = number
        shown = {str(line["number"]): _told(line) for line in reversed(latest[:LATEST])}
        self._latest = dict.fromkeys(shown)
        self._hub.publish(TOPIC, shown)

    def follow(self, unchanged: frozenset[str]) -> None:
        """The site file has changed."""
        self._watch.follow(unchanged)

    def stepped(self, station: str, estimate: Estimate, before: Estimate | None) -> None:
        """A twin was stepped: note the swaps that it has counted since."""
        layout = self._layouts[station]
        self._watch.look(layout, estimate.time)
        for _ in range(max(estimate.swaps - (before.swaps if before else 0), 0)):
            self._number += 1
            swap = self._watch.counted(layout, estimate.time)
            self._numbers[swap] = self._number
            while len(self._numbers) > LATEST:
                del self._numbers[next(iter(self._numbers))]
            self._new.append((self._number, swap))
            self._wake.set()

    async def run(self) -> None:
        """Keep and tell until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            new, more = self._new, self._more
            self._new, self._more = [], {}
            lines = {number: self._watch.fields(swap) for number, swap in [*((n, s) for s, n in more.items()), *new]}
            await self._keep([fields | {"number": number} for number, fields in lines.items()])
            fresh = {str(number): lines[number] for number, _ in new}
            self._latest |= dict.fromkeys(fresh)
            gone = list(self._latest)[:-LATEST]
            for name in gone:
                del self._latest[name]
            shown = {str(number): fields for number, fields in lines.items() if str(number) in self._latest}
            events = [(number, lines[number]) for number, _ in new]
            self._hub.publish(TOPIC, shown, delete=gone, events=events)

    def _changed(self, swap: Swap) -> None:
        number = self._numbers.get(swap)
        if number is not None and all(swap is not other for _, other in self._new):
            self._more[swap] = number
            self._wake.set()


def _told(line: Fields) -> Fields:
    return {key: value for key, value in line.items() if key != "number"}

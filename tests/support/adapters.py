"""What an adapter needs to be tested: a bound device from a few lines, and a sink that can be waited for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Adapter, Batch, Link
from config.binding import BoundDevice, bind
from config.profile import Profile
from config.site import SCHEMES, Site
from twin.signals import Quality, Reason


def device(
    url: str, points: list[dict[str, Any]], *, slots: int = 2, device: Any = None, **profile: Any
) -> BoundDevice:
    """One device at an address, with a profile of these points."""
    protocol = SCHEMES[url.split("://")[0]][0]
    site = Site.model_validate(
        {
            "site": "test",
            "name": "Test",
            "stations": [
                {
                    "id": "S1",
                    "name": "One",
                    "latitude": 0.0,
                    "longitude": 0.0,
                    "slots": slots,
                    "grid_limit_w": 1e4,
                    "devices": [{"id": "cabinet", "profile": "test", "url": url} | (device or {})],
                }
            ],
        }
    )
    described = {"profile": "test", "title": "Test", "protocol": protocol, "source": "reference", "points": points}
    return bind(site, {"test": Profile.model_validate(described | profile)})[0]


@dataclass(frozen=True)
class Seen:
    value: float
    quality: Quality
    reason: Reason
    source_time: float
    received_time: float


@dataclass
class Desk:
    """A sink that keeps the latest sample of each point, by path, and all that was said of the link."""

    bound: BoundDevice
    link: Link = field(default_factory=Link)
    latest: dict[str, Seen] = field(default_factory=dict)
    history: list[tuple[str, Seen]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    confirmed: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, batch: Batch) -> None:
        paths = {point.number: point.path for point in self.bound.points}
        lengths = {len(column) for column in (batch.points, batch.values, batch.qualities, batch.reasons)}
        assert lengths == {len(batch.source_times)}
        self.batches.append(batch)
        for row, number in enumerate(batch.points.tolist()):
            seen = Seen(
                float(batch.values[row]),
                Quality(int(batch.qualities[row])),
                Reason(int(batch.reasons[row])),
                float(batch.source_times[row]),
                batch.received_time,
            )
            self.latest[paths[number]] = seen
            self.history.append((paths[number], seen))
        self._news.set()

    def confirm(self, time: float) -> None:
        self.confirmed.append(time)
        self._news.set()

    def intern(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def connected(self) -> None:
        self.said.append("connected")
        self._news.set()

    def lost(self, detail: str) -> None:
        self.said.append(f"lost: {detail}")
        nan = float("nan")
        for path in [point.path for point in self.bound.points]:
            self.latest[path] = Seen(nan, Quality.BAD, Reason.NO_COMMUNICATION, nan, nan)
        self._news.set()

    def value(self, path: str) -> float | None:
        """The value of a good point, ``None`` of any other."""
        seen = self.latest.get(path)
        return seen.value if seen and seen.quality is Quality.GOOD else None

    def reason(self, path: str) -> Reason | None:
        seen = self.latest.get(path)
        return seen.reason if seen else None

    def good(self) -> set[str]:
        return {path for path, seen in self.latest.items() if seen.quality is Quality.GOOD}

    async def until(self, condition: Callable[[], bool], within_s: float = 20.0) -> None:
        """Wait for news that make a condition true."""
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        # A link's detail changes without news.
                        await asyncio.wait_for(self._news.wait(), 0.1)
        except TimeoutError:
            raise AssertionError(f"not within {within_s} s; link {self.link}; latest {self.latest}") from None


@asynccontextmanager
async def running(adapter: Adapter, desk: Desk) -> AsyncIterator[Desk]:
    """The adapter at work; if it dies, the test fails with what it died of."""
    task = asyncio.create_task(adapter.run(desk))
    try:
        yield desk
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on beside the test; if it dies, the test fails with what it died of."""
    task = asyncio.create_task(work)
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

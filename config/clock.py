"""The only source of time.

*Site time* is UTC in epoch seconds; it may run faster than the wall (``speed``) on an emulated site.
*Monotonic time* and waiting are always wall time, because sockets, cables and people are.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

MINIMUM_PERIOD_S = 0.25
"""No periodic input or output runs faster than this in wall time, however fast the site's clock is."""


class Clock(Protocol):
    """What every room asks for the time."""

    @property
    def speed(self) -> float:
        """Site seconds per wall second."""

    def now(self) -> float:
        """Site time, UTC epoch seconds."""

    def monotonic(self) -> float:
        """Wall seconds from an arbitrary origin; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait for wall seconds."""

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Raise ``TimeoutError`` in the body when it takes longer than this, in wall seconds."""


def wall_period_s(clock: Clock, interval_s: float) -> float:
    """Wall seconds between two reads of something that wants one every ``interval_s`` of site time.

    >>> wall_period_s(ManualClock(), 1.0)
    1.0
    >>> wall_period_s(ManualClock(speed=60.0), 1.0)
    0.25
    """
    return max(interval_s / clock.speed, min(interval_s, MINIMUM_PERIOD_S))


def site_period_s(clock: Clock, interval_s: float) -> float:
    """Site seconds that pass between two such reads: the interval itself unless the clock runs too fast for it."""
    return wall_period_s(clock, interval_s) * clock.speed


@dataclass(frozen=True, slots=True)
class Anchor:
    """Site time passes at ``speed`` from a moment on, which is ``wall`` on the wall and ``site`` on the site."""

    wall: float
    site: float
    speed: float

    def at(self, wall: float) -> float:
        """Site time at a wall time."""
        return self.site + (wall - self.wall) * self.speed


class Paced(Clock, Protocol):
    """A clock of an emulated site, whose speed can be changed while it runs."""

    def anchored(self, speed: float, in_s: float) -> Anchor:
        """Where site time goes on at another speed, so many wall seconds from now: for all processes of the site."""

    def follow(self, anchor: Anchor) -> None:
        """Go over to an anchor when its moment comes."""


class RealClock:
    """Wall time; with ``speed`` other than 1, site time runs from ``anchor`` at that multiple."""

    def __init__(self, speed: float = 1.0, anchor: float | None = None) -> None:
        """``anchor``: the epoch second at which site and wall time were equal (default: today 00:00 UTC)."""
        if not speed > 0.0:
            raise ValueError(f"speed must be positive, got {speed}")
        wall = time.time()  # noqa: TID251 - this is the clock
        midnight = wall - wall % 86_400.0 if anchor is None else anchor
        self._anchor = Anchor(midnight, midnight, speed) if speed != 1.0 else None
        """``None``: site time is wall time."""
        self._next: Anchor | None = None

    @property
    def speed(self) -> float:
        if self._next is not None:
            self._turn(time.time())  # noqa: TID251 - this is the clock
        return 1.0 if self._anchor is None else self._anchor.speed

    def now(self) -> float:
        wall = time.time()  # noqa: TID251 - this is the clock
        if self._next is not None:
            self._turn(wall)
        return wall if self._anchor is None else self._anchor.at(wall)

    def anchored(self, speed: float, in_s: float) -> Anchor:
        if not speed > 0.0:
            raise ValueError(f"speed must be positive, got {speed}")
        self.now()
        wall = time.time() + in_s  # noqa: TID251 - this is the clock
        return Anchor(wall, wall if self._anchor is None else self._anchor.at(wall), speed)

    def follow(self, anchor: Anchor) -> None:
        self.now()
        self._next = anchor

    def _turn(self, wall: float) -> None:
        if self._next is not None and wall >= self._next.wall:
            self._anchor, self._next = self._next, None

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))  # noqa: TID251 - this is the clock

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)


class ManualClock:
    """A clock that a test moves. Sleepers wake in order of their deadlines."""

    def __init__(self, start: float = 1_800_000_000.0, speed: float = 1.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._speed = speed
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> float:
        return self._start + self._elapsed * self._speed

    def anchored(self, speed: float, in_s: float) -> Anchor:
        return Anchor(self._elapsed + in_s, self.now() + in_s * self._speed, speed)

    def follow(self, anchor: Anchor) -> None:
        """Go over to it at once."""
        self._start, self._speed = self.now() - self._elapsed * anchor.speed, anchor.speed

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0.0:
            await asyncio.sleep(0)  # noqa: TID251 - this is the clock
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), future))
        await future

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        async with asyncio.timeout(None) as scope:

            async def expire() -> None:
                await self.sleep(seconds)
                scope.reschedule(asyncio.get_running_loop().time())

            watcher = asyncio.create_task(expire())
            try:
                yield
            finally:
                watcher.cancel()

    async def advance(self, seconds: float) -> None:
        """Move wall time forward, let every sleeper that falls due run, and let what it started settle."""
        target = self._elapsed + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            deadline, _, future = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, deadline)
            if not future.done():
                future.set_result(None)
                await self.settle()
        self._elapsed = target
        await self.settle()

    async def settle(self, turns: int = 20) -> None:
        """Give the event loop some turns without moving time."""
        for _ in range(turns):
            await asyncio.sleep(0)  # noqa: TID251 - this is the clock

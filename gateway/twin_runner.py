"""Keeps one live twin per station in step with site time, in short slices on the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np
import structlog

from config.clock import Clock
from gateway.image import Image
from gateway.layout import Layout
from gateway.observe import observe
from twin.live import LiveTwin
from twin.observation import Estimate

PERIOD_S = 0.5
"""Wall seconds between two steps of a station of which nothing changes."""
SHARE_S = 0.01
"""That is at least so much for each station of the site: a step costs about a millisecond of the loop."""
SPACING_S = 0.1
"""Wall seconds between two steps of a station at least, however much changes."""
SLICE_EVENTS = 48
"""Model events between two looks at the time. One costs some 25 microseconds."""
SLICE_S = 0.002
"""Wall seconds after which the loop gets its turn."""
SET_BACK_S = 10.0
"""Site seconds: if the clock is set back further than this, a twin does not wait for time to catch up with it."""
WINDOW = 1000

log = structlog.get_logger()


class TwinRunner:
    """Steps every station's twin to "now", tells it what good telemetry says, and keeps what it answers."""

    def __init__(
        self,
        image: Image,
        layouts: dict[str, Layout],
        clock: Clock,
        on_step: Callable[[str, Estimate, Estimate | None], None],
    ) -> None:
        """``on_step(station, estimate, estimate before)`` is called after each step of a station."""
        self._image, self._layouts, self._clock, self._on_step = image, layouts, clock, on_step
        start = clock.now()
        self._twins = {name: LiveTwin(layout.station.spec(), start) for name, layout in layouts.items()}
        self._times = dict.fromkeys(layouts, start)
        self._stepped_at: dict[str, float] = {}
        """Monotonic time of each station's latest step."""
        self._turn_at = 0.0
        """Monotonic time at which the loop last had its turn."""
        self._pending: set[str] = set()
        """Stations of which something changed since their latest step."""
        self._sequence = 0
        self.estimates: dict[str, Estimate] = {}
        self._restarted: set[str] = set()
        self._changed = asyncio.Event()
        image.watch(self._changed)
        self._lateness_s: deque[float] = deque(maxlen=WINDOW)
        self._step_s: deque[float] = deque(maxlen=WINDOW)

    def follow(self, unchanged: frozenset[str]) -> None:
        """The layouts are those of a changed site file: twins of stations that did not change go on."""
        now = self._clock.now()
        self._twins = {
            name: self._twins[name] if name in unchanged else LiveTwin(layout.station.spec(), now)
            for name, layout in self._layouts.items()
        }
        self._times = {name: self._times[name] if name in unchanged else now for name in self._layouts}
        for name in [name for name in self.estimates if name not in unchanged]:
            del self.estimates[name]
        self._pending &= set(self._layouts)

    async def run(self) -> None:
        """Step until cancelled."""
        ticker = asyncio.create_task(self._tick())
        try:
            while True:
                self._changed.clear()
                self._turn_at = self._clock.monotonic()
                for name in self._due():
                    await self._step_or_restart(name)
                await self._clock.sleep(SPACING_S)
                if not self._pending:
                    await self._changed.wait()
        finally:
            ticker.cancel()

    def _due(self) -> list[str]:
        """Stations of which something changed, and those that have not been stepped for a while."""
        changed = np.zeros(self._image.size + 1, dtype=np.bool_)
        changed[self._image.changed_since(self._sequence)] = True
        self._sequence = self._image.sequence
        self._pending |= {name for name, layout in self._layouts.items() if changed[layout.rows].any()}
        now = self._clock.monotonic()
        waited_s = {name: now - self._stepped_at.get(name, -np.inf) for name in self._layouts}
        period_s = max(PERIOD_S, SHARE_S * len(waited_s))
        due = [name for name, s in waited_s.items() if s >= (SPACING_S if name in self._pending else period_s)]
        self._pending.difference_update(due)
        return due

    def health(self) -> dict[str, dict[str, float | None]]:
        """``lateness_s``: site seconds that twins were behind just before a step. ``step_s``: wall seconds of one."""
        return {"lateness_s": quantiles(self._lateness_s), "step_s": quantiles(self._step_s)}

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(PERIOD_S)
            self._changed.set()

    async def _step_or_restart(self, name: str) -> None:
        try:
            await self._step(name)
        # One station that the model cannot follow must not take the others with it: its twin starts anew.
        except Exception:
            if name not in self._layouts:
                return
            if name not in self._restarted:
                log.exception("twin failed; it starts anew", station=name)
            self._restarted.add(name)
            now = self._clock.now()
            self._twins[name] = LiveTwin(self._layouts[name].station.spec(), now)
            self._times[name] = now

    async def _step(self, name: str) -> None:
        """Bring one twin to now; the loop gets its turn after ``SLICE_S``, however many twins that took."""
        if name not in self._layouts:
            return  # the site file was changed while others were stepped
        layout, clock = self._layouts[name], self._clock
        now = clock.now()
        if now < self._times[name] - SET_BACK_S:
            log.warning(
                "clock was set back; the twin starts anew", station=name, seconds=round(self._times[name] - now)
            )
            self._twins[name] = LiveTwin(layout.station.spec(), now)
            self._times[name] = now
        if now <= self._times[name]:
            return
        twin = self._twins[name]
        self._lateness_s.append(now - self._times[name])
        spent_s = 0.0
        done = False
        while not done:
            begun = clock.monotonic()
            while not done and clock.monotonic() - begun < SLICE_S:
                done = twin.advance_slice(now, SLICE_EVENTS)
            if done:
                twin.observe(observe(self._image, layout, now))
                estimate = twin.estimate()
                before = self.estimates.get(name)
                self.estimates[name] = estimate
                self._on_step(name, estimate, before)
            ended = clock.monotonic()
            spent_s += ended - begun
            if done and ended - self._turn_at < SLICE_S:
                break
            await clock.sleep(0.0)
            self._turn_at = clock.monotonic()
            if self._twins.get(name) is not twin:
                return  # the site file was changed meanwhile
        self._times[name] = now
        self._stepped_at[name] = clock.monotonic()
        self._step_s.append(spent_s)


def quantiles(samples: deque[float]) -> dict[str, float | None]:
    """Median, 99th percentile and maximum of a bounded window; nulls while it is empty."""
    if not samples:
        return {"p50": None, "p99": None, "max": None}
    taken = list(samples)  # at once: the caller may be on another thread
    p50, p99 = np.percentile(taken, [50.0, 99.0])
    return {"p50": round(float(p50), 4), "p99": round(float(p99), 4), "max": round(max(taken), 4)}

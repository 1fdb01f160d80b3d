"""Renews the forecasts of all stations in a worker thread: on change, and regularly, the oldest first."""

import asyncio
import zlib
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

from config.clock import Clock
from config.loader import LoadedSite
from gateway.ensembles import Ensembles
from gateway.forecast_object import Basis, Fields, Job, make
from gateway.twin_runner import WINDOW, quantiles

MINIMUM_INTERVAL_S = 5.0
"""Wall seconds: on an accelerated clock forecasts are not renewed more often than this, unless the site file asks."""
SOON_S = 2.0
"""Wall seconds after which a station whose ready count changed may get its next forecast."""
LOOK_S = 0.05
"""Wall seconds between two looks at which stations are due."""
BATCH = 4
"""Stations that go to the worker at once: few, so that the oldest is soon published and a stop soon done."""
AHEAD = 2
"""Batches under way: the worker has the next one while the event loop publishes the last."""

log = structlog.get_logger()


class ForecastRunner:
    """``latest`` holds each station's newest forecast object."""

    def __init__(
        self,
        loaded: LoadedSite,
        clock: Clock,
        ensembles: Ensembles,
        basis: Callable[[str], Basis | None],
        on_forecast: Callable[[str, Fields], None],
    ) -> None:
        """``basis(station)`` is what to start from, ``None`` while nothing is known of the station."""
        self._clock, self._ensembles = clock, ensembles
        self._basis, self._on_forecast = basis, on_forecast
        self._begun: dict[str, float] = {}
        """Wall time at which each station's latest forecast was begun."""
        self._hurried: set[str] = set()
        self._under_way: set[str] = set()
        self._failing: set[str] = set()
        self.latest: dict[str, Fields] = {}
        self.duration_s: float | None = None
        """Wall seconds that the latest batch took, waiting for a worker included."""
        self._cost_s: deque[float] = deque(maxlen=WINDOW)
        self.follow(loaded, frozenset())

    def follow(self, loaded: LoadedSite, unchanged: frozenset[str]) -> None:
        """Go over to another site file: forecasts of stations that did not change stand until they are due."""
        settings = loaded.site.gateway
        self._replicas = settings.replicas
        interval_s = settings.forecast_interval_s
        self._interval_s = max(interval_s / self._clock.speed, min(interval_s, MINIMUM_INTERVAL_S))
        self._targets = {station.id: loaded.site.target_of(station) for station in loaded.site.stations}
        begun = self._begun
        self._begun = {name: begun[name] if name in unchanged else float("-inf") for name in self._targets}
        for name in [name for name in self.latest if name not in unchanged]:
            del self.latest[name]
        self._hurried &= set(self._targets)
        self._failing &= set(self._targets)

    def hurry(self, station: str) -> None:
        """The station's ready count changed: renew its forecast soon."""
        self._hurried.add(station)

    def health(self) -> dict[str, Any]:
        """``age_s``: site seconds since the oldest of the current forecasts was made. ``cost_s``: wall seconds that one
        forecast takes in its worker.
        """
        current = list(self.latest.values())  # at once: the caller may be on another thread
        oldest = min((made["generated_at"] for made in current), default=None)
        return {
            "state": "preparing" if self._ensembles.preparing else "ready",
            "prepared_s": self._ensembles.prepared_s,
            "age_s": None if oldest is None else max(self._clock.now() - oldest, 0.0),
            "duration_s": self.duration_s,
            "cost_s": quantiles(self._cost_s),
            "failing": sorted(self._failing),
        }

    async def run(self) -> None:
        """Prepare the model, then renew forecasts until cancelled."""
        try:
            await self._ensembles.start()
            room = asyncio.Semaphore(AHEAD)
            async with asyncio.TaskGroup() as group:
                while True:
                    due = self._due()
                    for first in range(0, len(due), BATCH):
                        await room.acquire()
                        batch = due[first : first + BATCH]
                        self._under_way.update(batch)
                        group.create_task(self._renew(batch, room))
                    await self._clock.sleep(LOOK_S)
        finally:
            self._ensembles.stop()

    def _due(self) -> list[str]:
        """Stations that are due, the one that waited longest first."""
        now = self._clock.monotonic()
        waited_s = {station: now - begun for station, begun in self._begun.items() if station not in self._under_way}
        due = [
            station
            for station, waited in waited_s.items()
            if waited >= self._interval_s or (station in self._hurried and waited >= SOON_S)
        ]
        return sorted(due, key=waited_s.__getitem__, reverse=True)

    async def _renew(self, batch: list[str], room: asyncio.Semaphore) -> None:
        begun = self._clock.monotonic()
        try:
            jobs = []
            for station in batch:
                # The site file may have been changed while this waited for room.
                job = self._job(station) if station in self._begun else None
                if job is not None:
                    self._begun[station] = begun
                    self._hurried.discard(station)
                    jobs.append(job)
                await self._clock.sleep(0.0)
            if not jobs:
                return
            results = await self._ensembles.run(lambda: [self._attempt(job) for job in jobs])
            self.duration_s = self._clock.monotonic() - begun
            for job, result in zip(jobs, results, strict=True):
                if self._begun.get(job.station) == begun:  # else the site file was changed, and the basis with it
                    self._take(job.station, result)
                await self._clock.sleep(0.0)  # a turn for the loop: each forecast is stored and published
        finally:
            self._under_way.difference_update(batch)
            room.release()

    def _attempt(self, job: Job) -> Fields | Exception:
        begun = self._clock.monotonic()
        try:
            made = make(job)
        # Whatever the model trips over at one station, live data and the other stations' forecasts go on.
        except Exception as error:  # noqa: BLE001
            return error
        self._cost_s.append(self._clock.monotonic() - begun)
        return made

    def _job(self, station: str) -> Job | None:
        basis = self._basis(station)
        if basis is None:
            return None
        seed = seed_of(station, basis.case.now)
        valid_s = 2.0 * self._interval_s * self._clock.speed
        return Job(station, basis, self._replicas, seed, valid_s, self._targets[station])

    def _take(self, station: str, result: Fields | Exception) -> None:
        if isinstance(result, Exception):
            if station not in self._failing:
                log.error("forecast failed; trying on", station=station, exc_info=result)
            self._failing.add(station)
            return
        if station in self._failing:
            self._failing.discard(station)
            log.info("forecasts go on", station=station)
        self.latest[station] = result
        self._on_forecast(station, result)


def seed_of(station: str, time: float) -> int:
    """The same station and second give the same futures."""
    return zlib.crc32(f"{station}@{time:.0f}".encode())

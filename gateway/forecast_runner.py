"""Renews every station's forecast in a worker process, oldest first, one at a time."""

import asyncio
import multiprocessing
import os
import signal
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import structlog

from config.clock import Clock
from config.loader import LoadedSite
from gateway.expectation import Expectation
from twin.demand import Intensity
from twin.forecast import forecast
from twin.observation import Estimate
from twin.spec import HORIZONS_S, Forecast, StationSpec, StationState

MINIMUM_INTERVAL_S = 5.0
"""Wall seconds: on an accelerated clock forecasts are not renewed more often than this, unless the site file asks."""
SOON_S = 2.0
"""Wall seconds after which a station whose ready count changed may get its next forecast."""
STUCK_S = 120.0
"""Wall seconds after which a worker that does not answer is replaced."""
RETRY_S = 1.0
STEP_S = 120.0
"""Spacing of the forecast's ready bands, site seconds."""
BANDS = ("p05", "p25", "p50", "p75", "p95")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Basis:
    """What a forecast starts from. ``data_time``: when the oldest value that matters was last known to hold."""

    estimate: Estimate
    quality: str
    reason: str | None
    data_time: float | None


class ForecastRunner:
    """``latest`` holds each station's newest forecast object."""

    def __init__(
        self,
        loaded: LoadedSite,
        clock: Clock,
        basis: Callable[[str], Basis | None],
        on_forecast: Callable[[str, dict[str, Any]], None],
    ) -> None:
        """``basis(station)`` is what to start from, ``None`` while nothing is known of the station."""
        settings = loaded.site.gateway
        self._clock, self._basis, self._on_forecast = clock, basis, on_forecast
        self._replicas = settings.replicas
        interval_s = settings.forecast_interval_s
        self._interval_s = max(interval_s / clock.speed, min(interval_s, MINIMUM_INTERVAL_S))
        self._specs = {station.id: station.spec() for station in loaded.site.stations}
        self._expectations = {station.id: Expectation(loaded, station) for station in loaded.site.stations}
        self._begun: dict[str, float] = dict.fromkeys(self._specs, float("-inf"))
        """Wall time at which each station's latest forecast was begun."""
        self._hurried: set[str] = set()
        self._worker = _Worker(clock)
        self._failing = False
        self.latest: dict[str, dict[str, Any]] = {}
        self.duration_s: float | None = None
        """Wall seconds that the latest forecast took, waiting for the worker included."""

    def hurry(self, station: str) -> None:
        """The station's ready count changed: renew its forecast soon."""
        self._hurried.add(station)

    def age_s(self) -> float | None:
        """Site seconds since the oldest of the current forecasts was made."""
        current = list(self.latest.values())  # at once: the caller may be on another thread
        if not current:
            return None
        oldest: float = min(made["generated_at"] for made in current)
        return max(self._clock.now() - oldest, 0.0)

    async def run(self) -> None:
        """Renew forecasts until cancelled; then end the worker process."""
        try:
            while True:
                station = self._next()
                if station is None:
                    await self._clock.sleep(0.1)
                else:
                    await self._renew(station)
        finally:
            self._worker.stop()

    def _next(self) -> str | None:
        """The station that waited longest of those that are due and of which something is known."""
        now = self._clock.monotonic()
        for station in sorted(self._begun, key=self._begun.__getitem__):
            waited_s = now - self._begun[station]
            soon = station in self._hurried and waited_s >= SOON_S
            if (soon or waited_s >= self._interval_s) and self._basis(station) is not None:
                return station
        return None

    async def _renew(self, station: str) -> None:
        basis = self._basis(station)
        if basis is None:
            return
        self._hurried.discard(station)
        begun = self._begun[station] = self._clock.monotonic()
        state = basis.estimate.state
        expectation = self._expectations[station]
        intensity = expectation.intensity(state.time, HORIZONS_S[-1])
        seed = zlib.crc32(f"{station}@{state.time:.0f}".encode())
        try:
            made = await self._worker.forecast(self._specs[station], state, intensity, self._replicas, seed)
        # Whatever the model trips over at one station, live data and the other stations' forecasts go on.
        except Exception as error:  # noqa: BLE001
            if not self._failing:
                log.error("forecast failed; trying on", station=station, error=repr(error))
            self._failing = True
            await self._clock.sleep(RETRY_S)
            return
        if self._failing:
            log.info("forecasts go on")
        self._failing = False
        self.duration_s = self._clock.monotonic() - begun
        valid_s = 2.0 * self._interval_s * self._clock.speed
        self.latest[station] = forecast_object(station, made, basis, expectation.model, valid_s)
        self._on_forecast(station, self.latest[station])


def forecast_object(station: str, made: Forecast, basis: Basis, model: str, valid_s: float) -> dict[str, Any]:
    """A forecast as clients see it: nulls where a quantile lies beyond the last horizon."""
    return {
        "station": station,
        "generated_at": round(made.start, 3),
        "valid_until": round(made.start + valid_s, 3),
        "model": model,
        "replicas": made.replicas,
        "seed": made.seed,
        "quality": basis.quality,
        "reason": basis.reason,
        "data_age_s": None if basis.data_time is None else round(max(made.start - basis.data_time, 0.0), 1),
        "stockout_probability": _by_horizon(made.stockout_probability, 4),
        "lost_swaps": _by_horizon(made.lost_swaps, 3),
        "time_to_stockout_s": {
            name: round(seconds, 1) if np.isfinite(seconds) else None
            for name, seconds in zip(("p10", "p50", "p90"), made.time_to_stockout_s, strict=True)
        },
        "ready": {"t": np.round(made.ready_t, 1).tolist()}
        | {band: np.round(row, 2).tolist() for band, row in zip(BANDS, made.ready_quantiles, strict=True)},
    }


def _by_horizon(values: np.ndarray[Any, np.dtype[np.float64]], digits: int) -> dict[str, float]:
    pairs = zip(HORIZONS_S, values.tolist(), strict=True)
    return {f"{horizon_s:.0f}": round(value, digits) for horizon_s, value in pairs}


class _Worker:
    """One process that computes forecasts: replicas in a thread would hold the interpreter and delay the loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pool: ProcessPoolExecutor | None = None
        self._pid: int | None = None

    async def forecast(
        self, spec: StationSpec, state: StationState, intensity: Intensity, replicas: int, seed: int
    ) -> Forecast:
        """Compute one. Raises ``BrokenProcessPool`` or ``TimeoutError``; the next call starts a new process."""
        try:
            async with self._clock.timeout(STUCK_S):
                pool = await self._running()
                work = partial(
                    forecast,
                    spec,
                    state,
                    intensity,
                    replicas=replicas,
                    seed=seed,
                    horizon_s=HORIZONS_S[-1],
                    step_s=STEP_S,
                )
                return await asyncio.wrap_future(pool.submit(work))
        except (BrokenProcessPool, TimeoutError):
            self.stop()
            raise

    def stop(self) -> None:
        """End the process without waiting for what it computes."""
        if self._pool is None:
            return
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = None
        for child in multiprocessing.active_children():
            if child.pid == self._pid:
                child.terminate()

    async def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_start_worker)
            self._pid = await asyncio.wrap_future(self._pool.submit(os.getpid))
        return self._pool


def _start_worker() -> None:
    """In the worker: leave Ctrl-C to the parent, give way to the event loop, and do not outlive the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)

"""Forecasts are renewed in a worker process that may die, oldest first, and say what they rest on."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.clock import RealClock
from config.loader import LoadedSite
from gateway.expectation import Expectation
from gateway.forecast_runner import Basis, ForecastRunner
from tests.support.site_image import LOADED
from twin.observation import Estimate
from twin.spec import SlotPhase, StationState

HORIZONS = ["900", "1800", "3600", "7200"]


def quick(replicas: int = 10, interval_s: float = 1.0) -> LoadedSite:
    gateway = LOADED.site.gateway.model_copy(update={"replicas": replicas, "forecast_interval_s": interval_s})
    site = LOADED.site.model_copy(update={"gateway": gateway, "stations": LOADED.site.stations[:3]})
    return LoadedSite(LOADED.file, site, LOADED.profiles, LOADED.shapes)


def basis(loaded: LoadedSite, station: str, clock: RealClock) -> Basis:
    slots = next(each.slots for each in loaded.site.stations if each.id == station)
    now = clock.now()
    state = StationState(
        time=now,
        phase=np.full(slots, SlotPhase.DONE, dtype=np.int8),
        soc=np.full(slots, 1.0),
        temperature_c=np.full(slots, 30.0),
        derated=np.zeros(slots, dtype=np.bool_),
        cooling_until=np.zeros(slots),
        bay_until=np.full(2 if station == "S002" else 1, np.inf),
        bay_slot=np.full(2 if station == "S002" else 1, -1, dtype=np.int64),
    )
    estimate = Estimate(now, state, slots, np.zeros(slots, dtype=np.bool_), np.full(slots, np.nan), 0)
    return Basis(estimate, "good", None, now - 1.0)


class Running:
    """A forecast runner at work, and what it made."""

    def __init__(self, loaded: LoadedSite, known: Callable[[str], bool] = lambda _: True) -> None:
        self.clock = RealClock()
        self.made: list[dict[str, Any]] = []
        self._new = asyncio.Event()
        self.runner = ForecastRunner(
            loaded, self.clock, lambda name: basis(loaded, name, self.clock) if known(name) else None, self._take
        )
        self.task = asyncio.ensure_future(self.runner.run())

    def _take(self, station: str, made: dict[str, Any]) -> None:
        self.made.append(made)
        self._new.set()

    async def until(self, holds: Callable[[list[dict[str, Any]]], bool], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not holds(self.made):
                self._new.clear()
                await self._new.wait()

    async def stop(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


def stations(made: list[dict[str, Any]]) -> list[str]:
    return [each["station"] for each in made]


async def test_every_station_gets_a_forecast_in_turn() -> None:
    running = Running(quick())
    await running.until(lambda made: len(made) >= 6)
    await running.stop()
    assert stations(running.made)[:6] == ["S001", "S002", "S003"] * 2
    made = running.made[0]
    assert list(made["stockout_probability"]) == list(made["lost_swaps"]) == HORIZONS
    assert made["valid_until"] - made["generated_at"] == pytest.approx(2.0, abs=0.01)
    assert (made["quality"], made["model"], made["replicas"]) == ("good", "simpy-ensemble", 10)
    assert made["data_age_s"] == pytest.approx(1.0)
    assert made["ready"]["t"][0] >= made["generated_at"] - 0.1
    assert len(made["ready"]["t"]) == len(made["ready"]["p05"])


async def test_a_station_of_which_nothing_was_ever_known_gets_no_forecast() -> None:
    running = Running(quick(), known=lambda name: name != "S002")
    await running.until(lambda made: len(made) >= 4)
    await running.stop()
    assert "S002" not in stations(running.made)


async def test_a_worker_that_is_killed_is_replaced_and_forecasts_go_on() -> None:
    running = Running(quick())
    await running.until(lambda made: len(made) >= 1)
    for child in multiprocessing.active_children():
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
    had = len(running.made)
    await running.until(lambda made: len(made) >= had + 3)
    await running.stop()


async def test_a_change_of_ready_packs_renews_a_forecast_before_its_time() -> None:
    running = Running(quick(interval_s=3600.0))
    await running.until(lambda made: len(made) >= 3)
    running.runner.hurry("S002")
    await running.until(lambda made: len(made) >= 4)
    await running.stop()
    assert stations(running.made)[3] == "S002"


async def test_a_stop_does_not_wait_for_the_forecast_under_way() -> None:
    running = Running(quick(replicas=50_000))
    async with asyncio.timeout(10.0):
        while not multiprocessing.active_children():
            await running.clock.sleep(0.05)
        await running.clock.sleep(1.5)
    begun = running.clock.monotonic()
    await running.stop()
    assert running.clock.monotonic() - begun < 0.5
    async with asyncio.timeout(3.0):
        while multiprocessing.active_children():
            await running.clock.sleep(0.05)


PARENT = """
import asyncio, multiprocessing
from tests.unit.test_gateway_runner_forecast import Running, quick

async def main():
    running = Running(quick())
    await running.until(lambda made: len(made) >= 1)
    print(multiprocessing.active_children()[0].pid, flush=True)
    await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_the_worker_does_not_outlive_a_killed_gateway(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait(5.0)
    clock = RealClock()

    async def gone() -> None:
        async with asyncio.timeout(5.0):
            while _alive(pid):
                await clock.sleep(0.05)

    asyncio.run(gone())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with Path(f"/proc/{pid}/stat").open() as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_expected_riders_follow_the_days_shape_in_local_time() -> None:
    expectation = Expectation(LOADED, LOADED.site.stations[0])
    start = datetime(2026, 5, 4, 3, 10, tzinfo=UTC).timestamp()  # 08:40 in Lucknow
    intensity = expectation.intensity(start, 7200.0)
    shape = np.array(LOADED.shapes["lucknow"])
    expected = shape / shape.sum() * LOADED.site.stations[0].demand.swaps_per_day / 1800.0
    assert intensity.start == datetime(2026, 5, 4, 3, 0, tzinfo=UTC).timestamp()
    assert intensity.at(start) == pytest.approx(expected[17])
    assert intensity.at(start + 7199.0) == pytest.approx(expected[21])


def test_without_configured_demand_the_prior_is_wide_and_named() -> None:
    station = LOADED.site.stations[0].model_copy(update={"demand": None})
    expectation = Expectation(LOADED, station)
    intensity = expectation.intensity(1_800_000_000.0, 7200.0)
    assert expectation.model == "simpy-ensemble/prior-demand"
    assert intensity.dispersion == 1.0
    assert intensity.rates_per_s.min() > 0.0

"""Forecasts are renewed in worker threads, oldest first, and say what they rest on."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from config.clock import RealClock
from config.loader import LoadedSite
from gateway.ensembles import Ensembles
from gateway.forecast_object import Basis, prepare
from gateway.forecast_runner import ForecastRunner
from tests.support.site_image import LOADED
from tests.support.twin_cases import state_of
from twin.case import Case
from twin.demand import Intensity

HORIZONS = ["900", "1800", "3600", "7200"]
SPECS = {station.id: station.spec() for station in LOADED.site.stations}


def quick(replicas: int = 10, interval_s: float = 1.0) -> LoadedSite:
    gateway = LOADED.site.gateway.model_copy(update={"replicas": replicas, "forecast_interval_s": interval_s})
    site = LOADED.site.model_copy(update={"gateway": gateway, "stations": LOADED.site.stations[:3]})
    return LoadedSite(LOADED.file, site, LOADED.profiles, LOADED.shapes)


def basis(station: str, now: float) -> Basis:
    spec = SPECS[station]
    case = Case(spec, state_of(spec, time=now), Intensity(now, 3600.0, np.array([0.002]), 0.2))
    return Basis(case, "ensemble/stated-demand", "good", None, now - 1.0, 0.002)


class Running:
    """A forecast runner at work, and what it made."""

    def __init__(
        self,
        loaded: LoadedSite,
        start: Callable[[str, float], Basis | None] = basis,
        prepared: Callable[[], None] = prepare,
    ) -> None:
        self.clock = RealClock()
        self.made: list[dict[str, Any]] = []
        self._new = asyncio.Event()
        self.ensembles = Ensembles(self.clock, prepared)
        self.runner = ForecastRunner(
            loaded, self.clock, self.ensembles, lambda name: start(name, self.clock.now()), self._take
        )
        self.task = asyncio.ensure_future(self.runner.run())

    def _take(self, station: str, made: dict[str, Any]) -> None:
        self.made.append(made)
        self._new.set()

    async def until(self, holds: Callable[[list[dict[str, Any]]], bool], seconds: float = 60.0) -> None:
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


async def test_every_station_gets_a_forecast_in_every_round() -> None:
    running = Running(quick())
    await running.until(lambda made: len(made) >= 6)
    await running.stop()
    assert sorted(stations(running.made)[:3]) == sorted(stations(running.made)[3:6]) == ["S001", "S002", "S003"]
    made = running.made[0]
    assert list(made["stockout_probability"]) == list(made["lost_swaps"]) == HORIZONS
    assert made["valid_until"] - made["generated_at"] == pytest.approx(2.0, abs=0.01)
    assert (made["quality"], made["model"], made["replicas"]) == ("good", "ensemble/stated-demand", 10)
    assert made["data_age_s"] == pytest.approx(1.0)
    assert made["ready"]["t"][0] == pytest.approx(made["generated_at"], abs=0.1)
    assert len(made["ready"]["t"]) == len(made["ready"]["p05"])
    assert running.runner.health()["state"] == "ready"


async def test_a_station_of_which_nothing_was_ever_known_gets_no_forecast() -> None:
    running = Running(quick(), lambda name, now: None if name == "S002" else basis(name, now))
    await running.until(lambda made: len(made) >= 4)
    await running.stop()
    assert "S002" not in stations(running.made)


async def test_a_station_that_the_model_trips_over_takes_no_other_with_it() -> None:
    def broken(name: str, now: float) -> Basis:
        made = basis(name, now)
        if name == "S002":
            made.case.state.soc[0] = np.nan
        return made

    running = Running(quick(), broken)
    await running.until(lambda made: len(made) >= 4)
    assert running.runner.health()["failing"] == ["S002"]
    await running.stop()
    assert set(stations(running.made)) == {"S001", "S003"}


async def test_a_change_of_ready_packs_renews_a_forecast_before_its_time() -> None:
    running = Running(quick(interval_s=3600.0))
    await running.until(lambda made: len(made) >= 3)
    running.runner.hurry("S002")
    await running.until(lambda made: len(made) >= 4)
    await running.stop()
    assert stations(running.made)[3] == "S002"


async def test_until_the_model_is_there_it_says_that_forecasts_are_prepared() -> None:
    go = threading.Event()

    def slow() -> None:
        go.wait(30.0)
        prepare()

    running = Running(quick(), prepared=slow)
    await running.clock.sleep(0.05)
    assert running.runner.health()["state"] == "preparing"
    assert running.made == []
    go.set()
    await running.until(lambda made: len(made) >= 3)
    await running.stop()


async def test_a_stop_does_not_wait_for_the_forecasts_under_way() -> None:
    running = Running(quick(replicas=100_000))
    async with asyncio.timeout(60.0):
        while running.ensembles.preparing:
            await running.clock.sleep(0.02)
    await running.clock.sleep(0.3)
    begun = running.clock.monotonic()
    await running.stop()
    assert running.clock.monotonic() - begun < 0.5

"""Questions to a running gateway about a station on a real protocol: answered from its live state, or refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from config.clock import RealClock
from config.loader import LoadedSite, load_site
from gateway import schema
from gateway.service import run
from simulators.serve import build_faces, build_stations
from tests.support.programs import free_ports
from tests.support.web import get

SITE = """\
site: test
name: Test
target_stockout_60min: 0.02
gateway: {{port: {gateway}, data: {data}, replicas: 50, forecast_interval_s: 1}}
stations:
  - id: B1
    name: Registers
    latitude: 0
    longitude: 0
    slots: 6
    grid_limit_w: 3000
    demand: {{swaps_per_day: 150, half_hourly: {even}}}
    emulation: {{packs: 5}}
    devices:
      - {{id: cabinet, profile: modbus-swap-cabinet, url: "modbus://127.0.0.1:{modbus}", interval_s: 0.3}}
  - id: AWAY
    name: Nobody is there
    latitude: 0
    longitude: 0
    slots: 4
    grid_limit_w: 3000
    devices:
      - {{id: cabinet, profile: modbus-swap-cabinet, url: "modbus://127.0.0.1:{nobody}", interval_s: 0.3}}
"""

Json = Any


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedSite:
    gateway, modbus, nobody = free_ports(3)
    file = tmp_path / "site.yaml"
    # As many riders at any time of the day that the test runs at.
    even = [1] * 48
    file.write_text(SITE.format(gateway=gateway, modbus=modbus, nobody=nobody, data=tmp_path / "data", even=even))
    return load_site(file)


@asynccontextmanager
async def running(loaded: LoadedSite) -> AsyncIterator[str]:
    """The gateway and the emulated station B1; gives the station's address once it has a good forecast."""
    clock = RealClock()
    device = next(each for each in loaded.bind() if each.station.id == "B1")
    stations = build_stations(loaded, clock.now())
    [(face, _)] = build_faces([device], stations)
    await face.start()

    async def live() -> None:
        while True:
            stations["B1"].advance(clock.now())
            await face.publish()
            await clock.sleep(0.1)

    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    tasks = [asyncio.ensure_future(live()), asyncio.ensure_future(run(loaded, clock, on_ready=ready.set_result))]
    try:
        address = f"{await ready}/api/v1/stations"
        async with asyncio.timeout(100.0):
            while (await asyncio.to_thread(_status, f"{address}/B1/forecast"))[1].get("quality") != "good":
                await clock.sleep(0.05)
        yield address
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await face.stop()


def _status(url: str, body: Json = None) -> tuple[int, Json]:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"}, method="GET" if body is None else "POST")
    try:
        with urlopen(request, timeout=20.0) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


async def ask(url: str, body: Json) -> tuple[int, Json]:
    return await asyncio.to_thread(_status, url, body)


async def test_a_question_is_answered_from_the_live_state_with_both_ensembles_and_their_difference(
    loaded: LoadedSite,
) -> None:
    async with running(loaded) as address:
        url = f"{address}/B1/whatif"
        status, answer = await ask(url, {"packs_removed": 2, "demand_factor": 1.5, "seed": 7})
        assert status == 200
        schema.WhatIfAnswer.model_validate(answer)
        assert [change["what"] for change in answer["changes"]] == ["packs_removed", "demand_factor"]
        assert (answer["changes"][0]["before"], answer["changes"][0]["after"]) == (5, 3)
        for horizon_s, difference in answer["difference"]["stockout_probability"].items():
            assert difference["low"] <= difference["mean"] <= difference["high"]
            base, changed = (answer[side]["stockout_probability"][horizon_s] for side in ("base", "changed"))
            assert difference["mean"] == pytest.approx(changed - base, abs=2e-4)
        assert answer["difference"]["lost_swaps"]["7200"]["mean"] > 0.0

        same = (await ask(url, {"seed": 7}))[1]
        assert same["changes"] == []
        zero = {"mean": 0.0, "low": 0.0, "high": 0.0}
        assert all(interval == zero for part in same["difference"].values() for interval in part.values())
        assert same["base"] == same["changed"]

        forecast = await asyncio.to_thread(get, f"{address}/B1/forecast")
        schema.ForecastAnswer.model_validate(forecast)
        assert forecast["model"] == "ensemble/stated-demand"
        if forecast["stockout_probability"]["3600"] > 0.02:
            assert forecast["advice"]["target"] == 0.02
        advice = await asyncio.to_thread(get, f"{address}/B1/advice")
        schema.AdviceAnswer.model_validate(advice)
        assert advice["text"]


async def test_what_cannot_be_asked_is_refused_with_the_reason(loaded: LoadedSite) -> None:
    async with running(loaded) as address:
        url = f"{address}/B1/whatif"
        for body, code, says in (
            ({"grid_limit": 5000}, "invalid", "grid_limit: Extra inputs are not permitted"),
            ({"grid_limit_w": -1}, "invalid", "grid_limit_w"),
            ({"replicas": 10_000_000}, "invalid", "replicas"),
            ({"demand_factor": "many"}, "invalid", "demand_factor"),
            ({"bays": 1, "bay_closed": True}, "invalid", "either 'bays' or 'bay_closed'"),
            ({"packs_added": {"n": 1, "charge": 1}}, "invalid", "charge"),
            ({"packs_added": 3}, "invalid_change", "3 packs do not fit"),
            ({"slots_repaired": [1]}, "invalid_change", "slot 1 is not out of order"),
            ({"slots_faulted": [77]}, "invalid_change", "there is no slot 77"),
            ([], "invalid", "dictionary"),
        ):
            status, answer = await ask(url, body)
            assert (status, answer["error"]["code"]) == (422, code), answer
            assert says in answer["error"]["message"]
            assert answer["error"]["remedy"]
        assert (await ask(f"{address}/NOWHERE/whatif", {}))[1]["error"]["code"] == "unknown_station"
        status, answer = await ask(f"{address}/AWAY/whatif", {})
        assert (status, answer["error"]["code"]) == (409, "no_state")

        answers = await asyncio.gather(*(ask(url, {"packs_removed": 1, "replicas": 5000}) for _ in range(12)))
        statuses = {status for status, _ in answers}
        assert statuses == {200, 429}
        assert {answer["error"]["code"] for status, answer in answers if status == 429} == {"busy"}

"""A changed site file while the gateway runs: what did not change goes on, and what is wrong changes nothing."""

import asyncio
import json
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from websockets.asyncio.client import connect

from config.clock import RealClock
from config.loader import load_site
from gateway.service import run
from tests.support.emulators import serving
from tests.support.programs import free_ports, program
from tests.support.web import get

Json = Any
NAMES = ("A", "B", "C")


class Network:
    """A site file that a test changes, and stations that are emulated whatever it says."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "site.yaml"
        self.port, *ports = free_ports(1 + len(NAMES))
        self.ports = dict(zip(NAMES, ports, strict=True))

    def station(self, name: str, **changes: Json) -> Json:
        device = {"id": "cabinet", "profile": "modbus-swap-cabinet", "url": f"modbus://127.0.0.1:{self.ports[name]}"}
        return {
            "id": name,
            "name": f"Station {name}",
            "latitude": 0,
            "longitude": 0,
            "slots": 3,
            "grid_limit_w": 4000,
            "devices": [device | {"interval_s": 1.0}],
            "emulation": {"packs": 2, "seed": 1},
        } | changes

    def write(self, *stations: Json, **gateway: Json) -> None:
        settings = {"port": self.port, "data": str(self.folder / "data"), "replicas": 10} | gateway
        site = {"site": "test", "name": "Test", "gateway": settings, "stations": list(stations)}
        self.file.write_text(yaml.safe_dump(site | {"emulation": {"truth_port": 0}}, sort_keys=False))

    @asynccontextmanager
    async def emulated(self) -> AsyncIterator[None]:
        everything = self.folder / "all.yaml"
        site = {"site": "test", "name": "Test", "emulation": {"truth_port": 0}}
        everything.write_text(yaml.safe_dump(site | {"stations": [self.station(name) for name in NAMES]}))
        async with serving(load_site(everything)):
            yield

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[str]:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        work = run(load_site(self.file), RealClock(), on_ready=ready.set_result, load=lambda: load_site(self.file))
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            yield f"{ready.result()}/api/v1"
        finally:
            task.cancel()
            async with asyncio.timeout(15.0):
                await asyncio.wait([task])
        assert task.cancelled()


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path)


def post(url: str, **headers: str) -> tuple[int, Json]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"", headers, method="POST"), timeout=20.0) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


async def reload(address: str, **headers: str) -> tuple[int, Json]:
    return await asyncio.to_thread(post, f"{address}/reload", **headers)


async def fetch(url: str) -> Json:
    return await asyncio.to_thread(get, url)


async def devices(address: str) -> dict[str, Json]:
    return {device["id"]: device for device in await fetch(f"{address}/devices")}


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():
            await RealClock().sleep(0.05)


async def all_good(address: str, count: int) -> None:
    async def good() -> bool:
        stations = await fetch(f"{address}/stations")
        return len(stations) == count and all(station["quality"] == "good" for station in stations)

    await until(good)


async def test_stations_come_and_go_and_the_others_do_not_notice(network: Network) -> None:
    network.write(network.station("A"), network.station("B"))
    async with network.emulated(), network.gateway() as address:
        await all_good(address, 2)
        before = (await devices(address))["A/cabinet"]

        async def forecast() -> bool:
            return (await fetch(f"{address}/stations/A"))["stockout_probability"] is not None

        await until(forecast, 60.0)
        made = (await fetch(f"{address}/stations/A/forecast"))["generated_at"]

        network.write(network.station("C"), network.station("A") | {"name": "Renamed"})
        status, found = await reload(address)
        assert status == 200
        assert found["stations"] == {"added": ["C"], "removed": ["B"], "changed": [], "unchanged": ["A"]}
        assert found["devices"]["unchanged"] == ["A/cabinet"]

        async def renamed() -> bool:
            return bool((await fetch(f"{address}/stations/A"))["name"] == "Renamed")

        await until(renamed)
        assert (await fetch(f"{address}/stations/A/forecast"))["generated_at"] >= made
        await all_good(address, 2)
        after = await devices(address)
        assert set(after) == {"A/cabinet", "C/cabinet"}
        assert after["A/cabinet"]["since"] == before["since"], "the connection is the one that was there"
        assert after["A/cabinet"]["reconnects"] == 0
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await fetch(f"{address}/stations/B")


async def test_a_changed_device_is_connected_anew_and_its_station_is_whole_again(network: Network) -> None:
    network.write(network.station("A"), network.station("B"))
    async with network.emulated(), network.gateway() as address:
        await all_good(address, 2)
        before = await devices(address)
        wider = network.station("B", slots=2)
        wider["devices"] = [wider["devices"][0] | {"interval_s": 0.5}]
        network.write(network.station("A"), wider)
        status, found = await reload(address)
        assert (status, found["devices"]["changed"], found["stations"]["changed"]) == (200, ["B/cabinet"], ["B"])
        await all_good(address, 2)
        after = await devices(address)
        assert after["A/cabinet"]["since"] == before["A/cabinet"]["since"]
        assert after["B/cabinet"]["since"] > before["B/cabinet"]["since"]
        assert after["B/cabinet"]["points"] < before["B/cabinet"]["points"]
        assert [slot["slot"] for slot in (await fetch(f"{address}/stations/B"))["slots"]] == [1, 2]


async def test_a_wrong_file_changes_nothing_and_is_answered_by_file_line_and_key(network: Network) -> None:
    network.write(network.station("A"))
    async with network.emulated(), network.gateway() as address:
        await all_good(address, 1)
        before = (await devices(address))["A/cabinet"]
        network.write(network.station("A", slots=0), network.station("A"))
        status, answer = await reload(address)
        assert (status, answer["error"]["code"]) == (422, "wrong_site")
        assert {problem["key"] for problem in answer["problems"]} >= {"stations[0].slots"}
        assert all(problem["line"] > 1 and problem["file"] == str(network.file) for problem in answer["problems"])
        network.write(network.station("A"), port=network.port + 1)
        status, answer = await reload(address)
        assert (status, answer["problems"][0]["key"]) == (422, "gateway.port")
        assert "while the gateway runs" in answer["problems"][0]["message"]
        network.file.unlink()
        assert (await reload(address))[0] == 422
        after = (await devices(address))["A/cabinet"]
        assert (after["since"], after["quality"]) == (before["since"], "good")


async def test_a_foreign_page_cannot_have_the_file_read(network: Network) -> None:
    network.write(network.station("A"))
    async with network.gateway() as address:
        status, answer = await reload(address, Origin="http://evil.example")
        assert (status, answer["error"]["code"]) == (403, "foreign_origin")
        assert (await reload(address, Origin=address.removesuffix("/api/v1")))[0] == 200


async def test_clients_of_the_stream_see_stations_come_and_go(network: Network) -> None:
    network.write(network.station("A"), network.station("B"))
    async with network.emulated(), network.gateway() as address:
        await all_good(address, 2)
        url = address.replace("http", "ws") + "/stream"
        async with connect(url, subprotocols=["swap.v1.json"], max_size=None) as client:  # type: ignore[list-item]
            topics = {"stations": 1, "station/A": 2, "station/B": 3, "devices": 4}
            for topic, number in topics.items():
                await client.send(json.dumps({"t": "sub", "id": number, "topic": topic}))
            state: dict[int, dict[str, Json]] = {}
            seq: dict[int, int] = {}
            resets: dict[int, str] = {}

            async def listen_until(holds: Callable[[], bool]) -> None:
                async with asyncio.timeout(20.0):
                    while not holds():
                        message = json.loads(await client.recv())
                        sid = message.get("sid")
                        if message["t"] == "snap":
                            state[sid], seq[sid] = message["data"], message["seq"]
                        elif message["t"] == "delta":
                            assert message["prev"] == seq[sid]
                            seq[sid] = message["seq"]
                            for key, fields in message["set"].items():
                                state[sid].setdefault(key, {}).update(fields)
                            for key in message["del"]:
                                del state[sid][key]
                        elif message["t"] == "reset":
                            resets[sid] = message["reason"]

            await listen_until(lambda: len(state) == 4)
            network.write(network.station("A"), network.station("C"))
            assert (await reload(address))[0] == 200
            await listen_until(lambda: set(state[1]) == {"A", "C"} and set(state[4]) == {"A/cabinet", "C/cabinet"})
            await listen_until(lambda: bool(resets))
            assert resets == {3: "gone"}
            await listen_until(lambda: state[1]["C"]["quality"] == "good")
            await client.send(json.dumps({"t": "sub", "id": 9, "topic": "station/C"}))
            await listen_until(lambda: 5 in state)
            assert set(state[5]) == {"station", "slot/01", "slot/02", "slot/03"}


def test_sighup_reloads_and_says_what_changed_or_what_is_wrong(network: Network) -> None:
    network.write(network.station("A"))
    with program("run", network.file, "--port", "0") as gateway:
        gateway.wait_for("http", 60.0)
        network.write(network.station("A"), network.station("B"))
        gateway.signal(signal.SIGHUP)
        assert "added=1" in gateway.wait_for("site file reloaded", 20.0)
        network.write(network.station("A", bays=0))
        gateway.signal(signal.SIGHUP)
        line = gateway.wait_for("site file refused", 20.0)
        assert "stations[0].bays" in line
        network.write(network.station("A"))
        gateway.signal(signal.SIGHUP)
        assert "removed=1" in gateway.wait_for("removed=1", 20.0)
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(20.0) == 0

"""The running gateway among devices that fall silent, lie, or go away, and the way it starts and stops."""

import asyncio
import json
import multiprocessing
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from config.clock import RealClock
from config.errors import ListenError
from config.loader import LoadedSite, load_site
from gateway.service import run
from gateway.store import FILE, StoreError
from simulators.broker import EmbeddedBroker
from simulators.serve import build_faces, build_stations
from tests.support.programs import free_ports
from tests.support.web import get

SITE = """\
site: test
name: Test
gateway: {{port: {gateway}, data: {data}, replicas: 20, forecast_interval_s: 1}}
stations:
  - id: M1
    name: Buttons
    latitude: 0
    longitude: 0
    slots: 3
    grid_limit_w: 4000
    devices:
      - {{id: cabinet, profile: mqtt-swap-cabinet, url: "mqtt://127.0.0.1:{mqtt}", interval_s: 0.3}}
  - id: B1
    name: Registers
    latitude: 0
    longitude: 0
    slots: 4
    grid_limit_w: 4000
    devices:
      - {{id: cabinet, profile: modbus-swap-cabinet, url: "modbus://127.0.0.1:{modbus}", interval_s: 0.3}}
"""
PERIOD_S = 0.1

Json = Any


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedSite:
    gateway, mqtt, modbus = free_ports(3)
    file = tmp_path / "site.yaml"
    file.write_text(SITE.format(gateway=gateway, mqtt=mqtt, modbus=modbus, data=tmp_path / "data"))
    return load_site(file)


@asynccontextmanager
async def gateway(loaded: LoadedSite) -> AsyncIterator[str]:
    """A running gateway; gives its address, and sees that it stops in time."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(run(loaded, RealClock(), on_ready=ready.set_result))
    try:
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield f"{ready.result()}/api/v1"
    finally:
        task.cancel()
        async with asyncio.timeout(8.0):
            with pytest.raises(asyncio.CancelledError):
                await task


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    clock = RealClock()
    async with asyncio.timeout(seconds):
        while not await holds():
            await clock.sleep(0.05)


async def fetch(url: str) -> Json:
    return await asyncio.to_thread(get, url)


async def slot(address: str, number: int) -> Json:
    return (await fetch(f"{address}/stations/M1"))["slots"][number - 1]


class Cabinet:
    """The MQTT station, published by hand: a test says what each slot's message is, or that none comes."""

    def __init__(self, port: int) -> None:
        self.messages: dict[int, dict[str, Json] | None] = {number: self.well(number) for number in (1, 2, 3)}
        self._port = port
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)

    @staticmethod
    def well(number: int) -> dict[str, Json]:
        pack = {"id": f"P{number}", "soc": 0.97, "soh": 0.9, "temperature_c": 30, "cycle_count": 5, "capacity_wh": 1500}
        charger = {"state": 2, "power_w": 0, "voltage_v": 80, "current_a": 0}
        return {"occupied": True, "enabled": True, "door_open": False, "locked": True, "charger": charger, "pack": pack}

    async def run(self) -> None:
        clock = RealClock()
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port)
        self._client.loop_start()
        try:
            self._client.publish("swap/v1/test/M1/status", "online", retain=True)
            while True:
                for number, message in self.messages.items():
                    if message is not None:
                        said = message | {"ts": clock.now() * 1000.0}
                        self._client.publish(f"swap/v1/test/M1/slot/{number}", json.dumps(said))
                await clock.sleep(PERIOD_S)
        finally:
            self._client.disconnect()
            await asyncio.to_thread(self._client.loop_stop)


@asynccontextmanager
async def cabinet(loaded: LoadedSite) -> AsyncIterator[Cabinet]:
    port = loaded.site.stations[0].devices[0].port
    broker = EmbeddedBroker("127.0.0.1", port, "test")
    await broker.start()
    made = Cabinet(port)
    task = asyncio.ensure_future(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])
        await broker.stop()


@asynccontextmanager
async def registers(loaded: LoadedSite) -> AsyncIterator[None]:
    """The Modbus station's emulator."""
    clock = RealClock()
    device = next(each for each in loaded.bind() if each.station.id == "B1")
    stations = build_stations(loaded, clock.now())
    [(face, _)] = build_faces([device], stations)
    await face.start()

    async def live() -> None:
        while True:
            stations["B1"].advance(clock.now())
            await face.publish()
            await clock.sleep(PERIOD_S)

    task = asyncio.ensure_future(live())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await face.stop()


async def test_all_is_good_within_seconds_and_the_twin_agrees(loaded: LoadedSite) -> None:
    async with cabinet(loaded), registers(loaded), gateway(loaded) as address:

        async def good() -> bool:
            stations = await fetch(f"{address}/stations")
            return all(s["quality"] == "good" and s["stockout_probability"] for s in stations)

        async def has_twin() -> bool:
            return (await slot(address, 1))["twin"]["soc"] is not None

        await until(good)
        await until(has_twin)
        assert (await fetch(f"{address}/stations/M1"))["ready"] == 3
        assert (await slot(address, 1))["twin"]["soc"] == pytest.approx(0.97, abs=0.01)
        assert (await fetch(f"{address}/ready"))["ready"] is True
        assert (await fetch(f"{address}/health"))["devices"] == {"connected": 2, "away": 0}


async def test_a_value_that_stops_coming_is_stale_after_its_maximum_age_and_its_neighbours_are_not(
    loaded: LoadedSite,
) -> None:
    async with cabinet(loaded) as device, gateway(loaded) as address:

        async def good() -> bool:
            return [(await slot(address, number))["quality"] for number in (1, 2, 3)] == ["good"] * 3

        await until(good)
        device.messages[2] = None
        clock = RealClock()
        stopped = clock.monotonic()

        async def stale() -> bool:
            return (await slot(address, 2))["quality"] == "uncertain"

        await until(stale, 5.0)
        assert clock.monotonic() - stopped < 0.9 + 1.0  # three intervals, and a second to be shown
        shown = await slot(address, 2)
        assert (shown["reason"], shown["soc"]) == ("stale", 0.97)

        async def substituted() -> bool:
            return (await slot(address, 2))["twin"]["reason"] == "substituted"

        await until(substituted, 1.0)
        station = await fetch(f"{address}/stations/M1")
        assert (station["quality"], station["reason"], station["ready"]) == ("uncertain", "stale", 3)
        assert (await slot(address, 1))["quality"] == "good"
        device.messages[2] = device.well(2)
        await until(good)


@pytest.mark.parametrize("soc", [1e300, -0.2, 65535, "NaN", None])
async def test_a_value_that_cannot_be_true_is_shown_bad_and_never_reaches_the_twin(
    loaded: LoadedSite, soc: float | str | None
) -> None:
    async with cabinet(loaded) as device, gateway(loaded) as address:

        async def good() -> bool:
            shown = await slot(address, 1)
            return shown["quality"] == "good" and shown["twin"]["soc"] == 0.97

        await until(good)
        wrong = device.well(1)
        wrong["pack"] |= {"soc": soc}
        device.messages[1] = wrong

        async def bad() -> bool:
            return (await slot(address, 1))["quality"] == "bad"

        await until(bad)
        shown = await slot(address, 1)
        assert shown["soc"] is None
        assert shown["twin"]["soc"] == pytest.approx(0.97, abs=0.01)
        assert (await fetch(f"{address}/stations/M1"))["ready"] == 3


async def test_a_device_that_dies_is_away_at_once_and_back_without_a_restart(loaded: LoadedSite) -> None:
    async with cabinet(loaded), gateway(loaded) as address:

        async def state() -> tuple[str, str | None]:
            station = await fetch(f"{address}/stations/B1")
            return station["quality"], station["reason"]

        async def good() -> bool:
            return await state() == ("good", None)

        async def away() -> bool:
            return await state() == ("bad", "no_communication")

        async def other_good() -> bool:
            return (await fetch(f"{address}/stations/M1"))["quality"] == "good"

        await until(away)
        await until(other_good)
        async with registers(loaded):
            await until(good)
        await until(away, 10.0)
        station = await fetch(f"{address}/stations/B1")
        assert station["ready_reason"] == "substituted"
        assert await other_good()
        async with registers(loaded):
            await until(good, 15.0)


async def test_a_forecast_rests_on_the_twin_when_data_is_old_and_says_so(loaded: LoadedSite) -> None:
    async with cabinet(loaded), gateway(loaded) as address:

        async def made(station: str) -> Json:
            topic = await fetch(f"{address}/stations")
            if next(s for s in topic if s["id"] == station)["stockout_probability"] is None:
                return None
            return await fetch(f"{address}/stations/{station}/forecast")

        async def good() -> bool:
            forecast = await made("B1")
            return forecast is not None and forecast["quality"] == "good"

        async def uncertain() -> bool:
            forecast = await made("B1")
            return (forecast["quality"], forecast["reason"]) == ("uncertain", "substituted")

        async def other() -> bool:
            return await made("M1") is not None

        await until(other)
        assert await made("B1") is None  # nothing was ever known of it
        async with registers(loaded):
            await until(good)
        await until(uncertain)
        assert (await made("B1"))["data_age_s"] > 0.0


async def test_a_port_in_use_is_named_by_its_key_and_nothing_is_started(loaded: LoadedSite) -> None:
    port = loaded.site.gateway.port
    expected = pytest.raises(ListenError, match=f"gateway.port: cannot listen on 127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", port)), expected:
        await run(loaded, RealClock())
    assert not loaded.site.gateway.data.exists()


async def test_a_damaged_history_is_refused_before_anything_listens(loaded: LoadedSite) -> None:
    loaded.site.gateway.data.mkdir()
    (loaded.site.gateway.data / FILE).write_bytes(b"no database at all " * 100)
    with pytest.raises(StoreError, match="move it away"):
        await run(loaded, RealClock())
    socket.create_server(("127.0.0.1", loaded.site.gateway.port)).close()


async def test_a_stop_leaves_no_process_thread_or_port_behind_and_keeps_the_history(loaded: LoadedSite) -> None:
    async with cabinet(loaded):
        async with gateway(loaded) as address:

            async def forecast() -> bool:
                return (await fetch(f"{address}/stations"))[0]["stockout_probability"] is not None

            await until(forecast)
        assert not multiprocessing.active_children()
        assert "swaptwin-store" not in {thread.name for thread in threading.enumerate()}
        socket.create_server(("127.0.0.1", loaded.site.gateway.port)).close()
        async with gateway(loaded) as address:
            history = await fetch(f"{address}/stations/M1/history?signal=ready")
            assert 3.0 in history["last"]

"""The MQTT emulator, seen by Mosquitto and its clients; and the demo's own broker, seen by the same clients."""

import asyncio
import itertools
import json
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from adapters.mqtt_command import WritableMqttAdapter
from config.clock import RealClock
from config.errors import ListenError
from config.loader import LoadedSite
from tests.support.adapters import Desk, running
from tests.support.emulators import one_station, serving
from tests.support.peers import free_port, peer

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not (shutil.which("mosquitto") and shutil.which("mosquitto_sub")),
        reason="needs mosquitto and mosquitto_sub (apt-get install mosquitto mosquitto-clients)",
    ),
]

EMULATE = """
import asyncio, sys
from pathlib import Path
from config.clock import RealClock
from config.loader import load_site
from simulators.serve import serve
asyncio.run(serve(load_site(Path(sys.argv[1])), RealClock(), on_ready=lambda text: print("ready", 1, flush=True)))
"""


@asynccontextmanager
async def mosquitto(folder: Path, port: int) -> AsyncIterator[None]:
    file = folder / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    async with peer("mosquitto", "-c", file, port=port):
        yield


@asynccontextmanager
async def subscribed(port: int, topic: str) -> AsyncIterator["asyncio.Queue[tuple[str, str, bool]]"]:
    """Messages as ``mosquitto_sub`` prints them: topic, payload, and whether it was retained."""
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", topic, "-F", "%t\t%r\t%p"),
        stdout=asyncio.subprocess.PIPE,
    )
    messages: asyncio.Queue[tuple[str, str, bool]] = asyncio.Queue()

    async def collect() -> None:
        assert process.stdout
        while line := await process.stdout.readline():
            where, retained, payload = line.decode().rstrip("\n").split("\t", 2)
            messages.put_nowait((where, payload, retained == "1"))

    collecting = asyncio.create_task(collect())
    try:
        yield messages
    finally:
        process.kill()
        await process.wait()
        await collecting


async def until(
    messages: "asyncio.Queue[tuple[str, str, bool]]", topic: str, payload: str | None = None
) -> tuple[str, bool]:
    async with asyncio.timeout(20.0):
        while True:
            where, said, retained = await messages.get()
            if where == topic and payload in (None, said):
                return said, retained


def cabinet(folder: Path, port: int, profile: str = "mqtt-swap-cabinet", broker: str = "external") -> LoadedSite:
    devices = [{"id": "d", "profile": profile, "url": f"mqtt://127.0.0.1:{port}"}]
    return one_station(folder, devices, broker=broker)


async def test_a_late_subscriber_finds_the_whole_station_retained(tmp_path: Path) -> None:
    port = free_port()
    clock = RealClock()
    async with mosquitto(tmp_path, port), serving(cabinet(tmp_path, port)) as truth:
        async with subscribed(port, "#") as messages:
            await until(messages, "swap/v1/test/S1/slot/4")
        async with subscribed(port, "#") as messages:
            assert await until(messages, "swap/v1/test/S1/status") == ("online", True)
            said, retained = await until(messages, "swap/v1/test/S1/state")
            assert retained
            state = json.loads(said)
            assert state["meter"]["grid_limit_w"] == 4000.0
            assert abs(state["ts"] / 1000.0 - clock.now()) < 10.0
            async with httpx.AsyncClient() as client:
                occupied = (await client.get(truth)).json()["S1"]["occupied"]
            for slot, here in enumerate(occupied, start=1):
                payload = json.loads((await until(messages, f"swap/v1/test/S1/slot/{slot}"))[0])
                assert payload["occupied"] is here
                assert (payload["pack"]["soc"] is None) is not here
                assert (payload["pack"]["id"] is None) is not here


async def test_messages_come_every_interval_and_their_time_moves_on(tmp_path: Path) -> None:
    port = free_port()
    async with mosquitto(tmp_path, port), serving(cabinet(tmp_path, port)), subscribed(port, "swap/#") as messages:
        states = [json.loads((await until(messages, "swap/v1/test/S1/state"))[0]) for _ in range(4)]
    gaps = [(later["ts"] - earlier["ts"]) / 1000.0 for earlier, later in itertools.pairwise(states)]
    assert all(0.5 < gap < 3.0 for gap in gaps[1:])
    assert states[-1]["heartbeat"] > states[0]["heartbeat"]


async def test_a_killed_emulator_is_offline_by_its_will_and_online_again_when_it_returns(tmp_path: Path) -> None:
    port = free_port()
    loaded = cabinet(tmp_path, port)
    status = "swap/v1/test/S1/status"
    async with mosquitto(tmp_path, port), subscribed(port, "#") as messages:
        async with peer(sys.executable, "-c", EMULATE, loaded.file) as emulator:
            await until(messages, status, "online")
            await emulator.kill()
            await until(messages, status, "offline")
        async with subscribed(port, status) as late:
            assert await until(late, status) == ("offline", True)
        async with serving(loaded):
            await until(messages, status, "online")
        await until(messages, status, "offline")


async def test_an_emulator_finds_its_broker_again_after_the_brokers_restart(tmp_path: Path) -> None:
    port = free_port()
    loaded = cabinet(tmp_path, port, "mqtt-packs")
    async with serving(loaded):
        for _ in range(2):
            async with mosquitto(tmp_path, port), subscribed(port, "#") as messages:
                await until(messages, "packs/test/S1/status", "online")
                said, _ = await until(messages, "packs/test/S1/01")
                assert {"t", "sn", "soc_percent", "soh_percent", "temp_c", "cycles", "capacity_wh"} == set(
                    json.loads(said)
                )


async def test_a_command_is_done_once_while_it_holds_and_never_from_the_past(tmp_path: Path) -> None:
    port = free_port()
    topic, now = "swap/v1/test/S1/slot/2", RealClock().now()

    def command(number: str, enabled: bool, age_s: float = 0.0) -> str:
        return json.dumps({"id": number, "expires_at": round(1000.0 * (now - age_s + 60.0)), "enabled": enabled})

    async with mosquitto(tmp_path, port):
        # One that somebody retained by mistake.
        await tell(port, f"{topic}/cmd", command("0", False), "-r")
        async with serving(cabinet(tmp_path, port)), subscribed(port, topic) as messages:
            assert json.loads((await until(messages, topic))[0])["enabled"] is True
            await tell(port, f"{topic}/cmd", command("1", False))
            while json.loads((await until(messages, topic))[0])["enabled"]:
                pass
            await tell(port, f"{topic}/cmd", command("2", True))
            while not json.loads((await until(messages, topic))[0])["enabled"]:
                pass
            await tell(port, f"{topic}/cmd", command("1", False))
            await tell(port, f"{topic}/cmd", command("3", False, age_s=61.0))
            await tell(port, f"{topic}/cmd", "nonsense")
            for _ in range(3):
                assert json.loads((await until(messages, topic))[0])["enabled"] is True


async def test_the_adapter_writes_to_the_emulator_and_reads_back(tmp_path: Path) -> None:
    port = free_port()
    loaded = cabinet(tmp_path, port)
    (bound,) = loaded.bind()
    adapter, desk = WritableMqttAdapter(bound, RealClock(), random.Random(1)), Desk(bound)
    number = next(point.number for point in bound.points if point.path == "S1/slot/02/enabled")
    async with mosquitto(tmp_path, port), serving(loaded), running(adapter, desk):
        await desk.until(lambda: desk.value("S1/slot/02/enabled") == 1.0)
        assert await adapter.write(number, 0.0) == 0.0
        assert await adapter.write(number, 1.0) == 1.0


async def tell(port: int, topic: str, payload: str, *options: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", topic, "-m", payload, *options)
    )
    assert await asyncio.wait_for(process.wait(), 10.0) == 0


async def test_the_embedded_broker_serves_foreign_clients_and_stops_cleanly(tmp_path: Path) -> None:
    port = free_port()
    loaded = cabinet(tmp_path, port, broker="embedded")
    for _ in range(2):
        async with serving(loaded), subscribed(port, "#") as messages:
            await until(messages, "swap/v1/test/S1/status", "online")
            said, _ = await until(messages, "swap/v1/test/S1/slot/1")
            assert "charger" in json.loads(said)


async def test_the_embedded_broker_does_not_take_the_place_of_one_that_runs(tmp_path: Path) -> None:
    port = free_port()
    async with mosquitto(tmp_path, port):
        with pytest.raises(ListenError, match=rf"stations\[0\]\.devices\[0\]\.url.*{port}"):
            async with serving(cabinet(tmp_path, port, broker="embedded")):
                pytest.fail("served beside a foreign broker")


async def test_a_frozen_broker_does_not_hold_up_the_end(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "frozen.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    async with peer("mosquitto", "-c", file, port=port) as broker:
        async with serving(cabinet(tmp_path, port)):
            async with subscribed(port, "#") as messages:
                await until(messages, "swap/v1/test/S1/status", "online")
            broker.freeze()
            started = RealClock().monotonic()
        assert RealClock().monotonic() - started < 10.0
        broker.process.send_signal(signal.SIGCONT)

"""The emulated Sparkplug edge node, seen by a foreign decoder behind Mosquitto, and by our own adapter."""

import asyncio
import json
import os
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from adapters.base import LinkState
from adapters.sparkplug_command import WritableSparkplugAdapter
from adapters.sparkplug_payload import DataType, Order, Payload, decode, encode
from config.clock import RealClock
from config.loader import LoadedSite
from tests.support.adapters import Desk, running
from tests.support.emulators import one_station, serving
from tests.support.peers import SOURCES, free_port, peer

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not shutil.which("mosquitto"), reason="needs mosquitto"),
]

NODE, DEVICE = "S1", "cabinet"
Said = tuple[str, bytes]


@asynccontextmanager
async def mosquitto(folder: Path, port: int) -> AsyncIterator[None]:
    file = folder / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    async with peer("mosquitto", "-c", file, port=port):
        yield


class Ear:
    """A plain paho client that hears everything, and may speak."""

    def __init__(self) -> None:
        self.heard: list[Said] = []
        self.last = b""
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self._news = asyncio.Event()

    async def until(self, *kinds: str) -> Payload:
        """The first message of these kinds among those not yet looked at; ``last`` is its bytes."""
        async with asyncio.timeout(20.0):
            while True:
                while self.heard:
                    topic, self.last = self.heard.pop(0)
                    if topic.split("/")[2] in kinds:
                        return decode(self.last)
                self._news.clear()
                await self._news.wait()

    def note(self, topic: str, data: bytes) -> None:
        self.heard.append((topic, data))
        self._news.set()


@asynccontextmanager
async def hearing(port: int) -> AsyncIterator[Ear]:
    ear = Ear()
    loop = asyncio.get_running_loop()
    subscribed = asyncio.Event()
    ear.client.on_subscribe = lambda *_: loop.call_soon_threadsafe(subscribed.set)
    ear.client.on_message = lambda _client, _data, message: loop.call_soon_threadsafe(
        ear.note, message.topic, bytes(message.payload)
    )
    ear.client.connect("127.0.0.1", port)
    ear.client.subscribe("spBv1.0/#", 1)
    ear.client.loop_start()
    try:
        async with asyncio.timeout(10.0):
            await subscribed.wait()
        yield ear
    finally:
        ear.client.disconnect()
        await asyncio.to_thread(ear.client.loop_stop)


def site_of(folder: Path, port: int, broker: str = "external", **profile: Any) -> LoadedSite:
    name = "sparkplug-swap-cabinet"
    if profile:
        text = (Path("config/profiles") / f"{name}.yaml").read_text()
        (folder / "profiles").mkdir()
        named = ", ".join(f"{key}: {json.dumps(value)}" for key, value in profile.items())
        text = text.replace('host_id: "swaptwin-{site}"', named)
        (folder / "profiles" / f"{name}.yaml").write_text(text)
    return one_station(folder, [{"id": DEVICE, "profile": name, "url": f"mqtt://127.0.0.1:{port}"}], broker=broker)


def names(payload: Payload) -> dict[str, object]:
    return {metric.name: metric.value(metric.datatype or 0) for metric in payload.metrics if metric.name}


async def test_node_and_device_are_born_and_their_data_go_by_alias_in_sequence(tmp_path: Path) -> None:
    port = free_port()
    async with mosquitto(tmp_path, port), hearing(port) as ear, serving(site_of(tmp_path, port)):
        node = await ear.until("NBIRTH")
        assert node.seq == 0
        assert names(node)["Node Control/Rebirth"] is False
        assert isinstance(names(node)["bdSeq"], int)
        device = await ear.until("DBIRTH")
        assert device.seq == 1
        assert 0.0 <= float(str(names(device)["Slot01/Pack/SoC"])) <= 100.0
        assert len({metric.alias for metric in [*node.metrics, *device.metrics] if metric.alias is not None}) == (
            len(device.metrics) + 1
        )
        following = [await ear.until("NDATA", "DDATA") for _ in range(4)]
        assert [message.seq for message in following] == [2, 3, 4, 5]
        data = await ear.until("DDATA")
        assert all(metric.name is None and metric.datatype is None for metric in data.metrics)


async def test_a_foreign_decoder_reads_the_births(tmp_path: Path) -> None:
    folder = os.environ.get("SWAPTWIN_NODE_PEERS", "")
    if not shutil.which("node") or not folder or not (Path(folder) / "node_modules" / "sparkplug-payload").is_dir():
        pytest.skip("needs node, and sparkplug-payload installed in the folder that SWAPTWIN_NODE_PEERS names")
    port = free_port()
    async with mosquitto(tmp_path, port), hearing(port) as ear, serving(site_of(tmp_path, port)):
        ours = await ear.until("DBIRTH")
        data = ear.last
        environment = {"NODE_PATH": str(Path(folder) / "node_modules")}
        async with peer("node", SOURCES / "sparkplug_codec.cjs", **environment) as codec:
            codec.tell(json.dumps({"decode": data.hex()}))
            assert codec.process.stdout
            said = json.loads(await codec.process.stdout.readline())["payload"]
    assert [metric["name"] for metric in said["metrics"]] == [metric.name for metric in ours.metrics]
    for theirs, metric in zip(said["metrics"], ours.metrics, strict=True):
        value = metric.value(metric.datatype or 0)
        assert theirs["value"] is None if value is None else type(value)(theirs["value"]) == value


async def test_a_rebirth_is_given_on_command_with_the_same_bd_seq(tmp_path: Path) -> None:
    port = free_port()
    async with mosquitto(tmp_path, port), hearing(port) as ear, serving(site_of(tmp_path, port)):
        first = await ear.until("NBIRTH")
        await ear.until("DDATA")
        order = Order("Node Control/Rebirth", None, DataType.BOOLEAN, True)
        ear.client.publish(f"spBv1.0/test/NCMD/{NODE}", encode(1, [order]))
        again = await ear.until("NBIRTH")
        assert again.seq == 0
        assert names(again)["bdSeq"] == names(first)["bdSeq"]
        await ear.until("DBIRTH")


async def test_a_stopped_node_says_its_death_and_the_next_connection_has_the_next_bd_seq(tmp_path: Path) -> None:
    port = free_port()
    async with mosquitto(tmp_path, port), hearing(port) as ear:
        async with serving(site_of(tmp_path, port)):
            first = names(await ear.until("NBIRTH"))["bdSeq"]
        death = await ear.until("NDEATH")
        assert death.seq is None
        assert names(death) == {"bdSeq": first}
        async with serving(site_of(tmp_path, port)):
            assert names(await ear.until("NBIRTH"))["bdSeq"] == int(str(first)) + 1


async def test_a_node_with_a_primary_host_lives_only_while_that_is_online(tmp_path: Path) -> None:
    port = free_port()
    site = site_of(tmp_path, port, host_id="tower", primary_host=True)
    async with mosquitto(tmp_path, port), hearing(port) as ear, serving(site):
        state = "spBv1.0/STATE/tower"
        ear.client.publish(state, '{"online":true,"timestamp":100}', qos=1, retain=True)
        first = names(await ear.until("NBIRTH"))["bdSeq"]
        # A will of an earlier connection of the host.
        ear.client.publish(state, '{"online":false,"timestamp":50}', qos=1)
        await ear.until("DDATA")
        ear.client.publish(state, '{"online":false,"timestamp":100}', qos=1, retain=True)
        assert names(await ear.until("NDEATH")) == {"bdSeq": first}
        ear.client.publish(state, '{"online":true,"timestamp":200}', qos=1, retain=True)
        assert names(await ear.until("NBIRTH"))["bdSeq"] == int(str(first)) + 1


@pytest.mark.parametrize("broker", ["external", "embedded"])
async def test_our_adapter_reads_it_writes_it_and_sees_it_die(tmp_path: Path, broker: str) -> None:
    port = free_port()
    loaded = site_of(tmp_path, port, broker=broker)
    (bound,) = loaded.bind()
    adapter, desk = WritableSparkplugAdapter(bound, RealClock(), random.Random(1)), Desk(bound)
    async with running(adapter, desk), mosquitto(tmp_path, port) if broker == "external" else nothing():
        async with serving(loaded):
            # The one empty slot has no pack, and says so.
            await desk.until(lambda: len(desk.good()) == len(bound.points) - 6, within_s=15.0)
            numbers = {point.path: point.number for point in bound.points}
            assert await adapter.write(numbers["S1/slot/02/power_limit_w"], 700.0) == 700.0
            assert await adapter.write(numbers["S1/slot/02/enabled"], 0.0) == 0.0
            # What it has already, it does not say again.
            assert await adapter.write(numbers["S1/slot/02/enabled"], 0.0) == 0.0
            assert desk.link.errors == desk.link.dropped == 0
        await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=10.0)
        assert not desk.good()


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield

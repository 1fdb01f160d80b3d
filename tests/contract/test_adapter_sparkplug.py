"""The Sparkplug adapter against a foreign edge node (sparkplug-client on Node) and Mosquitto."""

import asyncio
import json
import os
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.base import LinkState, WriteError
from adapters.sparkplug_command import WritableSparkplugAdapter
from config.clock import RealClock
from tests.support.adapters import Desk, device, running
from tests.support.peers import SOURCES, Peer, free_port, peer
from twin.signals import Quality, Reason

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not shutil.which("mosquitto"), reason="needs mosquitto"),
]

POINTS: list[dict[str, Any]] = [
    {"signal": "soc", "address": "Slot{index}/SoC", "scale": 0.01},
    {
        "signal": "power_limit_w",
        "address": "Slot{index}/Limit",
        "scale": 10.0,
        "access": "rw",
        "write": {"minimum": 0.0, "maximum": 2000.0},
    },
    {"signal": "pack_id", "address": "Slot{index}/Id"},
    {
        "signal": "enabled",
        "address": "Slot{index}/Enabled",
        "access": "rw",
        "write": {"minimum": 0.0, "maximum": 1.0},
    },
    {"signal": "power_w", "entity": "station", "address": "Power"},
    {"signal": "heartbeat", "entity": "station", "address": "Beat"},
    {"signal": "temperature_c", "entity": "station", "address": "Temperature"},
]
SOC, LIMIT = "S1/slot/01/soc", "S1/slot/01/power_limit_w"


@pytest.fixture
def edge_environment() -> dict[str, str]:
    folder = os.environ.get("SWAPTWIN_NODE_PEERS", "")
    if not shutil.which("node") or not folder or not (Path(folder) / "node_modules" / "sparkplug-client").is_dir():
        pytest.skip("needs node, and sparkplug-client installed in the folder that SWAPTWIN_NODE_PEERS names")
    return {"NODE_PATH": str(Path(folder) / "node_modules")}


@asynccontextmanager
async def broker(folder: Path, port: int) -> AsyncIterator[Peer]:
    file = folder / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
    async with peer("mosquitto", "-c", file, port=port) as started:
        yield started


def desk_of(port: int, **profile: Any) -> tuple[WritableSparkplugAdapter, Desk]:
    described = {"protocol": "sparkplug", "interval_s": 5.0} | profile
    bound = device(f"mqtt://127.0.0.1:{port}/Operator/Edge%201/Cabinet", POINTS, slots=1, **described)
    return WritableSparkplugAdapter(bound, RealClock(), random.Random(1)), Desk(bound)


@asynccontextmanager
async def born(
    folder: Path, environment: dict[str, str], **profile: Any
) -> AsyncIterator[tuple[WritableSparkplugAdapter, Desk, Peer, int]]:
    """An adapter that has seen the birth of the foreign edge node."""
    port = free_port()
    async with broker(folder, port):
        adapter, desk = desk_of(port, **profile)
        async with running(adapter, desk):
            edge = ("node", SOURCES / "sparkplug_edge.cjs", str(port), "Operator", "Edge 1", "Cabinet")
            async with peer(*edge, **environment) as started:
                await desk.until(lambda: desk.link.state is LinkState.CONNECTED and len(desk.good()) >= 6)
                yield adapter, desk, started, port


async def test_a_birth_gives_every_value_and_data_change_them_by_alias(
    tmp_path: Path, edge_environment: dict[str, str]
) -> None:
    async with born(tmp_path, edge_environment) as (_, desk, edge, _):
        assert desk.value(SOC) == 0.5
        assert desk.value(LIMIT) == 1200.0
        assert desk.texts[int(desk.value("S1/slot/01/pack_id") or 0)] == "PK-1"
        assert desk.value("S1/slot/01/enabled") == 1.0
        assert desk.value("S1/station/power_w") == -1500.0
        # Named by the profile, but by no birth.
        assert desk.reason("S1/station/temperature_c") is Reason.NOT_CONFIGURED
        edge.tell("set Slot1/SoC 70")
        await desk.until(lambda: desk.value(SOC) == pytest.approx(0.7))
        seen = desk.latest[SOC]
        assert 0.0 <= seen.received_time - seen.source_time < 5.0
        edge.tell("zip Slot1/SoC 71")
        await desk.until(lambda: desk.value(SOC) == pytest.approx(0.71))
        # By exception: what the node says of one value confirms the others.
        assert desk.confirmed[-1] >= desk.latest[SOC].source_time


async def test_null_is_no_value_and_history_is_not_now(tmp_path: Path, edge_environment: dict[str, str]) -> None:
    async with born(tmp_path, edge_environment) as (_, desk, edge, _):
        edge.tell("historical Slot1/SoC 99")
        edge.tell("null Slot1/SoC")
        await desk.until(lambda: desk.latest[SOC].quality is Quality.BAD)
        assert desk.reason(SOC) is Reason.NOT_CONFIGURED
        assert all(seen.value != pytest.approx(0.99) for path, seen in desk.history if path == SOC)


async def test_lost_messages_are_noticed_and_the_node_is_born_again(
    tmp_path: Path, edge_environment: dict[str, str]
) -> None:
    async with born(tmp_path, edge_environment, sparkplug={"reorder_s": 0.3}) as (_, desk, edge, _):
        edge.tell("skip 2")
        before = len(desk.history)
        edge.tell("set Slot1/SoC 72")
        await desk.until(lambda: desk.value(SOC) == pytest.approx(0.72))
        # A birth brings all values once more.
        await desk.until(lambda: "S1/slot/01/pack_id" in {path for path, _ in desk.history[before:]})
        assert desk.link.state is LinkState.CONNECTED
        assert desk.link.reconnects == 0


async def test_the_will_of_an_edge_node_that_dies_takes_its_values_away_at_once(
    tmp_path: Path, edge_environment: dict[str, str]
) -> None:
    async with born(tmp_path, edge_environment) as (_, desk, edge, _):
        await edge.kill()
        await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=2.0)
        assert "NDEATH" in desk.link.detail
        assert not desk.good()


async def test_a_death_of_a_connection_that_is_past_is_ignored(
    tmp_path: Path, edge_environment: dict[str, str]
) -> None:
    async with born(tmp_path, edge_environment) as (_, desk, edge, _):
        edge.tell("stale-death")
        await desk.until(lambda: desk.link.dropped == 1)
        assert desk.link.state is LinkState.CONNECTED
        assert SOC in desk.good()


async def test_the_death_of_a_device_is_its_own_and_its_data_ask_for_a_birth(
    tmp_path: Path, edge_environment: dict[str, str]
) -> None:
    async with born(tmp_path, edge_environment) as (_, desk, edge, _):
        edge.tell("unborn")
        edge.tell("device-death")
        await desk.until(lambda: desk.link.state is LinkState.AWAY)
        edge.tell("set Slot1/SoC 42")
        await desk.until(lambda: desk.value(SOC) == pytest.approx(0.42))
        assert desk.link.state is LinkState.CONNECTED


async def test_a_metric_that_no_birth_named_asks_for_a_birth(tmp_path: Path, edge_environment: dict[str, str]) -> None:
    async with born(tmp_path, edge_environment) as (_, desk, edge, _):
        before = len(desk.history)
        edge.tell("unknown")
        await desk.until(lambda: SOC in {path for path, _ in desk.history[before:]})


async def test_a_gateway_that_comes_later_asks_for_the_birth_that_it_missed(
    tmp_path: Path, edge_environment: dict[str, str]
) -> None:
    port = free_port()
    edge = ("node", SOURCES / "sparkplug_edge.cjs", str(port), "Operator", "Edge 1", "Cabinet")
    async with broker(tmp_path, port), peer(*edge, **edge_environment):
        adapter, desk = desk_of(port)
        async with running(adapter, desk):
            await desk.until(lambda: SOC in desk.good(), within_s=5.0)


async def test_a_command_is_done_when_the_device_s_data_show_it(
    tmp_path: Path, edge_environment: dict[str, str]
) -> None:
    async with born(tmp_path, edge_environment) as (adapter, desk, _, _):
        numbers = {bound.path: bound.number for bound in desk.bound.points}
        assert await adapter.write(numbers[LIMIT], 800.0) == 800.0
        assert desk.value(LIMIT) == 800.0
        assert await adapter.write(numbers["S1/slot/01/enabled"], 0.0) == 0.0
        with pytest.raises(WriteError, match="not from 0 to 2000"):
            await adapter.write(numbers[LIMIT], 2500.0)
        with pytest.raises(WriteError, match="may not be written"):
            await adapter.write(numbers[SOC], 0.5)


async def test_a_command_to_a_device_that_is_away_fails_at_once(
    tmp_path: Path, edge_environment: dict[str, str]
) -> None:
    async with born(tmp_path, edge_environment) as (adapter, desk, edge, _):
        number = next(bound.number for bound in desk.bound.points if bound.path == LIMIT)
        await edge.kill()
        await desk.until(lambda: desk.link.state is LinkState.AWAY)
        with pytest.raises(WriteError, match="away"):
            await adapter.write(number, 800.0)


async def test_the_host_says_that_it_is_online_and_its_will_that_it_is_not(tmp_path: Path) -> None:
    port = free_port()
    async with broker(tmp_path, port), watching(port, "spBv1.0/STATE/tower-test") as said:
        adapter, desk = desk_of(port, sparkplug={"host_id": "tower-{site}"})
        async with running(adapter, desk):
            first = json.loads(await said())
            assert first["online"] is True
            assert abs(first["timestamp"] / 1000.0 - RealClock().now()) < 30.0
            # Another session of the same host goes: this one is still there.
            await publish(port, "spBv1.0/STATE/tower-test", '{"online":false,"timestamp":1}')
            assert json.loads(await said())["online"] is False
            assert json.loads(await said())["online"] is True
        # The adapter was cancelled: an orderly end, and yet the last word must be "offline".
        assert json.loads(await said())["online"] is False


async def test_what_is_no_payload_never_kills_the_session(tmp_path: Path, edge_environment: dict[str, str]) -> None:
    async with born(tmp_path, edge_environment) as (_, desk, edge, port):
        for payload in ("\x08", "not protobuf at all", "\x12\x7f"):
            await publish(port, "spBv1.0/Operator/DDATA/Edge 1/Cabinet", payload)
        await desk.until(lambda: desk.link.errors == 3)
        edge.tell("set Slot1/SoC 33")
        await desk.until(lambda: desk.value(SOC) == pytest.approx(0.33))
        assert desk.link.state is LinkState.CONNECTED


async def publish(port: int, topic: str, payload: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", topic, "-m", payload)
    )
    assert await asyncio.wait_for(process.wait(), 10.0) == 0


@asynccontextmanager
async def watching(port: int, topic: str) -> AsyncIterator[Any]:
    """What ``mosquitto_sub`` prints, line by line."""
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", topic), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        yield lambda: asyncio.wait_for(process.stdout.readline(), 15.0)
    finally:
        process.kill()
        await process.wait()

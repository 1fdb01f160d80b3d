"""The MQTT adapter against Mosquitto and its command-line clients."""

import asyncio
import json
import random
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.base import LinkState, WriteError
from adapters.mqtt import MqttAdapter
from adapters.mqtt_command import WritableMqttAdapter
from config.clock import RealClock
from tests.support.adapters import Desk, device, running
from tests.support.peers import Peer, free_port, peer
from twin.signals import ChargerState, Quality, Reason

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not shutil.which("mosquitto"), reason="needs mosquitto"),
    pytest.mark.skipif(not shutil.which("mosquitto_pub"), reason="needs mosquitto-clients"),
]

POINTS: list[dict[str, Any]] = [
    {"signal": "soc", "address": "test/{device}/slot/{index}", "field": "battery.soc", "scale": 0.01},
    {"signal": "pack_id", "address": "test/{device}/slot/{index}", "field": "battery.id"},
    {
        "signal": "charger_state",
        "address": "test/{device}/slot/{index}",
        "field": "state",
        "enum": {0: "idle", 2: "charging"},
    },
    {"signal": "occupied", "address": "test/{device}/all", "field": "slots.{index}.occupied"},
    {"signal": "heartbeat", "entity": "station", "address": "test/{device}/all", "field": "beat"},
]
SLOT = "test/cabinet/slot/1"


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    file = tmp_path / "mosquitto.conf"
    file.write_text(f"listener {free_port()} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8")
    return file


def port_of(configuration: Path) -> int:
    return int(configuration.read_text(encoding="utf-8").split()[1])


@asynccontextmanager
async def broker(configuration: Path) -> AsyncIterator[Peer]:
    async with peer("mosquitto", "-c", configuration, port=port_of(configuration)) as started:
        yield started


def desk_of(configuration: Path, **profile: Any) -> tuple[MqttAdapter, Desk]:
    bound = device(
        f"mqtt://127.0.0.1:{port_of(configuration)}", POINTS, **({"interval_s": 5.0, "time_field": "time"} | profile)
    )
    return MqttAdapter(bound, RealClock(), random.Random(1)), Desk(bound)


async def publish(port: int, topic: str, payload: object, *options: str) -> None:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    process = await asyncio.create_subprocess_exec(
        "mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", topic, "-m", text, *options
    )
    assert await asyncio.wait_for(process.wait(), 10.0) == 0


def slot(soc: object = 50, age_s: float = 0.0, **more: object) -> dict[str, object]:
    return {"time": RealClock().now() - age_s, "battery": {"soc": soc, "id": "PK-1"}, "state": 2} | more


async def listening(desk: Desk) -> None:
    await desk.until(lambda: "connected to the broker" in desk.link.detail)


async def test_fields_of_a_published_message_become_values_with_the_device_s_time(configuration: Path) -> None:
    async with broker(configuration) as server:
        adapter, desk = desk_of(configuration)
        async with running(adapter, desk):
            await listening(desk)
            assert desk.link.state is not LinkState.CONNECTED
            message = slot(age_s=1.5)
            await publish(server.port, SLOT, message)
            await publish(server.port, "test/cabinet/all", {"slots": [{}, {"occupied": True}, {"occupied": False}]})
            await desk.until(lambda: len(desk.latest) == 5)
        assert desk.value("S1/slot/01/soc") == 0.5
        assert desk.texts[int(desk.value("S1/slot/01/pack_id") or 0)] == "PK-1"
        assert desk.value("S1/slot/01/charger_state") == ChargerState.CHARGING
        assert [desk.value(f"S1/slot/0{number}/occupied") for number in (1, 2)] == [1.0, 0.0]
        assert desk.latest["S1/slot/01/soc"].source_time == pytest.approx(message["time"])
        seen = desk.latest["S1/slot/01/occupied"]
        assert seen.source_time == pytest.approx(seen.received_time, abs=1.0)
        assert desk.link.state is LinkState.CONNECTED


async def test_null_is_no_value_and_an_absent_field_leaves_the_point_alone(configuration: Path) -> None:
    async with broker(configuration) as server:
        adapter, desk = desk_of(configuration)
        async with running(adapter, desk):
            await listening(desk)
            await publish(server.port, SLOT, slot(60))
            await publish(server.port, SLOT, {"battery": {"soc": None}})
            await desk.until(lambda: desk.reason("S1/slot/01/soc") is Reason.NOT_CONFIGURED)
            assert desk.value("S1/slot/01/charger_state") == ChargerState.CHARGING


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ('{"battery": {"soc": NaN}}', Reason.SENSOR_FAILURE),
        ('{"battery": {"soc": "full"}}', Reason.SENSOR_FAILURE),
        ('{"battery": {"soc": 140}}', Reason.OUT_OF_RANGE),
        ('{"battery": {"soc":', Reason.SENSOR_FAILURE),
        ("[" * 60_000, Reason.SENSOR_FAILURE),
        ("\xff\xfe", Reason.SENSOR_FAILURE),
        ("7" * 70_000, Reason.SENSOR_FAILURE),
    ],
)
async def test_what_cannot_be_right_is_never_good_and_good_data_follow_it(
    configuration: Path, payload: str, reason: Reason
) -> None:
    async with broker(configuration) as server:
        adapter, desk = desk_of(configuration)
        async with running(adapter, desk):
            await listening(desk)
            await publish(server.port, SLOT, slot(60))
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.6))
            await publish(server.port, SLOT, payload)
            await desk.until(lambda: desk.reason("S1/slot/01/soc") is reason)
            await publish(server.port, SLOT, slot(70))
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.7))


async def test_retained_old_state_keeps_its_old_time_and_is_no_sign_of_life(configuration: Path) -> None:
    async with broker(configuration) as server:
        await publish(server.port, SLOT, slot(age_s=3600.0), "-r")
        await publish(server.port, "test/cabinet/all", {"beat": 4}, "-r")
        adapter, desk = desk_of(configuration)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.latest) == 4)
            assert desk.latest["S1/slot/01/soc"].source_time < RealClock().now() - 3590.0
            # Of a retained message without a time nobody knows the age.
            beat = desk.latest["S1/station/heartbeat"]
            assert (beat.quality, beat.reason) == (Quality.UNCERTAIN, Reason.STALE)
            assert desk.link.state is not LinkState.CONNECTED


async def test_a_time_in_the_future_is_handed_over_as_the_device_said_it(configuration: Path) -> None:
    async with broker(configuration) as server:
        adapter, desk = desk_of(configuration, time_unit="ms")
        async with running(adapter, desk):
            await listening(desk)
            ahead = 1000.0 * round(RealClock().now() + 86_400.0)
            await publish(server.port, SLOT, slot(time=ahead))
            await desk.until(lambda: "S1/slot/01/soc" in desk.good())
            assert desk.latest["S1/slot/01/soc"].source_time == ahead / 1000.0


async def test_the_will_of_a_device_that_dies_takes_its_values_away(configuration: Path) -> None:
    async with broker(configuration) as server:
        adapter, desk = desk_of(configuration, availability={"topic": "test/{device}/status"})
        async with running(adapter, desk):
            await listening(desk)
            status = "test/cabinet/status"
            will = ("--will-topic", status, "--will-payload", "offline", "--will-retain")
            await publish(server.port, status, "online", "-r")
            await desk.until(lambda: desk.link.state is LinkState.CONNECTED)
            # The device: it publishes each line it is given, until it is killed.
            stream = ("mosquitto_pub", "-h", "127.0.0.1", "-p", str(server.port), "-t", SLOT, "-l", *will)
            async with peer(*stream, port=server.port) as dying:
                dying.tell(json.dumps(slot()))
                await desk.until(lambda: "S1/slot/01/soc" in desk.good())
                await dying.kill()
            await desk.until(lambda: desk.link.state is LinkState.AWAY)
            assert "offline" in desk.link.detail
            assert not desk.good()
            await publish(server.port, status, "online", "-r")
            await desk.until(lambda: desk.link.state is LinkState.CONNECTED)


async def test_retained_state_of_a_device_that_is_offline_does_not_come_back_to_life(configuration: Path) -> None:
    async with broker(configuration) as server:
        await publish(server.port, "test/cabinet/status", "offline", "-r")
        await publish(server.port, SLOT, slot(), "-r")
        adapter, desk = desk_of(configuration, availability={"topic": "test/{device}/status"})
        async with running(adapter, desk):
            await desk.until(lambda: desk.link.state is LinkState.AWAY)
            # The broker sends what it retains before anything live.
            await publish(server.port, "test/cabinet/status", "still offline")
            await desk.until(lambda: desk.link.errors == 1)
            assert not desk.good()


async def test_data_flow_again_after_the_broker_was_killed_and_restarted(configuration: Path) -> None:
    adapter, desk = desk_of(configuration)
    async with running(adapter, desk):
        await desk.until(lambda: desk.link.state is LinkState.AWAY)
        async with broker(configuration) as first:
            await listening(desk)
            await publish(first.port, SLOT, slot(60))
            await desk.until(lambda: "S1/slot/01/soc" in desk.good())
            await first.kill()
            await desk.until(lambda: not desk.good(), within_s=3.0)
            assert desk.link.state is LinkState.AWAY
        async with broker(configuration) as second:
            await desk.until(lambda: "connected to the broker" in desk.link.detail, within_s=15.0)
            await publish(second.port, SLOT, slot(70))
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.7))
            assert desk.link.reconnects == 1


async def test_a_device_that_falls_silent_is_away_though_the_broker_lives(configuration: Path) -> None:
    async with broker(configuration) as server:
        adapter, desk = desk_of(configuration, interval_s=0.2)
        async with running(adapter, desk):
            await listening(desk)
            await publish(server.port, SLOT, slot(), "-r")
            await desk.until(lambda: "S1/slot/01/soc" in desk.good())
            await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=5.0)
            assert "no new message for" in desk.link.detail
            assert not desk.good()
            async with asyncio.timeout(15.0):
                while desk.value("S1/slot/01/soc") != pytest.approx(0.8):
                    await publish(server.port, SLOT, slot(80))


async def test_a_message_that_was_overtaken_or_comes_twice_is_dropped_and_counted(configuration: Path) -> None:
    async with broker(configuration) as server:
        adapter, desk = desk_of(configuration)
        async with running(adapter, desk):
            await listening(desk)
            newest = slot(60)
            await publish(server.port, SLOT, newest)
            await publish(server.port, SLOT, slot(20, age_s=10.0))
            await publish(server.port, SLOT, newest)
            # A ghost that another client retains.
            await publish(server.port, SLOT, slot(10, age_s=100.0), "-r")
            await desk.until(lambda: desk.link.dropped == 3)
            assert desk.value("S1/slot/01/soc") == pytest.approx(0.6)
            assert len([path for path, _ in desk.history if path == "S1/slot/01/soc"]) == 1


async def test_a_broker_that_hangs_is_noticed_within_five_seconds_and_data_flow_when_it_goes_on(
    configuration: Path,
) -> None:
    async with broker(configuration) as server:
        adapter, desk = desk_of(configuration)
        async with running(adapter, desk):
            await listening(desk)
            await publish(server.port, SLOT, slot(60))
            await desk.until(lambda: "S1/slot/01/soc" in desk.good())
            server.freeze()
            await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=5.0)
            assert "has been silent for" in desk.link.detail
            assert not desk.good()
            server.process.send_signal(signal.SIGCONT)
            await desk.until(lambda: "connected to the broker" in desk.link.detail, within_s=8.0)
            await publish(server.port, SLOT, slot(70))
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.7), within_s=2.0)


@pytest.fixture
def closed(configuration: Path) -> Path:
    text = configuration.read_text(encoding="utf-8").replace("anonymous true", "anonymous false")
    configuration.write_text(text, encoding="utf-8")
    return configuration


async def test_a_broker_that_refuses_says_why(closed: Path) -> None:
    async with broker(closed):
        adapter, desk = desk_of(closed)
        async with running(adapter, desk):
            await desk.until(lambda: desk.link.state is LinkState.AWAY)
            assert "refused: not authorised" in desk.link.detail


WRITABLE = [
    {
        "signal": "power_limit_w",
        "address": "test/{device}/slot/{index}",
        "field": "charger.limit_kw",
        "scale": 1000.0,
        "access": "rw",
        "write": {"minimum": 0.0, "maximum": 3000.0},
    },
    *POINTS,
]


def writing_desk(configuration: Path, valid_s: float) -> tuple[WritableMqttAdapter, Desk, int]:
    bound = device(
        f"mqtt://127.0.0.1:{port_of(configuration)}",
        WRITABLE,
        interval_s=5.0,
        time_field="time",
        command={"topic": "test/{device}/slot/{index}/cmd", "valid_s": valid_s},
    )
    return WritableMqttAdapter(bound, RealClock(), random.Random(1)), Desk(bound), bound.points[0].number


async def test_a_command_is_published_once_with_id_and_end_and_done_when_the_state_shows_it(
    configuration: Path,
) -> None:
    async with broker(configuration) as server:
        adapter, desk, number = writing_desk(configuration, valid_s=10.0)
        with pytest.raises(WriteError, match="away"):
            await adapter.write(number, 500.0)
        listener = await asyncio.create_subprocess_exec(
            *("mosquitto_sub", "-h", "127.0.0.1", "-p", str(server.port), "-q", "1", "-t", f"{SLOT}/cmd"),
            *("-C", "1", "-F", "%r %q %p"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert listener.stdout
        async with running(adapter, desk):
            await listening(desk)
            await publish(server.port, SLOT, slot(charger={"limit_kw": 1.2}))
            await desk.until(lambda: desk.value("S1/slot/01/power_limit_w") == 1200.0)
            writing = asyncio.create_task(adapter.write(number, 500.0))
            line = await asyncio.wait_for(listener.stdout.readline(), 10.0)
            retained, quality, payload = line.decode().split(" ", 2)
            command = json.loads(payload)
            assert (retained, quality) == ("0", "1")
            assert command["charger"] == {"limit_kw": 0.5}
            assert len(command["id"]) == 36
            assert 0.0 < command["expires_at"] - RealClock().now() <= 10.0
            assert not writing.done()
            await publish(server.port, SLOT, slot(charger={"limit_kw": 0.5}))
            assert await asyncio.wait_for(writing, 5.0) == 500.0
        await listener.wait()


async def test_a_command_that_the_state_does_not_show_has_failed(configuration: Path) -> None:
    async with broker(configuration) as server:
        adapter, desk, number = writing_desk(configuration, valid_s=0.5)
        async with running(adapter, desk):
            await listening(desk)
            await publish(server.port, SLOT, slot(charger={"limit_kw": 1.2}))
            await desk.until(lambda: desk.value("S1/slot/01/power_limit_w") == 1200.0)
            with pytest.raises(WriteError, match="not from 0 to 3000"):
                await adapter.write(number, 3001.0)
            writing = asyncio.create_task(adapter.write(number, 500.0))
            await publish(server.port, SLOT, slot(charger={"limit_kw": 1.2}))
            with pytest.raises(WriteError, match="the device still shows 1200"):
                await writing


async def test_a_flood_is_taken_whole_though_it_is_faster_than_the_batches(configuration: Path) -> None:
    async with broker(configuration) as server:
        adapter, desk = desk_of(configuration)
        async with running(adapter, desk):
            await listening(desk)
            stream = ("mosquitto_pub", "-h", "127.0.0.1", "-p", str(server.port), "-t", SLOT, "-q", "1", "-l")
            async with peer(*stream, port=server.port) as flood:
                sent = [number % 101 for number in range(2020)]
                for soc in sent:
                    flood.tell(json.dumps(slot(soc)))
                await desk.until(lambda: desk.value("S1/slot/01/soc") == 1.0 and len(desk.history) >= 3 * len(sent))
            values = [round(100.0 * seen.value) for path, seen in desk.history if path == "S1/slot/01/soc"]
            assert values == sent
            assert len(desk.batches) < len(sent) / 4

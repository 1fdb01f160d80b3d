"""Faults do what their names say, to whom they are aimed at, for as long as they last, and by their seed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config.clock import ManualClock, RealClock
from simulators.faults.base import Aim, WireFault
from simulators.faults.catalogue import CATALOGUE
from simulators.faults.engine import Faults
from simulators.faults.frames import (
    Frame,
    Framer,
    ModbusFrame,
    MqttPublish,
    crc16,
    modbus_frame,
    mqtt_connect,
    mqtt_publish,
)
from simulators.faults.orders import FaultError, read_parameters
from simulators.faults.proxy import Proxy
from simulators.faults.reference import page
from simulators.faults.view import DeviceView
from simulators.serve import build_mounts, build_stations
from simulators.station import PhysicalStation
from tests.support.emulators import one_station, serving
from tests.support.peers import free_port

ROOT = Path(__file__).parents[2]
ASK = ModbusFrame(7, 1, bytes([3, 0, 0, 0, 2])).encode()
ANSWER = ModbusFrame(7, 1, bytes([3, 4, 0, 1, 0, 2])).encode()


class World:
    """One station with a Modbus device, moved by hand; nothing listens."""

    def __init__(self, folder: Path) -> None:
        url = f"modbus://127.0.0.1:{free_port()}"
        loaded = one_station(folder, [{"id": "d", "profile": "modbus-swap-cabinet", "url": url}])
        self.clock = ManualClock()
        self.stations = build_stations(loaded, self.clock.now())
        self.station: PhysicalStation = self.stations["S1"]
        bound = loaded.bind()
        self.view = DeviceView(bound[0], self.station)
        mounts = build_mounts(bound, self.stations, {}, self.clock)
        self.faults = Faults(self.stations, {"S1/d": self.view}, [mount for mount, _ in mounts], [], self.clock)
        self.full = next(slot.number for slot in self.station.slots if slot.pack is not None)

    async def inject(self, fault: str, target: str = "S1/d", **order: Any) -> str:
        entry = self.faults.inject({"fault": fault, "target": target} | order)
        await self.faults.settled()
        return entry.id

    async def move(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        self.station.advance(self.clock.now())
        await asyncio.wait_for(self.faults.settled(), 5.0)

    def soc(self) -> Any:
        return self.view.value("soc", self.full)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    task = asyncio.create_task(made.faults.run())
    yield made
    task.cancel()
    await asyncio.wait([task])


async def test_a_fault_begins_and_ends_in_site_time(world: World) -> None:
    true = world.soc()
    await world.inject("bias", signals=["soc"], start_s=10.0, duration_s=20.0, parameters={"offset": -0.2})
    assert world.soc() == true
    with structlog.testing.capture_logs() as logged:
        await world.move(10.5)
        assert world.soc() == pytest.approx(world.station.value("soc", world.full) - 0.2)
        await world.move(10.0)
        await world.move(10.5)
    assert world.soc() == world.station.value("soc", world.full)
    assert [line["event"] for line in logged] == ["fault begins", "fault ends"]
    assert [entry.fault.name for entry in world.faults.ended] == ["bias"]


async def test_only_the_slots_and_signals_aimed_at_are_struck(world: World) -> None:
    packs = [slot.number for slot in world.station.slots if slot.pack is not None]
    await world.inject("no_value", slots=str(packs[0]), signals=["so?"])
    assert world.view.value("soc", packs[0]) is None
    assert world.view.value("soh", packs[0]) is None
    assert world.view.value("soc", packs[1]) is not None
    assert world.view.value("temperature_c", packs[0]) is not None
    assert world.view.value("power_w") is not None


async def test_the_same_seed_gives_the_same_noise_and_a_cleared_fault_is_over(world: World) -> None:
    drawn = []
    for _ in range(2):
        identity = await world.inject("noise", seed=3, parameters={"sigma": 0.1})
        drawn.append([world.soc() for _ in range(5)])
        assert world.faults.clear(identity)
        await world.faults.settled()
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 5
    assert world.soc() == world.station.value("soc", world.full)
    assert not world.faults.clear("f99")


async def test_a_probability_is_a_share_of_the_times_that_a_fault_could_strike(world: World) -> None:
    await world.inject("no_value", seed=1, probability=0.3)
    missing = sum(world.soc() is None for _ in range(1000))
    assert 240 < missing < 360


async def test_a_frozen_value_stands_still_and_the_heartbeat_goes_on(world: World) -> None:
    await world.inject("frozen_value")
    beat, energy = world.view.value("heartbeat"), world.view.value("energy_wh")
    await world.move(60.0)
    assert world.view.value("energy_wh") == energy != world.station.value("energy_wh")
    assert world.view.value("heartbeat") != beat
    await world.inject("frozen_controller")
    beat = world.view.value("heartbeat")
    await world.move(60.0)
    assert world.view.value("heartbeat") == beat


async def test_clocks_stand_still_or_are_off_while_the_face_goes_on_at_its_pace(world: World, tmp_path: Path) -> None:
    start = world.view.time
    for name, parameters in (
        ("frozen_clock", {}),
        ("clock_skew", {"offset_s": 60.0}),
        ("clock_drift", {"s_per_hour": 36.0}),
    ):
        kind = CATALOGUE[name]
        assert "modbus" not in kind.effects
        aim = Aim((world.station,), (), frozenset(), (), 1.0, random.Random(1))
        fault = read_parameters(kind, parameters).aimed(aim)
        fault.begin(start)
        world.view.clocks.append(fault)  # type: ignore[arg-type]
        world.station.advance(world.station.time + 100.0)
        expected = {"frozen_clock": start, "clock_skew": world.view.now + 60.0, "clock_drift": world.view.now + 2.0}
        assert world.view.time == pytest.approx(expected[name], abs=1.1)
        world.view.clocks.clear()
        start = world.view.now


async def test_counters_start_anew_or_run_over(world: World) -> None:
    identity = await world.inject("counter_reset", signals=["energy_wh"])
    assert world.view.value("energy_wh") == 0.0
    await world.move(600.0)
    assert world.view.value("energy_wh") > 0.0  # type: ignore[operator]
    world.faults.clear(identity)
    await world.inject("counter_rollover", signals=["energy_wh"], parameters={"bits": 16, "before": 5.0})
    values = [world.view.value("energy_wh")]
    await world.move(600.0)
    values.append(world.view.value("energy_wh"))
    assert values[0] == pytest.approx(65_531.0)
    assert 0.0 <= values[1] < 1000.0  # type: ignore[operator]


async def test_what_really_happens_at_a_station_ends_with_the_fault(world: World) -> None:
    station, slot = world.station, str(world.full)
    charging = next(s.number for s in station.slots if s.power_w > 0 or s.charger.state == 1)
    at = {"slots": slot}
    checks: list[tuple[str, dict[str, Any], Any]] = [
        (
            "door_left_open",
            at,
            lambda: station.value("door_open", world.full) and not station.value("locked", world.full),
        ),
        ("slot_disabled", at, lambda: not station.value("enabled", world.full)),
        ("charger_fault", at, lambda: station.value("charger_state", world.full) == 4),
        ("smoke", {}, lambda: station.value("smoke")),
        ("water_leak", {}, lambda: station.value("water_leak")),
        ("service_door_open", {}, lambda: station.value("door_open")),
        ("mains_lost", {}, lambda: not station.value("mains_ok") and station.value("voltage_v") == 0.0),
        ("charger_degraded", {"slots": str(charging)}, lambda: station.slots[charging - 1].charger.health == 0.4),
    ]
    for name, order, holds in checks:
        assert not holds(), name
        identity = await world.inject(name, "S1", **order)
        await world.move(2.0)
        assert holds(), name
        world.faults.clear(identity)
        await world.move(2.0)
        assert not holds(), name


async def test_packs_change_overheat_and_burn(world: World) -> None:
    station, at = world.station, {"slots": str(world.full)}
    serial = station.value("pack_id", world.full)
    await world.inject("pack_swapped", "S1", **at)
    assert station.value("pack_id", world.full) != serial
    soc = station.value("soc", world.full)
    await world.inject("soc_jump", "S1", parameters={"by": -0.1}, **at)
    assert station.value("soc", world.full) == pytest.approx(soc - 0.1)  # type: ignore[operator]
    second = [s.number for s in station.slots if s.pack is not None][1]
    identity = await world.inject("duplicate_pack", "S1", slots=str(second))
    assert station.value("pack_id", second) == station.value("pack_id", world.full)
    world.faults.clear(identity)
    await world.faults.settled()
    assert station.value("pack_id", second) != station.value("pack_id", world.full)
    await world.inject("over_temperature", "S1", **at)
    assert station.value("temperature_c", world.full) >= 69.0  # type: ignore[operator]
    await world.inject("fire", "S1", slots=str(second))
    await world.move(30.0)
    assert station.value("temperature_c", second) > 150.0  # type: ignore[operator]
    assert station.value("smoke")


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ({"fault": "comm_lost", "target": "S1"}, "fault"),
        ({"fault": "comm_loss", "target": "S2"}, "target"),
        ({"fault": "bad_status", "target": "S1"}, "target"),
        ({"fault": "broker_away", "target": "S1"}, "target"),
        ({"fault": "comm_loss", "target": "S1", "parameters": {"mode": "shut"}}, "parameters.mode"),
        ({"fault": "comm_loss", "target": "S1", "parameters": {"modus": "refuse"}}, "parameters.modus"),
        ({"fault": "bias", "target": "S1"}, "parameters.offset"),
        ({"fault": "bias", "target": "S1", "slots": "9", "parameters": {"offset": 1}}, "slots"),
        ({"fault": "bias", "target": "S1", "slots": "x", "parameters": {"offset": 1}}, "slots"),
        ({"fault": "bias", "target": "S1", "signals": ["socks"], "parameters": {"offset": 1}}, "signals"),
        ({"fault": "comm_loss", "target": "S1", "signals": ["soc"]}, "signals"),
        ({"fault": "type_changed", "target": "S1", "signals": ["occupied"]}, "signals"),
        ({"fault": "comm_loss", "target": "S1", "duration_s": -1}, "duration_s"),
        ({"fault": "comm_loss", "target": "S1", "probability": 0}, "probability"),
        ({"fault": "comm_loss"}, "target"),
        ({"fault": "comm_loss", "target": "S1", "when": 3}, "when"),
    ],
)  # fmt: skip
async def test_an_order_that_cannot_be_carried_out_is_refused_and_says_why(
    world: World, order: dict[str, Any], key: str
) -> None:
    with pytest.raises(FaultError) as caught:
        world.faults.inject(order)
    assert caught.value.key == key
    assert caught.value.message
    assert caught.value.remedy
    assert not world.faults.entries


def test_every_fault_is_described_and_the_reference_page_is_the_catalogue() -> None:
    assert (ROOT / "docs" / "reference" / "faults.md").read_text(encoding="utf-8") == page()
    for name, kind in CATALOGUE.items():
        assert kind.summary.endswith("."), name
        assert kind.effects, name


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.data())
def test_no_byte_is_lost_or_invented_however_a_stream_is_cut(pieces: list[bytes], data: st.DataObject) -> None:
    for framing in ("mbap", "opcua", "mqtt", "json", "rtu"):
        framer = Framer(framing)
        out = b"".join(frame for piece in pieces for frame in framer.feed(piece))
        assert b"".join(pieces).startswith(out)


def test_messages_are_cut_where_they_end() -> None:
    stream = ASK + ANSWER + ASK
    framer = Framer("mbap")
    assert [frame for at in range(len(stream)) for frame in framer.feed(stream[at : at + 1])] == [ASK, ANSWER, ASK]
    assert Framer("json").feed(b"\0\0\0\2{}" + b'{"a":1}\n{"b"') == [b"\0\0\0\2{}", b'{"a":1}\n']


def test_modbus_check_sums_and_envelopes() -> None:
    assert crc16(bytes([1, 4, 2, 0xFF, 0xFF])) == 0x80B8
    rtu = ModbusFrame(None, 1, bytes([3, 2, 0, 5])).encode()
    assert modbus_frame(Frame(rtu, True, "modbus", "rtu", 1)) == ModbusFrame(None, 1, bytes([3, 2, 0, 5]))
    assert crc16(rtu) == 0


@given(st.binary(max_size=40), st.binary(max_size=300), st.integers(0, 2), st.booleans(), st.booleans())
def test_an_mqtt_message_survives_being_taken_apart(
    topic: bytes, payload: bytes, qos: int, retain: bool, dup: bool
) -> None:
    message = MqttPublish(topic, payload, qos, retain, dup, 7 if qos else 0)
    assert mqtt_publish(Frame(message.encode(), True, "mqtt", "mqtt", 1)) == message


def test_the_will_is_read_from_a_connect_packet() -> None:
    body = b"\0\4MQTT\4\x26\0\x0a" + b"\0\2id" + b"\0\1t" + b"\0\3off"
    found = mqtt_connect(Frame(bytes([0x10, len(body)]) + body, True, "mqtt", "mqtt", 1))
    assert found is not None
    assert (found.client_id, found.will_topic, found.will_payload, found.will_retain) == (b"id", b"t", b"off", True)


def wire(name: str, **parameters: Any) -> WireFault:
    fault = read_parameters(CATALOGUE[name], parameters).aimed(Aim((), (), frozenset(), (), 1.0, random.Random(1)))
    assert isinstance(fault, WireFault)
    return fault


def modbus_passes(name: str, data: bytes, from_device: bool, **parameters: Any) -> list[tuple[bytes, bool]]:
    made = wire(name, **parameters).passes(Frame(data, from_device, "modbus", "mbap", 1))
    return [(each.data, each.back) for each in made]


def test_what_modbus_faults_make_of_a_request_and_its_answer() -> None:
    assert modbus_passes("modbus_exception", ASK, False, code=6) == [(ModbusFrame(7, 1, b"\x83\6").encode(), True)]
    assert modbus_passes("wrong_unit", ANSWER, True)[0][0][6] == 2
    assert modbus_passes("wrong_transaction", ANSWER, True)[0][0][:2] == b"\0\10"
    assert modbus_passes("short_answer", ANSWER, True) == [(ModbusFrame(7, 1, b"\3\2\0\1").encode(), False)]
    assert modbus_passes("duplicate_answer", ANSWER, True) == [(ANSWER, False)] * 2
    write = ModbusFrame(8, 1, bytes([16, 0, 9, 0, 1, 2, 0, 5])).encode()
    assert modbus_passes("ignored_writes", write, False) == [
        (ModbusFrame(8, 1, bytes([16, 0, 9, 0, 1])).encode(), True)
    ]
    assert modbus_passes("ignored_writes", ASK, False) == [(ASK, False)]
    assert modbus_passes("partial_frame", ANSWER, True, keep=0.4) == [(ANSWER[:5], False)]
    assert b"".join(data for data, _ in modbus_passes("split_frames", ANSWER, True)) == ANSWER
    for name in ("wrong_unit", "short_answer", "no_reply"):
        assert modbus_passes(name, ASK, False) == [(ASK, False)]


def test_messages_overtake_are_doubled_and_are_cut() -> None:
    frames = [
        Frame(MqttPublish(b"t", bytes([n]), 0, False, False, 0).encode(), True, "mqtt", "mqtt", 1) for n in range(4)
    ]
    late = wire("reordered_message")
    sent = [each.data for frame in frames for each in late.passes(frame)]
    assert sent == [frames[n].data for n in (1, 0, 3, 2)]
    assert len(wire("duplicate_message").passes(frames[0])) == 2
    assert wire("lost_message").passes(frames[0]) == []
    birth = Frame(MqttPublish(b"spBv1.0/g/NBIRTH/n", b"x", 0, False, False, 0).encode(), True, "sparkplug", "mqtt", 1)
    assert wire("lost_birth").passes(birth) == []
    assert len(wire("lost_birth").passes(frames[0])) == 1


@asynccontextmanager
async def echo_behind_a_proxy() -> AsyncIterator[tuple[Proxy, int]]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = Proxy("modbus", "rtu", RealClock(), dialled=False)
    proxy.device = server.sockets[0].getsockname()[:2]
    _, port = await proxy.open("test", "127.0.0.1", 0)
    try:
        yield proxy, port
    finally:
        await proxy.close()
        server.close()


async def said_back(port: int, within_s: float = 0.3) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    try:
        async with asyncio.timeout(within_s):
            return await reader.read(100)
    except TimeoutError:
        return b"silence"
    finally:
        writer.close()


async def test_a_relay_copies_refuses_resets_and_swallows_and_listens_again_on_the_same_port() -> None:
    async with echo_behind_a_proxy() as (proxy, port):
        assert await said_back(port) == b"hello"
        for _ in range(2):
            refused = wire("comm_loss", mode="refuse")
            await proxy.take([refused], [refused], [])
            with pytest.raises(ConnectionRefusedError):
                await said_back(port)
            await proxy.take([], [], [refused])
            assert await said_back(port) == b"hello"
        reset = wire("comm_loss", mode="reset")
        await proxy.take([reset], [reset], [])
        with pytest.raises(ConnectionResetError):
            assert await said_back(port) == b"hello"
        hole = wire("comm_loss", mode="black_hole")
        await proxy.take([hole], [hole], [reset])
        assert await said_back(port) == b"silence"
        await proxy.take([], [], [hole])
        assert await said_back(port) == b"hello"


async def test_what_is_sent_to_a_frozen_device_arrives_when_it_wakes_up() -> None:
    async with echo_behind_a_proxy() as (proxy, port):
        frozen = wire("comm_loss", mode="frozen")
        await proxy.take([frozen], [frozen], [])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(100)
        await proxy.take([], [], [frozen])
        async with asyncio.timeout(5.0):
            assert await reader.read(100) == b"hello"
        writer.close()


async def test_slow_answers_keep_their_order() -> None:
    async with echo_behind_a_proxy() as (proxy, port):
        slow = wire("slow_response", delay_s=0.05, jitter_s=0.05)
        await proxy.take([slow], [slow], [])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(10):
            writer.write(bytes([number]))
            await writer.drain()
        async with asyncio.timeout(5.0):
            assert await reader.readexactly(10) == bytes(range(10))
        writer.close()


async def test_faults_are_ordered_and_cleared_over_http_and_wrong_orders_are_answered(tmp_path: Path) -> None:
    url = f"modbus://127.0.0.1:{free_port()}"
    loaded = one_station(tmp_path, [{"id": "d", "profile": "modbus-swap-cabinet", "url": url}])
    async with serving(loaded) as truth, httpx.AsyncClient(base_url=truth.removesuffix("/truth")) as client:
        listed = (await client.get("/faults")).json()
        assert listed["active"] == []
        assert {kind["fault"] for kind in listed["catalogue"]} == set(CATALOGUE)
        order = {"fault": "comm_loss", "target": "S1/d", "parameters": {"mode": "refuse"}}
        made = await client.post("/faults", json=order)
        assert made.status_code == 201
        host, port = "127.0.0.1", loaded.site.stations[0].devices[0].port
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, port)
        active = (await client.get("/faults")).json()["active"]
        assert [(entry["id"], entry["active"]) for entry in active] == [(made.json()["id"], True)]
        assert (await client.delete(f"/faults/{made.json()['id']}")).json() == {"cleared": 1}
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        assert (await client.delete("/faults/f77")).status_code == 404
        wrong = await client.post("/faults", json=order | {"fault": "comm_lost"})
        assert wrong.status_code == 422
        assert "comm_loss" in wrong.json()["error"]["remedy"]
        for content, kind, status in (
            ("{", "application/json", 422),
            ("[]", "application/json", 422),
            ("{}", "text/plain", 415),
        ):
            answer = await client.post("/faults", content=content, headers={"Content-Type": kind})
            assert answer.status_code == status
        assert (await client.get("/faults", headers={"Host": "evil.example"})).status_code == 403
        assert set((await client.get("/truth")).json()) == {"S1"}

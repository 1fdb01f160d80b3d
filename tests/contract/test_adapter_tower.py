"""The tower adapter against cabinets written here with plain sockets, byte by byte as the protocol says."""

import asyncio
import contextlib
import json
import random
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from adapters import tower, tower_listen
from adapters.base import LinkState, Writable, WriteError
from adapters.registry import build
from adapters.tower import TowerAdapter, WritableTowerAdapter
from config.clock import RealClock
from tests.support.adapters import Desk, device, running
from tests.support.peers import free_port
from twin.signals import ChargerState, Quality, Reason

POINTS: list[dict[str, Any]] = [
    {"signal": "soc", "address": "02109001", "scale": 0.01},
    {"signal": "pack_id", "address": "02106001"},
    {"signal": "charger_state", "address": "02104001", "enum": {0: "idle", 1: "charging", 2: "full", 5: "fault"}},
    {"signal": "enabled", "address": "02118001", "access": "rw", "write": {"minimum": 0, "maximum": 1}},
    {"signal": "smoke", "entity": "station", "address": "alarm:02135001"},
    {"signal": "temperature_c", "entity": "station", "address": "02113001"},
]
ONE = "S1/slot/01"


class Cabinet:
    """A cabinet's end of the wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: str, name: str) -> None:
        self.reader, self.writer, self.framing, self.name = reader, writer, framing, name
        self.more = 10 if framing == "newline" else 0
        self.txn = round(RealClock().now() * 1000)

    def framed(self, kind: int, **fields: Any) -> bytes:
        self.txn += 1
        text = json.dumps({"msgType": kind, "txnNo": self.txn, "devId": self.name} | fields).encode()
        return text + b"\n" if self.framing == "newline" else struct.pack(">I", len(text)) + text

    def login_bytes(self) -> bytes:
        return self.framed(
            100 + self.more, imsi="460", hardVersion="1", softVersion="2", protocolVersion="3"
        )  # fmt: skip

    def report_bytes(self, *attributes: dict[str, Any], full: int = 0, **fields: Any) -> bytes:
        return self.framed(300 + self.more, isFull=full, attrList=list(attributes), **fields)

    async def said(self) -> dict[str, Any]:
        async with asyncio.timeout(10.0):
            if self.framing == "newline":
                text = await self.reader.readuntil(b"\n")
            else:
                (length,) = struct.unpack(">I", await self.reader.readexactly(4))
                text = await self.reader.readexactly(length)
        return json.loads(text)  # type: ignore[no-any-return]

    async def login(self) -> None:
        self.writer.write(self.login_bytes())
        assert await self.said() == {"msgType": 101 + self.more, "txnNo": self.txn, "devId": self.name, "result": 1}

    async def report(self, *attributes: dict[str, Any], full: int = 0) -> None:
        self.writer.write(self.report_bytes(*attributes, full=full))
        assert await self.said() == {"msgType": 301 + self.more, "txnNo": self.txn, "devId": self.name, "result": 1}

    async def closed(self) -> None:
        """Wait until the gateway has closed."""
        async with asyncio.timeout(10.0):
            with contextlib.suppress(ConnectionResetError):
                while await self.reader.read(4096):
                    continue


def at(attribute: str, value: object, door: object = None) -> dict[str, Any]:
    return {"id": attribute, "value": value} | ({} if door is None else {"doorId": door})


@asynccontextmanager
async def cabinet(port: int, framing: str = "length", name: str = "CAB-1") -> AsyncIterator[Cabinet]:
    async with asyncio.timeout(10.0):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                # The adapter's task listens a moment after it is started.
                continue
    try:
        yield Cabinet(reader, writer, framing, name)
    finally:
        writer.transport.abort()


def desk_of(port: int, *, dev_id: str | None = None, slots: int = 2, **profile: Any) -> tuple[TowerAdapter, Desk]:
    bound = device(
        f"tower://127.0.0.1:{port}",
        POINTS,
        slots=slots,
        device={} if dev_id is None else {"dev_id": dev_id},
        **({"interval_s": 5.0, "time_field": "txnNo", "time_unit": "ms"} | profile),
    )
    return TowerAdapter(bound, RealClock(), random.Random(1)), Desk(bound)


@pytest.mark.parametrize("framing", ["length", "newline"])
async def test_a_cabinet_of_either_maker_logs_in_and_its_report_becomes_values(framing: str) -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port, framing) as peer:
        await peer.login()
        assert desk.link.state is not LinkState.CONNECTED
        await peer.report(
            at("02109001", "87", "1"),
            at("02106001", "PK-77", "1"),
            at("02104001", 2, "1"),
            at("02109001", 12.5, 2),
            at("02104001", "1", "02"),
            at("02113001", "31.5"),
            at("09999999", "whatever", "1"),
            full=1,
        )
        await desk.until(lambda: desk.value(f"{ONE}/soc") is not None)
        assert desk.value(f"{ONE}/soc") == pytest.approx(0.87)
        assert desk.texts[int(desk.value(f"{ONE}/pack_id") or 0)] == "PK-77"
        assert desk.value(f"{ONE}/charger_state") == ChargerState.FULL
        assert desk.value("S1/slot/02/soc") == pytest.approx(0.125)
        assert desk.value("S1/slot/02/charger_state") == ChargerState.CHARGING
        assert desk.value("S1/station/temperature_c") == 31.5
        assert desk.latest[f"{ONE}/soc"].source_time == pytest.approx(peer.txn / 1000.0)
        assert desk.link.state is LinkState.CONNECTED
        assert desk.link.errors == 0


async def test_a_report_of_changes_touches_what_it_names_and_confirms_the_rest() -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port) as peer:
        await peer.login()
        await peer.report(at("02109001", 50, "1"), at("02109001", 60, "2"), full=1)
        await peer.report(at("02109001", 51, "1"))
        await peer.report()
        await desk.until(lambda: len(desk.confirmed) == 3)
        assert desk.value(f"{ONE}/soc") == pytest.approx(0.51)
        assert desk.value("S1/slot/02/soc") == pytest.approx(0.60)
        assert desk.confirmed[-1] == pytest.approx(peer.txn / 1000.0)


async def test_what_a_full_report_no_longer_names_of_a_door_has_no_value_any_more() -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port) as peer:
        await peer.login()
        await peer.report(at("02109001", 50, "1"), at("02104001", 1, "1"), at("02109001", 60, "2"), full=1)
        await peer.report(at("02104001", 0, "1"), full=1)
        await desk.until(lambda: desk.reason(f"{ONE}/soc") is Reason.NOT_CONFIGURED)
        assert desk.value("S1/slot/02/soc") == pytest.approx(0.60)


@pytest.mark.parametrize("framing", ["length", "newline"])
async def test_frames_may_come_split_at_every_byte_and_merged(framing: str) -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port, framing) as peer:
        stream = peer.login_bytes() + b"".join(
            peer.report_bytes(at("02109001", value, "1"), full=1) for value in range(5)
        )
        for byte in stream:
            peer.writer.write(bytes([byte]))
            await peer.writer.drain()
        peer.writer.write(b"".join(peer.report_bytes(at("02109001", value, "1")) for value in range(5, 100)))
        await desk.until(lambda: desk.value(f"{ONE}/soc") == pytest.approx(0.99))
        socs = [seen.value for path, seen in desk.history if path == f"{ONE}/soc"]
        assert socs == pytest.approx([value / 100.0 for value in range(100)])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("full", Reason.SENSOR_FAILURE),
        ("NaN", Reason.SENSOR_FAILURE),
        (float("nan"), Reason.SENSOR_FAILURE),
        ("1e999", Reason.SENSOR_FAILURE),
        ({"x": 1}, Reason.SENSOR_FAILURE),
        (True, Reason.SENSOR_FAILURE),
        ("140", Reason.OUT_OF_RANGE),
        (-3, Reason.OUT_OF_RANGE),
        ("", Reason.NOT_CONFIGURED),
        (None, Reason.NOT_CONFIGURED),
    ],
)
async def test_what_cannot_be_right_is_never_good_and_its_neighbour_is(value: object, reason: Reason) -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port) as peer:
        await peer.login()
        await peer.report(at("02109001", 50, "1"), full=1)
        await peer.report(at("02109001", value, "1"), at("02109001", 40, "2"))
        await desk.until(lambda: desk.reason(f"{ONE}/soc") is reason)
        assert desk.latest[f"{ONE}/soc"].quality is Quality.BAD
        assert desk.value("S1/slot/02/soc") == pytest.approx(0.40)


async def test_a_broken_message_in_a_whole_frame_is_counted_and_the_next_one_is_taken() -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port) as peer:
        await peer.login()
        await peer.report(at("02109001", 50, "1"), full=1)
        for broken in (b'{"msgType": 300,', b"[1, 2]", b"\xff\xfe\xfd", b'{"msgType": "x"}', b"[" * 60_000):
            peer.writer.write(struct.pack(">I", len(broken)) + broken)
        peer.writer.write(peer.framed(300, attrList={"id": "02109001"}))
        assert (await peer.said())["result"] == 0
        peer.writer.write(peer.framed(300, attrList=[7, {"value": 3}, at("02109001", 55, "1")]))
        assert (await peer.said())["result"] == 1
        await desk.until(lambda: desk.value(f"{ONE}/soc") == pytest.approx(0.55))
        assert desk.link.errors == 7
        assert desk.link.state is LinkState.CONNECTED


@pytest.mark.parametrize("garbage", [struct.pack(">I", 2**31), struct.pack(">I", 0), b"GET / HTTP/1.1\r\n\r\n"])
async def test_a_lost_framing_ends_the_connection_and_the_cabinet_comes_back(garbage: bytes) -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk):
        async with cabinet(port) as peer:
            await peer.login()
            await peer.report(at("02109001", 50, "1"), full=1)
            peer.writer.write(peer.report_bytes(at("02109001", 51, "1")) + garbage)
            await peer.closed()
            await desk.until(lambda: desk.link.state is LinkState.AWAY)
            assert ("S1/slot/01/soc", pytest.approx(0.51)) in [(path, seen.value) for path, seen in desk.history]
            assert desk.reason(f"{ONE}/soc") is Reason.NO_COMMUNICATION
            assert "no frame" in desk.link.detail
            assert desk.link.errors == 1
        async with cabinet(port) as peer:
            await peer.login()
            await peer.report(at("02109001", 52, "1"), full=1)
            await desk.until(lambda: desk.value(f"{ONE}/soc") == pytest.approx(0.52))


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x02{]", b"\x16\x03\x01\x02\x00"])
async def test_a_stranger_who_does_not_speak_the_protocol_is_sent_away_and_named(first: bytes) -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port) as stranger:
        stranger.writer.write(first)
        await stranger.closed()
        await desk.until(lambda: desk.link.state is LinkState.AWAY and desk.link.errors == 1)
        assert "refused: 127.0.0.1:" in desk.link.detail


async def test_a_line_without_end_is_cut_off() -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port, "newline") as peer:
        await peer.login()
        peer.writer.write(b"{" * 1_000_000)
        await peer.closed()
        await desk.until(lambda: "more than" in desk.link.detail)


async def test_nothing_is_taken_before_a_login() -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port) as peer:
        peer.writer.write(peer.report_bytes(at("02109001", 50, "1"), full=1))
        assert (await peer.said())["result"] == 0
        assert not desk.batches
        await peer.login()
        await peer.report(at("02109001", 50, "1"), full=1)
        await desk.until(lambda: desk.value(f"{ONE}/soc") == pytest.approx(0.5))


async def test_a_second_login_of_the_same_cabinet_replaces_the_first_without_a_gap() -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port) as first:
        await first.login()
        await first.report(at("02109001", 50, "1"), full=1)
        async with cabinet(port) as second:
            await second.login()
            await first.closed()
            await second.report(at("02109001", 51, "1"), full=1)
            await desk.until(lambda: desk.value(f"{ONE}/soc") == pytest.approx(0.51))
            assert desk.said == ["connected"]


async def test_another_cabinet_does_not_take_the_place_of_one_that_is_there() -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port) as first:
        await first.login()
        await first.report(at("02109001", 50, "1"), full=1)
        async with cabinet(port, name="CAB-2") as other:
            other.writer.write(other.login_bytes())
            assert (await other.said())["result"] == 0
            await other.closed()
        await first.report(at("02109001", 51, "1"))
        await desk.until(lambda: desk.value(f"{ONE}/soc") == pytest.approx(0.51))


async def test_cabinets_share_an_address_and_are_told_apart_by_their_dev_id() -> None:
    port = free_port()
    pairs = {name: desk_of(port, dev_id=name) for name in ("CAB-1", "CAB-2")}
    async with AsyncExitStack() as stack:
        for adapter, desk in pairs.values():
            await stack.enter_async_context(running(adapter, desk))
        for soc, name in ((10, "CAB-2"), (20, "CAB-1")):
            peer = await stack.enter_async_context(cabinet(port, name=name))
            await peer.login()
            await peer.report(at("02109001", soc, "1"), full=1)
            desk = pairs[name][1]
            await desk.until(lambda: desk.value(f"{ONE}/soc") == pytest.approx(soc / 100.0))  # noqa: B023
        assert pairs["CAB-2"][1].value(f"{ONE}/soc") == pytest.approx(0.10)
        peer = await stack.enter_async_context(cabinet(port, name="CAB-3"))
        peer.writer.write(peer.login_bytes())
        assert (await peer.said())["result"] == 0


async def test_a_wrong_dev_id_is_named_to_the_engineer() -> None:
    port = free_port()
    adapter, desk = desk_of(port, dev_id="CAB-7")
    async with running(adapter, desk), cabinet(port, name="CAB-8") as peer:
        peer.writer.write(peer.login_bytes())
        assert (await peer.said())["result"] == 0
        await desk.until(lambda: "'CAB-8'" in desk.link.detail and "'CAB-7'" in desk.link.detail)
        assert desk.link.errors == 1


async def test_a_cabinet_that_falls_silent_is_away_and_its_connection_is_closed() -> None:
    port = free_port()
    adapter, desk = desk_of(port, interval_s=0.5)
    async with running(adapter, desk), cabinet(port) as peer:
        await peer.login()
        await peer.report(at("02109001", 50, "1"), full=1)
        await peer.closed()
        await desk.until(lambda: desk.reason(f"{ONE}/soc") is Reason.NO_COMMUNICATION)
        assert "no report for" in desk.link.detail


async def test_a_broken_connection_is_noticed_at_once() -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk):
        async with cabinet(port) as peer:
            await peer.login()
            await peer.report(at("02109001", 50, "1"), full=1)
        await desk.until(lambda: desk.reason(f"{ONE}/soc") is Reason.NO_COMMUNICATION, within_s=3.0)


async def test_an_address_that_is_taken_is_said_and_had_once_it_is_free() -> None:
    port = free_port()
    blocker = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port)
    adapter, desk = desk_of(port)
    async with running(adapter, desk):
        await desk.until(lambda: "cannot listen" in desk.link.detail)
        assert desk.link.state is LinkState.AWAY
        blocker.close()
        await blocker.wait_closed()
        await desk.until(lambda: "has not logged in" in desk.link.detail)
        async with cabinet(port) as peer:
            await peer.login()
            await peer.report(at("02109001", 50, "1"), full=1)
            await desk.until(lambda: desk.value(f"{ONE}/soc") == pytest.approx(0.5))


async def test_connections_without_a_login_are_bounded_in_number_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tower_listen, "LOGIN_S", 0.5)
    monkeypatch.setattr(tower_listen, "STRANGERS", 3)
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), AsyncExitStack() as stack:
        strangers = [await stack.enter_async_context(cabinet(port)) for _ in range(5)]
        for stranger in strangers:
            await stranger.closed()
        peer = await stack.enter_async_context(cabinet(port))
        await peer.login()
        await peer.report(at("02109001", 50, "1"), full=1)
        await desk.until(lambda: desk.value(f"{ONE}/soc") == pytest.approx(0.5))


async def test_an_alarm_is_answered_and_shown_by_the_point_that_is_mapped_to_it() -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk), cabinet(port) as peer:
        await peer.login()
        for flag in (1, "0"):
            peer.writer.write(
                peer.framed(400, alarmList=[{"id": "02135001", "alarmTime": peer.txn, "alarmFlag": flag}])
            )
            reply = await peer.said()
            assert (reply["msgType"], reply["result"]) == (401, 1)
            wanted = float(flag)
            await desk.until(lambda: desk.value("S1/station/smoke") == wanted)  # noqa: B023


def writable(port: int, **profile: Any) -> tuple[WritableTowerAdapter, Desk, int]:
    _, desk = desk_of(port, **profile)
    adapter = build(desk.bound, RealClock(), writable=True)
    assert isinstance(adapter, WritableTowerAdapter)
    number = next(point.number for point in desk.bound.points if point.path == f"{ONE}/enabled")
    return adapter, desk, number


async def test_a_write_is_a_command_that_the_next_report_proves() -> None:
    port = free_port()
    adapter, desk, number = writable(port)
    async with running(adapter, desk), cabinet(port) as peer:
        await peer.login()
        await peer.report(at("02118001", "1", "1"), full=1)
        await desk.until(lambda: desk.value(f"{ONE}/enabled") == 1.0)
        writing = asyncio.create_task(adapter.write(number, 0.0))
        command = await peer.said()
        assert command["msgType"] == 500
        assert command["devId"] == "CAB-1"
        assert command["paramList"] == [{"id": "02301001", "value": "06", "doorId": "1"}]
        answer = json.dumps({"msgType": 501, "txnNo": command["txnNo"], "devId": "CAB-1", "result": 1}).encode()
        peer.writer.write(struct.pack(">I", len(answer)) + answer)
        await peer.report()
        assert not writing.done()
        await peer.report(at("02118001", "0", "1"))
        assert await writing == 0.0


async def test_a_write_that_did_not_take_says_why() -> None:
    port = free_port()
    adapter, desk, number = writable(port, timeout_s=0.3, interval_s=0.5)
    smoke = next(point.number for point in desk.bound.points if point.path == "S1/station/smoke")
    async with running(adapter, desk):
        with pytest.raises(WriteError, match="is away"):
            await adapter.write(number, 0.0)
        with pytest.raises(WriteError, match="may not be written"):
            await adapter.write(smoke, 1.0)
        with pytest.raises(WriteError, match="takes 0 to 1"):
            await adapter.write(number, 2.0)
        with pytest.raises(WriteError, match="no command"):
            await adapter.write(number, 0.5)
        async with cabinet(port) as peer:
            await peer.login()
            await peer.report(at("02118001", "1", "1"), full=1)
            await desk.until(lambda: desk.value(f"{ONE}/enabled") == 1.0)
            with pytest.raises(WriteError, match="did not answer"):
                await adapter.write(number, 0.0)
            await peer.said()
            writing = asyncio.create_task(adapter.write(number, 0.0))
            command = await peer.said()
            answer = json.dumps({"msgType": 501, "txnNo": command["txnNo"], "result": 0}).encode()
            peer.writer.write(struct.pack(">I", len(answer)) + answer)
            with pytest.raises(WriteError, match="refused command 06 for door 1"):
                await writing
            writing = asyncio.create_task(adapter.write(number, 0.0))
            await peer.said()
        with pytest.raises(WriteError, match="broke before the cabinet answered"):
            await writing


def test_a_site_without_writes_gets_an_adapter_that_cannot_write() -> None:
    _, desk = desk_of(7900)
    assert not isinstance(build(desk.bound, RealClock()), Writable)
    assert isinstance(build(desk.bound, RealClock(), writable=True), Writable)


def test_the_time_limits_leave_room_for_each_other() -> None:
    assert tower.CHECK_S < tower.SHORTEST_SILENCE_S < tower_listen.LOGIN_S

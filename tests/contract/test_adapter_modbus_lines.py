"""Modbus devices that share a line: a gateway with several units behind it, RTU over TCP, a serial port."""

import asyncio
import contextlib
import os
import random
import struct
import tty
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import groupby
from typing import Any

from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.base import LinkState
from adapters.modbus import ModbusAdapter
from adapters.modbus_line import Lines
from adapters.modbus_wire import RtuFraming
from config.clock import RealClock
from tests.support.adapters import Desk, device, running
from tests.support.modbus import frame, registers, wire
from tests.support.peers import free_port

SOC: list[dict[str, Any]] = [{"signal": "soc", "address": 0, "type": "u16", "stride": 1, "scale": 0.001}]
FOUR: list[dict[str, Any]] = [
    {"signal": signal, "address": 100 * number, "type": "u16", "stride": 1, "scale": 0.001}
    for number, signal in enumerate(("soc", "soh", "power_w", "voltage_v"))
]


def desks(
    url: str, units: tuple[int, ...], points: list[dict[str, Any]] = SOC, more: Any = None, **profile: Any
) -> list[tuple[ModbusAdapter, Desk]]:
    """One adapter a unit, all on the lines of one gateway."""
    lines = Lines(RealClock(), random.Random(1))
    made = []
    for unit in units:
        described = {"unit_id": unit} | (more or {})
        bound = device(url, points, device=described, **({"interval_s": 0.1, "timeout_s": 0.3} | profile))
        adapter = ModbusAdapter(bound, RealClock(), random.Random(unit))
        adapter.share(lines)
        made.append((adapter, Desk(bound)))
    return made


@asynccontextmanager
async def all_running(devices: list[tuple[ModbusAdapter, Desk]]) -> AsyncIterator[list[Desk]]:
    async with AsyncExitStack() as stack:
        for adapter, desk in devices:
            await stack.enter_async_context(running(adapter, desk))
        yield [desk for _, desk in devices]


def unit_of(request: bytes) -> int:
    return request[6]


async def test_units_behind_one_address_share_a_connection_with_one_request_at_a_time() -> None:
    writers: set[asyncio.StreamWriter] = set()
    asked = open_now = 0

    async def note(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal asked, open_now
        writers.add(writer)
        asked, open_now = asked + 1, open_now + 1
        assert open_now == 1
        await asyncio.sleep(0.002)  # noqa: TID251 - the device thinks
        open_now -= 1
        writer.write(frame(request, registers(request, 100 * unit_of(request))))

    async with wire(note) as port, all_running(desks(f"modbus://127.0.0.1:{port}", (1, 2, 3, 4, 5))) as all_desks:
        for unit, desk in enumerate(all_desks, start=1):
            await desk.until(lambda desk=desk: len(desk.batches) > 5)  # type: ignore[misc]
            assert {seen.value for path, seen in desk.history if "slot/01" in path} == {unit / 10.0}
        assert asked > 25
        assert len(writers) == 1


async def test_the_line_is_closed_when_its_last_device_leaves() -> None:
    ended = asyncio.Event()

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        asyncio.get_running_loop().create_task(_closed(writer, ended))
        writer.write(frame(request, registers(request, 500)))

    async with wire(answer) as port:
        first, second = desks(f"modbus://127.0.0.1:{port}", (1, 2))
        async with running(*first):
            async with running(*second):
                await second[1].until(lambda: bool(second[1].good()))
            seen = len(first[1].batches)
            await first[1].until(lambda: len(first[1].batches) > seen + 3)
            assert not ended.is_set()
        await asyncio.wait_for(ended.wait(), 2.0)


async def _closed(writer: asyncio.StreamWriter, ended: asyncio.Event) -> None:
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    ended.set()


async def test_a_dead_unit_is_probed_with_single_requests_between_polls_of_the_others() -> None:
    asked: list[int] = []
    dead = True

    async def partly(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(unit_of(request))
        if unit_of(request) != 2 or not dead:
            writer.write(frame(request, registers(request, 500)))

    async with wire(partly) as port:
        devices = desks(f"modbus://127.0.0.1:{port}", (1, 2), FOUR, max_hole=0)
        async with all_running(devices) as (alive, silent):
            await silent.until(lambda: silent.link.state is LinkState.AWAY)
            del asked[:]
            await silent.until(lambda: asked.count(2) >= 2, within_s=15.0)
            runs = [(unit, len(list(group))) for unit, group in groupby(asked)]
            assert all(length == 1 for unit, length in runs if unit == 2)
            # Each poll of the other is whole, and there are several between two probes.
            assert all(length % 4 == 0 and length >= 8 for unit, length in runs[1:-1] if unit == 1)
            assert alive.said == ["connected"]
            assert len(alive.good()) == 8
            dead = False
            await silent.until(lambda: len(silent.good()) == 8, within_s=10.0)


async def test_a_slow_unit_does_not_come_between_the_requests_of_a_quick_one() -> None:
    asked: list[int] = []

    async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(unit_of(request))
        if unit_of(request) == 2:
            await asyncio.sleep(0.2)  # noqa: TID251 - the device is slow
        writer.write(frame(request, registers(request, 500)))

    async with wire(slow) as port:
        devices = desks(f"modbus://127.0.0.1:{port}", (1, 2), FOUR, max_hole=0)
        async with all_running(devices) as (quick, other):
            await other.until(lambda: len(other.batches) > 1)
            await quick.until(lambda: len(quick.good()) == 8)
        runs = [(unit, len(list(group))) for unit, group in groupby(asked)][1:-1]
        assert all(length % 4 == 0 for unit, length in runs if unit == 1)
        assert all(length == 1 for unit, length in runs if unit == 2)


async def test_a_gateway_that_speaks_for_a_missing_unit_marks_only_that_one_away() -> None:
    async def gateway(request: bytes, writer: asyncio.StreamWriter) -> None:
        missing = unit_of(request) == 2
        writer.write(frame(request, bytes([request[7] | 0x80, 11]) if missing else registers(request, 500)))

    async with wire(gateway) as port, all_running(desks(f"modbus://127.0.0.1:{port}", (1, 2))) as (one, two):
        await two.until(lambda: two.link.state is LinkState.AWAY)
        assert "cannot reach unit 2 (exception 11)" in two.link.detail
        seen = len(one.batches)
        await one.until(lambda: len(one.batches) > seen + 5)
        assert one.said == ["connected"]


async def test_all_units_of_a_line_that_freezes_are_noticed_together_and_return_together() -> None:
    frozen = False

    async def freezing(request: bytes, writer: asyncio.StreamWriter) -> None:
        if not frozen:
            writer.write(frame(request, registers(request, 500)))

    loop = asyncio.get_running_loop()
    async with wire(freezing) as port:
        devices = desks(f"modbus://127.0.0.1:{port}", tuple(range(1, 9)))
        async with all_running(devices) as all_desks:
            for desk in all_desks:
                await desk.until(lambda desk=desk: len(desk.good()) == 2)  # type: ignore[misc]
            frozen, begun = True, loop.time()
            for desk in all_desks:
                await desk.until(lambda desk=desk: desk.link.state is LinkState.AWAY)  # type: ignore[misc]
            # Eight time-outs of 0.3 s, twice each, would be 4.8 s.
            assert loop.time() - begun < 3.0
            frozen = False
            for desk in all_desks:
                await desk.until(lambda desk=desk: len(desk.good()) == 2, within_s=10.0)  # type: ignore[misc]


async def test_a_device_that_closes_after_each_answer_is_read_on_without_a_gap() -> None:
    connections: set[int] = set()

    async def once(request: bytes, writer: asyncio.StreamWriter) -> None:
        connections.add(id(writer))
        writer.write(frame(request, registers(request, 500)))
        await writer.drain()
        writer.close()

    async with wire(once) as port:
        ((adapter, desk),) = desks(f"modbus://127.0.0.1:{port}", (1,), FOUR, max_hole=0)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.batches) > 5)
            assert desk.said == ["connected"]
            assert all(not seen.quality for _, seen in desk.history)


async def test_devices_behind_a_dead_address_are_all_away_after_one_attempt() -> None:
    port = free_port()
    async with all_running(desks(f"modbus://127.0.0.1:{port}", (1, 2, 3))) as all_desks:
        for desk in all_desks:
            await desk.until(lambda desk=desk: desk.link.state is LinkState.AWAY, within_s=3.0)  # type: ignore[misc]
            assert "connection refused" in desk.link.detail


def units(*numbers: int) -> list[SimDevice]:
    return [
        SimDevice(id=unit, simdata=[SimData(0, count=400, values=100 * unit, datatype=DataType.REGISTERS)])
        for unit in numbers
    ]


async def test_rtu_over_tcp_of_a_pymodbus_server_is_read() -> None:
    port = free_port()
    server = ModbusTcpServer(units(1, 2), framer=FramerType.RTU, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        async with all_running(desks(f"modbus+rtu://127.0.0.1:{port}", (1, 2), FOUR)) as all_desks:
            for unit, desk in enumerate(all_desks, start=1):
                await desk.until(lambda desk=desk: len(desk.good()) == 8)  # type: ignore[misc]
                assert desk.value("S1/slot/02/soc") == unit / 10.0
    finally:
        await server.shutdown()


@asynccontextmanager
async def rtu_wire(answer: Any) -> AsyncIterator[int]:
    """A converter made of bytes: each request of eight bytes goes to ``answer``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await answer(await reader.readexactly(8), writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_late_rtu_answer_is_never_taken_for_the_answer_to_another_request() -> None:
    """RTU frames have no number, so a late answer fits the next request of the same shape."""
    late: list[bytes] = []
    loop = asyncio.get_running_loop()

    async def tardy(request: bytes, writer: asyncio.StreamWriter) -> None:
        address, count = struct.unpack(">HH", request[2:6])
        data = struct.pack(">H", 100 + address) * count
        answer = RtuFraming().frame(0, request[0], bytes([3, len(data)]) + data)
        if address == 200 and len(late) < 3:
            late.append(answer)
            loop.call_later(0.4, writer.write, answer)
        else:
            writer.write(answer)

    async with rtu_wire(tardy) as port:
        ((adapter, desk),) = desks(f"modbus+rtu://127.0.0.1:{port}", (1,), FOUR, max_hole=0)
        async with running(adapter, desk):
            await desk.until(lambda: len(late) == 3 and len(desk.batches) > 8 and len(desk.good()) == 8)
    told = {(path.rsplit("/", 1)[1], seen.value) for path, seen in desk.history if not seen.quality}
    assert told == {("soc", 0.1), ("soh", 0.2), ("power_w", 0.3), ("voltage_v", 0.4)}


async def test_damaged_rtu_frames_are_no_data() -> None:
    damaged = True

    async def noisy(request: bytes, writer: asyncio.StreamWriter) -> None:
        data = struct.pack(">HH", 500, 500)
        answer = bytearray(b"\xff\x01" + RtuFraming().frame(0, request[0], bytes([3, len(data)]) + data))
        if damaged:
            answer[6] ^= 0x10
        writer.write(answer)

    async with rtu_wire(noisy) as port:
        ((adapter, desk),) = desks(f"modbus+rtu://127.0.0.1:{port}", (1,))
        async with running(adapter, desk):
            await desk.until(lambda: desk.link.state is LinkState.AWAY)
            assert not desk.batches
            damaged = False
            await desk.until(lambda: desk.value("S1/slot/01/soc") == 0.5)


@asynccontextmanager
async def cable() -> AsyncIterator[tuple[str, str]]:
    """Two serial ports joined by a cable."""
    loop = asyncio.get_running_loop()
    (one, one_end), (two, two_end) = os.openpty(), os.openpty()
    for end in (one, one_end, two, two_end):
        tty.setraw(end)

    def pump(source: int, target: int) -> None:
        with contextlib.suppress(OSError):
            os.write(target, os.read(source, 4096))

    loop.add_reader(one, pump, one, two)
    loop.add_reader(two, pump, two, one)
    try:
        yield os.ttyname(one_end), os.ttyname(two_end)
    finally:
        for end in (one, two):
            loop.remove_reader(end)
        for end in (one, one_end, two, two_end):
            os.close(end)


async def test_units_on_a_serial_line_of_a_pymodbus_server_are_read() -> None:
    async with cable() as (ours, theirs):

        def only_those_there(sending: bool, data: bytes) -> bytes:
            # The library answers for units that are not there, as nothing on a serial line does.
            return b"" if sending and data[0] == 3 else data

        server = ModbusSerialServer(
            units(1, 2), framer=FramerType.RTU, port=theirs, baudrate=19200, trace_packet=only_those_there
        )
        await server.serve_forever(background=True)
        try:
            line = {"baudrate": 19200, "parity": "even"}
            async with all_running(desks(f"modbus+serial://{ours}", (1, 2, 3), FOUR, line)) as all_desks:
                for unit, desk in enumerate(all_desks[:2], start=1):
                    await desk.until(lambda desk=desk: len(desk.good()) == 8)  # type: ignore[misc]
                    assert desk.value("S1/slot/01/soc") == unit / 10.0
                await all_desks[2].until(lambda: all_desks[2].link.state is LinkState.AWAY)
                assert f"unit 3 at {ours}" in all_desks[2].link.detail
                assert all_desks[0].said == ["connected"]
        finally:
            await server.shutdown()


async def test_a_serial_port_that_is_not_there_or_taken_is_a_state_that_says_what_to_do() -> None:
    ((adapter, desk),) = desks("modbus+serial:///dev/ttyNOT_THERE", (1,))
    async with running(adapter, desk):
        await desk.until(lambda: desk.link.state is LinkState.AWAY)
        assert "cannot open /dev/ttyNOT_THERE: there is no such device file" in desk.link.detail
    async with cable() as (ours, theirs):
        server = ModbusSerialServer(units(1), framer=FramerType.RTU, port=theirs)
        await server.serve_forever(background=True)
        try:
            # Two gateways of which each has the line to itself.
            (first,), (second,) = desks(f"modbus+serial://{ours}", (1,)), desks(f"modbus+serial://{ours}", (1,))
            async with running(*first):
                await first[1].until(lambda: bool(first[1].good()))
                async with running(*second):
                    await second[1].until(lambda: second[1].link.state is LinkState.AWAY)
                    assert "another program has it open" in second[1].link.detail
        finally:
            await server.shutdown()


async def test_an_unplugged_serial_adapter_is_noticed() -> None:
    async with cable() as (ours, theirs):
        server = ModbusSerialServer(units(1), framer=FramerType.RTU, port=theirs)
        await server.serve_forever(background=True)
        ((adapter, desk),) = desks(f"modbus+serial://{ours}", (1,))
        task = asyncio.create_task(adapter.run(desk))
        await desk.until(lambda: bool(desk.good()))
        await server.shutdown()
    try:
        await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=5.0)
        assert not desk.good()
    finally:
        task.cancel()
        await asyncio.wait([task])

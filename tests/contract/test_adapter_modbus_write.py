"""Writing Modbus devices: what was written is read back, and fed to devices that otherwise fall back."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Writable, WriteError
from adapters.modbus import ModbusAdapter
from adapters.modbus_write import WritableModbusAdapter
from adapters.registry import build
from config.clock import RealClock
from tests.support.adapters import Desk, device, running
from tests.support.modbus import frame, wire
from tests.support.peers import peer
from twin.signals import ChargerState

WATTS = {"minimum": 0.0, "maximum": 2000.0}
POINTS: list[dict[str, Any]] = [
    {"signal": "soc", "address": 0, "type": "u16", "stride": 1, "scale": 0.001},
    {"signal": "power_limit_w", "address": 10, "type": "f32", "word_order": "CDAB", "stride": 2, "write": WATTS},
    {
        "signal": "current_limit_a",
        "address": 20,
        "type": "i16",
        "stride": 1,
        "scale": 0.1,
        "sign": -1,
        "write": {"minimum": 0.0, "maximum": 32.0},
    },
    {"signal": "enabled", "address": 0, "table": "coil", "stride": 1, "write": {"minimum": 0.0, "maximum": 1.0}},
    {
        "signal": "charger_state",
        "address": 30,
        "type": "u16",
        "stride": 1,
        "enum": {0: "idle", 3: "cooling", 5: "disabled"},
        "write": {"minimum": 0.0, "maximum": 5.0},
    },
]


def cabinet(port: int, points: list[dict[str, Any]] = POINTS, **profile: Any) -> tuple[WritableModbusAdapter, Desk]:
    points = [{"access": "rw"} | point if "write" in point else point for point in points]
    settings = {"interval_s": 0.1, "timeout_s": 0.4} | profile
    bound = device(f"modbus://127.0.0.1:{port}", points, **settings)
    return WritableModbusAdapter(bound, RealClock(), random.Random(1)), Desk(bound)


def number_of(desk: Desk, path: str) -> int:
    return next(point.number for point in desk.bound.points if point.path == path)


@pytest.mark.peer
async def test_values_of_all_kinds_are_written_to_a_libmodbus_server(libmodbus: Path) -> None:
    async with peer(libmodbus, "0") as server:
        adapter, desk = cabinet(server.port)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.latest) == len(desk.bound.points))
            for signal, value, shown in [
                ("power_limit_w", 1234.5, 1234.5),
                ("current_limit_a", 16.04, 16.0),
                ("enabled", 0.0, 0.0),
                ("enabled", 1.0, 1.0),
                ("charger_state", float(ChargerState.DISABLED), float(ChargerState.DISABLED)),
            ]:
                path = f"S1/slot/02/{signal}"
                assert await adapter.write(number_of(desk, path), value) == pytest.approx(shown)
                await desk.until(lambda path=path, shown=shown: desk.value(path) == pytest.approx(shown))  # type: ignore[misc]
            with pytest.raises(WriteError, match="does not allow"):
                await adapter.write(number_of(desk, "S1/slot/01/soc"), 0.5)
            with pytest.raises(WriteError, match="outside 0 to 32"):
                await adapter.write(number_of(desk, "S1/slot/01/current_limit_a"), 32.1)
            with pytest.raises(WriteError, match="no point number"):
                await adapter.write(99, 1.0)


LIMIT = [POINTS[2] | {"sign": 1, "write": {"minimum": 0.0, "maximum": 32.0, "refresh_s": 0.5}}]
PATH = "S1/slot/01/current_limit_a"


class Charger:
    """A device of two holding registers, with manners that tests set."""

    def __init__(self) -> None:
        self.held = {20: 0, 21: 0}
        self.written: list[tuple[int, int]] = []
        """Function and raw value of each write that was taken."""
        self.functions = {3, 6, 16}
        self.most = 0xFFFF
        self.refuses_with = 0
        self.mute_writes = False
        self.mute = False
        self.news = asyncio.Event()

    async def answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        function, address, word = struct.unpack(">BHH", request[7:12])
        if self.mute or (self.mute_writes and function != 3):
            return
        if function not in self.functions or (self.refuses_with and function != 3):
            writer.write(frame(request, bytes([function | 0x80, self.refuses_with or 1])))
        elif function == 3:
            words = [self.held[address + offset] for offset in range(word)]
            writer.write(frame(request, struct.pack(f">BB{word}H", 3, 2 * word, *words)))
        else:
            raw = word if function == 6 else struct.unpack(">H", request[13:15])[0]
            self.held[address] = min(raw, self.most)
            self.written.append((function, raw))
            self.news.set()
            writer.write(frame(request, request[7:12]))

    async def until_written(self, count: int) -> None:
        async with asyncio.timeout(10.0):
            while len(self.written) < count:
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def charger() -> AsyncIterator[tuple[Charger, WritableModbusAdapter, Desk, int]]:
    here = Charger()
    async with wire(here.answer) as port:
        adapter, desk = cabinet(port, LIMIT)
        async with running(adapter, desk):
            await desk.until(lambda: PATH in desk.good())
            yield here, adapter, desk, number_of(desk, PATH)


@pytest.mark.parametrize("function", [6, 16])
async def test_a_device_that_has_only_one_function_to_write_registers_is_written_with_that(function: int) -> None:
    async with charger() as (here, adapter, _, number):
        here.functions = {3, function}
        assert await adapter.write(number, 10.0) == pytest.approx(10.0)
        assert await adapter.write(number, 11.0) == pytest.approx(11.0)
        assert here.written[:2] == [(function, 100), (function, 110)]


async def test_a_value_that_the_device_keeps_otherwise_is_an_error_with_both_values() -> None:
    async with charger() as (here, adapter, _, number):
        here.most = 160
        with pytest.raises(WriteError, match="wrote 20, but the device shows 16"):
            await adapter.write(number, 20.0)


async def test_a_refused_write_says_what_the_device_said() -> None:
    async with charger() as (here, adapter, _, number):
        here.refuses_with = 3
        with pytest.raises(WriteError, match=r"illegal data value \(exception 3\)"):
            await adapter.write(number, 20.0)


async def test_a_write_without_an_answer_is_not_said_to_have_been_done() -> None:
    async with charger() as (here, adapter, desk, number):
        here.mute_writes = True
        with pytest.raises(WriteError, match="not known whether the device took it"):
            await adapter.write(number, 20.0)
        here.mute = True
        await desk.until(lambda: not desk.good())
        with pytest.raises(WriteError, match="the device is away"):
            await adapter.write(number, 20.0)


async def test_a_command_is_fed_for_as_long_as_the_gateway_runs_and_not_before_it_was_given() -> None:
    async with charger() as (here, adapter, desk, number):
        seen = len(desk.batches)
        await desk.until(lambda: len(desk.batches) > seen + 6)
        assert not here.written
        await adapter.write(number, 16.0)
        await here.until_written(3)
        assert here.written == [(16, 160)] * 3
        await adapter.write(number, 10.0)
        await here.until_written(5)
        assert here.written[3:] == [(16, 100)] * 2
        count = len(here.written)
    # It was stopped, and with it the connection over which it could feed: the device is free to fall back.
    assert len(here.written) == count
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "feed"]


async def test_a_device_that_returns_is_fed_again_and_a_command_that_may_not_hold_is_not() -> None:
    async with charger() as (here, adapter, desk, number):
        await adapter.write(number, 16.0)
        here.mute = True
        await desk.until(lambda: not desk.good())
        here.held[20] = 60  # it fell back
        count = len(here.written)
        here.mute = False
        await here.until_written(count + 1)
        await desk.until(lambda: desk.value(PATH) == pytest.approx(16.0))
        here.most = 120
        with pytest.raises(WriteError):
            await adapter.write(number, 20.0)
        count, seen = len(here.written), len(desk.batches)
        await desk.until(lambda: len(desk.batches) > seen + 8)
        assert len(here.written) == count


async def test_a_read_only_site_has_adapters_that_cannot_write() -> None:
    bound = device("modbus://127.0.0.1:1502", [POINTS[0]])
    assert not isinstance(build(bound, RealClock()), Writable)
    assert type(build(bound, RealClock())) is ModbusAdapter
    assert isinstance(build(bound, RealClock(), writable=True), Writable)

"""The Modbus adapter against servers that are not ours: libmodbus, and wires that break the rules."""

import asyncio
import itertools
import math
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.base import LinkState
from adapters.modbus import ModbusAdapter
from config.clock import RealClock
from tests.support.adapters import Desk, device, running
from tests.support.modbus import frame, registers, wire
from tests.support.peers import free_port, peer
from twin.signals import ChargerState, Reason

POINTS: list[dict[str, Any]] = [
    {"signal": "soc", "address": 0, "type": "u16", "stride": 1, "scale": 0.001, "invalid": [65535]},
    {"signal": "power_w", "address": 10, "type": "f32", "stride": 2},
    {"signal": "voltage_v", "address": 20, "type": "f32", "stride": 2, "word_order": "CDAB"},
    {"signal": "current_a", "address": 30, "type": "f32", "stride": 2, "word_order": "BADC"},
    {"signal": "capacity_wh", "address": 40, "type": "f32", "stride": 2, "word_order": "DCBA"},
    {"signal": "pack_id", "address": 50, "type": "str", "length": 4, "stride": 4},
    {
        "signal": "charger_state",
        "address": 60,
        "type": "u16",
        "stride": 1,
        "enum": {0: "idle", 3: "cooling", 5: "disabled"},
    },
    {"signal": "swap_count", "entity": "station", "address": 70, "type": "u32"},
    {"signal": "mains_ok", "entity": "station", "address": 80, "type": "u16", "bit": 2},
    {"signal": "heartbeat", "entity": "station", "address": 90, "type": "u16"},
    {"signal": "temperature_c", "address": 0, "table": "input", "type": "i16", "stride": 1, "scale": 0.1},
    {"signal": "occupied", "address": 0, "table": "coil", "stride": 1},
    {"signal": "enabled", "address": 8, "table": "discrete", "stride": 1},
    {"signal": "soh", "address": 500, "type": "u16", "stride": 1, "scale": 0.001},
]


def desk_of(port: int, points: list[dict[str, Any]] = POINTS, **profile: Any) -> tuple[ModbusAdapter, Desk]:
    settings = {"interval_s": 0.1, "timeout_s": 0.5} | profile
    bound = device(f"modbus://127.0.0.1:{port}", points, **settings)
    return ModbusAdapter(bound, RealClock(), random.Random(1)), Desk(bound)


@pytest.mark.peer
async def test_every_type_table_and_word_order_of_a_libmodbus_server_is_read(libmodbus: Path) -> None:
    async with peer(libmodbus, "0") as server:
        adapter, desk = desk_of(server.port, max_hole=124, max_read=100)
        before = RealClock().now()
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.latest) == len(desk.bound.points))
        assert desk.value("S1/slot/01/soc") == pytest.approx(0.873)
        assert desk.value("S1/slot/01/power_w") == 1234.5
        assert desk.value("S1/slot/01/voltage_v") == 72.25
        assert desk.value("S1/slot/02/voltage_v") == 71.5
        assert desk.value("S1/slot/01/current_a") == 16.5
        assert desk.value("S1/slot/01/capacity_wh") == 1480.75
        assert desk.texts[int(desk.value("S1/slot/01/pack_id") or 0)] == "PK-7"
        assert desk.value("S1/slot/01/charger_state") == ChargerState.COOLING
        assert desk.value("S1/station/swap_count") == 65538
        assert desk.value("S1/station/mains_ok") == 1.0
        assert desk.value("S1/slot/01/temperature_c") == pytest.approx(25.3)
        assert desk.value("S1/slot/02/temperature_c") == pytest.approx(-12.5)
        assert [desk.value(f"S1/slot/0{slot}/occupied") for slot in (1, 2)] == [1.0, 0.0]
        assert [desk.value(f"S1/slot/0{slot}/enabled") for slot in (1, 2)] == [0.0, 1.0]
        assert before <= desk.latest["S1/slot/01/soc"].source_time <= RealClock().now()
        assert desk.link.state is LinkState.CONNECTED
        assert desk.link.round_trips_s


@pytest.mark.peer
async def test_sentinels_nan_and_nonsense_of_a_libmodbus_server_never_are_good(libmodbus: Path) -> None:
    async with peer(libmodbus, "0") as server:
        adapter, desk = desk_of(server.port, max_hole=20, max_read=100)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.latest) == len(desk.bound.points))
        assert desk.reason("S1/slot/02/soc") is Reason.NOT_CONFIGURED
        assert desk.reason("S1/slot/02/power_w") is Reason.SENSOR_FAILURE
        assert desk.reason("S1/slot/02/current_a") is Reason.OUT_OF_RANGE
        assert desk.reason("S1/slot/02/charger_state") is Reason.OUT_OF_RANGE
        assert desk.reason("S1/slot/02/pack_id") is Reason.NOT_CONFIGURED
        # Behind the end of the table: refused, and without harm to the others.
        assert desk.reason("S1/slot/01/soh") is Reason.NOT_CONFIGURED
        assert desk.value("S1/slot/01/soc") == pytest.approx(0.873)
        assert all(math.isnan(seen.value) for _, seen in desk.history if seen.quality)


@pytest.mark.peer
async def test_data_flow_again_after_a_libmodbus_server_was_killed_and_restarted(libmodbus: Path) -> None:
    async with peer(libmodbus, "0") as first:
        adapter, desk = desk_of(first.port, POINTS[:2])
        async with running(adapter, desk):
            await desk.until(lambda: "S1/slot/01/soc" in desk.good())
            await first.kill()
            await desk.until(lambda: not desk.good(), within_s=3.0)
            assert desk.link.state is LinkState.AWAY
            await desk.until(lambda: f"refused at 127.0.0.1:{first.port}" in desk.link.detail)
            async with peer(libmodbus, str(first.port)) as second:
                await desk.until(lambda: "S1/slot/01/soc" in desk.good(), within_s=15.0)
                assert desk.link.reconnects == 1
                second.tell("holding 0 250")
                await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.25))
                assert [word.split(":")[0] for word in desk.said] == ["connected", "lost", "connected"]


@pytest.mark.peer
async def test_a_device_that_hangs_with_its_connection_open_is_noticed(libmodbus: Path) -> None:
    async with peer(libmodbus, "0") as server:
        adapter, desk = desk_of(server.port, POINTS[:2])
        async with running(adapter, desk):
            await desk.until(lambda: "S1/slot/01/soc" in desk.good())
            server.freeze()
            await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=5.0)
            assert "no answer from unit 1" in desk.link.detail
            assert not desk.good()


@pytest.mark.peer
async def test_a_frozen_controller_behind_a_living_server_is_noticed_and_released(libmodbus: Path) -> None:
    async with peer(libmodbus, "0") as server:
        adapter, desk = desk_of(server.port, watchdog={"signal": "heartbeat", "timeout_s": 1.0})
        async with running(adapter, desk):
            await desk.until(lambda: "S1/slot/01/soc" in desk.good())
            await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=5.0)
            assert "heartbeat stands still" in desk.link.detail
            polls = len(desk.link.round_trips_s)
            await desk.until(lambda: len(desk.link.round_trips_s) > polls + 10)
            assert not desk.good()
            server.tell("holding 90 1")
            await desk.until(lambda: desk.link.state is LinkState.CONNECTED and "S1/slot/01/soc" in desk.good())


SOC = POINTS[:1]
MANY = ("soc", "soh", "temperature_c", "power_w", "voltage_v", "current_a", "cycle_count", "capacity_wh")


async def test_an_answer_with_fewer_registers_than_asked_for_is_no_data() -> None:
    async def short(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(request, registers(request, 500, fewer=1)))

    async with wire(short) as port:
        adapter, desk = desk_of(port, SOC)
        async with running(adapter, desk):
            await desk.until(lambda: desk.reason("S1/slot/01/soc") is Reason.SENSOR_FAILURE)
            assert not desk.good()
            assert desk.link.errors > 0


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1, Reason.NOT_CONFIGURED), (2, Reason.NOT_CONFIGURED), (4, Reason.SENSOR_FAILURE), (6, Reason.SENSOR_FAILURE),
     (11, Reason.NO_COMMUNICATION)],
)  # fmt: skip
async def test_an_exception_marks_only_the_points_of_its_request(code: int, reason: Reason) -> None:
    async def refuse(request: bytes, writer: asyncio.StreamWriter) -> None:
        if struct.unpack(">H", request[8:10])[0] >= 500:
            writer.write(frame(request, bytes([request[7] | 0x80, code])))
        else:
            writer.write(frame(request, registers(request, 500)))

    async with wire(refuse) as port:
        adapter, desk = desk_of(port, [*SOC, POINTS[-1]])
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.latest) == 4)
            assert desk.reason("S1/slot/01/soh") is reason
            assert desk.value("S1/slot/01/soc") == 0.5
            assert desk.link.state is LinkState.CONNECTED


@pytest.mark.parametrize(("transaction", "unit"), [(1, 0), (0, 1)])
async def test_an_answer_to_another_request_or_unit_is_not_taken(transaction: int, unit: int) -> None:
    async def wrong(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(request, registers(request, 500), transaction, unit))

    async with wire(wrong) as port:
        adapter, desk = desk_of(port, SOC, timeout_s=0.2)
        async with running(adapter, desk):
            await desk.until(lambda: desk.link.state is LinkState.AWAY)
            assert not desk.good()
            assert not desk.batches


async def test_noise_on_the_wire_is_not_taken_and_good_data_follow_it() -> None:
    noisy = True

    async def noise(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(random.Random(3).randbytes(300) if noisy else frame(request, registers(request, 500)))

    async with wire(noise) as port:
        adapter, desk = desk_of(port, SOC, timeout_s=0.2)
        async with running(adapter, desk):
            await desk.until(lambda: desk.link.state is LinkState.AWAY)
            noisy = False
            await desk.until(lambda: desk.value("S1/slot/01/soc") == 0.5)
            assert all(seen.value == 0.5 for _, seen in desk.history)


async def test_one_request_that_is_never_answered_starves_no_other() -> None:
    async def partly(request: bytes, writer: asyncio.StreamWriter) -> None:
        if struct.unpack(">H", request[8:10])[0] < 500:
            writer.write(frame(request, registers(request, 500)))

    async with wire(partly) as port:
        points = [POINTS[-1], *SOC, {**POINTS[1], "address": 900}]
        adapter, desk = desk_of(port, [*points, {**POINTS[2], "address": 450}], timeout_s=0.2)
        async with running(adapter, desk):
            count = 0

            def again() -> bool:
                return sum(path == "S1/slot/01/voltage_v" for path, _ in desk.history) > count + 3

            await desk.until(again)
            count = sum(path == "S1/slot/01/voltage_v" for path, _ in desk.history)
            await desk.until(again)


async def test_deadlines_are_fixed_and_those_missed_are_counted() -> None:
    times: list[float] = []
    loop = asyncio.get_running_loop()

    async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
        times.append(loop.time())
        if len(times) == 3:
            await asyncio.sleep(0.25)  # noqa: TID251 - the device is slow
        writer.write(frame(request, registers(request, 500)))

    async with wire(slow) as port:
        adapter, desk = desk_of(port, SOC)
        async with running(adapter, desk):
            await desk.until(lambda: len(times) >= 8)
        assert desk.link.missed_cycles >= 2
        phases = [(time - times[0]) / 0.1 for time in times]
        assert all(abs(phase - round(phase)) < 0.4 for phase in phases)


async def test_the_pause_that_a_device_needs_is_kept_between_all_its_requests() -> None:
    times: list[float] = []
    loop = asyncio.get_running_loop()

    async def note(request: bytes, writer: asyncio.StreamWriter) -> None:
        times.append(loop.time())
        writer.write(frame(request, registers(request, 500)))

    async with wire(note) as port:
        points = [*SOC, {**POINTS[-1], "poll_group": "slow"}, {**POINTS[1], "address": 900}]
        adapter, desk = desk_of(port, points, inter_request_gap_ms=30.0, poll_groups={"slow": {"interval_s": 0.1}})
        async with running(adapter, desk):
            await desk.until(lambda: len(times) >= 12)
    assert all(after - before > 0.025 for before, after in itertools.pairwise(times))


def _cancel_after(task: asyncio.Task[None], desk: Desk, answers: int, turns: int) -> None:
    if len(desk.link.round_trips_s) >= answers:
        turns -= 1
    if turns < 0:
        task.cancel()
    else:
        asyncio.get_running_loop().call_soon(_cancel_after, task, desk, answers, turns)


async def test_an_adapter_in_the_middle_of_fast_polling_ends_whenever_it_is_told_to() -> None:
    held = SimData(0, count=1200, values=500, datatype=DataType.REGISTERS)
    server = ModbusTcpServer(SimDevice(id=1, simdata=[held]), address=("127.0.0.1", free_port()))
    await server.serve_forever(background=True)
    rng = random.Random(5)
    points = [{**POINTS[0], "address": 50 * number, "signal": signal} for number, signal in enumerate(MANY)]
    try:
        for _ in range(100):
            adapter, desk = desk_of(server.comm_params.source_address[1], points, interval_s=0.05, max_read=4)
            task = asyncio.create_task(adapter.run(desk))
            await desk.until(lambda desk=desk: bool(desk.batches))  # type: ignore[misc]
            # So many answers and then turns of the loop later: each turn between two answers is hit sooner or later.
            _cancel_after(task, desk, len(desk.link.round_trips_s) + rng.randrange(1, 8), rng.randrange(20))
            await asyncio.wait([task], timeout=2.0)
            ended = task.cancelled()
            while not task.done():
                # It would keep the loop from closing, and the test from failing.
                task.cancel()
                await asyncio.wait([task], timeout=0.01)
            assert ended
    finally:
        await server.shutdown()


async def test_a_device_that_was_never_there_is_a_state_and_no_error() -> None:
    adapter, desk = desk_of(free_port(), SOC)
    async with running(adapter, desk):
        await desk.until(lambda: desk.link.state is LinkState.AWAY)
        assert "connection refused" in desk.link.detail
        assert desk.link.errors == 0
        assert not desk.good()

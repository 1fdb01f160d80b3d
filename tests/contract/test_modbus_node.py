"""Modbus with a foreign implementation at either end: Node's modbus-serial as server and as client."""

import asyncio
import json
import os
import random
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from adapters.modbus import ModbusAdapter
from adapters.modbus_write import WritableModbusAdapter
from config.clock import RealClock
from simulators.serve import build_faces, build_stations
from tests.support.adapters import Desk, device, running
from tests.support.emulators import one_station
from tests.support.peers import SOURCES, free_port, peer
from twin.signals import Reason

NODE_PEERS = os.environ.get("SWAPTWIN_NODE_PEERS", "")
MODULES = Path(NODE_PEERS) / "node_modules"
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not shutil.which("node") or not NODE_PEERS or not (MODULES / "modbus-serial").is_dir(),
        reason="needs node, and modbus-serial in the folder that SWAPTWIN_NODE_PEERS names",
    ),
]

POINTS: list[dict[str, Any]] = [
    {"signal": "soc", "address": 0, "type": "u16", "stride": 1, "scale": 0.001, "invalid": [65535]},
    {"signal": "power_w", "address": 10, "type": "f32", "stride": 2},
    {"signal": "voltage_v", "address": 20, "type": "f32", "word_order": "CDAB", "stride": 2},
    {"signal": "pack_id", "address": 40, "type": "str", "length": 4, "stride": 4},
    {"signal": "temperature_c", "address": 0, "table": "input", "type": "i16", "stride": 1, "scale": 0.1},
    {"signal": "occupied", "address": 0, "table": "coil", "stride": 1},
    {"signal": "enabled", "address": 8, "table": "discrete", "stride": 1},
    {"signal": "soh", "address": 500, "type": "u16", "stride": 1, "scale": 0.001},
]
SETTINGS: dict[str, Any] = {"interval_s": 0.1, "timeout_s": 0.5, "max_hole": 0}


async def test_our_adapter_reads_every_table_of_it_and_a_refusal_harms_nothing_else() -> None:
    port = free_port()
    async with peer("node", SOURCES / "modbus_server.cjs", str(port), NODE_PATH=str(MODULES)):
        bound = device(f"modbus://127.0.0.1:{port}", POINTS, **SETTINGS)
        desk = Desk(bound)
        async with running(ModbusAdapter(bound, RealClock(), random.Random(1)), desk):
            await desk.until(lambda: len(desk.latest) == len(bound.points))
        assert desk.value("S1/slot/01/soc") == pytest.approx(0.873)
        assert desk.reason("S1/slot/02/soc") is Reason.NOT_CONFIGURED
        assert desk.value("S1/slot/01/power_w") == 1234.5
        assert desk.value("S1/slot/01/voltage_v") == 1234.5
        assert desk.texts[int(desk.value("S1/slot/01/pack_id") or 0)] == "PK-7"
        assert desk.value("S1/slot/01/temperature_c") == pytest.approx(25.3)
        assert desk.value("S1/slot/02/temperature_c") == pytest.approx(-12.5)
        assert [desk.value(f"S1/slot/0{slot}/occupied") for slot in (1, 2)] == [1.0, 0.0]
        assert [desk.value(f"S1/slot/0{slot}/enabled") for slot in (1, 2)] == [0.0, 1.0]
        assert desk.reason("S1/slot/01/soh") is Reason.NOT_CONFIGURED


async def test_values_that_change_arrive_and_what_is_written_is_read_back() -> None:
    port = free_port()
    limit = {"minimum": 0.0, "maximum": 1.0}
    points = [
        {"signal": "soc", "address": 0, "type": "u16", "stride": 1, "scale": 0.001, "access": "rw", "write": limit}
    ]
    async with peer("node", SOURCES / "modbus_server.cjs", str(port), NODE_PATH=str(MODULES)) as server:
        bound = device(f"modbus://127.0.0.1:{port}", points, device={"unit_id": 2}, **SETTINGS)
        desk = Desk(bound)
        adapter = WritableModbusAdapter(bound, RealClock(), random.Random(1))
        async with running(adapter, desk):
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.512))
            server.tell("holding 2 0 700")
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.7))
            number = next(point.number for point in bound.points if point.path == "S1/slot/02/soc")
            assert await adapter.write(number, 0.25) == pytest.approx(0.25)
            await desk.until(lambda: desk.value("S1/slot/02/soc") == pytest.approx(0.25))


async def test_its_client_reads_and_writes_our_emulated_cabinet(tmp_path: Path) -> None:
    port = free_port()
    url = f"modbus://127.0.0.1:{port}"
    loaded = one_station(tmp_path, [{"id": "d", "profile": "modbus-swap-cabinet", "url": url}])
    stations = build_stations(loaded, 1_800_000_000.0)
    station = stations["S1"]
    ((face, _),) = build_faces(loaded.bind(), stations)
    await face.start()
    try:
        await face.publish()
        said = await client(
            port, "holding:1:4:4", "holding:1:100:2", "holding:1:106:1", "holding:1:400:1", "register:1:30000:0,7000",
            "holding:1:30000:2", "register:1:4:1", "holding:1:4:2",
        )  # fmt: skip
    finally:
        await face.stop()
    watts, limit = struct.unpack(">iI", struct.pack(">4H", *said[0]["values"]))
    assert watts == pytest.approx(station.value("power_w"), abs=1.0)
    assert limit == 4000
    assert bool(said[1]["values"][0] & 1) == station.value("occupied", 1)
    soc = station.value("soc", 1)
    assert said[2]["values"][0] == (65535 if soc is None else pytest.approx(float(soc) * 10_000, abs=1.0))
    assert said[3] == {"exception": 2}
    assert said[4] == {"values": [0, 7000]}
    assert said[5] == {"values": [0, 7000]}
    # What may only be read is not written.
    assert said[6] == {"exception": 2}
    assert said[7]["values"] == said[0]["values"][:2]


async def client(port: int, *steps: str) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        "node", str(SOURCES / "modbus_client.cjs"), str(port), *steps,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ | {"NODE_PATH": str(MODULES)},
    )  # fmt: skip
    async with asyncio.timeout(20.0):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.decode().splitlines()]

"""The Modbus emulator, read by mbpoll (libmodbus)."""

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.errors import ListenError
from config.loader import LoadedSite
from simulators.face import Face
from simulators.serve import build_faces, build_stations
from simulators.station import PhysicalStation
from tests.support.emulators import one_station, serving
from tests.support.peers import free_port

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("mbpoll") is None, reason="needs mbpoll (apt-get install mbpoll)"),
]

START = 1_800_000_000.0


@asynccontextmanager
async def shown(loaded: LoadedSite) -> AsyncIterator[tuple[PhysicalStation, Face]]:
    """The station's only face, listening, with the station standing still as it is at the start."""
    stations = build_stations(loaded, START)
    ((face, _),) = build_faces(loaded.bind(), stations)
    await face.start()
    try:
        await face.publish()
        yield stations["S1"], face
    finally:
        await face.stop()


async def mbpoll(port: int, kind: str, address: int, count: int = 1, *more: str, unit: int = 1) -> str:
    command = ["mbpoll", "-m", "tcp", "-0", "-1", "-p", str(port), "-a", str(unit), "-t", kind, "-r", str(address)]
    target = ["-c", str(count), *more[:1], "127.0.0.1", *more[1:]] if more else ["-c", str(count), "127.0.0.1"]
    process = await asyncio.create_subprocess_exec(
        *command, *target, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(10.0):
        said, _ = await process.communicate()
    return said.decode()


async def read(port: int, kind: str, address: int, count: int = 1, *more: str, unit: int = 1) -> list[str]:
    said = await mbpoll(port, kind, address, count, *more, unit=unit)
    values = re.findall(r"^\[\d+\]:\s+(\S+)", said, re.MULTILINE)
    assert len(values) == count, said
    return values


def cabinet(folder: Path, port: int, profile: str = "modbus-swap-cabinet", **station: Any) -> LoadedSite:
    return one_station(folder, [{"id": "d", "profile": profile, "url": f"modbus://127.0.0.1:{port}"}], **station)


async def test_a_cabinets_registers_say_what_the_station_is(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port)) as (station, _):
        assert float((await read(port, "4:int", 4, 1, "-B"))[0]) == pytest.approx(station.value("power_w"), abs=0.5)
        assert await read(port, "4:int", 6, 1, "-B") == ["4000"]
        for slot in (1, 2, 3, 4):
            base = 100 + 20 * (slot - 1)
            flags, state = map(int, await read(port, "4", base, 2))
            assert bool(flags & 1) == station.value("occupied", slot)
            assert bool(flags & 2) is True
            assert bool(flags & 8) == station.value("locked", slot)
            assert state == station.value("charger_state", slot)
            soc = int((await read(port, "4", base + 6))[0])
            here = station.value("soc", slot)
            assert soc == (65535 if here is None else round(float(here) * 10_000))
            text = bytes.fromhex("".join(word[2:] for word in await read(port, "4:hex", base + 12, 8)))
            assert text.rstrip(b"\0").decode() == (station.value("pack_id", slot) or "")


async def test_a_value_below_zero_and_an_empty_slots_sentinels_reach_a_foreign_reader(tmp_path: Path) -> None:
    port = free_port()
    # So cold that no hour of the day is above zero.
    loaded = cabinet(tmp_path, port, emulation={"packs": 0, "ambient_c": -20.0})
    async with shown(loaded) as (station, _):
        raw = int((await read(port, "4", 12))[0])
        assert (raw - 65536) * 0.1 == pytest.approx(station.value("temperature_c"))
        assert await read(port, "4:hex", 108) == ["0x8000"]
        assert await read(port, "4:int", 109, 1, "-B") == ["-1"]


async def test_floats_with_swapped_words_are_read_by_a_foreign_reader(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port, "modbus-charger-rack")) as (station, face):
        station.advance(START + 30.0)
        await face.publish()
        assert float((await read(port, "3:float", 52))[0]) == pytest.approx(station.value("power_w"), rel=1e-5)
        for slot in (1, 2, 3, 4):
            volts = float((await read(port, "3:float", 1004 + 8 * (slot - 1)))[0])
            assert volts == pytest.approx(station.value("voltage_v", slot), rel=1e-5)


async def test_an_address_that_the_device_has_not_is_illegal(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port)):
        for kind, address in (("4", 50), ("4", 99), ("4", 180), ("4", 60_000), ("3", 0), ("0", 0), ("1", 0)):
            assert "Illegal data address" in await mbpoll(port, kind, address), (kind, address)
        assert "Illegal data address" in await mbpoll(port, "4", 170, 20)


async def test_small_holes_between_registers_read_as_zero_so_that_reads_can_be_merged(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port, "modbus-charger-rack")):
        assert len(await read(port, "3", 1000, 32)) == 32
        assert await read(port, "3", 1001) == ["0"]


async def test_a_client_cannot_write_what_is_not_meant_to_be(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port)):
        process = await asyncio.create_subprocess_exec(
            "mbpoll", "-m", "tcp", "-0", "-p", str(port), "-a", "1", "-t", "4", "-r", "6", "127.0.0.1", "7",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert b"Illegal data address" in said
        assert await read(port, "4:int", 6, 1, "-B") == ["4000"]


async def test_two_devices_behind_one_address_are_two_units_and_a_third_does_not_answer(tmp_path: Path) -> None:
    port = free_port()
    url = f"modbus://127.0.0.1:{port}"
    left = {"id": "left", "profile": "modbus-charger-rack", "url": url, "unit_id": 3, "slots": "1-4"}
    right = {"id": "right", "profile": str(_bits(tmp_path)), "url": url, "unit_id": 7, "slots": "1-4"}
    async with shown(one_station(tmp_path, [left, right])) as (station, _):
        assert len(await read(port, "3", 1000, 8, unit=3)) == 8
        coils = await read(port, "0", 5, 4, unit=7)
        assert coils == [str(int(bool(station.value("occupied", slot)))) for slot in (1, 2, 3, 4)]
        assert await read(port, "1", 16, 4, unit=7) == ["1"] * 4
        assert "Illegal data address" in await mbpoll(port, "0", 4, unit=7)
        assert "Illegal data address" in await mbpoll(port, "0", 8, 2, unit=7)
        said = await mbpoll(port, "3", 1000, unit=9)
        assert "failed" in said.lower()


def _bits(folder: Path) -> Path:
    profile = {
        "profile": "bits",
        "title": "Bits",
        "protocol": "modbus",
        "source": "reference",
        "address_base": 1,
        "points": [
            {"signal": "occupied", "address": 6, "stride": 1, "table": "coil"},
            {"signal": "enabled", "address": 17, "stride": 1, "table": "discrete"},
        ],
    }
    file = folder / "bits.yaml"
    file.write_text(yaml.safe_dump(profile))
    return file


async def test_values_move_while_the_site_is_served_and_the_port_is_free_afterwards(tmp_path: Path) -> None:
    port = free_port()
    loaded = cabinet(tmp_path, port)
    async with serving(loaded):
        first = int((await read(port, "4:int", 0, 1, "-B"))[0])
        async with asyncio.timeout(10.0):
            while int((await read(port, "4:int", 0, 1, "-B"))[0]) <= first:
                continue
    async with serving(loaded):
        assert await read(port, "4:int", 6, 1, "-B") == ["4000"]


async def test_a_taken_port_is_named_with_its_key_and_its_owner_keeps_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        port = owner.getsockname()[1]
        with pytest.raises(ListenError, match=rf"stations\[0\]\.devices\[0\]\.url.*{port}.*in use"):
            async with serving(cabinet(tmp_path, port)):
                pytest.fail("served on another's port")

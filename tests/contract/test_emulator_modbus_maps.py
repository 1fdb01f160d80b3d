"""Emulated devices with maps of their own kind, read and written by mbpoll (libmodbus)."""

import asyncio
from pathlib import Path

import pytest

from tests.contract.test_emulator_modbus import cabinet, mbpoll, pytestmark, read, shown  # noqa: F401 - marks this too
from tests.support.peers import free_port


async def write(port: int, address: int, *words: int, unit: int = 1) -> str:
    """Write registers: mbpoll takes function 6 for a single one, else 16."""
    command = ["mbpoll", "-m", "tcp", "-0", "-p", str(port), "-a", str(unit), "-t", "4", "-r", str(address)]
    process = await asyncio.create_subprocess_exec(
        *command, "127.0.0.1", *map(str, words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(10.0):
        said, _ = await process.communicate()
    return said.decode()


async def test_a_foreign_reader_walks_the_sunspec_chain_and_scales_what_it_finds(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port, "sunspec-storage")) as (station, _):
        assert await read(port, "4:hex", 40_000, 2) == ["0x5375", "0x6E53"]
        models, at = [], 40_002
        while True:
            number, length = (int(word) & 0xFFFF for word in await read(port, "4", at, 2))
            if number == 0xFFFF:
                break
            models.append((number, at))
            at += 2 + length
        assert [number for number, _ in models] == [1, 802, 803, 714, *[802, 803] * 3]
        batteries = [place for number, place in models if number == 802]
        for slot, place in enumerate(batteries, start=1):
            raw, exponent = [int(word) for at in (11, 56) for word in await read(port, "4", place + at)]
            soc = station.value("soc", slot)
            if soc is None:
                assert raw & 0xFFFF == 0xFFFF
            else:
                exponent -= 0x10000 if exponent >= 0x8000 else 0
                assert (raw & 0xFFFF) * 10.0**exponent / 100.0 == pytest.approx(soc, abs=1e-4)


async def test_a_foreign_writer_disconnects_a_sunspec_battery(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port, "sunspec-storage")) as (station, _):
        assert "Written 1 references" in await write(port, 40_070 + 50, 2)
        assert station.value("enabled", 1) is False
        assert await read(port, "4", 40_070 + 22) == ["1"]
        assert "Illegal data value" in await write(port, 40_070 + 50, 7)


async def test_a_foreign_reader_finds_a_jk_s_values_by_byte_addresses_packed(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port, "jk-pb")) as (station, _):
        for slot in (1, 2, 3, 4):
            if not station.value("occupied", slot):
                assert "failed" in (await mbpoll(port, "4", 0x1290, 2, unit=slot)).lower()
                continue
            high, low = [int(word) & 0xFFFF for word in await read(port, "4", 0x1290, 2, unit=slot)]
            assert (high << 16 | low) / 1000.0 == pytest.approx(station.value("voltage_v", slot), abs=1e-3)
            word = int((await read(port, "4", 0x12A6, unit=slot))[0]) & 0xFFFF
            assert word & 0xFF == round(float(station.value("soc", slot) or 0) * 100)
            assert "Illegal data address" in await mbpoll(port, "4", 0x1291, unit=slot)


async def test_a_foreign_writer_limits_a_wallbox_s_current(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port, "abb-terra-ac")) as (station, _):
        assert "Written 2 references" in await write(port, 0x4100, 0, 9000, unit=3)
        assert station.value("current_limit_a", 3) == 9.0
        assert await read(port, "4", 0x400E, 2, unit=3) == ["0", "9000"]
        assert "Illegal data address" in await write(port, 0x400E, 0, 9000, unit=3)
        assert "Illegal function" in await write(port, 0x4106, 30, unit=3), "this device takes function 16 only"

"""Every bundled Modbus profile over the wire: the emulator serves it, the adapter finds, reads and writes it."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.base import LinkState, WriteError
from adapters.modbus_write import WritableModbusAdapter
from config.clock import RealClock
from simulators.serve import build_faces, build_stations
from simulators.station import PhysicalStation
from tests.support.adapters import Desk, running
from tests.support.emulators import one_station
from tests.support.peers import free_port
from tests.support.registers import MODBUS_PROFILES
from twin.signals import PACK_SIGNALS, ChargerState, Reason

START = 1_800_000_000.0


@asynccontextmanager
async def served(
    folder: Path, profile: str, **station: Any
) -> AsyncIterator[tuple[PhysicalStation, WritableModbusAdapter, Desk]]:
    url = f"modbus://127.0.0.1:{free_port()}"
    loaded = one_station(folder, [{"id": "d", "profile": profile, "url": url, "interval_s": 0.1}], **station)
    stations = build_stations(loaded, START)
    stations["S1"].advance(START + 120.0)
    (bound,) = loaded.bind()
    ((face, _),) = build_faces([bound], stations)
    await face.start()
    try:
        await face.publish()
        adapter, desk = WritableModbusAdapter(bound, RealClock(), random.Random(1)), Desk(bound)
        async with running(adapter, desk):
            yield stations["S1"], adapter, desk
    finally:
        await face.stop()


@pytest.mark.parametrize("profile", MODBUS_PROFILES)
async def test_what_the_station_is_the_gateway_sees(profile: str, tmp_path: Path) -> None:
    async with served(tmp_path, profile) as (station, _, desk):
        there = [b.path for b in desk.bound.points if b.slot is None or station.value("occupied", b.slot)]
        await desk.until(lambda: desk.latest.keys() >= set(there))
        assert desk.link.state is LinkState.CONNECTED
        for bound in desk.bound.points:
            told, seen = station.value(bound.point.signal, bound.slot), desk.value(bound.path)
            if bound.slot is not None and not station.value("occupied", bound.slot):
                silent = bound.point.signal in PACK_SIGNALS and bound.point.sentinels
                assert seen is None or not silent, bound.path
                continue
            if isinstance(told, str):
                assert desk.texts[int(seen or 0)] == told[: 2 * (bound.point.length or 1)]
            elif bound.point.signal == "charger_state":
                assert seen in {float(told or 0), float(ChargerState.IDLE)}, bound.path
            else:
                assert seen == pytest.approx(float(told or 0.0), rel=1e-2, abs=1.01), bound.path


async def test_a_sunspec_battery_is_found_read_and_disconnected(tmp_path: Path) -> None:
    async with served(tmp_path, "sunspec-storage") as (station, adapter, desk):
        await desk.until(lambda: "S1/slot/02/voltage_v" in desk.good())
        numbers = {bound.path: bound.number for bound in desk.bound.points}
        assert await adapter.write(numbers["S1/slot/02/enabled"], 0.0) == 0.0
        assert station.value("enabled", 2) is False
        # The third battery and the fourth have no model 714 of their own, but a block of the first one's.
        assert desk.reason("S1/slot/04/energy_wh") is Reason.NONE


@pytest.mark.parametrize(
    ("profile", "signal", "value"),
    [
        ("abb-terra-ac", "current_limit_a", 9.0),
        ("alfen-ng9xx", "current_limit_a", 11.5),
        ("alpitronic-hyc", "power_limit_w", 700.0),
        ("phoenix-charx", "current_limit_a", 8.0),
        ("jk-pb", "current_limit_a", 7.5),
        ("jk-pb", "enabled", 0.0),
        ("modbus-swap-cabinet", "enabled", 0.0),
        ("modbus-swap-cabinet", "power_limit_w", 640.5),
        ("modbus-charger-rack", "current_limit_a", 3.25),
    ],
)
async def test_a_command_arrives_is_read_back_and_concerns_no_other_slot(
    profile: str, signal: str, value: float, tmp_path: Path
) -> None:
    async with served(tmp_path, profile, emulation={"packs": 4, "seed": 5}) as (station, adapter, desk):
        await desk.until(lambda: f"S1/slot/03/{signal}" in desk.good())
        number = next(b.number for b in desk.bound.points if b.path == f"S1/slot/03/{signal}")
        others = [station.value(signal, slot) for slot in (1, 2, 4)]
        assert await adapter.write(number, value) == pytest.approx(value)
        assert float(station.value(signal, 3) or 0) == pytest.approx(value)
        assert [station.value(signal, slot) for slot in (1, 2, 4)] == others
        with pytest.raises(WriteError):
            await adapter.write(number, -1.0)


async def test_a_device_without_sunspec_says_so(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yaml").write_text(
        "{profile: elsewhere, title: E, protocol: modbus, source: reference, sunspec_bases: [7], points:"
        " [{signal: soc, model: 802, address: 11, type: u16}]}"
    )
    async with served(tmp_path, "modbus-swap-cabinet") as (_, _, desk):
        url = desk.bound.device.url
        loaded = one_station(tmp_path, [{"id": "d", "profile": "elsewhere.yaml", "url": url}])
        (bound,) = loaded.bind()
        lost = Desk(bound)
        async with running(WritableModbusAdapter(bound, RealClock(), random.Random(1)), lost):
            await lost.until(lambda: lost.link.state is LinkState.AWAY)
            assert "no SunSpec mark ('SunS') at 7" in lost.link.detail

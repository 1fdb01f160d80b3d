"""Emulated Modbus devices refuse, obey and fall back as the real ones do."""

import struct
from pathlib import Path
from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from config.binding import BoundDevice
from simulators.serve import build_stations
from simulators.station import PhysicalStation
from simulators.unit import Unit
from tests.support.emulators import one_station
from tests.support.registers import read_all
from twin.signals import Quality

START = 1_800_000_000.0


def emulated(folder: Path, profile: str, **device: Any) -> tuple[Unit, PhysicalStation, BoundDevice]:
    described = {"id": "d", "profile": profile, "url": "modbus://127.0.0.1:502"} | device
    loaded = one_station(folder, [described])
    station = build_stations(loaded, START)["S1"]
    (bound,) = loaded.bind()
    return Unit(bound, station, "d"), station, bound


def occupied(station: PhysicalStation) -> list[int]:
    return [slot for slot in (1, 2, 3, 4) if station.value("occupied", slot)]


def words(value: float, form: str) -> list[int]:
    data = struct.pack(">" + form, value)
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def live(unit: Unit, station: PhysicalStation, seconds: float) -> None:
    station.advance(station.time + seconds)
    unit.refresh()


def test_a_written_limit_reaches_the_station_and_is_read_back_elsewhere(tmp_path: Path) -> None:
    unit, station, _ = emulated(tmp_path, "abb-terra-ac")
    assert unit.write(2, 16, 0x4100, words(10_000, "I")) is None
    assert station.value("current_limit_a", 2) == 10.0
    assert unit.read(2, 3, 0x400E, 2) == words(10_000, "I")
    assert unit.read(1, 3, 0x400E, 2) != words(10_000, "I")


@pytest.mark.parametrize(
    ("function", "address", "sent", "code"),
    [
        (16, 0x4100, words(33_000, "I"), ExcCodes.ILLEGAL_VALUE),
        (16, 0x4100, [0], ExcCodes.ILLEGAL_ADDRESS),
        (16, 0x4101, [0, 0], ExcCodes.ILLEGAL_ADDRESS),
        (16, 0x400E, words(10_000, "I"), ExcCodes.ILLEGAL_ADDRESS),
        (6, 0x4106, [60], ExcCodes.ILLEGAL_FUNCTION),
    ],
)
def test_what_the_device_does_not_take_is_refused_and_changes_nothing(
    tmp_path: Path, function: int, address: int, sent: list[int], code: ExcCodes
) -> None:
    unit, station, _ = emulated(tmp_path, "abb-terra-ac")
    before = station.value("current_limit_a", 1)
    assert unit.write(1, function, address, sent) is code
    assert station.value("current_limit_a", 1) == before


def test_a_write_of_several_values_is_done_whole_or_not_at_all(tmp_path: Path) -> None:
    unit, station, _ = emulated(tmp_path, "modbus-swap-cabinet")
    assert unit.write(1, 16, 30_000, [0, 5000, 65_535]) is ExcCodes.ILLEGAL_VALUE
    assert station.value("power_limit_w", 1) == 1200.0
    assert unit.write(1, 16, 30_000, [0, 5000, 500, 0]) is None
    assert station.value("enabled", 1) is False
    assert station.value("current_limit_a", 1) == 5.0


def test_what_can_only_be_written_cannot_be_read(tmp_path: Path) -> None:
    unit, _, _ = emulated(tmp_path, "abb-terra-ac")
    assert unit.read(1, 3, 0x4100, 2) is ExcCodes.ILLEGAL_ADDRESS
    assert unit.read(1, 4, 0x400E, 2) is ExcCodes.ILLEGAL_ADDRESS


def test_a_wallbox_falls_back_when_nobody_polls_it_and_says_so(tmp_path: Path) -> None:
    unit, station, bound = emulated(tmp_path, "abb-terra-ac")
    live(unit, station, 300.0)
    assert station.value("current_limit_a", 1) == 15.81, "nobody who never came is missed"
    assert unit.write(1, 16, 0x4100, words(12_000, "I")) is None
    for _ in range(4):
        live(unit, station, 50.0)
        assert unit.read(1, 3, 0x400E, 2) == words(12_000, "I")
    live(unit, station, 61.0)
    assert station.value("current_limit_a", 1) == 6.0
    assert station.value("current_limit_a", 2) != 6.0, "each socket has a watchdog of its own"
    seen = read_all(bound, unit)
    assert int(float(seen["fault_bits", 1][0])) & 1 << 14
    unit.refresh()
    assert not int(float(read_all(bound, unit)["fault_bits", 1][0])) & 1 << 14, "and then it was polled again"
    assert station.value("current_limit_a", 1) == 6.0, "what has fallen back stays so until it is set again"


def test_time_out_and_fallback_can_be_set_in_the_device(tmp_path: Path) -> None:
    unit, station, _ = emulated(tmp_path, "abb-terra-ac")
    assert unit.write(1, 16, 0x4106, [20]) is None
    assert unit.write(1, 16, 0x4109, [8]) is None
    assert [unit.read(1, 3, address, 1) for address in (0x4020, 0x4024)] == [[20], [8]]
    live(unit, station, 25.0)
    assert station.value("current_limit_a", 1) == 8.0


def test_a_socket_whose_limit_is_not_written_again_falls_back_however_often_it_is_polled(tmp_path: Path) -> None:
    unit, station, _ = emulated(tmp_path, "alfen-ng9xx")
    assert unit.write(1, 16, 1210, words(14.0, "f")) is None
    assert unit.read(1, 3, 1208, 2) == words(60, "I")
    for left in (40, 20, 0):
        live(unit, station, 20.0)
        assert unit.read(1, 3, 1208, 2) == words(left, "I")
    assert station.value("current_limit_a", 1) == 6.0
    assert unit.read(1, 3, 1206, 2) == words(6.0, "f")
    assert unit.write(1, 16, 1210, words(14.0, "f")[:1]) is ExcCodes.ILLEGAL_ADDRESS, "half a float is none"


def test_a_sign_of_life_in_a_register_keeps_a_device_from_falling_back(tmp_path: Path) -> None:
    profile = tmp_path / "alive.yaml"
    profile.write_text(
        "{profile: alive, title: A, protocol: modbus, source: reference, write_function: 6,"
        " fail_safe: {fed_by: keepalive, timeout_s: 20, signal: current_limit_a, fallback: 6},"
        " keepalive: {address: 6000, value: 1, interval_s: 10}, points: [{signal: current_limit_a, address: 5004,"
        " stride: 1, type: u16, access: rw, write: {minimum: 0, maximum: 32}}]}"
    )
    unit, station, _ = emulated(tmp_path, "alive.yaml")
    assert unit.write(1, 6, 5004, [10]) is None
    assert unit.write(1, 6, 6000, [0]) is ExcCodes.ILLEGAL_VALUE
    for _ in range(3):
        assert unit.write(1, 6, 6000, [1]) is None
        live(unit, station, 15.0)
        assert station.value("current_limit_a", 1) == 10.0
    live(unit, station, 6.0)
    assert station.value("current_limit_a", 1) == 6.0


def test_a_battery_management_system_leaves_with_its_pack(tmp_path: Path) -> None:
    unit, station, bound = emulated(tmp_path, "jk-pb")
    there = occupied(station)
    (gone,) = {1, 2, 3, 4} - set(there)
    assert unit.read(gone, 3, 0x1290, 2) is ExcCodes.GATEWAY_NO_RESPONSE
    seen = read_all(bound, unit)
    assert {slot for (_, slot), (_, quality, _) in seen.items() if quality is Quality.GOOD} == set(there)


def test_a_map_that_counts_bytes_answers_packed(tmp_path: Path) -> None:
    unit, station, _ = emulated(tmp_path, "jk-pb")
    slot = occupied(station)[0]
    millivolts = round(float(station.value("voltage_v", slot) or 0) * 1000)
    assert unit.read(slot, 3, 0x1290, 2) == words(millivolts, "I")
    assert unit.read(slot, 3, 0x1292, 1) == words(millivolts, "I")[1:]
    assert unit.read(slot, 3, 0x1291, 1) is ExcCodes.ILLEGAL_ADDRESS
    # From the cycle count on: the map's next register is 0x12B8, eight addresses further.
    cycles = words(int(station.value("cycle_count", slot) or 0), "I")
    health = round(float(station.value("soh", slot) or 0) * 100) << 8
    assert unit.read(slot, 3, 0x12B0, 3) == [*cycles, health]


def test_a_sunspec_battery_is_connected_by_command_and_shows_it_in_its_state(tmp_path: Path) -> None:
    unit, station, _ = emulated(tmp_path, "sunspec-storage", slots="2")
    assert unit.read(1, 3, 40_000, 4) == [0x5375, 0x6E53, 1, 66]
    battery = 40_070
    assert unit.read(1, 3, battery, 2) == [802, 62]
    assert unit.read(1, 3, battery + 22, 1) == [3]
    assert unit.write(1, 16, battery + 50, [2]) is None
    assert station.value("enabled", 2) is False
    assert unit.read(1, 3, battery + 22, 1) == [1]
    assert unit.write(1, 16, battery + 50, [3]) is ExcCodes.ILLEGAL_VALUE
    assert unit.write(1, 16, battery + 22, [3]) is ExcCodes.ILLEGAL_ADDRESS


def test_sunspec_modules_are_numbered_and_the_chain_ends(tmp_path: Path) -> None:
    unit, station, _ = emulated(tmp_path, "sunspec-module")
    at = 40_070
    for number in (1, 2, 3, 4):
        assert unit.read(1, 3, at, 4) == [805, 42, 0xFFFF, number]
        serial = unit.read(1, 3, at + 22, 16)
        assert isinstance(serial, list)
        text = b"".join(word.to_bytes(2, "big") for word in serial).rstrip(b"\0").decode()
        assert text == (station.value("pack_id", number) or "")
        at += 44
    assert unit.read(1, 3, at, 2) == [0xFFFF, 0]
    assert unit.read(1, 3, at + 2, 1) is ExcCodes.ILLEGAL_ADDRESS


def test_one_register_that_says_state_and_presence_says_both_truly(tmp_path: Path) -> None:
    unit, station, bound = emulated(tmp_path, "alpitronic-hyc")
    live(unit, station, 120.0)
    seen = read_all(bound, unit)
    for slot in (1, 2, 3, 4):
        assert seen["occupied", slot][0] == float(bool(station.value("occupied", slot)))
        state = station.value("charger_state", slot)
        assert seen["charger_state", slot][0] in {state, 0.0}

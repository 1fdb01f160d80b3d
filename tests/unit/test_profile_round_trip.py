"""What an emulated device puts into its registers is what the adapter takes out of them, for every bundled profile."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.binding import BoundDevice, BoundPoint
from simulators.unit import Unit
from tests.support.registers import FUNCTIONS, MODBUS_PROFILES, bundled, located, read_all
from twin.signals import PACK_SIGNALS, ChargerState, Kind, Quality

SERIALS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=1, max_size=16)
RANGES = {
    "u16": (0, 65_534), "i16": (-32_767, 32_767), "u32": (0, 2**32 - 2), "i32": (-(2**31) + 1, 2**31 - 1),
    "u64": (0, 2**53), "i64": (-(2**53), 2**53), "f32": (-3e38, 3e38), "f64": (-1e300, 1e300),
}  # fmt: skip
SPREAD = {"f32": 1e-6, "f64": 1e-12}


class Anything:
    """A station of which every signal is what it was told."""

    time = now = 0.0

    def __init__(self, device: BoundDevice) -> None:
        self.values: dict[tuple[str, int | None], Any] = {
            (bound.point.signal, bound.slot): 0 for bound in device.points
        } | {("occupied", slot): True for slot in (1, 2)}

    def value(self, signal: str, slot: int | None = None) -> Any:
        return self.values[signal, slot]


Told = dict[tuple[str, int | None], Any]


@dataclass(frozen=True)
class Emulated:
    """A device of one type behind its registers, and all that its station may be told to show."""

    device: BoundDevice
    unit: Unit
    station: Anything
    told: st.SearchStrategy[Told]


@cache
def emulated(name: str) -> Emulated:
    device = bundled(name, slots=2)
    station = Anything(device)
    unit = Unit(device, station, "d")  # type: ignore[arg-type]
    device = located(device, unit)
    told = st.fixed_dictionaries({(b.point.signal, b.slot): values_of(b, unit) for b in device.points})
    return Emulated(device, unit, station, told)


def step_of(bound: BoundPoint, unit: Unit) -> float:
    """What one raw step of a point is worth."""
    power = 0
    if bound.scale_address is not None:
        (word,) = unit.read(bound.unit_id, FUNCTIONS[bound.point.table], bound.scale_address, 1)
        power = word - 0x10000 if word & 0x8000 else word
    return abs(bound.point.scale) * 10.0**power


def values_of(bound: BoundPoint, unit: Unit) -> st.SearchStrategy[Any]:
    """Everything that the point can carry and that is true of some station."""
    point, signal = bound.point, bound.signal
    if signal.kind is Kind.TEXT:
        return SERIALS.map(lambda text: text[: 2 * (point.length or 1)])
    if signal.kind is Kind.BOOL:
        return st.booleans()
    if signal.kind is Kind.ENUM:
        return st.sampled_from([ChargerState[label.upper()] for label in set((point.enum or {}).values())])
    low, high = (0, 255) if point.byte else RANGES[point.type or "u16"]
    if point.bits:
        low, high = 0, (1 << (point.bits[1] - point.bits[0] + 1)) - 1
    step = step_of(bound, unit)
    ends = sorted((point.sign * (low * step + point.offset), point.sign * (high * step + point.offset)))
    least, most = max(ends[0], signal.minimum), min(ends[1], signal.maximum)
    if signal.kind is Kind.COUNTER and step == 1.0:
        return st.integers(math.ceil(least), math.floor(min(most, 2**53)))
    return st.floats(least, most)


@pytest.mark.parametrize("name", MODBUS_PROFILES)
@settings(max_examples=30)
@given(data=st.data())
def test_what_the_emulator_encodes_the_adapter_decodes(name: str, data: st.DataObject) -> None:
    device, unit, station = (each := emulated(name)).device, each.unit, each.station
    told = data.draw(each.told)
    # Every slot is occupied: units that are part of a pack would be silent.
    told |= {("occupied", slot): True for slot in (1, 2)}
    station.values.update(told)
    unit.refresh()
    seen = read_all(device, unit)
    for bound in device.points:
        value, quality, reason = seen[bound.point.signal, bound.slot]
        wanted = told[bound.point.signal, bound.slot]
        if bound.point.signal == "occupied" and (quality, value) != (Quality.GOOD, 1.0):
            # Where one register says both, it has no number for a pack in a slot that is out of order.
            assert told["charger_state", bound.slot] in {ChargerState.FAULT, ChargerState.DISABLED}
            continue
        assert quality is Quality.GOOD, (bound.path, wanted, reason)
        if isinstance(wanted, str):
            assert value == wanted
            continue
        kind = bound.point.type or ""
        tolerance = 1e-30 if kind in SPREAD else step_of(bound, unit) * 0.5000001
        tolerance += abs(float(wanted)) * SPREAD.get(kind, 1e-9)
        assert abs(float(value) - float(wanted)) <= tolerance, bound.path


@pytest.mark.parametrize("name", MODBUS_PROFILES)
@settings(max_examples=15)
@given(data=st.data())
def test_what_has_no_value_is_never_good(name: str, data: st.DataObject) -> None:
    device, unit, station = (each := emulated(name)).device, each.unit, each.station
    told = data.draw(each.told)
    slots = sorted({bound.slot for bound in device.points if bound.slot is not None})
    empty = data.draw(st.sets(st.sampled_from(slots))) if slots else set()
    told |= {key: None for key in told if key[1] in empty and key[0] in PACK_SIGNALS}
    told |= {("occupied", slot): slot not in empty for slot in slots}
    station.values.update(told)
    unit.refresh()
    seen = read_all(device, unit)
    silent = {bound.slot for bound in device.points if bound.unit_id in unit.packs} & empty
    for bound in device.points:
        value, quality, _ = seen[bound.point.signal, bound.slot]
        absent = bound.slot in silent or told[bound.point.signal, bound.slot] is None
        says_so = bound.slot in silent or bound.point.sentinels or bound.point.type in {"str", "f32", "f64"}
        if absent and says_so:
            assert quality is Quality.BAD, bound.path
            assert math.isnan(float(value)), bound.path

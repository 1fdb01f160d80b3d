"""What looks wrong with the values of a device, and which usual mistake would explain it. Pure.

A profile that is a little wrong reads numbers all the same: the other word order, a scale that is ten times off, the
neighbour's register, a current with the other sign. Each check compares what is read with what can be true of this
station, and names a mistake only where undoing it makes the values true.
"""

import math
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from config.binding import BoundDevice, BoundPoint
from config.profile import REGISTERS, Point
from config.site import Station
from twin.signals import PACK_SIGNALS, ChargerState, Kind, Quality, Reason

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
FACTORS = (10.0, 0.1, 100.0, 0.01, 1000.0, 0.001, 10_000.0, 0.0001)
SKEW_S = 3.0
"""A device whose stamps differ more than this from the time of arrival has another clock, or sends late."""
STILL_S = 5.0
"""Values that stand still for less than this say nothing."""
SMALLEST_CURRENT_A = 0.2
TINY = 1e-6

_STRUCTS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "u64": ">Q", "i64": ">q", "f32": ">f", "f64": ">d"}

Registers = Mapping[tuple[str, int], int]
"""Words by table and address."""


@dataclass(slots=True)
class Observed:
    """What was seen of one point. ``history`` are the good values in order, with the times of arrival."""

    bound: BoundPoint
    raw: Any = None
    value: float | str | None = None
    quality: Quality = Quality.BAD
    reason: Reason = Reason.NO_COMMUNICATION
    source_time: float = math.nan
    received_time: float = math.nan
    known_time: float = math.nan
    """When the value was last known to hold: its stamp, or a later confirmation."""
    history: list[tuple[float, float]] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    """Arrival minus source time of samples that brought another value."""

    @property
    def came(self) -> bool:
        return not math.isnan(self.received_time)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that looks wrong, or only odd (``is_wrong`` false), and what to do."""

    kind: str
    about: str
    message: str
    remedy: str
    is_wrong: bool = True

    def __str__(self) -> str:
        return f"{self.about}: {self.message}. {self.remedy}."


def findings(
    device: BoundDevice,
    observed: Sequence[Observed],
    *,
    seconds: float,
    empty: frozenset[int] = frozenset(),
    errors: int = 0,
    registers: Registers | None = None,
) -> list[Finding]:
    """Everything that looks wrong with a device that was watched for ``seconds``.

    ``empty``: slots without a pack. ``registers``: what stands in and around the addresses of a Modbus device.
    ``errors``: of its link.
    """
    found: list[Finding] = []
    if not any(each.came for each in observed):
        return found
    empty = empty | packless(observed)
    groups: dict[tuple[str, str], list[Observed]] = defaultdict(list)
    for each in observed:
        groups[each.bound.point.entity, each.bound.point.signal].append(each)
    absurd = {key for key, group in groups.items() if is_absurd(device.station, group)}
    words = registers or {}
    shift, shifted = _shift(device.station, groups, words)
    if shift:
        found.append(_shift_finding(device, shift, shifted))
    for key, group in groups.items():
        found += _unfit(group) if key not in shifted else ()
        found += _refused(group, empty, words) if not shift else ()
        if key in shifted:
            continue
        if key in absurd:
            found += _explain(device.station, group, words)
        else:
            found += _integer_order(group)
    if not any(finding.kind in {"scale", "word_order", "address"} for finding in found):
        found += _power(groups)
    found += _sign(groups)
    found += _still(device, observed, seconds)
    found += _clock(device, observed, errors)
    return found


def number(point: Point, raw: Any) -> float | None:
    """The value of a raw number in the signal's unit, whatever its range; ``None`` where there is none."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return None
    if any(math.isclose(raw, mark, rel_tol=1e-6) for mark in point.invalid):
        return None
    return point.sign * (raw * point.scale + point.offset)


def band(station: Station, entity: str, signal: str) -> tuple[float, float] | None:
    """Between what the largest of a signal's values (by size, zeros aside) lies at a station that works."""
    power_w, volts = station.charger.power_w, station.pack.nominal_voltage_v
    capacities = [station.pack.capacity_wh, *(other.capacity_wh for other in station.other_packs)]
    if entity == "slot":
        return {
            "soc": (0.04, 1.0001),
            "soh": (0.2, 1.2),
            "temperature_c": (0.5, 90.0),
            "voltage_v": (0.35 * volts, 2.5 * volts),
            "current_a": (0.0, 4.0 * power_w / volts),
            "power_w": (0.0, 3.0 * power_w),
            "capacity_wh": (0.25 * min(capacities), 4.0 * max(capacities)),
            "cycle_count": (0.0, 20_000.0),
            "cell_voltage_max_v": (1.5, 5.0),
            "cell_voltage_min_v": (1.5, 5.0),
            "current_limit_a": (0.0, 10.0 * power_w / volts),
            "power_limit_w": (0.0, 10.0 * power_w),
        }.get(signal)
    return {
        "temperature_c": (0.5, 80.0),
        "humidity": (0.03, 1.0),
        "voltage_v": (80.0, 520.0),
        "frequency_hz": (40.0, 70.0),
        "power_w": (0.0, 3.0 * max(station.grid_limit_w, 1000.0)),
        "grid_limit_w": (station.grid_limit_w / 4.0, station.grid_limit_w * 4.0),
        "current_a": (0.0, station.grid_limit_w / 20.0 + 50.0),
    }.get(signal)


def _numbers(group: Sequence[Observed]) -> list[float]:
    values = [number(each.bound.point, each.raw) for each in group]
    return [value for value in values if value is not None and value != 0.0]


def _is_within(limits: tuple[float, float], values: Sequence[float]) -> bool:
    largest = max((abs(value) for value in values), default=0.0)
    tiny = any(0.0 < abs(value) < TINY for value in values)
    return not tiny and limits[0] <= largest <= limits[1]


def is_absurd(station: Station, group: Sequence[Observed]) -> bool:
    """Whether the values of one signal cannot be true of this station. Zeros alone say nothing."""
    point = group[0].bound.point
    if group[0].bound.signal.kind not in {Kind.ANALOG, Kind.COUNTER}:
        return False
    limits = band(station, point.entity, point.signal)
    values = _numbers(group)
    nans = [each for each in group if isinstance(each.raw, float) and not math.isfinite(each.raw)]
    if nans and not values:
        return True
    if any(0.0 < abs(value) < TINY for value in values):
        return True
    return bool(values) and limits is not None and not _is_within(limits, values)


def _explain(station: Station, group: Sequence[Observed], registers: Registers) -> Iterator[Finding]:
    """Values that cannot be true: which mistake of the profile would make them so?"""
    point = group[0].bound.point
    limits = band(station, point.entity, point.signal) or (TINY, math.inf)
    values = _numbers(group)
    example = _example(group)
    for order in ORDERS:
        other = [value for each in group if (value := _in_order(each, order, registers))]
        if order != point.word_order and other and _is_within(limits, other):
            yield Finding(
                "word_order",
                _name(group),
                f"{example} cannot be true; in word order {order} it is {_unit(group, _like(group, order, registers))}",
                f"Set word_order: {order} in the profile",
            )
            return
    for factor in FACTORS:
        if values and _is_within(limits, [value * factor for value in values]):
            largest = max(values, key=abs)
            yield Finding(
                "scale",
                _name(group),
                f"{example} is not what a station like this has; {_unit(group, largest * factor)} would be",
                f"Set scale: {point.scale * factor:g} (it is {point.scale:g}), or correct the site file",
            )
            return
    low, high = limits
    yield Finding(
        "range",
        _name(group),
        f"{example} cannot be true (a station like this has {low:.4g} to {high:.4g}), and no usual mistake explains it",
        "Check address, type and scale against the maker's document",
    )


def _like(group: Sequence[Observed], order: str, registers: Registers) -> float:
    return max((value for each in group if (value := _in_order(each, order, registers))), key=abs)


def _in_order(each: Observed, order: str, registers: Registers) -> float | None:
    """The value under another word order, from the registers or else from the raw value itself."""
    point = each.bound.point
    width = REGISTERS.get(point.type or "")
    if width is None or width < 2 or not isinstance(each.bound.address, int):
        return None
    words = _words(each.bound, registers, 0)
    if words is None:
        if isinstance(each.raw, bool) or not isinstance(each.raw, int | float):
            return None
        try:
            exact = float(each.raw) if point.type in {"f32", "f64"} else int(each.raw)
            data = struct.pack(_STRUCTS[point.type or ""], exact)
        except (struct.error, OverflowError, ValueError):
            return None
        words = _ordered([int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)], point.word_order)
    return number(point, _decode(point, words, order))


def _ordered(words: Sequence[int], order: str) -> list[int]:
    """Words from one order into ABCD or back: each order undoes itself."""
    words = list(reversed(words)) if order in {"CDAB", "DCBA"} else list(words)
    return [(word & 0xFF) << 8 | word >> 8 for word in words] if order in {"BADC", "DCBA"} else words


def _decode(point: Point, words: Sequence[int], order: str) -> float:
    data = b"".join(word.to_bytes(2, "big") for word in _ordered(words, order))
    return float(struct.unpack(_STRUCTS[point.type or "u16"], data)[0])


def _words(bound: BoundPoint, registers: Registers, shift: int) -> list[int] | None:
    first = int(bound.address) + shift
    words = [registers.get((bound.point.table, first + at)) for at in range(bound.point.register_count)]
    return None if any(word is None for word in words) else [word or 0 for word in words]


def _shift(
    station: Station, groups: Mapping[tuple[str, str], Sequence[Observed]], registers: Registers
) -> tuple[int, list[tuple[str, str]]]:
    """The step by which addresses seem to be off, and the signals that are true there and only there; 0 for none."""
    votes: dict[int, list[tuple[str, str]]] = {-1: [], 1: []}
    for key, group in groups.items():
        point = group[0].bound.point
        if not registers or point.table in {"coil", "discrete"} or point.bit is not None:
            continue
        for step, agreed in votes.items():
            if point.type == "str":
                if _text_lies(group, step, registers):
                    agreed.append(key)
                continue
            limits = band(station, *key)
            if limits is None or point.type not in _STRUCTS:
                continue
            here, there = _at(group, 0, registers), _at(group, step, registers)
            lost = not here and not any(_words(each.bound, registers, 0) for each in group)
            if there and _is_within(limits, there) and (lost or (here and not _is_within(limits, here))):
                agreed.append(key)
    step = max(votes, key=lambda each: len(votes[each]))
    # One signal alone is better explained by its own scale or order.
    return (step, votes[step]) if len(votes[step]) >= 2 else (0, [])


def _at(group: Sequence[Observed], step: int, registers: Registers) -> list[float]:
    """The values, zeros aside, that stand so many registers from where they are read."""
    point = group[0].bound.point
    listed = [_words(each.bound, registers, step) for each in group]
    values = [number(point, _decode(point, words, point.word_order)) for words in listed if words is not None]
    return [value for value in values if value]


def _text_lies(group: Sequence[Observed], step: int, registers: Registers) -> bool:
    """Whether a text begins a register earlier than it is read, or one later."""
    for each in group:
        first = int(each.bound.address)
        here, before = (
            registers.get((each.bound.point.table, first)),
            registers.get((each.bound.point.table, first - 1)),
        )
        after = registers.get((each.bound.point.table, first + 1))
        if here is None or before is None or after is None:
            continue
        if step == -1 and _printable(before) and _printable(here):
            return True
        if step == 1 and not _printable(here) and _printable(after):
            return True
    return False


def _printable(word: int) -> bool:
    return 0x20 < word >> 8 <= 0x7E and 0x20 < word & 0xFF <= 0x7E


def _shift_finding(device: BoundDevice, step: int, shifted: Sequence[tuple[str, str]]) -> Finding:
    names = ", ".join(signal for _, signal in shifted)
    return Finding(
        "address",
        device.id,
        f"{names} cannot be true where they are read, but are one register {'later' if step > 0 else 'earlier'}",
        "The map is off by one: check the profile's address_base",
    )


def _integer_order(group: Sequence[Observed]) -> Iterator[Finding]:
    """Whole numbers of two registers whose lower half is always zero have their halves exchanged."""
    point = group[0].bound.point
    raws = [
        int(each.raw) for each in group if isinstance(each.raw, int | float) and each.raw and math.isfinite(each.raw)
    ]
    marks = {int(mark) for mark in point.invalid}
    raws = [raw for raw in raws if raw not in marks]
    if point.type in {"u32", "i32"} and raws and all(raw % 0x10000 == 0 for raw in raws):
        order = {"ABCD": "CDAB", "CDAB": "ABCD", "BADC": "DCBA", "DCBA": "BADC"}[point.word_order]
        yield Finding(
            "word_order",
            _name(group),
            f"{_example(group)} is a whole multiple of 65536; with the halves exchanged it is {raws[0] // 0x10000}",
            f"Set word_order: {order} in the profile",
        )


def packless(observed: Sequence[Observed]) -> frozenset[int]:
    """Slots of which the device gives none of the pack's values, where it gives those of other slots."""
    told: dict[int, bool] = defaultdict(bool)
    for each in observed:
        if each.bound.slot is not None and each.bound.signal.name in PACK_SIGNALS and each.came:
            told[each.bound.slot] |= each.value is not None
    return frozenset(slot for slot, any_value in told.items() if not any_value) if any(told.values()) else frozenset()


def _refused(group: Sequence[Observed], empty: frozenset[int], registers: Registers) -> Iterator[Finding]:
    silent = [each for each in group if not each.came]
    if silent:
        yield Finding(
            "silent",
            _name(silent),
            "no value came",
            "Check the address, and that the device sends this at all in the time that was watched",
        )
    refused = [each for each in group if each.came and each.reason is Reason.NOT_CONFIGURED and each.raw is None]
    if group[0].bound.signal.name in PACK_SIGNALS:
        refused = [each for each in refused if each.bound.slot not in empty]
    alone = [each for each in refused if registers and _words(each.bound, registers, 0)]
    if alone:
        yield Finding(
            "refused",
            _name(alone),
            "the device answers for it alone, but not together with its neighbours",
            "Correct the addresses that are not there, or set max_hole: 0 in the profile",
        )
    missing = [each for each in refused if each not in alone]
    if missing:
        yield Finding(
            "refused",
            _name(missing),
            f"the device has no value at {missing[0].bound.address}",
            "Check the address and the device's rights; a slot without a pack has none of its pack's values",
        )


def _unfit(group: Sequence[Observed]) -> Iterator[Finding]:
    """Raw values that the profile has no meaning for."""
    point, kind = group[0].bound.point, group[0].bound.signal.kind
    strange = [each for each in group if each.came and each.quality is Quality.BAD and each.raw is not None]
    strange = [each for each in strange if each.reason in {Reason.OUT_OF_RANGE, Reason.SENSOR_FAILURE}]
    if not strange:
        return
    raws = ", ".join(sorted({_short(each.raw) for each in strange})[:5])
    if kind is Kind.ENUM:
        yield Finding("enum", _name(strange), f"raw {raws} has no label", "Complete the profile's enum")
    elif kind is Kind.BOOL:
        remedy = "Name the bit that carries it (bit: 0 …)" if point.bit is None else "Check address and bit"
        yield Finding("bool", _name(strange), f"raw {raws} is neither 0 nor 1", remedy)
    elif kind is Kind.TEXT or any(isinstance(each.raw, str) for each in strange):
        yield Finding("type", _name(strange), f"raw {raws} is not of the signal's kind", "Check address and type")


def _power(groups: Mapping[tuple[str, str], Sequence[Observed]]) -> Iterator[Finding]:
    """Power is voltage times current: where it is ten or a hundred times that, one of them is scaled wrong."""
    by_slot = {
        name: {each.bound.slot: each.value for each in groups.get(("slot", name), ())}
        for name in ("power_w", "voltage_v", "current_a")
    }
    ratios = []
    for slot, watts in by_slot["power_w"].items():
        volts, amps = by_slot["voltage_v"].get(slot), by_slot["current_a"].get(slot)
        if all(isinstance(value, float) and abs(value) > TINY for value in (watts, volts, amps)):
            ratios.append(abs(float(watts or 0.0) / (float(volts or 1.0) * float(amps or 1.0))))
    if not ratios:
        return
    ratio = median(ratios)
    decades = round(math.log10(ratio)) if ratio > 0.0 else 0
    if decades and abs(ratio / 10.0**decades - 1.0) < 0.25:
        yield Finding(
            "scale",
            "slot power_w, voltage_v, current_a",
            f"power is {10.0**decades:g} times voltage times current",
            "Correct the scale of the one that is off",
        )


def _sign(groups: Mapping[tuple[str, str], Sequence[Observed]]) -> Iterator[Finding]:
    """A pack that charges takes current in: positive, whatever the device's own convention."""
    states = {each.bound.slot: each.value for each in groups.get(("slot", "charger_state"), ())}
    rising = {
        each.bound.slot
        for each in groups.get(("slot", "soc"), ())
        if len(each.history) > 1 and each.history[-1][1] > each.history[0][1]
    }
    charging = {slot for slot, state in states.items() if state == float(ChargerState.CHARGING)} | rising
    for name, least in (("current_a", SMALLEST_CURRENT_A), ("power_w", 10.0)):
        group = [each for each in groups.get(("slot", name), ()) if each.bound.slot in charging]
        values = [each.value for each in group if isinstance(each.value, float) and abs(each.value) > least]
        if values and median(values) < 0.0:
            why = "while the state of charge rises" if rising else "while the charger says that it charges"
            yield Finding(
                "sign",
                _name(group),
                f"{_unit(group, median(values))} {why}; into the pack is positive",
                f"Set sign: {-group[0].bound.point.sign} in the profile",
            )


def _still(device: BoundDevice, observed: Sequence[Observed], seconds: float) -> Iterator[Finding]:
    """Values that stand still, or are all zero."""
    numeric = [each for each in observed if each.bound.signal.kind in {Kind.ANALOG, Kind.COUNTER}]
    values = [each.value for each in numeric if isinstance(each.value, float)]
    if len(values) >= 3 and not any(values):
        yield Finding(
            "zero",
            device.id,
            f"all {len(values)} numbers are zero",
            "Check unit id and table, and that the device is on",
        )
        return
    if seconds < STILL_S:
        return
    heartbeat = next((each for each in observed if each.bound.signal.name == "heartbeat"), None)
    beats = [value for _, value in heartbeat.history] if heartbeat is not None else []
    if heartbeat is not None and beats and len(set(beats)) == 1 and seconds > 3.0 * heartbeat.bound.interval_s:
        yield Finding(
            "constant",
            heartbeat.bound.path,
            f"the heartbeat stood at {beats[0]:g} for {seconds:.0f} s",
            "The controller hangs, or this is not its heartbeat",
        )
    elif len(values) >= 3 and all(len({value for _, value in each.history}) <= 1 for each in numeric):
        yield Finding(
            "constant",
            device.id,
            f"no number changed in {seconds:.0f} s",
            "Watch longer (--seconds), or see whether the device's data are frozen",
            is_wrong=False,
        )


def _clock(device: BoundDevice, observed: Sequence[Observed], errors: int) -> Iterator[Finding]:
    """Another clock: only stamps of values that changed tell, since others may be old and right."""
    lags = [lag for each in observed for lag in each.lags_s]
    if device.profile.protocol == "modbus" or len(lags) < 3:
        return
    lag = median(lags)
    slack = max(SKEW_S, 2.0 * min(each.bound.interval_s for each in observed))
    if lag > slack or lag < -1.0:
        word = "behind" if lag > 0.0 else "ahead"
        yield Finding(
            "clock",
            device.id,
            f"its time stamps are {abs(lag):.1f} s {word} of this machine's clock",
            "Set both clocks by NTP; values whose stamps are too old are shown as stale",
        )
    elif errors and all(each == 0.0 for each in lags):
        yield Finding(
            "clock",
            device.id,
            "its time stamps lie so far ahead that the time of arrival was taken instead",
            "Set both clocks by NTP",
        )


def _name(group: Sequence[Observed]) -> str:
    """The signal with the slots that it is about, short."""
    first = group[0].bound
    if first.slot is None:
        return first.path
    slots = sorted(each.bound.slot or 0 for each in group)
    listed = ", ".join(map(str, slots[:4])) + (f" … {slots[-1]}" if len(slots) > 4 else "")
    return f"{first.station} {first.point.signal} of slot{'s' if len(slots) > 1 else ''} {listed}"


def _example(group: Sequence[Observed]) -> str:
    largest = max(group, key=lambda each: abs(number(each.bound.point, each.raw) or 0.0))
    value = number(largest.bound.point, largest.raw)
    return _unit(group, value) if value is not None else "NaN"


def _unit(group: Sequence[Observed], value: float) -> str:
    unit = group[0].bound.signal.unit
    return f"{value:.5g}{f' {unit}' if unit and unit != '1' else ''}"


def _short(raw: Any) -> str:
    return f"{raw:g}" if isinstance(raw, float) else repr(raw) if isinstance(raw, str) else str(raw)

"""Mistakes of a profile's map: word order, scale, address, enum. Named only where undoing them fits. Pure."""

import math
import struct
from collections.abc import Iterator, Mapping, Sequence

from config.binding import BoundDevice, BoundPoint
from config.profile import REGISTERS, Point
from config.site import Station
from gateway.plausibility_values import (
    TINY,
    Finding,
    Observed,
    Registers,
    band,
    example_of,
    in_unit,
    is_within,
    name_of,
    number,
    numbers_of,
    short,
)
from twin.signals import PACK_SIGNALS, Kind, Quality, Reason

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
FACTORS = (10.0, 0.1, 100.0, 0.01, 1000.0, 0.001, 10_000.0, 0.0001)

_STRUCTS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "u64": ">Q", "i64": ">q", "f32": ">f", "f64": ">d"}


def explain(station: Station, group: Sequence[Observed], registers: Registers) -> Iterator[Finding]:
    """Values that cannot be true: which mistake of the profile would make them so?"""
    point = group[0].bound.point
    limits = band(station, point.entity, point.signal) or (TINY, math.inf)
    values = numbers_of(group)
    example = example_of(group)
    scaled = point.scale_register is None  # else the device says the scale itself, and no guess can be checked
    for order in ORDERS if scaled else ():
        other = [value for each in group if (value := _in_order(each, order, registers))]
        if order != point.word_order and other and is_within(limits, other):
            right = in_unit(group, _like(group, order, registers))
            yield Finding(
                "word_order",
                name_of(group),
                f"{example} cannot be true; in word order {order} it is {right}",
                f"Set word_order: {order} in the profile",
            )
            return
    for factor in FACTORS if scaled else ():
        if values and is_within(limits, [value * factor for value in values]):
            largest = max(values, key=abs)
            yield Finding(
                "scale",
                name_of(group),
                f"{example} is not what a station like this has; {in_unit(group, largest * factor)} would be",
                f"Set scale: {point.scale * factor:g} (it is {point.scale:g}), or correct the site file",
            )
            return
    low, high = limits
    yield Finding(
        "range",
        name_of(group),
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


def find_shift(
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
            if there and is_within(limits, there) and (lost or (here and not is_within(limits, here))):
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


def shift_finding(device: BoundDevice, step: int, shifted: Sequence[tuple[str, str]]) -> Finding:
    names = ", ".join(signal for _, signal in shifted)
    return Finding(
        "address",
        device.id,
        f"{names} cannot be true where they are read, but are one register {'later' if step > 0 else 'earlier'}",
        "The map is off by one: check the profile's address_base",
    )


def integer_order(group: Sequence[Observed]) -> Iterator[Finding]:
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
            name_of(group),
            f"{example_of(group)} is a whole multiple of 65536; with the halves exchanged it is {raws[0] // 0x10000}",
            f"Set word_order: {order} in the profile",
        )


def refused_points(group: Sequence[Observed], empty: frozenset[int], registers: Registers) -> Iterator[Finding]:
    silent = [each for each in group if not each.came]
    if silent:
        yield Finding(
            "silent",
            name_of(silent),
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
            name_of(alone),
            "the device answers for it alone, but not together with its neighbours",
            "Correct the addresses that are not there, or set max_hole: 0 in the profile",
        )
    missing = [each for each in refused if each not in alone]
    if missing:
        yield Finding(
            "refused",
            name_of(missing),
            f"the device has no value at {missing[0].bound.address}",
            "Check the address and the device's rights; a slot without a pack has none of its pack's values",
        )


def unfit(group: Sequence[Observed]) -> Iterator[Finding]:
    """Raw values that the profile has no meaning for."""
    point, kind = group[0].bound.point, group[0].bound.signal.kind
    strange = [each for each in group if each.came and each.quality is Quality.BAD and each.raw is not None]
    strange = [each for each in strange if each.reason in {Reason.OUT_OF_RANGE, Reason.SENSOR_FAILURE}]
    if not strange:
        return
    raws = ", ".join(sorted({short(each.raw) for each in strange})[:5])
    if kind is Kind.ENUM:
        yield Finding("enum", name_of(strange), f"raw {raws} has no label", "Complete the profile's enum")
    elif kind is Kind.BOOL:
        remedy = "Name the bit that carries it (bit: 0 …)" if point.bit is None else "Check address and bit"
        yield Finding("bool", name_of(strange), f"raw {raws} is neither 0 nor 1", remedy)
    elif kind is Kind.TEXT or any(isinstance(each.raw, str) for each in strange):
        yield Finding("type", name_of(strange), f"raw {raws} is not of the signal's kind", "Check address and type")

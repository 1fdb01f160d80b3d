"""Raw values as Modbus registers, and the registers that a device has."""

import math
import struct

from config.profile import REGISTERS, Point, WordOrder
from simulators.station import Value

_INTEGER_BITS = {"u16": 16, "i16": 16, "u32": 32, "i32": 32, "u64": 64, "i64": 64}


def encode(point: Point, raw: Value) -> list[int]:
    """The registers of a raw value. ``None`` becomes the profile's sentinel, else NaN, blanks or zero."""
    if point.type == "str":
        return _text(str(raw or ""), point.length or 1, point.word_order)
    number = _sentinel(point) if raw is None or isinstance(raw, str) else float(raw)
    kind = point.type or "u16"
    if kind in {"f32", "f64"}:
        data = struct.pack(">f" if kind == "f32" else ">d", _within_f32(number) if kind == "f32" else number)
    else:
        # An integer that is one already keeps all its digits; a float has but 53 bits.
        exact = raw if isinstance(raw, int) else round(number)
        data = _integer(exact, kind)
    return _order(data, point.word_order)


def _sentinel(point: Point) -> float:
    if point.invalid:
        return point.invalid[0]
    return math.nan if point.type in {"f32", "f64"} else 0.0


def _integer(number: int, kind: str) -> bytes:
    """Big-endian bytes; a value beyond the range of its type stands at the range's end, as in a real device."""
    bits = _INTEGER_BITS.get(kind, 16)
    signed = kind.startswith("i")
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return min(max(number, low), high).to_bytes(bits // 8, "big", signed=signed)


def _within_f32(number: float) -> float:
    limit = 3.4028234e38
    return number if math.isnan(number) else min(max(number, -limit), limit)


def _order(data: bytes, order: WordOrder) -> list[int]:
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    if order in {"CDAB", "DCBA"}:
        words.reverse()
    swapped = order in {"BADC", "DCBA"}
    return [int.from_bytes(word, "little" if swapped else "big") for word in words]


def _text(text: str, length: int, order: WordOrder) -> list[int]:
    """Two ASCII characters a register, the rest NUL; word order does not reorder text, byte order does."""
    data = text.encode("ascii", "replace")[: length * 2].ljust(length * 2, b"\0")
    return _order(data, "BADC" if order == "BADC" else "ABCD")


def width(point: Point) -> int:
    """Registers (or bits) that a point takes."""
    return point.length or REGISTERS[point.type or "u16"]


def runs(spans: list[tuple[int, int]], bridge: int) -> list[tuple[int, int]]:
    """Address ranges (first, after last) that exist: spans merged over holes of at most ``bridge``.

    >>> runs([(0, 2), (2, 4), (6, 7), (100, 101)], 16)
    [(0, 7), (100, 101)]
    """
    merged: list[tuple[int, int]] = []
    for first, after in sorted(spans):
        if merged and first - merged[-1][1] <= bridge:
            merged[-1] = (merged[-1][0], max(merged[-1][1], after))
        else:
            merged.append((first, after))
    return merged

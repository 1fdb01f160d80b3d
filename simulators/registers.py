"""Raw values as Modbus registers and back, and the registers that a device has."""

import math
import struct
from collections.abc import Sequence

from config.profile import REGISTERS, Point, WordOrder
from simulators.station import Value

_INTEGER_BITS = {"u16": 16, "i16": 16, "u32": 32, "i32": 32, "u64": 64, "i64": 64}
_FORMATS = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q", "f32": "f", "f64": "d"}


def encode(point: Point, raw: Value) -> list[int]:
    """The registers of a raw value. ``None`` becomes the profile's sentinel, else NaN, blanks, or zero.

    An enumeration without a value becomes a number that it does not know: zero would mean something.
    """
    if point.type == "str":
        return _text(str("" if raw is None else raw), point.length or 1, point.word_order)
    kind = point.type or "u16"
    number = _absent(point) if raw is None or isinstance(raw, str) else float(raw)
    if point.byte is not None:
        return _order(_half(number, point), point.word_order)
    if kind in {"f32", "f64"} or raw is None:
        return pack(number, kind, point.word_order)
    # An integer that is one already keeps all its digits; a float has but 53 bits.
    return pack(raw if isinstance(raw, int) else number, kind, point.word_order)


def pack(number: float, kind: str, order: WordOrder = "ABCD") -> list[int]:
    """The registers of a number. One beyond the range of its type stands at the range's end, as in a real device."""
    if kind in {"f32", "f64"}:
        data = struct.pack(">f" if kind == "f32" else ">d", _within_f32(number) if kind == "f32" else number)
    else:
        data = _integer(number if isinstance(number, int) else round(number), kind)
    return _order(data, order)


def unpack(registers: Sequence[int], kind: str, order: WordOrder = "ABCD") -> float:
    """The number that a client wrote into registers."""
    swapped = order in {"BADC", "DCBA"}
    words = [register.to_bytes(2, "little" if swapped else "big") for register in registers]
    if order in {"CDAB", "DCBA"}:
        words.reverse()
    number: float = struct.unpack(">" + _FORMATS[kind], b"".join(words))[0]
    return number


def _absent(point: Point) -> float:
    if point.sentinels:
        return point.sentinels[0]
    if point.enum:
        return next(number for number in range(len(point.enum) + 1) if number not in point.enum)
    return math.nan if point.type in {"f32", "f64"} else 0.0


def _half(number: float, point: Point) -> bytes:
    """A register with the number in one of its halves and nothing in the other."""
    signed = point.type == "i16"
    low, high = (-128, 127) if signed else (0, 255)
    byte = min(max(round(number), low), high).to_bytes(1, "big", signed=signed)
    return byte + b"\0" if point.byte == "hi" else b"\0" + byte


def _integer(number: int, kind: str) -> bytes:
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
    return _order(data, "BADC" if order in {"BADC", "DCBA"} else "ABCD")


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

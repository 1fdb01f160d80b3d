"""From a signal's value to the registers that a device is written: the exact inverse of decoding. Pure."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.base import WriteError
from adapters.modbus_decode import DTYPES
from config.binding import BoundPoint
from twin.signals import Kind

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Encoded:
    """What is written: its registers, two bytes each, and the value that they mean, in the signal's unit."""

    registers: bytes
    value: float
    tolerance: float
    """How far from the value what is read back may be: rounding, to either side."""


def encode(bound: BoundPoint, value: float) -> Encoded:
    """The registers of a value. Raises ``WriteError`` where the profile does not allow it, or no registers mean it."""
    point = bound.point
    if point.write is None:
        raise WriteError(f"{bound.path}: the profile does not allow writing it")
    if point.table not in {"holding", "coil"}:
        raise WriteError(f"{bound.path}: no client can write {point.table} registers")
    low, high = point.write.minimum, point.write.maximum
    if not low <= value <= high:
        raise WriteError(f"{bound.path}: {value:g} is outside {low:g} to {high:g}, which the profile allows")
    kind = bound.signal.kind
    if kind is Kind.TEXT or point.bit is not None:
        raise WriteError(f"{bound.path}: only whole values are written, no texts and no single bits")
    if kind is Kind.ENUM:
        return _whole(bound, _number_of(bound, value), value)
    if kind is Kind.BOOL and value not in {0.0, 1.0}:
        raise WriteError(f"{bound.path}: is 0 or 1, not {value:g}")
    if point.table == "coil" or kind is Kind.BOOL:
        return _whole(bound, int(value), value)
    raw = (point.sign * value - point.offset) / point.scale
    if point.type in {"f32", "f64"}:
        return _floating(bound, raw, value)
    number = _nearest(bound, raw, low, high)
    return _whole(bound, number, point.sign * (number * point.scale + point.offset), abs(point.scale) / 2.0)


def order(data: bytes, word_order: str) -> bytes:
    """Big-endian bytes as they stand on the wire; see ``adapters.modbus_decode.numbers``."""
    words = np.frombuffer(data, dtype=">u2")
    if word_order in {"CDAB", "DCBA"}:
        words = words[::-1]
    return words.byteswap().tobytes() if word_order in {"BADC", "DCBA"} else words.tobytes()


def _number_of(bound: BoundPoint, value: float) -> int:
    """The raw number of an enumeration's state."""
    try:
        return int(bound.point.raw_to_write(value))
    except ValueError as error:
        raise WriteError(f"{bound.path}: the device has no number for {value:g}") from error


def _nearest(bound: BoundPoint, raw: float, low: float, high: float) -> int:
    """The whole number nearest to a raw value whose meaning is still within what may be written."""
    point = bound.point
    slack = _ROUNDING * (high - low)
    candidates = sorted({round(raw), math.floor(raw), math.ceil(raw)}, key=lambda number: abs(number - raw))
    for number in candidates:
        if low - slack <= point.sign * (number * point.scale + point.offset) <= high + slack:
            return number
    raise WriteError(f"{bound.path}: no step of {abs(point.scale):g} lies within {low:g} to {high:g}")


def _whole(bound: BoundPoint, number: int, value: float, tolerance: float = 0.0) -> Encoded:
    kind = np.dtype(DTYPES["bool" if bound.point.table == "coil" else bound.point.type or "bool"])
    if kind.kind == "f":
        return _floating(bound, float(number), value)
    limits = np.iinfo(kind)
    if not limits.min <= number <= limits.max:
        raise WriteError(f"{bound.path}: {value:g} would be {number}, which a {bound.point.type} cannot hold")
    return _encoded(bound, np.array(number, dtype=kind), number, value, tolerance)


def _floating(bound: BoundPoint, raw: float, value: float) -> Encoded:
    kind = np.dtype(DTYPES[bound.point.type or "f32"])
    with np.errstate(over="ignore"):
        held = np.array(raw).astype(kind)
    if not np.isfinite(held):
        raise WriteError(f"{bound.path}: {value:g} would be {raw:g}, which a {bound.point.type} cannot hold")
    # A device that keeps 32 bits shows a little less than 64 were written.
    return _encoded(bound, held, raw, value, 1e-6 * max(abs(value), abs(bound.point.scale)))


def _encoded(bound: BoundPoint, held: NDArray[Any], raw: float, value: float, tolerance: float) -> Encoded:
    if raw in bound.point.invalid:
        raise WriteError(f"{bound.path}: {value:g} would be {raw:g}, by which the device says that it has no value")
    return Encoded(order(held.tobytes(), bound.point.word_order), value, tolerance)

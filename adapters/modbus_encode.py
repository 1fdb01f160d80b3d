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


def encode(bound: BoundPoint, value: float, exponent: int = 0) -> Encoded:
    """The registers of a value. ``exponent``: what the point's ``scale_register`` holds now.

    Raises ``WriteError`` where the profile does not allow it, or no registers mean it.
    """
    point = bound.point
    write = point.write
    if write is None:
        raise WriteError(f"{bound.path}: the profile does not allow writing it")
    if point.table not in {"holding", "coil"} and write.address is None:
        raise WriteError(f"{bound.path}: no client can write {point.table} registers")
    low, high = write.minimum, write.maximum
    if not low <= value <= high:
        raise WriteError(f"{bound.path}: {value:g} is outside {low:g} to {high:g}, which the profile allows")
    kind = bound.signal.kind
    if kind is Kind.TEXT or ((point.part is not None or point.byte is not None) and write.address is None):
        raise WriteError(f"{bound.path}: only whole values are written, no texts and no single bits")
    if kind is Kind.BOOL and value not in {0.0, 1.0}:
        raise WriteError(f"{bound.path}: is 0 or 1, not {value:g}")
    form = _Form(bound, *_written_as(bound), exponent)
    if kind in {Kind.ENUM, Kind.BOOL} or form.type == "coil":
        return form.whole(form.number_of(value), value)
    if form.type in {"f32", "f64"}:
        return form.floating(form.raw(value), value)
    number = form.nearest(form.raw(value), low, high)
    return form.whole(number, form.meaning(number), abs(form.step) / 2.0)


def _written_as(bound: BoundPoint) -> tuple[str, float]:
    """Type and scale of what is written, where those of what is read are others."""
    point, write = bound.point, bound.point.write
    if point.table == "coil" and (write is None or write.address is None):
        return "coil", 1.0
    kind = (write.type if write is not None else None) or point.type or "u16"
    scale = write.scale if write is not None and write.scale is not None else point.scale
    return kind, scale


@dataclass(frozen=True, slots=True)
class _Form:
    """How a point's value lies in the registers that are written."""

    bound: BoundPoint
    type: str
    scale: float
    exponent: int

    @property
    def step(self) -> float:
        """What one more in the registers means."""
        return self.scale * 10.0**self.exponent

    def raw(self, value: float) -> float:
        return self.bound.point.raw_to_write(value, self.exponent)

    def number_of(self, value: float) -> int:
        """The raw number of a state, or of true and false."""
        try:
            point = self.bound.point
            if self.bound.signal.kind is Kind.BOOL and (point.write is None or point.write.enum is None):
                return int(value) if not point.enum else int(point.raw_to_write(value))
            return int(point.raw_to_write(value))
        except ValueError as error:
            raise WriteError(f"{self.bound.path}: the device has no number for {value:g}") from error

    def meaning(self, number: float) -> float:
        point = self.bound.point
        return point.sign * (number * self.step + point.offset)

    def nearest(self, raw: float, low: float, high: float) -> int:
        """The whole number nearest to a raw value whose meaning is still within what may be written."""
        slack = _ROUNDING * (high - low)
        candidates = sorted({round(raw), math.floor(raw), math.ceil(raw)}, key=lambda number: abs(number - raw))
        for number in candidates:
            if low - slack <= self.meaning(number) <= high + slack:
                return number
        raise WriteError(f"{self.bound.path}: no step of {abs(self.step):g} lies within {low:g} to {high:g}")

    def whole(self, number: int, value: float, tolerance: float = 0.0) -> Encoded:
        kind = np.dtype(DTYPES["bool" if self.type == "coil" else self.type])
        if kind.kind == "f":
            return self.floating(float(number), value)
        limits = np.iinfo(kind)
        if not limits.min <= number <= limits.max:
            raise WriteError(f"{self.bound.path}: {value:g} would be {number}, which a {self.type} cannot hold")
        return self.encoded(np.array(number, dtype=kind), number, value, tolerance)

    def floating(self, raw: float, value: float) -> Encoded:
        kind = np.dtype(DTYPES[self.type])
        with np.errstate(over="ignore"):
            held = np.array(raw).astype(kind)
        if not np.isfinite(held):
            raise WriteError(f"{self.bound.path}: {value:g} would be {raw:g}, which a {self.type} cannot hold")
        # A device that keeps 32 bits shows a little less than 64 were written.
        return self.encoded(held, raw, value, 1e-6 * max(abs(value), abs(self.step)))

    def encoded(self, held: NDArray[Any], raw: float, value: float, tolerance: float) -> Encoded:
        if raw in self.bound.point.sentinels:
            words = f"{value:g} would be {raw:g}, by which the device says that it has no value"
            raise WriteError(f"{self.bound.path}: {words}")
        return Encoded(order(held.tobytes(), self.bound.point.word_order), value, tolerance)


def order(data: bytes, word_order: str) -> bytes:
    """Big-endian bytes as they stand on the wire; see ``adapters.modbus_decode.numbers``."""
    words = np.frombuffer(data, dtype=">u2")
    if word_order in {"CDAB", "DCBA"}:
        words = words[::-1]
    return words.byteswap().tobytes() if word_order in {"BADC", "DCBA"} else words.tobytes()

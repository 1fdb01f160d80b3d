"""From a device's raw values to the vocabulary's: value, quality and reason of each sample. Pure and vectorised.

Whatever leaves here as good is finite and within its signal's range. Values of bad samples are NaN.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.base import Batch
from config.binding import BoundPoint
from twin.signals import ChargerState, Kind, Quality, Reason

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

MAXIMUM_TEXT = 128
"""Characters of a text value; a longer one is no serial number."""

_EXACT = 2.0**53
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Converted:
    """Columns of one conversion, all of the same length; ``rows`` index the device's points."""

    rows: Rows
    values: Floats
    qualities: Codes
    reasons: Codes

    def limited_by(self, qualities: Codes, reasons: Codes) -> "Converted":
        """The same samples, no better than the device itself says they are."""
        bad = qualities == Quality.BAD
        worse = bad | (qualities > self.qualities)
        values = np.where(bad, math.nan, self.values)
        return Converted(
            self.rows, values, np.where(worse, qualities, self.qualities), np.where(worse, reasons, self.reasons)
        )


def joined(parts: Sequence[Converted]) -> Converted:
    """Several conversions as one."""
    return Converted(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.qualities for part in parts]),
        np.concatenate([part.reasons for part in parts]),
    )


def clamped(times: Floats, received_time: float, ahead_s: float) -> tuple[Floats, int]:
    """Source times, those further ahead of arrival than ``ahead_s`` set to it, and how many that were.

    A device whose clock runs ahead would otherwise send values that never grow stale. NaN (the device gave no
    time) becomes the time of arrival and is not counted.
    """
    ahead = times > received_time + ahead_s
    return np.where(ahead | np.isnan(times), received_time, times), int(np.count_nonzero(ahead))


class Converter:
    """The conversion of one device's points, held as columns. Rows count the device's points from zero."""

    def __init__(self, points: Sequence[BoundPoint]) -> None:
        profile = [bound.point for bound in points]
        signals = [bound.signal for bound in points]
        self._numbers = np.array([bound.number for bound in points], dtype=np.int32)
        self._scale = np.array([p.sign * p.scale for p in profile])
        self._offset = np.array([p.sign * p.offset for p in profile])
        self._low = np.array([s.minimum for s in signals])
        self._high = np.array([s.maximum for s in signals])
        self._slack = (self._high - self._low) * _ROUNDING
        self._bit = np.array([-1 if p.bit is None else p.bit for p in profile])
        self._boolean = np.array([s.kind is Kind.BOOL for s in signals])
        self._text = np.array([s.kind is Kind.TEXT for s in signals])
        width = max((len(p.invalid) for p in profile), default=0)
        self._invalid = np.full((len(points), width), math.nan)
        for row, p in enumerate(profile):
            self._invalid[row, : len(p.invalid)] = p.invalid
        self._enum, self._tables = _enum_tables([p.enum for p in profile])

    def numbers(self, rows: Rows, raw: NDArray[Any]) -> Converted:
        """Convert raw numbers of one type. Integer types keep all their bits for ``bit`` points."""
        plain = raw.astype(np.float64)
        # A profile writes -9999.1; the device's 32-bit float nearest to it is another number in 64 bits.
        with np.errstate(over="ignore"):
            sentinels = self._invalid[rows].astype(raw.dtype if raw.dtype.kind == "f" else np.float64)
        not_configured = (plain[:, None] == sentinels).any(axis=1)
        broken = ~np.isfinite(plain)
        with np.errstate(over="ignore", invalid="ignore"):
            values = plain * self._scale[rows] + self._offset[rows]
        outside = self._enumerate(rows, plain, values)
        broken |= self._take_bits(rows, raw, plain, values)
        outside |= ~broken & ~np.isfinite(values)
        low, high, slack = self._low[rows], self._high[rows], self._slack[rows]
        outside |= (values < low - slack) | (values > high + slack)
        outside |= self._boolean[rows] & (values != 0.0) & (values != 1.0)
        reasons = np.select(
            [not_configured, broken, outside],
            [Reason.NOT_CONFIGURED, Reason.SENSOR_FAILURE, Reason.OUT_OF_RANGE],
            default=Reason.NONE,
        ).astype(np.uint8)
        bad = reasons != Reason.NONE
        # Scaling may leave a full battery a rounding error above 1.
        values = np.where(bad, math.nan, np.clip(values, low, high))
        return Converted(rows, values, np.where(bad, Quality.BAD, Quality.GOOD).astype(np.uint8), reasons)

    def _enumerate(self, rows: Rows, plain: Floats, values: Floats) -> NDArray[np.bool_]:
        """Put enumeration numbers into ``values``; true where the profile does not know the raw number."""
        unknown = np.zeros(len(rows), dtype=bool)
        tables = self._enum[rows]
        for table in np.unique(tables[tables >= 0]):
            here = np.flatnonzero(tables == table)
            keys, states = self._tables[table]
            place = np.minimum(np.searchsorted(keys, plain[here]), len(keys) - 1)
            values[here] = states[place]
            unknown[here] = keys[place] != plain[here]
        return unknown

    def _take_bits(self, rows: Rows, raw: NDArray[Any], plain: Floats, values: Floats) -> NDArray[np.bool_]:
        """Put single bits into ``values``; true where the raw value has no bits to take."""
        bits = self._bit[rows]
        broken = np.zeros(len(rows), dtype=bool)
        here = np.flatnonzero(bits >= 0)
        if here.size == 0:
            return broken
        if raw.dtype.kind == "f":
            whole = (plain[here] >= 0.0) & (plain[here] < _EXACT) & (np.floor(plain[here]) == plain[here])
            broken[here] = ~whole
            words = np.where(whole, plain[here], 0.0).astype(np.uint64)
        else:
            words = raw[here].astype(np.uint64)
        values[here] = (words >> bits[here].astype(np.uint64)) & np.uint64(1)
        return broken

    def objects(self, rows: Sequence[int], raws: Sequence[object], intern: Callable[[str], int]) -> Converted:
        """Convert values of any type, as JSON or a variant brings them. ``None`` means that there is no value.

        Text goes through ``intern``. A value of the wrong type, such as text for a number, is a sensor failure.
        """
        numbers: list[float] = []
        numbers_at: list[int] = []
        words: list[int] = []
        words_at: list[int] = []
        rest: list[tuple[float, Reason]] = []
        rest_at: list[int] = []
        for at, (row, raw) in enumerate(zip(rows, raws, strict=True)):
            if raw is None:
                rest_at.append(at)
                rest.append((math.nan, Reason.NOT_CONFIGURED))
            elif self._text[row]:
                rest_at.append(at)
                rest.append(_text(raw, intern))
            elif self._bit[row] >= 0 and type(raw) is int and 0 <= raw < 2**64:
                words_at.append(at)
                words.append(raw)
            elif _is_number(raw, boolean=bool(self._boolean[row] and self._bit[row] < 0)):
                numbers_at.append(at)
                numbers.append(_as_float(raw))
            else:
                rest_at.append(at)
                rest.append((math.nan, Reason.SENSOR_FAILURE))
        every_row = np.asarray(rows, dtype=np.int64)
        parts = [
            self.numbers(every_row[numbers_at], np.array(numbers, dtype=np.float64)),
            self.numbers(every_row[words_at], np.array(words, dtype=np.uint64)),
        ]
        if rest:
            reasons = np.array([reason for _, reason in rest], dtype=np.uint8)
            qualities = np.where(reasons == Reason.NONE, Quality.GOOD, Quality.BAD).astype(np.uint8)
            parts.append(Converted(every_row[rest_at], np.array([value for value, _ in rest]), qualities, reasons))
        samples = joined(parts)
        order = np.argsort(np.array(numbers_at + words_at + rest_at, dtype=np.int64))
        return Converted(samples.rows[order], samples.values[order], samples.qualities[order], samples.reasons[order])

    def bad(self, rows: Sequence[int] | Rows, reasons: Reason | Sequence[Reason]) -> Converted:
        """Samples without a value, for one reason or each for its own."""
        count = len(rows)
        return Converted(
            np.asarray(rows, dtype=np.int64),
            np.full(count, math.nan),
            np.full(count, Quality.BAD, dtype=np.uint8),
            np.full(count, reasons, dtype=np.uint8),
        )

    def batch(self, samples: Converted, source_times: Floats, received_time: float) -> Batch:
        """The samples as they are handed over, by number in the process image."""
        return Batch(
            points=self._numbers[samples.rows],
            values=samples.values,
            qualities=samples.qualities,
            reasons=samples.reasons,
            source_times=source_times,
            received_time=received_time,
        )


def _is_number(raw: object, *, boolean: bool) -> bool:
    """A number, or for a boolean signal a truth value. ``True`` is no state of charge."""
    return isinstance(raw, int | float) and (boolean or not isinstance(raw, bool))


def _as_float(raw: Any) -> float:
    # An integer too large for a float is no measurement; infinity is refused as a sensor failure.
    return float(raw) if isinstance(raw, float) or abs(raw) < 2**1000 else math.inf


def _text(raw: object, intern: Callable[[str], int]) -> tuple[float, Reason]:
    if type(raw) is int:
        raw = str(raw)
    if not isinstance(raw, str):
        return math.nan, Reason.SENSOR_FAILURE
    text = raw.strip()
    if not text:
        return math.nan, Reason.NOT_CONFIGURED
    if len(text) > MAXIMUM_TEXT or not text.isprintable():
        return math.nan, Reason.SENSOR_FAILURE
    return float(intern(text)), Reason.NONE


def _enum_tables(enums: list[dict[int, str] | None]) -> tuple[NDArray[np.int64], list[tuple[Floats, Floats]]]:
    """The distinct enumerations as sorted columns, and which one each row has (-1: none)."""
    tables: list[tuple[Floats, Floats]] = []
    known: dict[tuple[tuple[int, str], ...], int] = {}
    of_row = np.full(len(enums), -1, dtype=np.int64)
    for row, enum in enumerate(enums):
        if not enum:
            continue
        key = tuple(sorted(enum.items()))
        if key not in known:
            known[key] = len(tables)
            tables.append(
                (
                    np.array([number for number, _ in key], dtype=np.float64),
                    np.array([ChargerState[label.upper()] for _, label in key], dtype=np.float64),
                )
            )
        of_row[row] = known[key]
    return of_row, tables

"""From a device's raw values to the vocabulary's: value, quality and reason of each sample. Pure and vectorised.

Whatever leaves here as good is finite and within its signal's range. Values of bad samples are NaN.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
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

_NUMBERS: frozenset[type] = frozenset({int, float})
_EXACT = 2.0**53
_ROUNDING = 1e-9

# Members of an enumeration are slow to look up and slow for NumPy to convert; the hot path has plain numbers.
_GOOD, _BAD = int(Quality.GOOD), int(Quality.BAD)
_NONE, _NOT_CONFIGURED = int(Reason.NONE), int(Reason.NOT_CONFIGURED)
_SENSOR_FAILURE, _OUT_OF_RANGE = int(Reason.SENSOR_FAILURE), int(Reason.OUT_OF_RANGE)


Tap = Callable[[Sequence[int] | Rows, Sequence[object] | Floats], None]
"""Is shown raw values, by the points' numbers, before they are converted: for tools that show or record them."""

_tap: ContextVar[Tap | None] = ContextVar("tap", default=None)


@contextmanager
def tapped(tap: Tap) -> Iterator[None]:
    """Adapters that are built and started in this block show their raw values to ``tap``."""
    token = _tap.set(tap)
    try:
        yield
    finally:
        _tap.reset(token)


def _numbered(tap: Tap | None, numbers: NDArray[np.int32]) -> Tap | None:
    """The same tap for a converter's own rows: a converter may have only some of a device's points."""
    return None if tap is None else lambda rows, raws: tap(numbers[np.asarray(rows, dtype=np.int64)].tolist(), raws)


@dataclass(frozen=True, slots=True)
class Converted:
    """Columns of one conversion, all of the same length; ``rows`` index the device's points."""

    rows: Rows
    values: Floats
    qualities: Codes
    reasons: Codes

    def limited_by(self, qualities: Codes, reasons: Codes) -> "Converted":
        """The same samples, no better than the device itself says they are."""
        bad = qualities == _BAD
        worse = bad | (qualities > self.qualities)
        values = np.where(bad, math.nan, self.values)
        return Converted(
            self.rows, values, np.where(worse, qualities, self.qualities), np.where(worse, reasons, self.reasons)
        )

    def put(self, at: Rows, values: Floats, reasons: Codes) -> None:
        """Set the samples in these places, which are bad where there is a reason."""
        self.values[at] = values
        self.qualities[at] = np.where(reasons == _NONE, _GOOD, _BAD)
        self.reasons[at] = reasons

    def only(self, wanted: NDArray[np.bool_]) -> "Converted":
        """Some of the samples."""
        return Converted(self.rows[wanted], self.values[wanted], self.qualities[wanted], self.reasons[wanted])


def clamped(times: Floats, received_time: float, ahead_s: float) -> tuple[Floats, int]:
    """Source times, those further ahead of arrival than ``ahead_s`` set to it, and how many that were.

    A device whose clock runs ahead would otherwise send values that never grow stale. NaN (the device gave no
    time) becomes the time of arrival and is not counted.
    """
    ahead = times > received_time + ahead_s
    return np.where(ahead | np.isnan(times), received_time, times), int(np.count_nonzero(ahead))


class Conversion:
    """The conversion of some points in a fixed order, prepared so that one call converts all of them."""

    def __init__(
        self, columns: "_Columns", rows: Rows, single: NDArray[np.bool_] | None, tap: Tap | None = None
    ) -> None:
        self._rows, self._tap = rows, tap
        self._scale, self._offset = columns.scale[rows], columns.offset[rows]
        self._low, self._high = columns.low[rows], columns.high[rows]
        slack = (self._high - self._low) * _ROUNDING
        self._lowest, self._highest = self._low - slack, self._high + slack
        self._boolean_at = np.flatnonzero(columns.boolean[rows])
        bits = columns.bit[rows]
        self._bit_at = np.flatnonzero(bits >= 0)
        self._shifts = bits[self._bit_at].astype(np.uint64)
        self._enums = [
            (at, keys, states)
            for number, (keys, states) in enumerate(columns.tables)
            if (at := np.flatnonzero(columns.enum[rows] == number)).size
        ]
        sentinels = columns.invalid[:, rows]
        if single is not None:
            # A profile writes -9999.1; the device's 32-bit float nearest to it is another number in 64 bits.
            with np.errstate(over="ignore"):
                sentinels = np.where(single, sentinels.astype(np.float32), sentinels)
        self._sentinels = [line for line in sentinels if not np.isnan(line).all()]

    def __call__(self, raw: Floats, words: NDArray[np.uint64]) -> Converted:
        """Convert raw numbers, one for each point; ``words`` are those of the points with a ``bit``, with all bits.

        NaN is a sensor failure.
        """
        if self._tap is not None:
            self._tap(self._rows, raw)
        with np.errstate(over="ignore", invalid="ignore"):
            values = raw * self._scale
            values += self._offset
        for at, keys, states in self._enums:
            numbers = raw[at]
            place = np.minimum(np.searchsorted(keys, numbers), len(keys) - 1)
            values[at] = np.where(keys[place] == numbers, states[place], math.nan)
        if self._bit_at.size:
            values[self._bit_at] = (words >> self._shifts) & np.uint64(1)
        good = (values >= self._lowest) & (values <= self._highest)
        if self._boolean_at.size:
            truths = values[self._boolean_at]
            good[self._boolean_at] &= (truths == 0.0) | (truths == 1.0)
        not_configured = np.zeros(len(raw), dtype=np.bool_)
        for sentinel in self._sentinels:
            not_configured |= raw == sentinel
        good &= ~not_configured
        good &= np.isfinite(raw)
        # Scaling may leave a full battery a rounding error above 1.
        np.minimum(np.maximum(values, self._low, out=values), self._high, out=values)
        qualities = np.zeros(len(raw), dtype=np.uint8)
        reasons = np.zeros(len(raw), dtype=np.uint8)
        if not good.all():
            bad = ~good
            values[bad] = math.nan
            qualities[bad] = _BAD
            reasons[bad] = _OUT_OF_RANGE
            reasons[~np.isfinite(raw)] = _SENSOR_FAILURE
            reasons[not_configured] = _NOT_CONFIGURED
        return Converted(self._rows, values, qualities, reasons)


class _Columns:
    """What the profile says of a device's points, one row each."""

    def __init__(self, points: Sequence[BoundPoint]) -> None:
        profile = [bound.point for bound in points]
        signals = [bound.signal for bound in points]
        self.scale = np.array([p.sign * p.scale for p in profile])
        self.offset = np.array([p.sign * p.offset for p in profile])
        self.low = np.array([s.minimum for s in signals])
        self.high = np.array([s.maximum for s in signals])
        self.bit = np.array([-1 if p.bit is None else p.bit for p in profile])
        self.boolean = np.array([s.kind is Kind.BOOL for s in signals])
        width = max((len(p.invalid) for p in profile), default=0)
        self.invalid = np.full((width, len(points)), math.nan)
        for row, p in enumerate(profile):
            self.invalid[: len(p.invalid), row] = p.invalid
        self.enum, self.tables = _enum_tables([p.enum for p in profile])


class Converter:
    """The conversion of one device's points. Rows count the device's points from zero."""

    def __init__(self, points: Sequence[BoundPoint]) -> None:
        self._numbers = np.array([bound.number for bound in points], dtype=np.int32)
        self._columns = _Columns(points)
        self._is_text = [bound.signal.kind is Kind.TEXT for bound in points]
        self._has_bit = [bound.point.bit is not None for bound in points]
        self._numeric = [_numeric(bound) for bound in points]
        self._invalid = [bound.point.invalid for bound in points]
        self._tap = _numbered(_tap.get(), self._numbers)

    def prepare(self, rows: Rows, single: NDArray[np.bool_] | None = None) -> Conversion:
        """The conversion of these points in this order; ``single``: which raw values are 32-bit floats."""
        return Conversion(self._columns, rows, single, self._tap)

    def objects(self, rows: Sequence[int], raws: Sequence[object], intern: Callable[[str], int]) -> Converted:
        """Convert values of any type, as JSON or a variant brings them. ``None`` means that there is no value.

        Text goes through ``intern``. A value of the wrong type, such as text for a number, is a sensor failure.
        """
        if self._tap is not None:
            self._tap(rows, raws)
        numbers: list[Any] = []
        words: list[int] = []
        rest_at: list[int] = []
        rest: list[float] = []
        reasons: list[int] = []
        for at, (row, raw) in enumerate(zip(rows, raws, strict=True)):
            if type(raw) in self._numeric[row]:
                numbers.append(raw)
                continue
            has_bit = self._has_bit[row]
            word = _word(raw) if has_bit else None
            numbers.append(math.nan if word is None else word)
            if has_bit:
                words.append(word or 0)
            if word is None:
                value, reason = self._other(row, raw, intern)
                rest_at.append(at)
                rest.append(value)
                reasons.append(reason)
        conversion = Conversion(self._columns, np.array(rows, dtype=np.int64), None)
        samples = conversion(_floats(numbers), np.array(words, dtype=np.uint64))
        if rest:
            samples.put(np.array(rest_at), np.array(rest), np.array(reasons, dtype=np.uint8))
        return samples

    def _other(self, row: int, raw: object, intern: Callable[[str], int]) -> tuple[float, int]:
        """The value of what is no number, and why it has none."""
        if raw is None:
            return math.nan, _NOT_CONFIGURED
        if self._is_text[row]:
            return _text(raw, intern)
        if self._has_bit[row] and type(raw) in _NUMBERS and raw in self._invalid[row]:
            return math.nan, _NOT_CONFIGURED
        return math.nan, _SENSOR_FAILURE

    def bad(self, rows: Sequence[int] | Rows, reasons: Reason | Sequence[Reason]) -> Converted:
        """Samples without a value, for one reason or each for its own."""
        count = len(rows)
        return Converted(
            np.asarray(rows, dtype=np.int64),
            np.full(count, math.nan),
            np.full(count, _BAD, dtype=np.uint8),
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


def _numeric(bound: BoundPoint) -> frozenset[type]:
    """The types that are numbers to a point. ``True`` is one to a boolean signal, but no state of charge."""
    if bound.signal.kind is Kind.TEXT or bound.point.bit is not None:
        return frozenset()
    return _NUMBERS | {bool} if bound.signal.kind is Kind.BOOL else _NUMBERS


def _word(raw: object) -> int | None:
    """The bits of a raw value, ``None`` if it has none."""
    if type(raw) is float and 0.0 <= raw < _EXACT and raw.is_integer():
        return int(raw)
    return raw if type(raw) is int and 0 <= raw < 2**64 else None


def _floats(numbers: list[Any]) -> Floats:
    try:
        return np.array(numbers, dtype=np.float64)
    except OverflowError:
        # An integer too large for a float is no measurement; infinity is refused as a sensor failure.
        return np.array([each if abs(each) < 2**1000 else math.inf for each in numbers], dtype=np.float64)


def _text(raw: object, intern: Callable[[str], int]) -> tuple[float, int]:
    if type(raw) is int:
        raw = str(raw)
    if not isinstance(raw, str):
        return math.nan, _SENSOR_FAILURE
    text = raw.strip()
    if not text:
        return math.nan, _NOT_CONFIGURED
    if len(text) > MAXIMUM_TEXT or not text.isprintable():
        return math.nan, _SENSOR_FAILURE
    return float(intern(text)), _NONE


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

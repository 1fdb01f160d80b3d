"""From a device's raw values to the vocabulary's: value, quality and reason of each sample. Pure and vectorised.

Whatever leaves here as good is finite and within its signal's range. Values of bad samples are NaN.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.base import Batch
from adapters.raw_values import keeper
from config.binding import BoundPoint
from twin.signals import ChargerState, Kind, Quality, Reason

Enumeration = dict[int | str, bool | str]
Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

LAYOUTS = 64
"""Different messages or notifications of one device, whose preparation is kept."""

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


class Conversion:
    """The conversion of some points in a fixed order, prepared so that one call converts all of them."""

    def __init__(
        self, columns: "_Columns", rows: Rows, single: NDArray[np.bool_] | None, tap: Tap | None = None
    ) -> None:
        self._rows, self._tap = rows, tap
        self._kept = columns.kept
        self._kept_at = columns.kept_rows[rows]
        self._scale, self._offset = columns.scale[rows], columns.offset[rows]
        self._low, self._high = columns.low[rows], columns.high[rows]
        slack = (self._high - self._low) * _ROUNDING
        self._lowest, self._highest = self._low - slack, self._high + slack
        self._boolean_at = np.flatnonzero(columns.boolean[rows])
        shifts = columns.shift[rows]
        self._part_at = np.flatnonzero(shifts >= 0)
        self._shifts = shifts[self._part_at].astype(np.uint64)
        self._masks = columns.mask[rows][self._part_at]
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

    def __call__(self, raw: Floats, words: NDArray[np.uint64], factors: Floats | None = None) -> Converted:
        """Convert raw numbers, one for each point; ``words`` are those of points with a ``part``, with all bits.

        ``factors`` scale the numbers besides, where the device says so. NaN is a sensor failure.
        """
        if self._tap is not None:
            self._tap(self._rows, raw)
        if self._kept is not None:
            self._kept.numbers[self._kept_at] = raw
        counted = raw
        if self._part_at.size:
            counted = raw.copy()
            counted[self._part_at] = (words >> self._shifts) & self._masks
        with np.errstate(over="ignore", invalid="ignore"):
            values = counted * self._scale
            if factors is not None:
                values *= factors
            values += self._offset
        for at, keys, states in self._enums:
            numbers = counted[at]
            place = np.minimum(np.searchsorted(keys, numbers), len(keys) - 1)
            values[at] = np.where(keys[place] == numbers, states[place], math.nan)
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
        # Plus nothing: an offset of minus zero would turn the zeros of a negative sign into minus zero.
        self.offset = np.array([p.sign * p.offset + 0.0 for p in profile])
        self.low = np.array([s.minimum for s in signals])
        self.high = np.array([s.maximum for s in signals])
        parts = [p.part or (-1, 64) for p in profile]
        self.shift = np.array([first for first, _ in parts])
        self.mask = np.array([(1 << count) - 1 for _, count in parts], dtype=np.uint64)
        self.boolean = np.array([s.kind is Kind.BOOL for s in signals])
        sentinels = [p.sentinels for p in profile]
        width = max((len(each) for each in sentinels), default=0)
        self.invalid = np.full((width, len(points)), math.nan)
        for row, each in enumerate(sentinels):
            self.invalid[: len(each), row] = each
        self.enum, self.tables = _enum_tables([p.enum for p in profile])
        self.kept = keeper()
        self.kept_rows = np.arange(len(points)) if self.kept is None else self.kept.rows(points)


class Converter:
    """The conversion of one device's points. Rows count the device's points from zero."""

    def __init__(self, points: Sequence[BoundPoint]) -> None:
        self._numbers = np.array([bound.number for bound in points], dtype=np.int32)
        self._columns = _Columns(points)
        self._is_text = [bound.signal.kind is Kind.TEXT for bound in points]
        self._has_part = [bound.point.part is not None for bound in points]
        self._numeric = [_numeric(bound) for bound in points]
        self._invalid = [bound.point.sentinels for bound in points]
        self._labels = [_labels(bound) for bound in points]
        self._layouts: dict[tuple[tuple[int, ...], bytes], _Layout] = {}
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
        # Devices send the same points with the same types again and again; what follows from those is worked out once.
        key = (tuple(rows), bytes(map(_CLASSES.__getitem__, map(type, raws))))
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._lay_out(*key)
            if len(self._layouts) >= LAYOUTS:
                self._layouts.clear()
            # A backlog, which has points several times, does not come again.
            if len(raws) <= len(self._numbers):
                self._layouts[key] = layout
        numbers = np.full(len(raws), math.nan)
        numbers[layout.number_at] = _floats(layout.pick(raws))
        words: list[int] = []
        rest = layout.rest
        for at in layout.word_at:
            word = _word(raws[at])
            words.append(word or 0)
            if word is None:
                rest = [*rest, at]
            else:
                numbers[at] = word
        samples = layout.conversion(numbers, np.array(words, dtype=np.uint64))
        if rest:
            if self._columns.kept is not None:
                self._columns.kept.note((int(self._columns.kept_rows[rows[at]]), raws[at]) for at in rest)
            values, reasons = zip(*[self._other(rows[at], raws[at], intern) for at in rest], strict=True)
            samples.put(np.array(rest), np.array(values), np.array(reasons, dtype=np.uint8))
        return samples

    def _lay_out(self, rows: tuple[int, ...], classes: bytes) -> "_Layout":
        numbers, words, rest = [], [], []
        for at, row in enumerate(rows):
            if _KINDS[classes[at]] in self._numeric[row]:
                numbers.append(at)
            elif self._has_part[row]:
                words.append(at)
            else:
                rest.append(at)
        # Not tapped: the raw values have been shown as they came.
        conversion = Conversion(self._columns, np.array(rows, dtype=np.int64), None)
        return _Layout(conversion, np.array(numbers, dtype=np.int64), _picking(numbers), words, rest)

    def _other(self, row: int, raw: object, intern: Callable[[str], int]) -> tuple[float, int]:
        """The value of what is no number, and why it has none."""
        if raw is None:
            return math.nan, _NOT_CONFIGURED
        if self._is_text[row]:
            return _text(raw, intern)
        if self._labels[row] and isinstance(raw, str):
            return _label(raw, self._labels[row])
        if self._has_part[row] and type(raw) in _NUMBERS and raw in self._invalid[row]:
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

    def takes(self, row: int, kind: type) -> bool:
        """Whether a raw value of this type is a number to the point, without its bits being looked at."""
        return kind in self._numeric[row]


class _Classes(dict[type, int]):
    """What a raw value is, by its type."""

    def __missing__(self, key: type) -> int:
        return _OTHER


_NUMBER, _TRUTH, _OTHER = range(3)
_CLASSES = _Classes({int: _NUMBER, float: _NUMBER, bool: _TRUTH})
_KINDS = (float, bool, object)
"""A type of each class."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How to convert given points whose raw values are of given classes; places count within one call."""

    conversion: Conversion
    number_at: Rows
    pick: Callable[[Sequence[object]], Sequence[Any]]
    """The raw values of ``number_at``."""
    word_at: list[int]
    rest: list[int]


def _picking(places: list[int]) -> Callable[[Sequence[object]], Sequence[Any]]:
    """Picks the items of these places out of a sequence, as fast as Python can."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda items: [items[at] for at in places]


def _numeric(bound: BoundPoint) -> frozenset[type]:
    """The types that are numbers to a point. ``True`` is one to a boolean signal, but no state of charge."""
    if bound.signal.kind is Kind.TEXT or bound.point.part is not None:
        return frozenset()
    return _NUMBERS | {bool} if bound.signal.kind is Kind.BOOL else _NUMBERS


def _word(raw: object) -> int | None:
    """The bits of a raw value, ``None`` if it has none."""
    if type(raw) is float and 0.0 <= raw < _EXACT and raw.is_integer():
        return int(raw)
    return raw if type(raw) is int and 0 <= raw < 2**64 else None


def _floats(numbers: Sequence[Any]) -> Floats:
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


def _labels(bound: BoundPoint) -> dict[str, float]:
    """What the texts of an enumeration mean."""
    return {key: _meaning(label) for key, label in (bound.point.enum or {}).items() if isinstance(key, str)}


def _label(raw: str, labels: dict[str, float]) -> tuple[float, int]:
    text = raw.strip()
    if not text:
        return math.nan, _NOT_CONFIGURED
    return (labels[text], _NONE) if text in labels else (math.nan, _OUT_OF_RANGE)


def _meaning(label: bool | str) -> float:
    return float(label) if isinstance(label, bool) else float(ChargerState[label.upper()])


def _enum_tables(enums: list[Enumeration | None]) -> tuple[NDArray[np.int64], list[tuple[Floats, Floats]]]:
    """The distinct enumerations of numbers as sorted columns, and which one each row has (-1: none)."""
    tables: list[tuple[Floats, Floats]] = []
    known: dict[tuple[tuple[int, bool | str], ...], int] = {}
    of_row = np.full(len(enums), -1, dtype=np.int64)
    for row, enum in enumerate(enums):
        if not enum:
            continue
        key = tuple(sorted((number, label) for number, label in enum.items() if isinstance(number, int)))
        if key not in known:
            known[key] = len(tables)
            # No number stands for anything in an enumeration of texts alone; NaN is equal to none.
            numbers = [float(number) for number, _ in key] or [math.nan]
            tables.append((np.array(numbers), np.array([_meaning(label) for _, label in key] or [math.nan])))
        of_row[row] = known[key]
    return of_row, tables

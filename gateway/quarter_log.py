"""Swaps and exposure of every station by quarter hour: the latest days in memory, half a year of them in the store."""

from collections.abc import Iterable, Sequence

import numpy as np

from gateway.store import Day, Store, read_days
from twin.calendar import QUARTER_S, QUARTERS_A_DAY
from twin.spec import Floats

KEEP_DAYS = 26 * 7
"""So many days stay in the store, and are learned from: what lies longer ago says little of today's demand."""
MEMORY_DAYS = 9
DAY_S = QUARTERS_A_DAY * QUARTER_S
_PACKED = "<u2"


class QuarterLog:
    """Days are UTC days since 1970. Every station's part is written when it is asked to be (``keep``)."""

    def __init__(self, stations: Sequence[str], store: Store) -> None:
        self._store = store
        self._column = {name: column for column, name in enumerate(stations)}
        self._swaps = np.zeros((MEMORY_DAYS, QUARTERS_A_DAY, len(stations)))
        self._exposure_s = np.zeros_like(self._swaps)
        self._days = np.full(MEMORY_DAYS, -1)
        """Which day each of the rows holds."""
        self._trimmed = -1
        """The day on which the store was last told to forget the oldest ones."""
        self._changed: dict[str, set[int]] = {name: set() for name in stations}

    def restore(self, now: float) -> None:
        """Take the latest days from the store, and let it forget the oldest ones. Blocks."""
        today = int(now // DAY_S)
        for station, day, swaps, exposure_s in read_days(self._store.file, today - MEMORY_DAYS + 1):
            row, column = self._row(day), self._column.get(station)
            if column is not None:
                self._swaps[row, :, column], self._exposure_s[row, :, column] = unpacked(swaps), unpacked(exposure_s)
        self._trim(today)

    def take_over(self, other: "QuarterLog") -> None:
        """What another log holds of the stations that both have, with what it has not stored yet. On the event loop."""
        for name in self._column.keys() & other._column.keys():
            ours, theirs = self._column[name], other._column[name]
            for row, day in enumerate(other._days.tolist()):
                if day >= 0 and self._days[row] <= day:
                    at = self._row(day)
                    self._swaps[at, :, ours] = other._swaps[row, :, theirs]
                    self._exposure_s[at, :, ours] = other._exposure_s[row, :, theirs]
            self._changed[name] = set(other._changed[name])
        self._trimmed = other._trimmed

    def add(self, station: str, start: float, end: float, swaps: float, exposure_s: float) -> None:
        """What was seen of a station between two times (epoch s); spread evenly where it reaches over quarter hours."""
        column = self._column[station]
        for number in range(int(start // QUARTER_S), int(np.ceil(end / QUARTER_S))):
            day, quarter = divmod(number, QUARTERS_A_DAY)
            row = self._row(day)
            inside_s = min(end, (number + 1) * QUARTER_S) - max(start, number * QUARTER_S)
            share = inside_s / (end - start)
            self._swaps[row, quarter, column] += swaps * share
            told_s = self._exposure_s[row, quarter, column] + exposure_s * share
            self._exposure_s[row, quarter, column] = min(told_s, QUARTER_S)
            self._changed[station].add(day)

    def keep(self, station: str) -> None:
        """Queue what is new of a station for the store."""
        column = self._column[station]
        for day in sorted(self._changed[station]):
            row = day % MEMORY_DAYS
            if self._days[row] == day:
                swaps, exposure_s = self._swaps[row, :, column], self._exposure_s[row, :, column]
                self._store.day((station, day, packed(swaps), packed(exposure_s)))
            if day > self._trimmed:
                self._trim(day)
        self._changed[station].clear()

    def fill(self, station: str, times: Floats, now: float) -> None:
        """A station's past swaps (epoch s, rising), with exposure from the first one's quarter hour to the last's.

        Blocks until they are stored; read them with ``restore``. Raises ``StoreError``.
        """
        first, last = int(times[0] // QUARTER_S), int(times[-1] // QUARTER_S)
        first = max(first, (int(now // DAY_S) - KEEP_DAYS) * QUARTERS_A_DAY)
        start = first - first % QUARTERS_A_DAY
        days = max(-(-(last + 1 - start) // QUARTERS_A_DAY), 0)
        numbers = (times // QUARTER_S).astype(np.int64) - start
        counts = np.bincount(numbers[numbers >= first - start], minlength=days * QUARTERS_A_DAY).astype(np.float64)
        exposure_s = np.zeros(days * QUARTERS_A_DAY)
        exposure_s[first - start : last + 1 - start] = QUARTER_S
        by_day = zip(*(part.reshape(days, QUARTERS_A_DAY) for part in (counts, exposure_s)), strict=True)
        rows = ((station, start // QUARTERS_A_DAY + day, packed(a), packed(b)) for day, (a, b) in enumerate(by_day))
        self._store.past_days(rows)

    def _trim(self, today: int) -> None:
        self._store.forget_days(today - KEEP_DAYS)
        self._trimmed = today

    def latest(self, number: int, quarters: int) -> tuple[Floats, Floats]:
        """Swaps and exposure (shares) of the quarter hours before number ``number``: quarter hours by stations."""
        first = number - quarters
        days = range(first // QUARTERS_A_DAY, (number - 1) // QUARTERS_A_DAY + 1)
        swaps = np.zeros((len(days), *self._swaps.shape[1:]))
        exposure_s = np.zeros_like(swaps)
        for place, day in enumerate(days):
            row = day % MEMORY_DAYS
            if self._days[row] == day:
                swaps[place], exposure_s[place] = self._swaps[row], self._exposure_s[row]
        begin = first - days[0] * QUARTERS_A_DAY
        inside = slice(begin, begin + quarters)
        stations = swaps.shape[-1]
        return swaps.reshape(-1, stations)[inside], exposure_s.reshape(-1, stations)[inside] / QUARTER_S

    def _row(self, day: int) -> int:
        """Where a day is held from now on; a later day is only there where the clock was set back."""
        row = day % MEMORY_DAYS
        if self._days[row] != day:
            self._days[row] = day
            self._swaps[row] = self._exposure_s[row] = 0.0
        return row


def history(days: Iterable[Day], stations: Sequence[str]) -> tuple[int, Floats, Floats]:
    """Stored days as one history: number of its first quarter hour; swaps and exposure (shares) of the stations."""
    rows = list(days)
    column = {name: place for place, name in enumerate(stations)}
    if not rows:
        return 0, np.zeros((0, len(column))), np.zeros((0, len(column)))
    first, last = rows[0][1], rows[-1][1]
    swaps = np.zeros((last - first + 1, QUARTERS_A_DAY, len(column)))
    exposure_s = np.zeros_like(swaps)
    for station, day, came, told in rows:
        if station in column:
            swaps[day - first, :, column[station]] = unpacked(came)
            exposure_s[day - first, :, column[station]] = unpacked(told)
    shape = (-1, len(column))
    return first * QUARTERS_A_DAY, swaps.reshape(shape), exposure_s.reshape(shape) / QUARTER_S


def packed(numbers: Floats) -> bytes:
    """96 counts or seconds, rounded, in two bytes each."""
    return np.clip(np.rint(numbers), 0, 65_535).astype(_PACKED).tobytes()


def unpacked(stored: bytes) -> Floats:
    """What ``packed`` made. Raises ``ValueError`` for anything that is no day."""
    numbers = np.frombuffer(stored, dtype=_PACKED).astype(np.float64)
    if len(numbers) != QUARTERS_A_DAY:
        raise ValueError(f"a stored day has {len(numbers)} quarter hours, not {QUARTERS_A_DAY}")
    return numbers

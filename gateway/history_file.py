"""Files of past swaps: ``station,time`` in CSV, refused or repaired with a line that says what and how many."""

import csv
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from config.errors import ConfigError, Problem
from twin.spec import Floats

LARGEST_S = 32_503_680_000.0
"""The year 3000: a larger number is no time in seconds (milliseconds, most likely)."""
COARSE_S = 60.0
SHOWN = 5
"""Bad rows of a kind that are named one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class PastSwaps:
    """Times (epoch s, rising) by station, and a line for everything that was repaired or is worth knowing."""

    file: Path
    times: dict[str, Floats]
    notes: tuple[str, ...]


class _RowError(ValueError):
    """A row that cannot be read: the key, what is wrong, and what to do."""

    def __init__(self, key: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.key, self.remedy = key, remedy


def read_past_swaps(file: Path, zone: str | None = None, now: float | None = None) -> PastSwaps:
    """Read a file with the columns ``station,time``; others are ignored.

    ``time``: epoch seconds, ISO 8601 with a zone, or local time of ``zone`` where that is given (``None``: refused).
    ``now`` (epoch s): later rows are refused. Rows in any order are sorted; rows that repeat another are dropped
    unless all times stand on whole minutes. Raises ``ConfigError`` with what is wrong, where, and in how many rows.
    """
    reader = _Reader(ZoneInfo(zone) if zone else None, now)
    stations: dict[str, list[float]] = {}
    problems: dict[str, list[Problem]] = {}
    kinds: Counter[str] = Counter()
    for line, station, text in _rows(file):
        try:
            stations.setdefault(_name(station), []).append(reader.time(station, text))
        except _RowError as error:
            kinds[error.remedy] += 1
            if kinds[error.remedy] <= SHOWN:
                problems.setdefault(error.remedy, []).append(Problem(file, line, error.key, str(error), error.remedy))
    if kinds:
        raise ConfigError(_counted(problems, kinds))
    if not stations:
        raise ConfigError([Problem(file, 1, "", "has no rows", "Give rows of station,time")])
    notes = reader.notes(zone)
    raw = {station: np.array(times) for station, times in sorted(stations.items())}
    unsorted = sum(int((np.diff(times) < 0.0).sum()) for times in raw.values())
    if unsorted:
        notes.append(f"{_lines(unsorted)} earlier than the one before at the same station: sorted")
    times = {station: np.sort(column) for station, column in raw.items()}
    repeated = sum(len(column) - len(np.unique(column)) for column in times.values())
    if repeated and all((column % COARSE_S == 0.0).all() for column in times.values()):
        notes.append(f"{_lines(repeated)} like another one, but all times are whole minutes: kept as other riders")
    elif repeated:
        notes.append(f"{_lines(repeated)} like another one (same station and time): dropped")
        times = {station: np.unique(column) for station, column in times.items()}
    return PastSwaps(file, times, tuple(f"{file}: {note}" for note in notes))


class _Reader:
    """Reads times and counts what is odd about them."""

    def __init__(self, zone: ZoneInfo | None, now: float | None) -> None:
        self._zone, self._now = zone, now
        self._skipped = self._repeated = self._offset = 0
        self._latest: dict[str, datetime] = {}
        """By station, the latest local time that stands twice on the clock, as it was understood."""

    def time(self, station: str, text: str) -> float:
        text = text.strip()
        try:
            time = float(text)
        except ValueError:
            time = self._iso(station, text)
        if not math.isfinite(time):
            raise _RowError("time", f"{text!r} is no time", _FORMS)
        if abs(time) > LARGEST_S:
            raise _RowError("time", f"{text!r} lies beyond the year 3000", "Write seconds, not milliseconds")
        if self._now is not None and time > self._now:
            raise _RowError("time", f"{text!r} lies in the future", "Check the zone in which the file was written")
        return time

    def notes(self, zone: str | None) -> list[str]:
        said = []
        if self._offset:
            said.append(f"{_lines(self._offset)} in another UTC offset than {zone} had then: taken as stated")
        if self._skipped:
            said.append(
                f"{_lines(self._skipped)} at a local time that {zone} skipped when clocks went forward: moved on by "
                "the skipped time; check the zone"
            )
        if self._repeated:
            said.append(
                f"{_lines(self._repeated)} at a local time that {zone} had twice when clocks went back: told apart by "
                "the order of rows"
            )
        return said

    def _iso(self, station: str, text: str) -> float:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise _RowError("time", f"{text!r} is no time", _FORMS) from None
        if moment.tzinfo is not None:
            if (
                self._zone is not None
                and moment.utcoffset()
                and (moment.utcoffset() != moment.astimezone(self._zone).utcoffset())
            ):
                self._offset += 1
            return moment.timestamp()
        if self._zone is None:
            raise _RowError("time", f"{text!r} has no time zone", _FORMS)
        local = moment.replace(tzinfo=self._zone)
        first, second = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
        if first == second:
            return local.timestamp()
        if first is not None and second is not None and first < second:
            self._skipped += 1
            return local.timestamp()
        self._repeated += 1
        before = self._latest.get(station)
        if before is not None and before.date() == moment.date():
            local = local.replace(fold=1 if before.fold or moment < before.replace(tzinfo=None) else 0)
        self._latest[station] = local
        return local.timestamp()


_FORMS = "Write epoch seconds, or ISO 8601 with a zone such as 2026-01-30T09:00:00+05:30"


def _rows(file: Path) -> Iterator[tuple[int, str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream, strict=True)
            try:
                if rows.fieldnames is None or not {"station", "time"} <= set(rows.fieldnames):
                    message = f"has the columns {', '.join(rows.fieldnames or ['(none)'])}"
                    raise ConfigError([Problem(file, 1, "", message, "Begin the file with the line 'station,time'")])
                for row in rows:
                    yield rows.line_num, row["station"] or "", row["time"] or ""
            except csv.Error as error:
                message = f"is not CSV: {error}"
                raise ConfigError([Problem(file, rows.line_num, "", message, "Check the quotes there")]) from error
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(file, 1, "", message, "Give the path of a readable file")]) from error
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start})"
        raise ConfigError([Problem(file, 1, "", message, "Save it as UTF-8")]) from error


def _name(station: str) -> str:
    name = station.strip()
    if not name:
        raise _RowError("station", "is empty", "Name the station")
    return name


def _counted(problems: dict[str, list[Problem]], kinds: Counter[str]) -> list[Problem]:
    """The first bad rows of each kind, and how many more there are."""
    listed = [problem for some in problems.values() for problem in some]
    for remedy, count in kinds.items():
        if count > SHOWN:
            last = problems[remedy][-1]
            more = f"and so are {count - SHOWN} more rows ({count} in all)"
            listed.append(Problem(last.file, last.line + 1, last.key, more, remedy))
    return listed


def _lines(count: int) -> str:
    return "1 row is" if count == 1 else f"{count} rows are"

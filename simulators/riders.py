"""When riders come: drawn from a day's shape, or listed in a file."""

import csv
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np

from config.errors import ConfigError, Problem
from config.site import EmulatedStation, Station
from twin.demand import HALF_HOUR_S, day_rates_per_s


class Riders(Protocol):
    """A stream of arrivals in rising order."""

    def until(self, time: float) -> list[float]:
        """Arrivals (epoch seconds) after those already given, up to ``time``."""


class DrawnRiders:
    """A Poisson process whose intensity follows the half hours of the local day."""

    def __init__(
        self, half_hourly: Sequence[float], swaps_per_day: float, zone: ZoneInfo, start: float, rng: np.random.Generator
    ) -> None:
        self._rates_per_s = day_rates_per_s(tuple(half_hourly), swaps_per_day)
        self._zone = zone
        self._time = start
        self._rng = rng
        self._due = self._draw()

    def until(self, time: float) -> list[float]:
        """Arrivals up to ``time``; work grows with the time that has passed, not with the rate alone."""
        arrivals: list[float] = []
        while self._time < time:
            local = datetime.fromtimestamp(self._time, self._zone)
            into_s = local.minute % 30 * 60.0 + local.second + local.microsecond / 1e6
            step_s = min(max(HALF_HOUR_S - into_s, 1e-3), time - self._time)
            rate = float(self._rates_per_s[local.hour * 2 + local.minute // 30])
            if rate * step_s < self._due:
                self._due -= rate * step_s
                self._time += step_s
                continue
            self._time += self._due / rate
            arrivals.append(self._time)
            self._due = self._draw()
        return arrivals

    def _draw(self) -> float:
        """Expected riders until the next one comes: exponential with mean one."""
        return -math.log(1.0 - self._rng.random())


def drawn_riders(config: Station, half_hourly: Sequence[float], zone: ZoneInfo, start: float) -> DrawnRiders:
    """Riders by the station's emulated demand (or its expected one) and seed; nobody comes where there is neither."""
    emulation = config.emulation or EmulatedStation()
    demand = emulation.demand or config.demand
    rng = np.random.default_rng([emulation.seed, crc32(config.id.encode()), 1])
    return DrawnRiders(half_hourly, demand.swaps_per_day if demand else 0.0, zone, start, rng)


class ListedRiders:
    """Riders who come at given times. Those before ``start`` have been."""

    def __init__(self, times: Sequence[float], start: float) -> None:
        self._times = [time for time in times if time > start]
        self._next = 0

    @property
    def due(self) -> float:
        """When the next one comes; ``inf``: nobody any more."""
        return self._times[self._next] if self._next < len(self._times) else math.inf

    def until(self, time: float) -> list[float]:
        first = self._next
        while self._next < len(self._times) and self._times[self._next] <= time:
            self._next += 1
        return self._times[first : self._next]


def read_arrivals(file: Path) -> dict[str, list[float]]:
    """Arrival times by station from a CSV file with the columns ``station,time``, in any order of rows.

    ``time`` is epoch seconds or ISO 8601 with a zone. Raises ``ConfigError`` with every bad row.
    """
    problems: list[Problem] = []
    arrivals: dict[str, list[float]] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream, strict=True)
            if rows.fieldnames is None or not {"station", "time"} <= set(rows.fieldnames):
                message = f"has the columns {', '.join(rows.fieldnames or ['(none)'])}"
                raise ConfigError([Problem(file, 1, "", message, "Begin the file with the line 'station,time'")])
            for row in rows:
                station = (row["station"] or "").strip()
                try:
                    time = _time(row["time"] or "")
                except ValueError as error:
                    remedy = "Write epoch seconds, or ISO 8601 with a zone such as 2026-01-30T09:00:00+05:30"
                    problems.append(Problem(file, rows.line_num, "time", str(error), remedy))
                    continue
                if not station:
                    problems.append(Problem(file, rows.line_num, "station", "is empty", "Name the station"))
                    continue
                arrivals.setdefault(station, []).append(time)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(file, 1, "", message, "Give the path of a readable file")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            [Problem(file, 1, "", f"is not UTF-8 text (byte {error.start})", "Save it as UTF-8")]
        ) from error
    except csv.Error as error:
        raise ConfigError(
            [Problem(file, rows.line_num, "", f"is not CSV: {error}", "Check the quotes there")]
        ) from error
    if problems:
        raise ConfigError(problems)
    return {station: sorted(times) for station, times in arrivals.items()}


def _time(text: str) -> float:
    text = text.strip()
    try:
        time = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is no time") from None
        if moment.tzinfo is None:
            raise ValueError(f"{text!r} has no time zone") from None
        return moment.astimezone(UTC).timestamp()
    if not math.isfinite(time):
        raise ValueError(f"{text!r} is no time")
    return time

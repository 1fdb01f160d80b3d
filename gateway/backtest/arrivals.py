"""The file of arrivals of a backtest: read as any file of past swaps is, and held against the site."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from config.errors import ConfigError, Problem
from config.loader import LoadedSite
from gateway.history_file import read_past_swaps
from twin.spec import Floats

SHOWN = 5
NIGHT, DAY = range(5), range(9, 21)
"""Local hours. More riders an hour in the night than in the day mostly means a wrong zone."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Riders' times (epoch s, rising) by station of the site; ``notes`` say what was repaired or looks wrong."""

    file: Path
    times: dict[str, Floats]
    notes: tuple[str, ...]

    @property
    def span(self) -> tuple[float, float]:
        """First and last time in the file."""
        return min(float(t[0]) for t in self.times.values()), max(float(t[-1]) for t in self.times.values())


def load_arrivals(file: Path, loaded: LoadedSite) -> Arrivals:
    """Read ``station,time`` for the stations of a site. Raises ``ConfigError`` with all that cannot be repaired."""
    zone = loaded.site.timezone
    read = read_past_swaps(file, zone)
    known = {station.id for station in loaded.site.stations}
    unknown = [
        Problem(file, 0, "station", f"{name!r} is no station of {loaded.file.name}", f"It has {_some(known)}")
        for name in read.times
        if name not in known
    ]
    if unknown:
        raise ConfigError(unknown)
    notes = list(read.notes)
    night, day = _riders_an_hour(read.times, ZoneInfo(zone))
    if night > day:
        notes.append(
            f"{file}: more riders from {NIGHT[0]}:00 to {NIGHT[-1] + 1}:00 in {zone} ({night:.0f} in an hour of "
            f"the file's days) than from {DAY[0]}:00 to {DAY[-1] + 1}:00 ({day:.0f}): is the zone right?"
        )
    silent = known - set(read.times)
    if silent:
        notes.append(f"{file}: has no riders at {_some(silent)}: left out")
    return Arrivals(file, read.times, tuple(notes))


def _riders_an_hour(times: dict[str, Floats], zone: ZoneInfo) -> tuple[float, float]:
    """Riders of all days in an hour of the night and of the day, on average."""
    stamps = np.concatenate(list(times.values()))
    counts = np.bincount([datetime.fromtimestamp(stamp, zone).hour for stamp in stamps], minlength=24)
    return float(counts[list(NIGHT)].mean()), float(counts[list(DAY)].mean())


def _some(names: set[str]) -> str:
    shown = sorted(names)[:SHOWN]
    return ", ".join(shown) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")

"""Scores the gateway's own forecasts when their time has passed, against what telemetry then said of ready packs.

A forecast of an horizon is scored where the ready count was known, with quality good, from its making to its end;
otherwise nobody knows the outcome, and it is not scored. The reference is the station's own past: how often it happened
at this half hour of a working day or weekend before. Scores are kept in the store, summed by half hour and by bin of
probability, so that a restart loses nothing.
"""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite, log
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from config.clock import Clock
from config.loader import LoadedSite
from gateway.history import KEEP_S
from gateway.store import BUSY_S, Store
from twin.demand import HALF_HOUR_S
from twin.scores import BINS, skill
from twin.signals import Quality, path
from twin.spec import HORIZONS_S, Floats

PERIOD_S = 60.0
"""Wall seconds between two looks at what has matured."""
WINDOW_S = 28.0 * 86_400.0
"""Scores are shown over this much of the past."""
SETTLE_S = 5.0
"""Site seconds that the record of ready packs may come after what it records."""
BASE_CASES = 2.0
"""Weight of the station's base rate against a half hour's own, in days."""
SILENT_PERIODS = 3.0
"""The ready count is recorded once a period at least; after so many without it is unknown."""
HALF_HOURS = 48

logger = structlog.get_logger()

_FORECASTS = (
    "SELECT generated_at, json_extract(body, ?), json_extract(body, '$.replicas') FROM forecasts "
    "WHERE station = ? AND generated_at > ? AND generated_at <= ? ORDER BY generated_at"
)
_READY = (
    "SELECT time, value, quality FROM samples WHERE point = (SELECT id FROM points WHERE path = ?) "
    "AND time >= ? AND time <= ? ORDER BY time"
)
_LATEST = "SELECT station, horizon, MAX(latest) FROM skill GROUP BY station, horizon"
_PAST = "SELECT station, horizon, time, SUM(happened) / SUM(n) FROM skill GROUP BY station, horizon, time ORDER BY time"
_SUMS = (
    "SELECT station, horizon, bin, SUM(n), SUM(said), SUM(happened), SUM(brier), SUM(reference), SUM(log_loss) "
    "FROM skill WHERE time >= ? GROUP BY station, horizon, bin"
)


@dataclass(slots=True)
class _Sum:
    """Sums over the forecasts of one half hour and bin."""

    n: int = 0
    said: float = 0.0
    happened: float = 0.0
    brier: float = 0.0
    reference: float = 0.0
    log_loss: float = 0.0
    latest: float = 0.0


class _Past:
    """How often it happened at a station by half hour of a working day or weekend; a half hour counts as one case."""

    def __init__(self) -> None:
        self._cases, self._sums = np.zeros(2 * HALF_HOURS), np.zeros(2 * HALF_HOURS)
        self._open: tuple[float, int, float, int] | None = None

    def rate(self, cell: int) -> float:
        cases, happened = float(self._cases.sum()), float(self._sums.sum())
        base = (happened + 0.5) / (cases + 1.0)
        return float((self._sums[cell] + BASE_CASES * base) / (self._cases[cell] + BASE_CASES))

    def add(self, half_hour: float, cell: int, happened: float) -> None:
        """An outcome of a forecast made in a half hour. It counts once the next half hour has begun."""
        if self._open is not None and self._open[0] != half_hour:
            _, was, total, count = self._open
            self._cases[was] += 1.0
            self._sums[was] += total / count
            self._open = None
        _, _, total, count = self._open or (half_hour, cell, 0.0, 0)
        self._open = (half_hour, cell, total + happened, count + 1)


class Skill:
    """Scores of all stations, of forecasts that are in the store."""

    def __init__(self, loaded: LoadedSite, clock: Clock, store: Store) -> None:
        self._clock, self._store = clock, store
        self.follow(loaded)
        self._until: dict[tuple[str, int], float] = {}
        self._past: defaultdict[tuple[str, int], _Past] = defaultdict(_Past)
        self._latest: dict[str, dict[str, Any]] = {}
        self._as_of: float | None = None
        self._all: dict[str, Any] = {}
        self._failing = False

    def follow(self, loaded: LoadedSite) -> None:
        """Go over to another site file. What was scored stays."""
        self._zone = ZoneInfo(loaded.site.timezone)
        self._stations = [station.id for station in loaded.site.stations]

    async def run(self) -> None:
        """Score what has matured until cancelled."""
        restored = False
        while True:
            try:
                if not restored:
                    await asyncio.to_thread(self.restore)
                    restored = True
                await asyncio.to_thread(self.score)
            except sqlite3.Error as error:
                if not self._failing:
                    logger.error("forecasts cannot be scored; trying on", error=str(error))
                self._failing = True
            else:
                if self._failing:
                    logger.info("forecasts are scored again")
                self._failing = False
            await self._clock.sleep(PERIOD_S)

    def of(self, station: str) -> dict[str, Any]:
        """A station's scores as clients see them."""
        scores = self._latest.get(station, {})
        return {"station": station, "as_of": self._as_of, "window_s": WINDOW_S, "scores": scores}

    def health(self) -> dict[str, Any]:
        """Scores over all stations, by horizon."""
        return self._all

    def score(self) -> None:
        """Score what has matured since the last time and bring what is shown up to date. Blocks."""
        now = self._clock.now()
        with closing(self._connect()) as connection:
            for station in self._stations:
                for horizon in HORIZONS_S:
                    self._score(connection, station, int(horizon), now)
            self._show(connection, now)

    def restore(self) -> None:
        """Go on from what the store has. Blocks."""
        with closing(self._connect()) as connection:
            for station, horizon, latest in connection.execute(_LATEST):
                self._until[station, horizon] = latest
            for station, horizon, time, happened in connection.execute(_PAST):
                self._past[station, horizon].add(time, self._cell(time), happened)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._store.file, timeout=BUSY_S)

    def _score(self, connection: sqlite3.Connection, station: str, horizon: int, now: float) -> None:
        key = (station, horizon)
        last = now - horizon - SETTLE_S
        first = self._until.get(key, 0.0)
        probability = f'$.stockout_probability."{horizon}"'
        made = connection.execute(_FORECASTS, (probability, station, first, last)).fetchall()
        if not made:
            return
        known_s = SILENT_PERIODS * KEEP_S * max(self._clock.speed, 1.0)
        begin = made[0][0] - known_s
        rows = connection.execute(_READY, (path(station, "ready"), begin, made[-1][0] + horizon)).fetchall()
        ready = np.array([(time, np.nan if value is None else value, quality) for time, value, quality in rows])
        sums: defaultdict[tuple[float, int], _Sum] = defaultdict(_Sum)
        for time, said, replicas in made:
            happened = outcome(ready.reshape(-1, 3), time, time + horizon, known_s)
            if happened is None or said is None:
                continue
            half_hour = time - time % HALF_HOUR_S
            cell = self._cell(half_hour)
            reference = self._past[key].rate(cell)
            bin_sum = sums[half_hour, min(int(said * BINS), BINS - 1)]
            held = min(max(said, 0.5 / replicas), 1.0 - 0.5 / replicas)
            bin_sum.n += 1
            bin_sum.said += said
            bin_sum.happened += happened
            bin_sum.brier += (said - happened) ** 2
            bin_sum.reference += (reference - happened) ** 2
            bin_sum.log_loss -= log(held if happened else 1.0 - held)
            bin_sum.latest = time
            self._past[key].add(half_hour, cell, happened)
        self._until[key] = made[-1][0]
        for (half_hour, number), s in sums.items():
            row = (s.n, s.said, s.happened, s.brier, s.reference, s.log_loss, s.latest)
            self._store.skill((station, horizon, half_hour, number, *row))

    def _cell(self, half_hour: float) -> int:
        local = datetime.fromtimestamp(half_hour, UTC).astimezone(self._zone)
        return local.hour * 2 + local.minute // 30 + HALF_HOURS * (local.weekday() >= 5)

    def _show(self, connection: sqlite3.Connection, now: float) -> None:
        found: defaultdict[str, defaultdict[int, list[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(list))
        together: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for station, horizon, *sums in connection.execute(_SUMS, (now - WINDOW_S,)):
            found[station][horizon].append(tuple(sums))
            together[horizon].append(tuple(sums))
        self._latest = {
            station: {str(horizon): _scores(rows) for horizon, rows in sorted(by_horizon.items())}
            for station, by_horizon in found.items()
        }
        self._as_of = now
        kept = ("forecasts", "brier", "brier_skill", "ece", "log_loss")
        self._all = {
            str(horizon): {name: value for name, value in _scores(rows).items() if name in kept}
            for horizon, rows in sorted(together.items())
        }


def outcome(ready: Floats, start: float, end: float, known_s: float) -> float | None:
    """Whether no pack was ready at some time from ``start`` to ``end``: 1 or 0; ``None`` where that is not known.

    Rows of ``ready`` are (time, count, quality) in order of time; each holds until the next, ``known_s`` at most.
    """
    first = int(np.searchsorted(ready[:, 0], start, side="right")) - 1
    last = int(np.searchsorted(ready[:, 0], end, side="right"))
    if first < 0 or last <= first:
        return None
    window = ready[first:last]
    gaps = np.diff(np.append(window[:, 0], end))
    if (window[:, 2] != Quality.GOOD).any() or np.isnan(window[:, 1]).any() or (gaps > known_s).any():
        return None
    return float((window[:, 1] <= 0.0).any())


def _scores(rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """Scores from sums by bin: bin, number, said, happened, Brier, reference's Brier, log loss."""
    table = np.array([tuple(row) for row in rows], dtype=np.float64)
    n, _, happened, brier, reference, log_loss = table[:, 1:].sum(axis=0).tolist()
    bins = np.zeros((BINS, 3))
    np.add.at(bins, table[:, 0].astype(np.int64), table[:, 1:4])
    brier_skill = skill(brier, reference)
    return {
        "forecasts": int(n),
        "brier": round(brier / n, 6),
        "brier_skill": round(brier_skill, 4) if isfinite(brier_skill) else None,
        "ece": round(float(np.abs(bins[:, 1] - bins[:, 2]).sum() / n), 6),
        "log_loss": round(log_loss / n, 6),
        "base_rate": round(happened / n, 6),
        "reliability": [
            {"forecasts": int(count), "said": round(total / count, 4), "happened": round(outcomes / count, 4)}
            for count, total, outcomes in bins.tolist()
            if count
        ],
    }

"""Reading back what happened: today's swaps, packs' stays, past forecasts, charges. All of it blocks, for a thread."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from twin.signals import ChargerState, path

BUSY_S = 5.0
LOST_TODAY = "lost_today"
"""The series of swaps lost since midnight."""

_SWAPS = "SELECT station, count(*) FROM swaps WHERE time >= ? AND kind = 'swap' GROUP BY station"
_LOST = (
    "SELECT points.path, samples.value, max(samples.time) FROM samples JOIN points ON points.id = samples.point "
    "WHERE points.path LIKE '%/station/' || ? AND samples.time >= ? GROUP BY points.id"
)
_STAY = "SELECT pack, station, slot, start, last, soc_first, soc_last, temperature_max_c, ended FROM stays "
_OF_PACK = _STAY + "WHERE pack = ? AND start < ? AND last >= ? ORDER BY start DESC LIMIT ?"
_OPEN = _STAY + "WHERE NOT ended"
_FORECASTS = (
    "SELECT body FROM forecasts WHERE id IN (SELECT max(id) FROM forecasts WHERE station = ? AND generated_at >= ? "
    "AND generated_at < ? GROUP BY CAST((generated_at - ?) / ? AS INTEGER)) ORDER BY generated_at"
)
_STATES = (
    "SELECT time, value FROM samples WHERE point = (SELECT id FROM points WHERE path = ?) "
    "AND time >= ? AND time < ? AND value IS NOT NULL ORDER BY time"
)


@dataclass(slots=True)
class Stay:
    """A pack in a slot. ``last``: when it was last seen there; while it is there ``ended`` is false."""

    pack: str
    station: str
    slot: int
    start: float
    last: float
    soc_first: float | None = None
    soc_last: float | None = None
    temperature_max_c: float | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class PastForecast:
    """What one forecast said: the risk within a horizon, and the median of ready packs at its end."""

    generated_at: float
    quality: str
    stockout_probability: float | None
    ready_p50: float | None


def read_today(file: Path, midnight: float) -> dict[str, tuple[int, float]]:
    """Swaps, and probable lost ones, since a time, by station."""
    with _reading(file) as connection:
        swaps = dict(connection.execute(_SWAPS, (midnight,)))
        lost = {where.split("/")[0]: value for where, value, _ in connection.execute(_LOST, (LOST_TODAY, midnight))}
    return {name: (int(swaps.get(name, 0)), float(lost.get(name) or 0.0)) for name in swaps.keys() | lost.keys()}


def read_stays(file: Path, pack: str, start: float, end: float, limit: int) -> list[Stay]:
    """Where a pack was between two times, newest first."""
    with _reading(file) as connection:
        return [_stay(row) for row in connection.execute(_OF_PACK, (pack, end, start, limit))]


def read_open_stays(file: Path) -> list[Stay]:
    """All that have not ended, as far as the store knows."""
    with _reading(file) as connection:
        return [_stay(row) for row in connection.execute(_OPEN)]


def read_forecasts(
    file: Path, station: str, horizon_s: int, start: float, end: float, buckets: int
) -> list[PastForecast]:
    """The last forecast of each of ``buckets`` equal parts of a time, oldest first."""
    width_s = (end - start) / buckets
    with _reading(file) as connection:
        bodies = connection.execute(_FORECASTS, (station, start, end, start, width_s)).fetchall()
    return [_past_forecast(orjson.loads(body), horizon_s) for (body,) in bodies]


def read_charge(file: Path, station: str, slot: int, start: float, end: float) -> tuple[float, float | None] | None:
    """When the latest charge between two times began, and when it ended; ``None`` where there was none.

    A pause within a charge, as when the station has no power to give, does not end it; its end is what follows it.
    """
    with _reading(file) as connection:
        states = connection.execute(_STATES, (path(station, "charger_state", slot), start, end)).fetchall()
    begun: float | None = None
    ended: float | None = None
    for time, state in states:
        if state == ChargerState.CHARGING:
            if begun is None or ended is not None:
                begun, ended = time, None
        elif state != ChargerState.IDLE and begun is not None and ended is None:
            ended = time
    return None if begun is None else (begun, ended)


def _past_forecast(body: dict[str, Any], horizon_s: int) -> PastForecast:
    ready = body["ready"]
    at = body["generated_at"] + horizon_s
    nearest = min(zip(ready["t"], ready["p50"], strict=True), key=lambda pair: abs(pair[0] - at), default=(0.0, None))[
        1
    ]
    chance = body["stockout_probability"].get(str(horizon_s))
    return PastForecast(body["generated_at"], body["quality"], chance, nearest)


def _stay(row: tuple[Any, ...]) -> Stay:
    stay = Stay(*row)
    stay.ended = bool(stay.ended)
    return stay


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=BUSY_S)
    try:
        yield connection
    finally:
        connection.close()

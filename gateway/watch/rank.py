"""How urgent things are, and in which order they are shown. Pure; the web app's state/rank.ts does the same."""

from collections.abc import Iterable
from math import floor
from typing import Literal

from gateway.watch.frames import Fields

Band = Literal["high", "medium", "low", "none"]

_SEVERITY = {"good": 0, "uncertain": 1, "bad": 2}
_WAITING = {"unacknowledged": 0, "returned": 1, "acknowledged": 2}
"""Alarms that an operator sees, those that wait for one first; the other states are put aside on purpose."""


def band(probability: float | None) -> Band:
    """How urgent a probability of running out is, in whole percent as it is shown.

    >>> band(0.046), band(0.19), band(0.62), band(None)
    ('low', 'low', 'high', 'none')
    """
    percent = floor((probability or 0.0) * 100 + 0.5)
    if percent < 5:
        return "none"
    if percent < 20:
        return "low"
    return "medium" if percent < 50 else "high"


def hour(station: Fields) -> float:
    """P(stockout) within the hour; 0 where nobody knows."""
    return float((station.get("stockout_probability") or {}).get("3600") or 0.0)


def worst_first(stations: Iterable[Fields]) -> list[Fields]:
    """By P(stockout) within the hour while that is of any concern; of the calm ones those with bad data first."""

    def rank(station: Fields) -> tuple[float, int, float, str]:
        p = hour(station)
        severity = _SEVERITY.get(station.get("quality", "bad"), 2)
        return (0.0 if band(p) == "none" else -p, -severity, -p, station["id"])

    return sorted(stations, key=rank)


def shown_alarms(alarms: Iterable[Fields]) -> list[Fields]:
    """The alarms of an operator's list: unacknowledged first, then by priority, then the newest."""
    seen = [alarm for alarm in alarms if alarm.get("state") in _WAITING]
    return sorted(seen, key=lambda a: (_WAITING[a["state"]], a.get("priority") or 4, -(a.get("since") or 0.0), a["id"]))

"""How well the alarms serve their operator: the measures of ISA-18.2 from the journal. Pure."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Line = Mapping[str, Any]
"""A line of the journal."""
Fields = dict[str, Any]

HOUR_S, DAY_S, WINDOW_S = 3600.0, 86_400.0, 600.0
FLOOD_ABOVE, FLOOD_ENDS_BELOW = 10, 5
"""Alarms in ten minutes: a flood begins above the one and ends below the other."""
CHATTERS_FROM, CHATTER_WINDOW_S = 3, 600.0
"""An alarm that comes so often in that time chatters."""
STALE_S = DAY_S
TOP = 10


def measures(lines: Sequence[Line], current: Sequence[Line], start: float, end: float) -> Fields:
    """Of the journal's lines from one time to another, in any order, and the alarms that stand now.

    Only alarms that called for an operator count: what is raised while shelved, suppressed or out of service does not.
    """
    ordered = sorted(lines, key=lambda line: line["seq"])
    raised = [line for line in ordered if line["change"] == "raised" and line["state"] == "unacknowledged"]
    times = [line["time"] for line in raised]
    per_window = _counts(times, start, end, WINDOW_S)
    floods = _floods(times, start, end)
    by_id = Counter(line["id"] for line in raised)
    about = {line["id"]: line for line in raised}
    return {
        "from": start,
        "to": end,
        "raised": len(raised),
        "per_hour": [
            {"time": start + HOUR_S * hour, "raised": count}
            for hour, count in enumerate(_counts(times, start, end, HOUR_S))
        ],
        "per_operator_day": round(len(raised) * DAY_S / (end - start), 1),
        "average_per_10_min": round(len(raised) * WINDOW_S / (end - start), 2),
        "peak_per_10_min": max(per_window, default=0),
        "flood_share": round(sum(flood["end"] - flood["start"] for flood in floods) / (end - start), 4),
        "floods": floods,
        "by_priority": {str(n): sum(line["priority"] == n for line in raised) for n in (1, 2, 3, 4)},
        "chattering": [
            {"id": name, "raised": by_id[name]} for name, _ in by_id.most_common() if _chatters(name, raised)
        ],
        "stale": [
            {"id": alarm["id"], "since": alarm["since"]}
            for alarm in sorted(current, key=lambda alarm: alarm["since"] or end)
            if alarm["active"] and alarm["since"] is not None and end - alarm["since"] > STALE_S
        ],
        "top": [
            {
                "id": name,
                "station": about[name]["station"],
                "condition": about[name]["condition"],
                "raised": count,
                "share": round(count / len(raised), 4),
            }
            for name, count in by_id.most_common(TOP)
        ],
        "unacknowledged_s": _waits(ordered),
    }


def _counts(times: Sequence[float], start: float, end: float, width_s: float) -> list[int]:
    windows = max(int(np.ceil((end - start) / width_s)), 1)
    counts = [0] * windows
    for time in times:
        counts[min(int((time - start) // width_s), windows - 1)] += 1
    return counts


def _floods(times: Sequence[float], start: float, end: float) -> list[Fields]:
    """Minute by minute, by how many came in the ten minutes before."""
    floods: list[Fields] = []
    since: float | None = None
    for minute in range(1, int((end - start) // 60.0) + 1):
        now = start + 60.0 * minute
        recent = bisect_left(times, now) - bisect_left(times, now - WINDOW_S)
        if since is None and recent > FLOOD_ABOVE:
            since = max(now - WINDOW_S, start)
        elif since is not None and recent < FLOOD_ENDS_BELOW:
            floods.append(_flood(times, since, now))
            since = None
    if since is not None:
        floods.append(_flood(times, since, end))
    return floods


def _flood(times: Sequence[float], start: float, end: float) -> Fields:
    return {"start": start, "end": end, "raised": bisect_left(times, end) - bisect_left(times, start)}


def _chatters(name: str, raised: Sequence[Line]) -> bool:
    times = [line["time"] for line in raised if line["id"] == name]
    apart = zip(times, times[CHATTERS_FROM - 1 :], strict=False)
    return any(later - earlier <= CHATTER_WINDOW_S for earlier, later in apart)


def _waits(ordered: Sequence[Line]) -> Fields:
    """Seconds from a raise to its acknowledgement."""
    begun: defaultdict[str, float | None] = defaultdict(lambda: None)
    waits_s = []
    for line in ordered:
        name = line["id"]
        if line["change"] == "raised":
            begun[name] = line["time"] if begun[name] is None else begun[name]
        elif line["change"] in ("acknowledged", "shelved", "out_of_service", "cleared"):
            since = begun.pop(name, None)
            if since is not None and line["change"] == "acknowledged":
                waits_s.append(line["time"] - since)
    if not waits_s:
        return {"p50": None, "p95": None}
    p50, p95 = np.percentile(waits_s, [50.0, 95.0])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}

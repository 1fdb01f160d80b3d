"""Reading the history back: samples of one path, thinned to buckets by the database."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twin.signals import Quality

KEEP_S = 60.0
"""Wall seconds: values that do not change are recorded again this often, so that silence means absence."""

_WINDOW = "point = (SELECT id FROM points WHERE path = ?) AND time >= ? AND time < ?"
_AGGREGATES = f"""
SELECT CAST((time - ?) / ? AS INTEGER) AS bucket, min(value), avg(value), max(value), max(quality)
FROM samples WHERE {_WINDOW} GROUP BY bucket
"""  # noqa: S608 - the window is a constant of this module
_LAST = f"""
SELECT CAST((time - ?) / ? AS INTEGER) AS bucket, max(time), value
FROM samples WHERE {_WINDOW} GROUP BY bucket
"""  # noqa: S608 - the window is a constant of this module
_BEFORE = f"SELECT time, value, quality FROM samples WHERE {_WINDOW} ORDER BY time DESC LIMIT 1"  # noqa: S608


@dataclass(frozen=True, slots=True)
class History:
    """One entry a bucket; ``t`` is its start. ``None`` where nothing was known.

    ``mean`` is that of the samples. An empty bucket carries the last value on for as long as an unchanged value may go
    unrecorded; ``quality`` is the worst of the bucket.
    """

    t: list[float]
    min: list[float | None]
    mean: list[float | None]
    max: list[float | None]
    last: list[float | None]
    quality: list[str | None]


def read_history(file: Path, path: str, start: float, end: float, buckets: int, keep_s: float) -> History:
    """Blocks. ``keep_s``: site seconds for which an unchanged value may go unrecorded."""
    width_s = (end - start) / buckets
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5.0)
    try:
        scaled = (start, width_s, path, start, end)
        aggregates = {row[0]: row[1:] for row in connection.execute(_AGGREGATES, scaled)}
        lasts = {row[0]: row[1:] for row in connection.execute(_LAST, scaled)}
        before = connection.execute(_BEFORE, (path, start - 1.5 * keep_s, start)).fetchone()
    finally:
        connection.close()
    times = (start + width_s * np.arange(buckets)).tolist()
    history = History(times, [], [], [], [], [])
    held_time, held_value, held_quality = before or (float("-inf"), None, None)
    for bucket, time in enumerate(times):
        if bucket in aggregates:
            low, mean, high, quality = aggregates[bucket]
            held_time, held_value = lasts[bucket]
            held_quality = quality
        elif time - held_time <= 1.5 * keep_s:
            low = mean = high = held_value
            quality = held_quality
        else:
            low = mean = high = held_value = quality = None
        history.min.append(low)
        history.mean.append(mean)
        history.max.append(high)
        history.last.append(held_value)
        history.quality.append(None if quality is None else Quality(quality).name.lower())
    return history

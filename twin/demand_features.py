"""What tells, besides a station's own model, how many riders come in the next two hours: lately, here and everywhere.

Rows are made for all stations of a site together, from what lies before the quarter hour that they are made for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from twin.calendar import QUARTER_S, QUARTERS_A_DAY
from twin.spec import Floats

HOUR = 4
HOURS = 2
"""Features and corrections are per hour ahead: the first and the second."""
OWN, TOGETHER = (4, 12, 96), (2, 4, 12, 96)
"""Windows that end now, in quarter hours: of the station, and of all stations together."""
DAYS_BACK = (1, 7)
MEMORY = 7 * QUARTERS_A_DAY + HOUR
"""Quarter hours before now that features look at: a week, and the hour by which a clock change may lengthen it."""
NAMES = (
    "quarter of the day",
    "day of the week",
    "log of the model's riders",
    "log of the week's riders",
    *(f"station's last {window}" for window in OWN),
    *(f"all stations' last {window}" for window in TOGETHER),
    *(f"same hour {days} d ago" for days in DAYS_BACK),
)
STEADY = 3.0
"""Riders at the expected rate that are added to what was seen and to what was expected: few riders say little."""
LEAST_SEEN = 0.25
"""A window of which less than this share was exposure tells nothing: the feature is missing."""
LEAST_RIDERS = 0.01


@dataclass(frozen=True, slots=True)
class Quarters:
    """What was seen, quarter hours from number ``first`` (since 1970) on by stations; ``exposure`` is a share, 0 to 1.

    ``multiplier`` is the calendar's, and ``cell`` (by quarter hour) the quarter hour of the local week.
    """

    first: int
    swaps: Floats
    exposure: Floats
    multiplier: Floats
    cell: NDArray[np.int64]


def features(seen: Quarters, zone: ZoneInfo, number: int, weekly: Floats, riders: Floats, ordinary: Floats) -> Floats:
    """Features at the start of quarter hour ``number``: stations by hours ahead by ``NAMES``; NaN is missing.

    ``weekly``: the 672 weekly rates of each station; ``riders`` and ``ordinary``: riders in each of the next hours as
    the station's model and as its weekly rates with the calendar have them. Rows of ``seen`` from ``number`` on are
    not looked at; it must reach ``MEMORY`` back.
    """
    stations = len(weekly)
    made = np.empty((stations, HOURS, len(NAMES)))
    local = datetime.fromtimestamp(number * QUARTER_S, UTC).astimezone(zone)
    made[:, :, 0] = local.hour * HOUR + local.minute // 15
    made[:, :, 1] = local.weekday()
    made[:, :, 2] = np.log(np.maximum(riders, LEAST_RIDERS))
    made[:, :, 3] = np.log(np.maximum(ordinary, LEAST_RIDERS))
    column = 4
    now = number - seen.first
    longest = max(*OWN, *TOGETHER)
    swaps, expected, told = _window(seen, weekly, now - longest, now)
    for window in OWN:
        last = slice(longest - window, None)
        own = swaps[last].sum(axis=0), expected[last].sum(axis=0), told[last].mean(axis=0)
        made[:, :, column] = _ratio(*own)[:, None]
        column += 1
    for window in TOGETHER:
        last = slice(longest - window, None)
        made[:, :, column] = _ratio(swaps[last].sum(), expected[last].sum(), told[last].mean())
        column += 1
    for days in DAYS_BACK:
        begin = same_clock(zone, number, days) - seen.first
        for hour in range(HOURS):
            swaps, expected, told = _window(seen, weekly, begin + hour * HOUR, begin + (hour + 1) * HOUR)
            made[:, hour, column] = _ratio(swaps.sum(axis=0), expected.sum(axis=0), told.mean(axis=0))
        column += 1
    return made


def same_clock(zone: ZoneInfo, number: int, days: int) -> int:
    """The quarter hour at which local clocks showed the same, days before.

    >>> same_clock(ZoneInfo("Europe/Oslo"), 0, 1)
    -96
    """
    local = datetime.fromtimestamp(number * QUARTER_S, UTC).astimezone(zone)
    before = local.replace(tzinfo=None) - timedelta(days=days)
    return int(before.replace(tzinfo=zone, fold=local.fold).timestamp() // QUARTER_S)


def _window(seen: Quarters, weekly: Floats, begin: int, end: int) -> tuple[Floats, Floats, Floats]:
    if begin < 0:
        raise ValueError(f"features look {-begin} quarter hours further back than what is given")
    exposure = seen.exposure[begin:end]
    expected = weekly[:, seen.cell[begin:end]].T * seen.multiplier[begin:end] * exposure
    return seen.swaps[begin:end], expected, exposure


def _ratio(swaps: Floats, expected: Floats, told: Floats) -> Floats:
    ratio: Floats = np.where(told >= LEAST_SEEN, (swaps + STEADY) / (expected + STEADY), np.nan)
    return ratio

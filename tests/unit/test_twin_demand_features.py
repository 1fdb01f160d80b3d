"""Features of demand know the past only, keep to local clocks, and say when something is missing."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from twin.calendar import QUARTER_S, Calendar
from twin.demand_features import HOURS, LEAST_SEEN, MEMORY, NAMES, Quarters, features, same_clock
from twin.spec import Floats

OSLO = ZoneInfo("Europe/Oslo")
STATIONS = 3
WEEKLY = np.full((STATIONS, 672), 2.0)
AHEAD = np.full((STATIONS, HOURS), 8.0)


def quarter(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp() // QUARTER_S)


def past(number: int, *, later: int = 20) -> Quarters:
    """A quarter hour's usual riders everywhere, from ``MEMORY`` before ``number`` to ``later`` after it."""
    quarters = MEMORY + later
    calendar = Calendar("Europe/Oslo")
    first = number - MEMORY
    cell = np.array([calendar.quarter((first + row) * QUARTER_S) for row in range(quarters)])
    shape = quarters, STATIONS
    return Quarters(first, np.full(shape, 2.0), np.ones(shape), np.ones(shape), cell)


def made(seen: Quarters, number: int) -> Floats:
    return features(seen, OSLO, number, WEEKLY, AHEAD, AHEAD)


def column(name: str) -> int:
    return NAMES.index(name)


def test_usual_demand_is_one_in_every_window() -> None:
    number = quarter("2026-01-14T12:00")
    row = made(past(number), number)
    assert row.shape == (STATIONS, HOURS, len(NAMES))
    assert row[0, 0, :2].tolist() == [48.0, 2.0]
    assert row[:, :, 4:] == pytest.approx(1.0)


def test_what_happens_later_changes_nothing() -> None:
    number = quarter("2026-01-14T12:00")
    seen, other = past(number), past(number)
    other.swaps[MEMORY:] = 50.0
    other.exposure[MEMORY:] = 0.0
    assert made(seen, number).tolist() == made(other, number).tolist()


def test_the_quarter_hour_before_counts_here_and_everywhere() -> None:
    number = quarter("2026-01-14T12:00")
    seen = past(number)
    seen.swaps[MEMORY - 1, 0] = 20.0
    row = made(seen, number)[:, 0]
    own, together = row[:, column("station's last 4")], row[:, column("all stations' last 4")]
    assert own == pytest.approx([(26.0 + 3.0) / (8.0 + 3.0), 1.0, 1.0])
    assert together == pytest.approx((42.0 + 3.0) / (24.0 + 3.0))


@pytest.mark.parametrize(
    ("now", "yesterday", "week_before"),
    [
        ("2026-01-14T12:00", 96, 672),
        ("2026-03-29T12:00", 92, 668),  # clocks were set forward that night
        ("2026-10-25T12:00", 100, 676),  # and back
        ("2026-10-26T12:00", 96, 676),
    ],
)
def test_the_same_hour_of_days_before_is_that_of_local_clocks(now: str, yesterday: int, week_before: int) -> None:
    number = quarter(now)
    assert number - same_clock(OSLO, number, 1) == yesterday
    assert number - same_clock(OSLO, number, 7) == week_before
    seen = past(number)
    seen.swaps[MEMORY - yesterday : MEMORY - yesterday + 4] = 20.0
    seen.swaps[MEMORY - week_before : MEMORY - week_before + 4] = 10.0
    row = made(seen, number)[0]
    assert row[:, column("same hour 1 d ago")] == pytest.approx([83.0 / 11.0, 1.0])
    assert row[:, column("same hour 7 d ago")] == pytest.approx([43.0 / 11.0, 1.0])


def test_in_the_hour_that_comes_twice_yesterday_is_still_there() -> None:
    first = quarter("2026-10-25T02:00")
    for number in range(first - 4, first + 12):
        assert np.isfinite(made(past(number), number)).all()


def test_time_without_packs_is_no_lack_of_riders_and_too_much_of_it_is_missing() -> None:
    number = quarter("2026-01-14T12:00")
    seen = past(number)
    seen.swaps[MEMORY - 3 : MEMORY, 0] = 0.0
    seen.exposure[MEMORY - 3 : MEMORY, 0] = 0.0
    assert made(seen, number)[0, 0, column("station's last 4")] == pytest.approx(1.0)
    assert LEAST_SEEN == 0.25
    seen.exposure[MEMORY - 4, 0] = 0.9
    row = made(seen, number)
    assert np.isnan(row[0, :, column("station's last 4")]).all()
    assert np.isfinite(row[1:]).all()


def test_a_history_that_is_too_short_is_refused() -> None:
    number = quarter("2026-01-14T12:00")
    with pytest.raises(ValueError, match="further back"):
        made(past(number - 5), number - 100)

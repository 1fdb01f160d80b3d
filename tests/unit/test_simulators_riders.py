"""Riders come as the day's shape says, or exactly when a file says."""

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.errors import ConfigError
from simulators.riders import DrawnRiders, ListedRiders, read_arrivals

MIDNIGHT_IN_KOLKATA = 1_769_711_400.0


def test_a_days_riders_follow_its_half_hours_in_local_time() -> None:
    shape = [0.0] * 48
    shape[16], shape[40] = 3.0, 1.0
    riders = DrawnRiders(shape, 400.0, ZoneInfo("Asia/Kolkata"), MIDNIGHT_IN_KOLKATA, np.random.default_rng(1))
    times = np.array(riders.until(MIDNIGHT_IN_KOLKATA + 30 * 86_400.0))
    halves = ((times - MIDNIGHT_IN_KOLKATA) % 86_400.0 // 1800.0).astype(int)
    assert set(halves) == {16, 40}
    # 12,000 expected: five standard deviations are 550.
    assert abs(len(times) - 12_000) < 550
    assert np.mean(halves == 16) == pytest.approx(0.75, abs=0.02)


def test_gaps_between_riders_are_exponential() -> None:
    riders = DrawnRiders([1.0] * 48, 8640.0, ZoneInfo("UTC"), 0.0, np.random.default_rng(2))
    gaps = np.diff(riders.until(10 * 86_400.0))
    assert gaps.mean() == pytest.approx(10.0, rel=0.02)
    assert gaps.std() == pytest.approx(10.0, rel=0.03)


def test_how_often_one_asks_does_not_change_who_comes() -> None:
    often = DrawnRiders([1.0] * 48, 500.0, ZoneInfo("UTC"), 0.0, np.random.default_rng(3))
    seldom = DrawnRiders([1.0] * 48, 500.0, ZoneInfo("UTC"), 0.0, np.random.default_rng(3))
    piecewise = [time for step in range(1, 8641) for time in often.until(step * 10.0)]
    assert piecewise == pytest.approx(seldom.until(86_400.0))


def test_nobody_comes_where_no_demand_is() -> None:
    riders = DrawnRiders([0.0] * 48, 0.0, ZoneInfo("UTC"), 0.0, np.random.default_rng(4))
    assert riders.until(86_400.0) == []


def test_listed_riders_come_once_each_and_those_before_the_start_never() -> None:
    riders = ListedRiders([5.0, 15.0, 25.0, 35.0], start=10.0)
    assert riders.until(25.0) == [15.0, 25.0]
    assert riders.until(25.0) == []
    assert riders.until(99.0) == [35.0]


def test_a_file_of_arrivals_takes_epoch_seconds_and_iso_times(tmp_path: Path) -> None:
    file = tmp_path / "arrivals.csv"
    file.write_text("station,time\nS2,200\nS1,1970-01-01T05:30:30+05:30\nS1,10.5\n\nS1,1970-01-01T00:00:20Z\n")
    assert read_arrivals(file) == {"S2": [200.0], "S1": [10.5, 20.0, 30.0]}


def test_every_bad_row_of_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "arrivals.csv"
    file.write_text("station,time\nS1,100\nS1,soon\n,7\nS1,2026-01-30T09:00:00\nS1,nan\nS1\n")
    with pytest.raises(ConfigError) as caught:
        read_arrivals(file)
    assert [problem.line for problem in caught.value.problems] == [3, 4, 5, 6, 7]
    assert all(problem.file == file for problem in caught.value.problems)
    assert "no time zone" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "columns"),
        (b"id;when\n1;2\n", "station,time"),
        (b"station,time\n\xff\xfe,1\n", "UTF-8"),
        (b'station,time\n"S1,100\n', "CSV"),
    ],
)
def test_a_file_that_is_no_list_of_arrivals_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "arrivals.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=what):
        read_arrivals(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_arrivals(tmp_path / "none.csv")

"""A file of past swaps is read as it was meant, or refused with what is wrong, where, and how many rows."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.errors import ConfigError
from gateway.history_file import PastSwaps, read_past_swaps
from simulators.riders import read_arrivals

OSLO = ZoneInfo("Europe/Oslo")


def read(folder: Path, rows: str, zone: str | None = None, now: float | None = None) -> PastSwaps:
    file = folder / "swaps.csv"
    file.write_text("station,time\n" + rows)
    return read_past_swaps(file, zone, now)


def refused(folder: Path, rows: str, zone: str | None = None, now: float | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, rows, zone, now)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_epoch_seconds_and_zoned_times_mean_what_they_mean_to_the_emulator(tmp_path: Path) -> None:
    past = read(tmp_path, "S1,1767571200.5\nS2,2026-01-05T05:30:00+05:30\nS1,2026-01-05T00:10:00Z\n")
    assert {station: times.tolist() for station, times in past.times.items()} == read_arrivals(past.file)
    assert past.times["S2"].tolist() == [1_767_571_200.0]
    assert past.notes == ()


def test_local_times_are_read_in_the_zone_that_is_given_and_refused_without_one(tmp_path: Path) -> None:
    past = read(tmp_path, "S1,2026-01-05 05:30:00\n", "Asia/Kolkata")
    assert past.times["S1"].tolist() == [1_767_571_200.0]
    assert "no time zone" in refused(tmp_path, "S1,2026-01-05 05:30:00\n")[0]


def test_rows_out_of_order_are_sorted_and_counted(tmp_path: Path) -> None:
    past = read(tmp_path, "S1,300\nS1,100\nS2,50\nS1,200\nS1,150\n")
    assert past.times["S1"].tolist() == [100.0, 150.0, 200.0, 300.0]
    assert past.notes == (f"{past.file}: 2 rows are earlier than the one before at the same station: sorted",)


def test_repeated_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    past = read(tmp_path, "S1,100.5\nS1,100.5\nS1,100.5\nS2,100.5\n")
    assert {station: len(times) for station, times in past.times.items()} == {"S1": 1, "S2": 1}
    assert "2 rows are like another one" in past.notes[0]
    assert "dropped" in past.notes[0]


def test_riders_of_the_same_whole_minute_are_kept(tmp_path: Path) -> None:
    past = read(tmp_path, "S1,60\nS1,60\nS1,120\n")
    assert len(past.times["S1"]) == 3
    assert "kept" in past.notes[0]


def test_local_times_that_the_clocks_skipped_are_moved_and_counted(tmp_path: Path) -> None:
    past = read(tmp_path, "S1,2026-03-29 02:30:00\nS1,2026-03-29 03:45:00\n", "Europe/Oslo")
    assert past.times["S1"].tolist() == [
        datetime(2026, 3, 29, 3, minute, tzinfo=OSLO).timestamp() for minute in (30, 45)
    ]
    assert "1 row is at a local time that Europe/Oslo skipped" in past.notes[0]


def test_local_times_that_the_clocks_had_twice_are_told_apart_by_their_order(tmp_path: Path) -> None:
    rows = "".join(f"S1,2026-10-25 {time}:00\n" for time in ("01:59", "02:10", "02:50", "02:05", "02:55", "03:01"))
    past = read(tmp_path, rows, "Europe/Oslo")
    start = past.times["S1"][0]
    assert ((past.times["S1"] - start) / 60.0).tolist() == [0.0, 11.0, 51.0, 66.0, 116.0, 122.0]
    assert len(past.notes) == 1
    assert "4 rows are at a local time that Europe/Oslo had twice" in past.notes[0]


def test_an_offset_that_is_not_the_sites_is_taken_as_stated_and_counted(tmp_path: Path) -> None:
    past = read(tmp_path, "S1,2026-07-01T12:00:00+01:00\nS1,2026-07-01T13:30:00+02:00\n", "Europe/Oslo")
    assert "1 row is in another UTC offset than Europe/Oslo had then" in past.notes[0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("S1,yesterday\n", "swaps.csv:2: time: 'yesterday' is no time"),
        ("S1,nan\n", "swaps.csv:2: time: 'nan' is no time"),
        ("S1,\n", "swaps.csv:2: time: '' is no time"),
        ("S1\n", "swaps.csv:2: time: '' is no time"),
        (",100\n", "swaps.csv:2: station: is empty"),
        ("S1,1767571200000\n", "swaps.csv:2: time: '1767571200000' lies beyond the year 3000"),
        ('S1,"100\n', "swaps.csv"),
        ("", "swaps.csv:1: (file): has no rows"),
    ],
)
def test_rows_that_cannot_be_read_are_named(tmp_path: Path, rows: str, said: str) -> None:
    assert refused(tmp_path, rows)[0].startswith(said)


def test_many_bad_rows_are_counted_not_listed(tmp_path: Path) -> None:
    said = refused(tmp_path, "".join(f"S1,bad{number}\n" for number in range(1000)))
    assert len(said) == 6
    assert "995 more rows (1000 in all)" in said[-1]


def test_rows_of_the_future_are_refused_with_a_hint_at_the_zone(tmp_path: Path) -> None:
    assert "Check the zone" in refused(tmp_path, "S1,2000\n", now=1000.0)[0]


@pytest.mark.parametrize("head", ["", "when,where\n", "station\n"])
def test_a_file_without_the_columns_is_refused(tmp_path: Path, head: str) -> None:
    file = tmp_path / "swaps.csv"
    file.write_text(head)
    with pytest.raises(ConfigError, match="Begin the file with the line 'station,time'"):
        read_past_swaps(file)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_past_swaps(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"station,time\n\xff\xfe,1\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_past_swaps(tmp_path / "binary.csv")

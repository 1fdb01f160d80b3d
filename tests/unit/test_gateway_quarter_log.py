"""Quarter hours of all stations outlive a restart and the 30 days of telemetry, and stay bounded."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from config.clock import ManualClock
from gateway.quarter_log import DAY_S, KEEP_DAYS, MEMORY_DAYS, QuarterLog, history, packed, unpacked
from gateway.store import Store, read_days
from twin.calendar import QUARTER_S

NOW = 1_767_571_200.0
"""Monday, 5 January 2026, 00:00 UTC."""
NUMBER = int(NOW // QUARTER_S)
TODAY = int(NOW // DAY_S)
NAMES = ["S001", "S002"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path)
    yield made
    made.close()


def opened(folder: Path) -> Store:
    made = Store(folder, ManualClock(NOW), retention_days=30.0, retention_mb=100.0)
    made.open()
    return made


def test_what_is_seen_stands_in_its_quarter_hour(store: Store) -> None:
    log = QuarterLog(NAMES, store)
    log.add("S002", NOW + 840.0, NOW + 960.0, 2, 60.0)
    log.add("S002", NOW + 960.0, NOW + 1020.0, 3, 60.0)
    swaps, exposure = log.latest(NUMBER + 2, 3)
    assert swaps.tolist() == [[0.0, 0.0], [0.0, 1.0], [0.0, 4.0]]
    assert (exposure * QUARTER_S).tolist() == [[0.0, 0.0], [0.0, 30.0], [0.0, 90.0]]


def test_a_restart_goes_on_in_the_same_quarter_hour(store: Store) -> None:
    log = QuarterLog(NAMES, store)
    log.add("S001", NOW, NOW + 60.0, 2, 60.0)
    log.keep("S001")
    store.close()
    later = opened(store.file.parent)
    again = QuarterLog(NAMES, later)
    again.restore(NOW + 60.0)
    again.add("S001", NOW + 60.0, NOW + 120.0, 1, 60.0)
    again.keep("S001")
    later.close()
    first, swaps, exposure = history(read_days(store.file, TODAY), NAMES)
    assert first == NUMBER
    assert (swaps[0, 0], exposure[0, 0]) == (3.0, pytest.approx(120.0 / QUARTER_S))
    assert swaps.sum() == 3.0


def test_memory_holds_a_week_and_the_store_half_a_year(store: Store) -> None:
    log = QuarterLog(NAMES, store)
    for day in range(KEEP_DAYS + 20):
        log.add("S001", NOW + day * DAY_S, NOW + day * DAY_S + 60.0, 1, 60.0)
        log.keep("S001")
    store.close()
    days = [day for _, day, _, _ in read_days(store.file, 0)]
    assert (min(days), max(days)) == (TODAY + 19, TODAY + KEEP_DAYS + 19)
    swaps, _ = log.latest(NUMBER + (KEEP_DAYS + 20) * 96, (MEMORY_DAYS - 1) * 96)
    assert swaps.sum() == MEMORY_DAYS - 1


def test_a_clock_that_is_set_back_begins_new_days(store: Store) -> None:
    log = QuarterLog(NAMES, store)
    log.add("S001", NOW + 400 * DAY_S, NOW + 400 * DAY_S + 60.0, 9, 60.0)
    for day in range(MEMORY_DAYS):
        log.add("S001", NOW + day * DAY_S, NOW + day * DAY_S + 60.0, 1, 60.0)
    swaps, _ = log.latest(NUMBER + MEMORY_DAYS * 96, (MEMORY_DAYS - 1) * 96)
    assert swaps.sum() == MEMORY_DAYS - 1


def test_past_swaps_fill_it_with_exposure_from_the_first_to_the_last(store: Store) -> None:
    log = QuarterLog(NAMES, store)
    times = np.array([NOW - 200 * DAY_S, NOW - 2 * DAY_S + 7200.0, NOW - 2 * DAY_S + 7201.0, NOW - DAY_S])
    log.fill("S001", times, NOW)
    log.restore(NOW)
    first, swaps, exposure = history(read_days(store.file, 0), NAMES)
    assert first == NUMBER - KEEP_DAYS * 96
    assert swaps.sum() == 3.0
    assert swaps[NUMBER - 2 * 96 + 8 - first, 0] == 2.0
    assert exposure[:, 0].sum() == (KEEP_DAYS - 1) * 96 + 1
    recent, _ = log.latest(NUMBER, 3 * 96)
    assert recent.sum() == 3.0


def test_past_swaps_that_all_lie_too_long_ago_fill_nothing(store: Store) -> None:
    QuarterLog(NAMES, store).fill("S001", np.array([NOW - 300 * DAY_S]), NOW)
    assert read_days(store.file, 0) == []


def test_a_day_packs_into_two_bytes_a_quarter_hour() -> None:
    numbers = np.arange(96, dtype=np.float64)
    assert len(packed(numbers)) == 192
    assert unpacked(packed(numbers)).tolist() == numbers.tolist()
    with pytest.raises(ValueError, match="95 quarter hours"):
        unpacked(packed(numbers[1:]))

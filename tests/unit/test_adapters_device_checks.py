"""A device's own clock and its counters of reports: what is wrong with them is measured, said once, and believed."""

import math
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from adapters.base import Batch, Link
from adapters.clock_watch import ClockWatch
from adapters.sequence import SequenceCheck
from config.clock import ManualClock
from tests.support.adapters import device
from twin.signals import Quality

SOC = {"signal": "soc", "address": "t/{slot}", "field": "soc"}
BEAT = {"signal": "heartbeat", "entity": "station", "address": "t", "field": "beat"}


def batch(
    number: int, value: float, source_time: float, received_time: float, quality: Quality = Quality.GOOD
) -> Batch:
    return Batch(
        np.array([number], dtype=np.int32),
        np.array([value]),
        np.array([quality], dtype=np.uint8),
        np.zeros(1, dtype=np.uint8),
        np.array([source_time]),
        received_time,
    )


class Talker:
    """A device that reports once a second with a clock of its own."""

    def __init__(self, **said: Any) -> None:
        self.clock, self.link = ManualClock(), Link()
        bound = device("mqtt://127.0.0.1", [SOC], device=said, time_field="ts")
        self.watch = ClockWatch(bound, self.link, self.clock)
        self.ahead_s = 0.0
        self.value = 0.0

    async def talk(self, seconds: int, *, delays: tuple[float, ...] = (0.01, 0.05, 0.02), still: bool = False) -> Batch:
        """The last batch, as it is to be taken."""
        stamp = self.clock.now() + self.ahead_s
        for second in range(seconds):
            await self.clock.advance(1.0)
            now = self.clock.now()
            self.value += 1.0
            said = stamp if still else now + self.ahead_s - delays[second % len(delays)]
            taken = self.watch.see(batch(0, self.value, said, now), lambda _: True)
        return taken


async def test_a_right_clock_is_measured_and_nothing_is_said_of_it() -> None:
    talker = Talker()
    with capture_logs() as logs:
        await talker.talk(30)
    assert talker.link.clock_skew_s == pytest.approx(0.0, abs=0.06)
    assert talker.link.clock_detail == ""
    assert not logs


async def test_a_wrong_clock_is_said_once_and_once_when_it_is_right_again() -> None:
    talker = Talker()
    talker.ahead_s = -90.0
    with capture_logs() as logs:
        await talker.talk(60)
        assert talker.link.clock_skew_s == pytest.approx(-90.0, abs=0.1)
        assert talker.link.clock_detail == "the device's clock is 90.0 s behind"
        talker.ahead_s = 0.0
        await talker.talk(60)
    assert [log["event"] for log in logs] == ["device clock is wrong", "device clock is right again"]
    assert talker.link.clock_detail == ""


async def test_stamps_are_corrected_only_where_the_site_says_so() -> None:
    flagged, corrected = Talker(), Talker(correct_clock=True)
    flagged.ahead_s = corrected.ahead_s = -5.5 * 3600.0
    assert (await flagged.talk(20)).source_times[0] < flagged.clock.now() - 5.0 * 3600.0
    assert (await corrected.talk(20)).source_times[0] == pytest.approx(corrected.clock.now(), abs=0.1)
    assert "stamps are corrected" in corrected.link.clock_detail


async def test_a_correction_ends_within_seconds_of_the_clock_being_set() -> None:
    talker = Talker(correct_clock=True)
    talker.ahead_s = 3600.0
    await talker.talk(30)
    talker.ahead_s = 0.0
    taken = await talker.talk(4)
    assert taken.source_times[0] == pytest.approx(talker.clock.now(), abs=0.1)


async def test_a_slow_network_is_not_taken_for_a_wrong_clock() -> None:
    talker = Talker(correct_clock=True)
    with capture_logs() as logs:
        taken = await talker.talk(60, delays=(0.05, 8.0, 0.05, 3.0, 0.05, 12.0))
    assert not logs
    assert taken.source_times[0] == pytest.approx(talker.clock.now() - 12.0, abs=0.1)


async def test_a_clock_that_is_set_back_is_told_to_the_image_once() -> None:
    talker = Talker()
    await talker.talk(20)
    talker.ahead_s = -3600.0
    told = []
    for _ in range(10):
        await talker.talk(1)
        told.append(talker.watch.set_back_to)
    assert [time for time in told if time is not None] == [pytest.approx(talker.clock.now() - 3607.0, abs=0.1)]
    assert told[2] is not None


async def test_a_clock_that_stands_still_while_values_change_is_said_once_and_until_it_moves() -> None:
    talker = Talker()
    await talker.talk(10)
    with capture_logs() as logs:
        await talker.talk(30, still=True)
        assert talker.link.clock_detail == "the device's clock stands still"
        await talker.talk(10)
    assert [log["event"] for log in logs] == ["device clock stands still", "device clock moves again"]
    assert talker.link.clock_detail == ""


async def test_a_device_without_a_clock_of_its_own_has_no_skew() -> None:
    clock, link = ManualClock(), Link()
    bound = device("modbus://127.0.0.1:1", [{"signal": "heartbeat", "entity": "station", "address": 0, "type": "u16"}])
    watch = ClockWatch(bound, link, clock)
    for _ in range(20):
        await clock.advance(1.0)
        watch.see(batch(0, 1.0, clock.now(), clock.now()), lambda _: True)
    assert link.clock_skew_s is None


def counted(values: list[float], *, times: list[float] | None = None, **sequence: int) -> tuple[int, int]:
    """Gaps and repeats that a counter with these values shows."""
    link = Link()
    check = SequenceCheck(device("mqtt://127.0.0.1", [BEAT | {"sequence": sequence}]), link)
    for place, value in enumerate(values):
        time = float(place) if times is None else times[place]
        if math.isinf(value):
            check.restart()
        else:
            check.see(batch(0, value, time, time))
    return link.gaps, link.repeats


@pytest.mark.parametrize(
    ("values", "sequence", "found"),
    [
        ([1, 2, 3, 4], {}, (0, 0)),
        ([1, 2, 5, 6], {}, (2, 0)),
        ([10, 20, 50], {"step": 10}, (2, 0)),
        ([253, 254, 255, 0, 1], {"wraps_at": 256}, (0, 0)),
        ([253, 255, 1], {"wraps_at": 256}, (2, 0)),
        ([7, 8, 0, 1], {}, (0, 0)),
        ([1, 2, math.inf, 90, 91], {}, (0, 0)),
    ],
)
def test_what_is_missing_is_counted_exactly(
    values: list[float], sequence: dict[str, int], found: tuple[int, int]
) -> None:
    assert counted(values, **sequence) == found


def test_the_same_report_twice_is_a_repeat_but_a_poll_between_two_reports_is_not() -> None:
    assert counted([1, 2, 2, 3], times=[1.0, 2.0, 2.0, 3.0]) == (0, 1)
    assert counted([1, 2, 2, 3], times=[1.0, 2.0, 2.5, 3.0]) == (0, 0)


def test_a_counter_s_samples_in_one_batch_are_followed_in_their_order() -> None:
    link = Link()
    check = SequenceCheck(device("mqtt://127.0.0.1", [BEAT | {"sequence": {}}]), link)
    ones = np.ones(4)
    times = np.arange(4.0)
    check.see(
        Batch(
            (0 * ones).astype(np.int32),
            np.array([1.0, 2.0, 3.0, 6.0]),
            (0 * ones).astype(np.uint8),
            (0 * ones).astype(np.uint8),
            times,
            4.0,
        )
    )
    assert (link.gaps, link.repeats) == (2, 0)

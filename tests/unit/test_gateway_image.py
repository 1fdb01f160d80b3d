"""The process image keeps every point's latest sample with its honest quality, and says what changed."""

import asyncio

import numpy as np
import pytest

from gateway import image as image_module
from tests.support.site_image import Telemetry
from twin.signals import Quality, Reason

GOOD = (Quality.GOOD, Reason.NONE)
STALE = (Quality.UNCERTAIN, Reason.STALE)
AWAY = (Quality.BAD, Reason.NO_COMMUNICATION)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def test_a_point_never_heard_of_is_bad_for_want_of_communication(telemetry: Telemetry) -> None:
    assert telemetry.quality("soc", 1) == AWAY
    assert np.isnan(telemetry.image.value).all()


def test_a_signal_that_no_device_reports_is_not_configured(telemetry: Telemetry) -> None:
    assert telemetry.image.quality[-1] == Quality.BAD
    assert telemetry.image.reason[-1] == Reason.NOT_CONFIGURED


def test_a_sample_changes_its_row_and_no_other(telemetry: Telemetry) -> None:
    before = telemetry.image.sequence
    telemetry.say({("soc", 1): 0.5})
    assert telemetry.image.changed_since(before).tolist() == [telemetry.row("soc", 1)]
    assert telemetry.quality("soc", 1) == GOOD


async def test_the_same_value_again_is_no_change_but_keeps_the_value_fresh(telemetry: Telemetry) -> None:
    telemetry.say({("soc", 1): 0.5})
    sequence = telemetry.image.sequence
    for _ in range(5):
        await telemetry.clock.advance(2.0)
        telemetry.say({("soc", 1): 0.5})
        telemetry.image.sweep()
    assert telemetry.image.sequence == sequence
    assert telemetry.quality("soc", 1) == GOOD
    assert telemetry.image.source_time[telemetry.row("soc", 1)] == telemetry.clock.now()


async def test_a_value_that_stops_coming_is_stale_after_its_maximum_age_and_keeps_its_time(
    telemetry: Telemetry,
) -> None:
    telemetry.say({("soc", 1): 0.5})
    said_at = telemetry.clock.now()
    await telemetry.clock.advance(3.0)
    telemetry.image.sweep()
    assert telemetry.quality("soc", 1) == GOOD
    await telemetry.clock.advance(0.1)
    telemetry.image.sweep()
    assert telemetry.quality("soc", 1) == STALE
    row = telemetry.row("soc", 1)
    assert (telemetry.image.value[row], telemetry.image.source_time[row]) == (0.5, said_at)


async def test_a_stale_mark_is_one_change_however_often_the_age_is_looked_at(telemetry: Telemetry) -> None:
    telemetry.say({("soc", 1): 0.5})
    await telemetry.clock.advance(10.0)
    telemetry.image.sweep()
    sequence = telemetry.image.sequence
    telemetry.image.sweep()
    assert telemetry.image.sequence == sequence


async def test_a_confirmation_keeps_good_values_fresh_without_a_new_time_stamp(telemetry: Telemetry) -> None:
    telemetry.say({("soc", 1): 0.5})
    said_at = telemetry.clock.now()
    await telemetry.clock.advance(10.0)
    telemetry.image.sweep()
    assert telemetry.quality("soc", 1) == STALE
    telemetry.sink.confirm(telemetry.clock.now())
    assert telemetry.quality("soc", 1) == GOOD
    assert telemetry.image.source_time[telemetry.row("soc", 1)] == said_at


async def test_a_confirmation_does_not_revive_what_was_lost(telemetry: Telemetry) -> None:
    telemetry.say({("soc", 1): 0.5})
    telemetry.sink.lost("cable pulled")
    telemetry.sink.confirm(telemetry.clock.now())
    telemetry.image.sweep()
    assert telemetry.quality("soc", 1) == AWAY


async def test_what_was_lost_is_as_old_as_its_last_confirmation_and_goes_on_ageing(telemetry: Telemetry) -> None:
    telemetry.say({("soc", 1): 0.5})
    await telemetry.clock.advance(600.0)
    confirmed_at = telemetry.clock.now()
    telemetry.sink.confirm(confirmed_at)
    await telemetry.clock.advance(2.0)
    telemetry.sink.lost("cable pulled")
    await telemetry.clock.advance(2.0)
    telemetry.sink.confirm(telemetry.clock.now())
    row = telemetry.row("soc", 1)
    assert telemetry.image.as_of(slice(row, row + 1)).tolist() == [confirmed_at]


def test_a_lost_link_takes_every_point_of_the_device_at_once_and_no_other_device(telemetry: Telemetry) -> None:
    telemetry.say_all_well()
    telemetry.sink.lost("connection refused")
    rows = telemetry.sink.rows
    assert (telemetry.image.reason[rows] == Reason.NO_COMMUNICATION).all()
    assert np.isnan(telemetry.image.value[rows]).all()
    sequence = telemetry.image.sequence
    telemetry.sink.lost("connection refused")
    assert telemetry.image.sequence == sequence


def test_a_late_sample_is_dropped_and_counted(telemetry: Telemetry) -> None:
    now = telemetry.clock.now()
    telemetry.say({("soc", 1): 0.5, ("soc", 2): 0.5}, source_time=now - 1.0)
    telemetry.say({("soc", 1): 0.4}, source_time=now - 2.0)
    assert telemetry.image.value[telemetry.row("soc", 1)] == 0.5
    assert telemetry.sink.late == 1


def test_after_a_loss_an_older_time_stamp_is_taken_since_nothing_newer_is_held(telemetry: Telemetry) -> None:
    now = telemetry.clock.now()
    telemetry.say({("soc", 1): 0.5})
    telemetry.sink.lost("restart")
    telemetry.say({("soc", 1): 0.6}, source_time=now - 1.0)
    assert telemetry.image.value[telemetry.row("soc", 1)] == 0.6


async def test_a_device_whose_clock_is_ahead_does_not_stay_fresh_after_its_last_sample(telemetry: Telemetry) -> None:
    telemetry.say({("soc", 1): 0.5}, source_time=telemetry.clock.now() + 3600.0)
    await telemetry.clock.advance(5.0)
    telemetry.image.sweep()
    assert telemetry.quality("soc", 1) == STALE
    telemetry.say({("soc", 1): 0.6})
    assert telemetry.quality("soc", 1) == GOOD


@pytest.mark.parametrize(
    ("value", "reason"),
    [(float("nan"), Reason.SENSOR_FAILURE), (float("inf"), Reason.SENSOR_FAILURE), (1.7, Reason.OUT_OF_RANGE)],
)
def test_a_good_value_is_finite_and_in_range_whatever_the_adapter_says(
    telemetry: Telemetry, value: float, reason: Reason
) -> None:
    telemetry.say({("soc", 1): value})
    assert telemetry.quality("soc", 1) == (Quality.BAD, reason)
    assert np.isnan(telemetry.image.value[telemetry.row("soc", 1)])


def test_what_a_device_does_not_have_is_not_configured_when_it_says_so(telemetry: Telemetry) -> None:
    telemetry.say({("soh", 1): float("nan")}, quality=Quality.BAD, reason=Reason.NOT_CONFIGURED)
    assert telemetry.quality("soh", 1) == (Quality.BAD, Reason.NOT_CONFIGURED)


async def test_on_an_accelerated_clock_the_maximum_age_grows_with_the_period_of_reading() -> None:
    telemetry = Telemetry(speed=60.0)
    telemetry.say({("soc", 1): 0.5})
    await telemetry.clock.advance(0.7)
    telemetry.image.sweep()
    assert telemetry.quality("soc", 1) == GOOD
    await telemetry.clock.advance(0.1)
    telemetry.image.sweep()
    assert telemetry.quality("soc", 1) == STALE


async def test_every_watcher_is_woken_by_a_change(telemetry: Telemetry) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    telemetry.image.watch(first)
    telemetry.image.watch(second)
    telemetry.say({("soc", 1): 0.5})
    assert first.is_set()
    assert second.is_set()


def test_texts_are_numbered_once_and_bounded(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    number = telemetry.sink.intern("PACK-1")
    assert telemetry.sink.intern("PACK-1") == number
    assert telemetry.image.text(number) == "PACK-1"
    monkeypatch.setattr(image_module, "TEXT_LIMIT", 2)
    assert telemetry.sink.intern("PACK-2") == 0
    assert telemetry.image.text_overflow == 1

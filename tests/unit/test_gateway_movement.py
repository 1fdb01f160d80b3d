"""A value that must move and stands still is not trusted, however fresh it comes; one that may stand still is."""

import math

import numpy as np
import pytest
from structlog.testing import capture_logs

from adapters.base import Batch
from config.clock import ManualClock
from gateway.image import Image
from gateway.layout import layouts
from gateway.views import device_view
from tests.support.adapters import device
from twin.signals import Quality, Reason

LIMIT_S = 30.0
SOC = {"signal": "soc", "address": "t/{slot}", "field": "soc"}
TEMPERATURE = {"signal": "temperature_c", "address": "t/{slot}", "field": "t", "max_unchanged_s": LIMIT_S}
STALE, GOOD = (Quality.UNCERTAIN, Reason.STALE), (Quality.GOOD, Reason.NONE)


class Cabinet:
    """Two slots that report once a second; the profile says that temperatures always move."""

    def __init__(self, speed: float = 1.0) -> None:
        self.clock = ManualClock(speed=speed)
        self.bound = device("mqtt://127.0.0.1", [SOC, TEMPERATURE])
        self.image = Image([self.bound], self.clock)
        (self.sink,) = self.image.sinks
        self.temperatures = [20.0, 20.0]

    def say(self) -> None:
        values = np.array([1.0, 1.0, *self.temperatures])
        bad = np.isnan(values)
        now = self.clock.now()
        self.sink.push(
            Batch(
                np.arange(4, dtype=np.int32),
                values,
                np.where(bad, Quality.BAD, Quality.GOOD).astype(np.uint8),
                np.where(bad, Reason.SENSOR_FAILURE, Reason.NONE).astype(np.uint8),
                np.full(4, now),
                now,
            )
        )

    async def live(self, seconds: int, *, moving: tuple[int, ...] = ()) -> None:
        for _ in range(seconds):
            await self.clock.advance(1.0)
            for slot in moving:
                self.temperatures[slot] += 0.01
            self.say()
            self.image.sweep()

    def quality(self, row: int) -> tuple[Quality, Reason]:
        return Quality(int(self.image.quality[row])), Reason(int(self.image.reason[row]))


async def test_a_value_that_stands_still_is_stale_after_its_time_and_good_at_its_first_change() -> None:
    cabinet = Cabinet()
    await cabinet.live(29, moving=(1,))
    assert cabinet.quality(2) == GOOD
    await cabinet.live(4, moving=(1,))
    assert cabinet.quality(2) == STALE
    assert cabinet.image.value[2] == 20.0
    assert [cabinet.quality(row) for row in (0, 1, 3)] == [GOOD] * 3, "a full pack's charge may rest, and slot 2 moves"
    await cabinet.live(1, moving=(0, 1))
    assert cabinet.quality(2) == GOOD


async def test_how_many_stand_still_is_said_in_the_devices_view_and_logged_once() -> None:
    cabinet = Cabinet()
    layout = layouts([cabinet.bound])["S1"]
    with capture_logs() as logs:
        await cabinet.live(50)
        view = device_view(cabinet.image, layout, cabinet.sink, cabinet.clock.now())
        assert (view["frozen"], view["stale"]) == (2, 2)
        await cabinet.live(5, moving=(0, 1))
    view = device_view(cabinet.image, layout, cabinet.sink, cabinet.clock.now())
    assert view["frozen"] == 0
    assert [log["event"] for log in logs] == [
        "values stand still although they should move",
        "no value stands still any more",
    ]


async def test_a_new_session_does_not_make_a_frozen_value_live_and_an_outage_does_not_freeze_one() -> None:
    cabinet = Cabinet()
    await cabinet.live(40, moving=(1,))
    cabinet.sink.lost("cable pulled")
    await cabinet.clock.advance(300.0)
    await cabinet.live(3)
    assert cabinet.quality(2) == STALE
    assert cabinet.quality(3) == GOOD


async def test_a_sensor_that_fails_now_and_then_does_not_hide_that_it_stands_still() -> None:
    cabinet = Cabinet()
    for _ in range(8):
        await cabinet.live(4, moving=(1,))
        cabinet.temperatures[0] = math.nan
        await cabinet.live(1, moving=(1,))
        cabinet.temperatures[0] = 20.0
    await cabinet.live(1, moving=(1,))
    assert cabinet.quality(2) == STALE


async def test_on_an_accelerated_site_the_time_is_that_of_the_site_but_never_shorter_than_the_reads() -> None:
    cabinet = Cabinet(speed=60.0)
    for _ in range(25):
        await cabinet.clock.advance(0.25)
        cabinet.say()
        cabinet.image.sweep()
    assert cabinet.quality(2) == GOOD
    for _ in range(10):
        await cabinet.clock.advance(0.25)
        cabinet.say()
        cabinet.image.sweep()
    assert cabinet.quality(2) == STALE


async def test_a_clock_that_is_set_back_does_not_shut_out_what_comes_after() -> None:
    cabinet = Cabinet()
    behind_s = 0.0

    async def live(seconds: int) -> None:
        for _ in range(seconds):
            await cabinet.clock.advance(1.0)
            now = cabinet.clock.now()
            cabinet.temperatures[0] += 0.01
            values = np.array([cabinet.temperatures[0]])
            codes = np.zeros(1, dtype=np.uint8)
            cabinet.sink.push(
                Batch(np.array([2], dtype=np.int32), values, codes, codes, np.array([now - behind_s]), now)
            )

    bound = device("mqtt://127.0.0.1", [SOC, TEMPERATURE], time_field="ts")
    cabinet.image = Image([bound], cabinet.clock)
    (cabinet.sink,) = cabinet.image.sinks
    await live(20)
    behind_s = 3600.0
    await live(5)
    assert cabinet.image.value[2] == pytest.approx(cabinet.temperatures[0])
    assert cabinet.sink.late == 2, "until three in a row agree, a stamp from the past is taken for a late one"
    assert cabinet.quality(2) == STALE, "what it says of its age is believed"

"""Time is injected: tests move it, accelerated sites run ahead of the wall."""

import asyncio

import pytest

from config.clock import ManualClock, RealClock, site_period_s, wall_period_s


async def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    clock = ManualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(sleeper(name, seconds)) for name, seconds in (("late", 3.0), ("early", 1.0))]
    await clock.advance(2.0)
    assert woken == [("early", 1.0)]
    await clock.advance(2.0)
    assert woken == [("early", 1.0), ("late", 3.0)]
    await asyncio.gather(*tasks)


async def test_a_timeout_ends_when_its_time_is_moved_past_and_not_before() -> None:
    clock = ManualClock()

    async def wait() -> None:
        async with clock.timeout(5.0):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await clock.advance(4.9)
    assert not task.done()
    await clock.advance(0.2)
    with pytest.raises(TimeoutError):
        await task


async def test_what_ends_in_time_is_not_disturbed_by_its_timeout() -> None:
    clock = ManualClock()
    async with clock.timeout(5.0):
        pass
    await clock.advance(10.0)


def test_site_time_runs_at_its_speed_from_the_anchor() -> None:
    wall = RealClock()
    site = RealClock(speed=60.0, anchor=wall.now() - 10.0)
    assert site.now() - wall.now() == pytest.approx(590.0, abs=1.0)


def test_two_processes_that_start_on_the_same_day_agree_on_accelerated_time() -> None:
    assert RealClock(speed=60.0).now() == pytest.approx(RealClock(speed=60.0).now(), abs=5.0)


def test_devices_are_never_read_faster_than_they_can_answer_however_fast_the_site_runs() -> None:
    assert wall_period_s(ManualClock(), 1.0) == 1.0
    assert wall_period_s(ManualClock(), 0.1) == 0.1
    assert wall_period_s(ManualClock(speed=2.0), 1.0) == 0.5
    assert wall_period_s(ManualClock(speed=1000.0), 1.0) == 0.25
    assert site_period_s(ManualClock(speed=1000.0), 1.0) == 250.0


def test_time_cannot_stand_still() -> None:
    with pytest.raises(ValueError, match="speed must be positive"):
        RealClock(speed=0.0)

"""Time is injected: tests move it, accelerated sites run ahead of the wall."""

import asyncio

import pytest

from config.clock import Anchor, ManualClock, RealClock, site_period_s, wall_period_s


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


def test_a_changed_speed_begins_at_one_moment_for_all_who_follow_and_time_never_jumps() -> None:
    ours, theirs = RealClock(speed=60.0), RealClock(speed=60.0)
    theirs.follow(ours.anchored(60.0, 0.0))
    assert ours.now() == pytest.approx(theirs.now(), abs=1.0)
    anchor = ours.anchored(5.0, 3600.0)
    for clock in (ours, theirs):
        clock.follow(anchor)
        assert clock.speed == 60.0, "its moment has not come"
    assert anchor.site == pytest.approx(ours.now() + 3600.0 * 60.0, abs=1.0)
    assert anchor.at(anchor.wall) == anchor.site
    passed = Anchor(anchor.wall - 7200.0, anchor.site, 5.0)
    ours.follow(passed)
    assert ours.speed == 5.0
    assert ours.now() == pytest.approx(anchor.site + 3600.0 * 5.0, abs=1.0)


def test_at_speed_one_again_site_time_stays_ahead() -> None:
    clock = RealClock()
    clock.follow(clock.anchored(1000.0, 0.0))
    clock.follow(Anchor(clock.anchored(1.0, 0.0).wall - 10.0, clock.now() + 500.0, 1.0))
    assert clock.speed == 1.0
    assert clock.now() - RealClock().now() == pytest.approx(510.0, abs=1.0)


async def test_a_stepped_clock_can_be_given_another_speed_too() -> None:
    clock = ManualClock(start=1000.0)
    await clock.advance(10.0)
    clock.follow(clock.anchored(60.0, 0.0))
    assert clock.now() == 1010.0
    await clock.advance(1.0)
    assert clock.now() == 1070.0

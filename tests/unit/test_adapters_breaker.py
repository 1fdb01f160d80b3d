"""A breaker lets one request through when its wait is over, and waits longer as long as that fails."""

import asyncio
import random

from adapters.breaker import Breaker, BreakerState
from config.clock import ManualClock


async def test_it_opens_after_so_many_failures_in_a_row_and_a_success_between_them_counts_anew() -> None:
    breaker = Breaker(ManualClock(), random.Random(1), failures=3)
    for _ in range(2):
        breaker.failed()
    assert breaker.allows()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
        assert breaker.allows()
    breaker.failed()
    assert breaker.state is BreakerState.OPEN
    assert not breaker.allows()


async def test_an_open_one_lets_exactly_one_probe_through_and_its_outcome_decides() -> None:
    clock = ManualClock()
    breaker = Breaker(clock, random.Random(1), first_s=2.0)
    breaker.failed()
    await clock.advance(breaker.remaining_s - 0.1)
    assert not breaker.allows()
    await clock.advance(0.2)
    assert breaker.allows()
    assert not breaker.allows(), "one request is out already"
    breaker.failed()
    assert breaker.state is BreakerState.OPEN
    await clock.advance(breaker.remaining_s + 0.1)
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED
    assert breaker.allows()


async def test_its_waits_double_up_to_the_cap_with_jitter_and_start_small_again() -> None:
    clock = ManualClock()
    breaker = Breaker(clock, random.Random(1), first_s=1.0, cap_s=8.0)
    waits = []
    for _ in range(7):
        breaker.failed()
        waits.append(breaker.remaining_s)
        await clock.advance(breaker.remaining_s + 0.01)
        assert breaker.allows()
    for wait, ceiling in zip(waits, [1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0], strict=True):
        assert ceiling / 2.0 <= wait <= ceiling
    assert len(set(waits)) == len(waits)
    breaker.succeeded()
    breaker.failed()
    assert breaker.remaining_s <= 1.0


async def test_who_waits_for_it_is_woken_when_the_probe_may_go_out() -> None:
    clock = ManualClock()
    breaker = Breaker(clock, random.Random(1), first_s=4.0)
    breaker.failed()
    waiting = asyncio.create_task(breaker.wait())
    await clock.advance(1.9)
    assert not waiting.done()
    await clock.advance(2.2)
    assert waiting.done()
    assert breaker.allows()

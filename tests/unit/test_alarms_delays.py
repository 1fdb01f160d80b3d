"""Delays: what does not last changes nothing, and what is not known is no return to normal."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.alarms.delays import Delays

SEEN = st.lists(st.tuples(st.floats(0.1, 30.0), st.sampled_from([True, False, None])), min_size=1, max_size=60)


def delays(on_s: float, off_s: float) -> Delays:
    return Delays(np.array([on_s]), np.array([off_s]))


def step(watched: Delays, holds: bool | None, now: float) -> bool:
    """Whether it changed."""
    flags = np.array([bool(holds)]), np.array([holds is not None])
    return len(watched.step(*flags, now)) > 0


@given(SEEN, st.floats(0.0, 60.0), st.floats(0.0, 60.0))
def test_nothing_changes_before_it_has_lasted_for_its_delay(
    seen: list[tuple[float, bool | None]], on_s: float, off_s: float
) -> None:
    watched = delays(on_s, off_s)
    now, active, differs_since = 0.0, False, None
    for seconds, holds in seen:
        now += seconds
        changed = step(watched, holds, now)
        if holds is None and differs_since is not None:
            differs_since += seconds
        if holds == active:
            differs_since = None
        if holds is None or holds == active:
            assert not changed
            continue
        differs_since = now if differs_since is None else differs_since
        expected = now - differs_since >= (off_s if active else on_s)
        assert changed is expected
        if changed:
            active, differs_since = not active, None
        assert bool(watched.active[0]) is active


def test_what_flickers_faster_than_its_delays_never_changes() -> None:
    watched = delays(5.0, 5.0)
    assert not any(step(watched, number % 4 < 2, float(number)) for number in range(200))


def test_unknown_holds_what_was() -> None:
    watched = delays(0.0, 2.0)
    assert step(watched, True, 0.0)
    assert not step(watched, None, 100.0)
    assert not step(watched, False, 101.0)
    assert not step(watched, False, 102.0)
    assert not step(watched, None, 200.0)
    assert not step(watched, False, 200.5), "while nothing was known the delay stood still"
    assert step(watched, False, 201.5)


def test_values_that_come_and_go_do_not_put_an_alarm_off_for_ever() -> None:
    watched = delays(5.0, 5.0)
    assert [second for second in range(60) if step(watched, None if second % 2 else True, float(second))] == [10]


def test_a_clock_that_is_set_back_delays_by_no_more_than_the_delay() -> None:
    watched = delays(10.0, 10.0)
    assert not step(watched, True, 1_000.0)
    assert not step(watched, True, 500.0)
    assert step(watched, True, 510.0)


def test_many_sources_each_have_their_own_delay() -> None:
    watched = Delays(np.array([0.0, 5.0, 50.0]), np.zeros(3))
    everywhere = np.ones(3, dtype=np.bool_)
    assert watched.step(everywhere, everywhere, 0.0).tolist() == [0]
    assert watched.waiting
    assert watched.step(everywhere, everywhere, 5.0).tolist() == [1]
    assert watched.active.tolist() == [True, True, False]

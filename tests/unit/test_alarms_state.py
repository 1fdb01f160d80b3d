"""One alarm's states: whatever happens in whatever order, only what ISA-18.2 allows comes of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alarms import state
from gateway.alarms.state import Alarm, Change, State, Step, WrongStateError

NORMAL, UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED, SHELVED, SUPPRESSED, OUT_OF_SERVICE = State

ALLOWED: dict[Change, set[tuple[State, State]]] = {
    Change.RAISED: {
        (NORMAL, UNACKNOWLEDGED),
        (RETURNED, UNACKNOWLEDGED),
        (NORMAL, SUPPRESSED),
        (RETURNED, SUPPRESSED),
        (SHELVED, SHELVED),
        (OUT_OF_SERVICE, OUT_OF_SERVICE),
    },
    Change.RETURNED: {(UNACKNOWLEDGED, RETURNED), (SHELVED, SHELVED), (OUT_OF_SERVICE, OUT_OF_SERVICE)},
    Change.CLEARED: {(ACKNOWLEDGED, NORMAL), (SUPPRESSED, NORMAL)},
    Change.ACKNOWLEDGED: {(UNACKNOWLEDGED, ACKNOWLEDGED), (RETURNED, NORMAL)},
    Change.SHELVED: {(before, SHELVED) for before in State if before is not OUT_OF_SERVICE},
    Change.UNSHELVED: {(SHELVED, NORMAL), (SHELVED, UNACKNOWLEDGED), (SHELVED, SUPPRESSED)},
    Change.OUT_OF_SERVICE: {(before, OUT_OF_SERVICE) for before in State if before is not OUT_OF_SERVICE},
    Change.IN_SERVICE: {
        (OUT_OF_SERVICE, NORMAL),
        (OUT_OF_SERVICE, UNACKNOWLEDGED),
        (OUT_OF_SERVICE, SUPPRESSED),
    },
    Change.SUPPRESSED: {(UNACKNOWLEDGED, SUPPRESSED), (ACKNOWLEDGED, SUPPRESSED)},
    Change.UNSUPPRESSED: {(SUPPRESSED, UNACKNOWLEDGED), (SUPPRESSED, ACKNOWLEDGED)},
}
DEEDS = ("raise", "return", "acknowledge", "shelve", "unshelve", "out", "in", "suppress", "unsuppress")


def carried_out(alarm: Alarm, deed: str, time: float) -> Step | None:
    """What a deed makes of an alarm; ``None``: nothing."""
    match deed:
        case "raise":
            return None if alarm.active else state.raised(alarm, time, 1.0, 0.5)
        case "return":
            return state.returned(alarm, time) if alarm.active else None
        case "acknowledge":
            return state.acknowledged(alarm, time, "ana")
        case "shelve":
            return state.shelved(alarm, "ana", time + 60.0, "part ordered")
        case "unshelve":
            return state.unshelved(alarm)
        case "out":
            return state.out_of_service(alarm, "rebuilt")
        case "in":
            return state.in_service(alarm)
    return state.suppressed(alarm, deed == "suppress")


@given(st.lists(st.sampled_from(DEEDS), max_size=40))
def test_no_order_of_events_makes_a_step_that_is_not_allowed(deeds: list[str]) -> None:
    alarm, holds = Alarm(), False
    for time, deed in enumerate(deeds):
        before = alarm
        try:
            step = carried_out(alarm, deed, float(time))
        except WrongStateError:
            continue
        holds = {"raise": True, "return": False}.get(deed, holds)
        if step is None:
            if deed in ("suppress", "unsuppress"):
                alarm = replace(alarm, suppressed=deed == "suppress")
            assert alarm.state is before.state
            continue
        alarm = step.alarm
        assert (before.state, alarm.state) in ALLOWED[step.change], (before, step)
        # The condition holds as it was last said to, whatever operators do.
        assert alarm.active is holds


@given(st.lists(st.sampled_from(DEEDS), max_size=40))
def test_an_alarm_that_was_shown_does_not_vanish_before_somebody_has_dealt_with_it(deeds: list[str]) -> None:
    alarm, waits = Alarm(), False
    for time, deed in enumerate(deeds):
        try:
            step = carried_out(alarm, deed, float(time))
        except WrongStateError:
            continue
        if step is None:
            continue
        alarm = step.alarm
        if alarm.state is UNACKNOWLEDGED:
            waits = True
        elif deed in ("acknowledge", "shelve", "out") or alarm.state is SUPPRESSED:
            waits = False
        assert not (waits and alarm.state is NORMAL)


def test_what_returned_unseen_stays_until_it_is_acknowledged() -> None:
    alarm = state.raised(Alarm(), 10.0, 61.0, 60.0).alarm
    alarm = state.returned(alarm, 20.0).alarm
    assert (alarm.state, alarm.since, alarm.returned_at, alarm.value, alarm.limit) == (RETURNED, 10.0, 20.0, 61.0, 60.0)
    step = state.acknowledged(alarm, 30.0, "ana")
    assert step is not None
    assert (step.alarm.state, step.alarm.acked_at, step.alarm.acked_by) == (NORMAL, 30.0, "ana")


def test_an_alarm_that_comes_again_must_be_acknowledged_again() -> None:
    alarm = state.raised(Alarm(), 10.0, None, None).alarm
    step = state.acknowledged(alarm, 11.0, "ana")
    assert step is not None
    again = state.raised(state.returned(step.alarm, 12.0).alarm, 13.0, None, None).alarm
    assert (again.state, again.since, again.acked_by) == (UNACKNOWLEDGED, 13.0, None)


def test_after_shelving_an_alarm_that_still_holds_calls_again() -> None:
    alarm = state.shelved(state.raised(Alarm(), 10.0, None, None).alarm, "ana", 70.0, "noise").alarm
    assert (alarm.state, alarm.shelved_until, alarm.shelved_by, alarm.reason) == (SHELVED, 70.0, "ana", "noise")
    assert state.unshelved(alarm).alarm.state is UNACKNOWLEDGED
    assert state.unshelved(state.returned(alarm, 30.0).alarm).alarm == replace(
        Alarm(), since=10.0, returned_at=30.0, reason=None
    )


@pytest.mark.parametrize("deed", ["acknowledge", "unshelve", "in"])
def test_an_order_that_does_not_fit_says_what_to_do_instead(deed: str) -> None:
    with pytest.raises(WrongStateError) as refusal:
        carried_out(Alarm(), deed, 0.0)
    assert refusal.value.remedy.endswith(".")

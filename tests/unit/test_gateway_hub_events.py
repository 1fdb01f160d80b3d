"""Events of a topic: each is kept for those who have not taken it yet, within a bound."""

import pytest

from config.clock import ManualClock
from gateway.hub import EVENTS, Event, Hub


@pytest.fixture
def hub() -> Hub:
    made = Hub(ManualClock())
    made.publish("alarms", {})
    return made


def tell(hub: Hub, *numbers: int) -> int:
    return hub.publish("alarms", {}, events=[(number, {"n": number}) for number in numbers])


def rest(hub: Hub, after: int) -> list[int]:
    numbers = []
    while isinstance(event := hub.event_after("alarms", after), Event):
        numbers.append(after := event.number)
    assert event is None
    return numbers


def test_each_event_is_found_by_the_one_before(hub: Hub) -> None:
    assert hub.event_after("alarms", 0) is None
    tell(hub, 17, 18)
    tell(hub, 19)
    assert rest(hub, 0) == [17, 18, 19]
    assert rest(hub, 17) == [18, 19]
    assert rest(hub, 19) == []
    assert hub.event("alarms") == 19


def test_an_event_without_a_change_of_state_wakes_listeners_and_takes_a_sequence_number(hub: Hub) -> None:
    woken: list[int] = []
    hub.listen("alarms", lambda: woken.append(hub.event("alarms")))
    assert tell(hub, 1) == 1
    assert woken == [1]


def test_where_a_client_stood_by_the_state_it_held(hub: Hub) -> None:
    first, second = tell(hub, 5, 6), tell(hub, 7)
    assert hub.event_before("alarms", first - 1) == 4
    assert hub.event_before("alarms", first) == 6
    assert hub.event_before("alarms", second) == 7


def test_only_the_latest_are_kept_and_who_is_further_behind_is_told(hub: Hub) -> None:
    seqs = [tell(hub, number) for number in range(1, EVENTS + 3)]
    assert hub.event_after("alarms", 1) == "overflow"
    assert rest(hub, 2) == list(range(3, EVENTS + 3))
    assert hub.event_before("alarms", seqs[0]) is None
    assert hub.event_before("alarms", seqs[1]) == 2

"""The hub holds topics, and can bring any client from where it stands to what is true now."""

import json
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import ManualClock
from gateway.hub import HISTORY, Frame, Hub, UnknownTopicError


def body(frame: Frame | str) -> dict[str, Any]:
    assert isinstance(frame, Frame), f"expected a frame, not {frame!r}"
    return json.loads("{" + frame.body)


def test_only_what_changed_is_in_the_delta() -> None:
    hub = Hub(ManualClock(start=1_000.5))
    hub.publish("stations", {"S1": {"ready": 3, "power_w": 10.0}, "S2": {"ready": 5, "power_w": 0.0}})
    hub.publish("stations", {"S1": {"ready": 3, "power_w": 11.5}, "S2": {"ready": 5}})
    assert body(hub.since("stations", 1)) == {
        "prev": 1,
        "seq": 2,
        "ts": 1_000_500,
        "set": {"S1": {"power_w": 11.5}},
        "del": [],
    }


def test_a_publication_that_changes_nothing_has_no_sequence_number() -> None:
    hub = Hub(ManualClock())
    heard: list[int] = []
    hub.publish("devices", {"D": {"state": "connected", "age": nan}})
    hub.listen("devices", lambda: heard.append(hub.seq("devices")))
    assert hub.publish("devices", {"D": {"state": "connected", "age": nan}}, delete=["E"]) == 1
    assert heard == []
    assert hub.publish("devices", {"D": {"state": "no_communication"}}) == 2
    assert heard == [2]


def test_numbers_that_are_not_finite_become_null_also_inside_lists() -> None:
    hub = Hub(ManualClock())
    hub.publish("forecast/S1", {"forecast": {"p": nan, "ready": {"p05": [1.0, inf, -inf]}}})
    assert hub.snapshot("forecast/S1") == {"forecast": {"p": None, "ready": {"p05": [1.0, None, None]}}}
    assert body(hub.full("forecast/S1"))["data"]["forecast"]["ready"] == {"p05": [1.0, None, None]}


def test_a_value_json_cannot_carry_is_refused_and_changes_nothing() -> None:
    hub = Hub(ManualClock())
    hub.publish("t", {"a": {"x": 1}})
    with pytest.raises(TypeError, match="cannot publish a object"):
        hub.publish("t", {"a": {"x": 2}, "b": {"x": object()}})
    assert hub.snapshot("t") == {"a": {"x": 1}}
    assert hub.seq("t") == 1


def test_a_topic_is_known_from_its_first_publication_even_an_empty_one() -> None:
    hub = Hub(ManualClock())
    with pytest.raises(UnknownTopicError):
        hub.snapshot("forecast/S1")
    hub.publish("forecast/S1", {})
    assert hub.topics() == ["forecast/S1"]
    assert body(hub.full("forecast/S1"))["data"] == {}
    hub.publish("forecast/S1", {"forecast": {"p": 0.5}})
    assert body(hub.since("forecast/S1", 0))["set"] == {"forecast": {"p": 0.5}}


def test_replacing_a_topic_deletes_the_keys_that_are_not_there_any_more() -> None:
    hub = Hub(ManualClock())
    hub.publish("t", {"a": {"x": 1}, "b": {"x": 1}})
    hub.publish("t", {"a": {"x": 1}}, replace=True)
    assert hub.snapshot("t") == {"a": {"x": 1}}
    assert body(hub.since("t", 1)) | {"ts": 0} == {"prev": 1, "seq": 2, "ts": 0, "set": {}, "del": ["b"]}


def test_a_key_that_went_and_came_back_asks_for_a_snapshot() -> None:
    hub = Hub(ManualClock())
    hub.publish("t", {"a": {"x": 1, "y": 1}})
    hub.publish("t", {"a": {"x": 2}}, replace=True)
    assert hub.since("t", 1) == "gap"
    assert hub.snapshot("t") == {"a": {"x": 2}}


def test_history_is_bounded() -> None:
    hub = Hub(ManualClock())
    for number in range(HISTORY + 5):
        hub.publish("t", {f"k{number}": {"x": 1}}, delete=[f"k{number - 1}"])
    assert hub.since("t", 4) == "overflow"
    assert body(hub.since("t", 5))["set"] == {f"k{HISTORY + 4}": {"x": 1}}
    assert hub.since("t", HISTORY + 6) == "overflow", "a sequence number from the future is not ours"


def test_a_frame_is_encoded_once_for_all_who_stand_at_the_same_place() -> None:
    hub = Hub(ManualClock())
    hub.publish("t", {"a": {"x": 1}})
    hub.publish("t", {"a": {"x": 2}})
    assert hub.since("t", 1) is hub.since("t", 1)
    assert hub.full("t") is hub.full("t")


def test_every_start_has_its_own_epoch() -> None:
    assert Hub(ManualClock()).epoch != Hub(ManualClock()).epoch


def test_the_publisher_may_go_on_using_what_it_published() -> None:
    hub = Hub(ManualClock())
    bands = [1.0, 2.0]
    hub.publish("t", {"a": {"bands": bands}})
    bands.append(3.0)
    assert hub.publish("t", {"a": {"bands": bands}}) == 2, "the change is seen"


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from([None, 0, 1, 2.5, nan, inf, "x", [1.0, nan], [1.0], {"p10": nan}, {"p10": 1.0, "p50": None}])
PUBLICATIONS = st.tuples(
    st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), max_size=2),
    st.lists(NAMES, max_size=2),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(PUBLICATIONS, max_size=12))
def test_a_client_that_looks_in_now_and_then_holds_what_the_hub_holds(steps: list[Any]) -> None:
    hub = Hub(ManualClock())
    hub.publish("t", {})
    held: dict[str, dict[str, Any]] = {}
    seq = 0
    for updates, delete, replace, looks in [*steps, ({}, [], False, True)]:
        hub.publish("t", updates, delete, replace)
        if not looks:
            continue
        frame = hub.since("t", seq)
        if isinstance(frame, Frame):
            delta = body(frame)
            assert delta["prev"] == seq
            assert not delta["set"].keys() & set(delta["del"])
            for key, fields in delta["set"].items():
                held.setdefault(key, {}).update(fields)
            for key in delta["del"]:
                held.pop(key, None)
            seq = delta["seq"]
        else:
            snap = body(hub.full("t"))
            held, seq = snap["data"], snap["seq"]
    assert held == hub.snapshot("t")
    assert seq == hub.seq("t")

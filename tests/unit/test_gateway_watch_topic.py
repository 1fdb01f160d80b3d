"""The terminal view's reducer on the frames that the web app's tests replay too, which are those of the real hub."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.clock import ManualClock
from gateway.hub import Frame, Hub
from gateway.watch.frames import Delta, ForeignError, Hello, Reset, Snap, read
from gateway.watch.topic import TopicState, reduce, resume_point

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures" / "swap-v1-frames.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_recorded_frames(case: dict[str, Any]) -> None:
    state = TopicState()
    for expected in case["steps"]:
        frame = read(json.dumps(expected["frame"]))
        assert isinstance(frame, Snap | Delta | Reset)
        before = json.dumps(state.data)
        step = reduce(state, frame)
        assert json.dumps(state.data) == before, "the state before a frame is left as it was"
        state = step.state
        assert (state.seq, step.resubscribe, state.data) == (
            expected["seq"],
            expected["resubscribe"],
            expected["data"],
        )


def test_the_recorded_frames_are_what_the_hub_sends() -> None:
    hub = Hub(ManualClock())
    hub.epoch = RECORDED["epoch"]
    topic = RECORDED["topic"]
    sent = []
    held = None
    for publication in RECORDED["publications"]:
        hub.publish(topic, publication["updates"], publication["delete"])
        if publication.get("unsent"):
            continue
        made = hub.full(topic) if held is None else hub.since(topic, held)
        assert isinstance(made, Frame)
        sent.append(json.loads(f'{{"t":"{"snap" if held is None else "delta"}","sid":1,{made.body}'))
        held = made.seq
    assert sent == [step["frame"] for step in RECORDED["cases"][0]["steps"]]


def test_only_what_is_whole_and_of_the_same_start_is_resumed() -> None:
    whole = TopicState("e1", 10, {})
    assert resume_point(whole, "e1") == {"epoch": "e1", "seq": 10}
    assert resume_point(whole, "e2") is None
    assert resume_point(TopicState(), "e1") is None


def test_frames_of_a_later_version_are_passed_over_and_foreign_ones_refused() -> None:
    hello = read('{"t":"hello","v":1,"server":"9","epoch":"e","now":1,"hb_s":5,"limits":{"subs":64}}')
    assert isinstance(hello, Hello)
    assert read('{"t":"something_new","sid":1}') is None
    for foreign in ("", "[]", "{}", '{"t":"snap","sid":"one"}', '{"t":"delta","sid":1,"prev":1}', "\udce9"):
        with pytest.raises(ForeignError):
            read(foreign)

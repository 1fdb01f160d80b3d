"""The description of the stream is complete in itself, and frames of the hub fit it."""

import json
from typing import Any

import jsonschema
import pytest

from config.clock import ManualClock
from gateway.asyncapi import asyncapi
from gateway.hub import Frame, Hub

DOCUMENT = asyncapi("0.0.test")


def check(frame: Any, message: str | None = None) -> None:
    """Hold a frame against the description. Raises ``ValidationError``."""
    payload = DOCUMENT["components"]["messages"][message or frame["t"]]["payload"]
    jsonschema.validate(frame, payload | {"components": DOCUMENT["components"]})


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in references(value)]
    return [found for value in part for found in references(value)] if isinstance(part, list) else []


def test_every_reference_leads_somewhere() -> None:
    found = references(DOCUMENT)
    assert len(found) > 30
    for reference in found:
        part: Any = DOCUMENT
        for key in reference.removeprefix("#/").split("/"):
            part = part[key]


def test_frames_of_the_hub_fit() -> None:
    hub = Hub(ManualClock())
    hub.publish("alarms", {"S1.smoke": {"state": "unacknowledged"}}, events=[(7, {"id": "S1.smoke"})])
    delta, event = hub.since("alarms", 0), hub.event_after("alarms", 0)
    assert isinstance(delta, Frame)
    assert event not in (None, "overflow")
    for kind, body in (("snap", hub.full("alarms").body), ("delta", delta.body), ("event", event.body)):  # type: ignore[union-attr]
        check(json.loads(f'{{"t":"{kind}","sid":1,{body}'))


@pytest.mark.parametrize(
    "frame",
    [
        {"t": "delta", "sid": 1, "prev": 1, "seq": 2, "ts": 3, "set": {}},
        {"t": "event", "sid": 1, "ts": 3, "ev": {}},
        {"t": "reset", "sid": 1, "reason": "boredom"},
    ],
)
def test_frames_that_lack_something_do_not_fit(frame: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(frame)

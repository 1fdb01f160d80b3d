"""The description of the stream as AsyncAPI 3: what is sent on the WebSocket, from the shapes that tests hold it to."""

from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.protocol import SUBPROTOCOL, Ping, Sub, Unsub
from gateway.schema_alarms import AlarmAnswer, AlarmEvent, SwapEvent
from gateway.schema_stream import SERVER_FRAMES

PATH = "/api/v1/stream"
_REF = "#/components/schemas/{model}"
_CLIENT: Mapping[str, type[msgspec.Struct]] = {"sub": Sub, "unsub": Unsub, "ping": Ping}
_SHAPES: tuple[type[BaseModel], ...] = (AlarmAnswer, AlarmEvent, SwapEvent)
"""Of values in topics and events that are described nowhere else; the others are the REST API's."""
_REPLIES = {"sub": "sub_ok", "unsub": "unsub_ok", "ping": "pong"}


def asyncapi(version: str) -> dict[str, Any]:
    """The document. For WebSockets the channel is the connection; frames are told apart by ``t``."""
    models = [(model, "serialization") for model in (*SERVER_FRAMES.values(), *_SHAPES)]
    _, definitions = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
    _, client = msgspec.json.schema_components(_CLIENT.values(), ref_template=_REF.replace("model", "name"))
    messages = {name: _message(name, model.__name__) for name, model in SERVER_FRAMES.items()}
    messages |= {name: _message(name, struct.__name__) for name, struct in _CLIENT.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "swaptwin stream",
            "version": version,
            "description": "The WebSocket swap.v1: state topics as snapshots and deltas, alarms and swaps as events.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "stream": {
                "address": PATH,
                "description": f"One WebSocket (subprotocol {SUBPROTOCOL}); one JSON object in each text frame.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "tell": {
                "action": "send",
                "channel": {"$ref": "#/channels/stream"},
                "messages": [_of_channel(name) for name in SERVER_FRAMES],
            }
        }
        | {
            name: {
                "action": "receive",
                "channel": {"$ref": "#/channels/stream"},
                "messages": [_of_channel(name)],
                "reply": {
                    "channel": {"$ref": "#/channels/stream"},
                    "messages": [_of_channel(_REPLIES[name]), _of_channel("err")],
                },
            }
            for name in _CLIENT
        },
        "components": {"messages": messages, "schemas": definitions["$defs"] | client},
    }


def _message(name: str, schema: str) -> dict[str, Any]:
    return {"name": name, "payload": {"$ref": _REF.format(model=schema)}}


def _of_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/stream/messages/{name}"}

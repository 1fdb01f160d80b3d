"""The frames of swap.v1 that the terminal view reads. Times are milliseconds of UTC."""

from typing import Any

import msgspec
import orjson

Fields = dict[str, Any]
Keyed = dict[str, Fields]


class Hello(msgspec.Struct, frozen=True):
    epoch: str
    now: float
    hb_s: float
    server: str = ""


class SubOk(msgspec.Struct, frozen=True):
    id: int
    sid: int


class Snap(msgspec.Struct, frozen=True):
    sid: int
    epoch: str
    seq: int
    data: Keyed


class Delta(msgspec.Struct, frozen=True):
    sid: int
    prev: int
    seq: int
    changed: Keyed = msgspec.field(name="set", default_factory=dict)
    gone: list[str] = msgspec.field(name="del", default_factory=list)


class Event(msgspec.Struct, frozen=True):
    """Something that happened on a topic; the state that it led to comes as a delta like any other."""

    sid: int
    ev: Fields


class Reset(msgspec.Struct, frozen=True):
    sid: int
    reason: str = ""


class Heartbeat(msgspec.Struct, frozen=True):
    ts: float


class Refusal(msgspec.Struct, frozen=True):
    message: str
    id: int | None = None


Frame = Hello | SubOk | Snap | Delta | Event | Reset | Heartbeat | Refusal

_KINDS: dict[str, type[Frame]] = {
    "hello": Hello,
    "sub_ok": SubOk,
    "snap": Snap,
    "delta": Delta,
    "event": Event,
    "reset": Reset,
    "hb": Heartbeat,
    "err": Refusal,
}


class ForeignError(Exception):
    """What was received is not swap.v1."""


def read(text: str | bytes) -> Frame | None:
    """One frame; ``None`` for a kind that this client has no use for. Raises ForeignError."""
    try:
        content = orjson.loads(text)
        kind = _KINDS.get(content["t"])
        return None if kind is None else msgspec.convert(content, kind)
    except (orjson.JSONDecodeError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise ForeignError(f"not a frame of swap.v1: {error}") from error

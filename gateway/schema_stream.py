"""The JSON shapes of the frames that the gateway sends on ``swap.v1``, for the description at /api/asyncapi.json."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from gateway.schema import Shape

Topic = dict[str, dict[str, Any]]


class Limits(Shape):
    subs: int
    msg_kb: int
    msg_per_s: float


class Hello(Shape):
    """The first frame of every connection."""

    t: Literal["hello"]
    v: Literal[1]
    server: str
    epoch: str
    now: int
    hb_s: float
    auth: Literal["none"]
    limits: Limits


class SubOk(Shape):
    t: Literal["sub_ok"]
    id: int
    sid: int
    mode: Literal["snapshot", "resumed"]


class UnsubOk(Shape):
    t: Literal["unsub_ok"]
    id: int
    sid: int


class Pong(Shape):
    t: Literal["pong"]
    id: int
    ts: int


class Err(Shape):
    t: Literal["err"]
    id: int | None
    code: Literal["bad_request", "not_found", "too_many", "unsupported"]
    message: str


class Snap(Shape):
    """All of a topic."""

    t: Literal["snap"]
    sid: int
    epoch: str
    seq: int
    ts: int
    data: Topic


class Delta(Shape):
    """What changed of a topic between ``prev`` and ``seq``: fields in ``set``, keys that went in ``del``."""

    t: Literal["delta"]
    sid: int
    prev: int
    seq: int
    ts: int
    set_: Topic = Field(alias="set")
    del_: list[str] = Field(alias="del")


class Event(Shape):
    """Something that happened; ``seq`` counts the topic's events, one by one. Topics ``alarms`` and ``swaps``."""

    t: Literal["event"]
    sid: int
    seq: int
    ts: int
    ev: dict[str, Any]


class Reset(Shape):
    """The subscription has ended: subscribe again without ``resume``."""

    t: Literal["reset"]
    sid: int
    reason: Literal["overflow", "gap", "gone"]


class Heartbeat(Shape):
    t: Literal["hb"]
    ts: int
    lag_ms: int
    conflated: int


SERVER_FRAMES: dict[str, type[BaseModel]] = {
    "hello": Hello,
    "sub_ok": SubOk,
    "unsub_ok": UnsubOk,
    "pong": Pong,
    "err": Err,
    "snap": Snap,
    "delta": Delta,
    "event": Event,
    "reset": Reset,
    "hb": Heartbeat,
}

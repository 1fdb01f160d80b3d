"""Frames and messages of the tower cabinet protocol: from bytes to documents, and back. Pure.

A cabinet sends JSON objects in one of two framings: each after its length (four bytes, the highest first), or each on
a line of its own. Message types differ by maker: a login is 100 or 110, a report 300 or 310, an alarm 400 or 410. The
answer to a message has its type plus one, its ``txnNo`` and ``result`` 1 or 0. Commands, 500, go to the cabinet.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import orjson

from config.tower_checks import TOWER_ALARM

Framing = Literal["length", "newline"]

MAXIMUM_FRAME = 262_144
"""Bytes of one message; a full report of the largest cabinet has a tenth of it."""
MAXIMUM_NAME = 64

_HEADER = 4
_BLANK = b" \t\r\n"
_NUMBER = re.compile(r"[+-]?(?:\d{1,32}(?:\.\d{0,32})?|\.\d{1,32})(?:[eE][+-]?\d{1,4})?", re.ASCII)
_MILLISECONDS = (10**12, 10**13)
"""A ``txnNo`` between these has thirteen digits: it is the time at which the message was made."""


class FrameError(Exception):
    """The bytes follow neither framing, or no longer: what comes after them cannot be read."""


class Deframer:
    """Cuts a connection's bytes into messages, in whatever pieces they come. The first byte tells the framing."""

    def __init__(self) -> None:
        self.framing: Framing | None = None
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete with these bytes. Raises ``FrameError``, after those before the fault."""
        self._buffer += data
        while (payload := self._next()) is not None:
            yield payload

    def _next(self) -> bytes | None:
        if self.framing is None:
            if not self._buffer:
                return None
            self.framing = _framing(self._buffer[0])
        return self._by_length() if self.framing == "length" else self._by_line()

    def _by_length(self) -> bytes | None:
        if len(self._buffer) < _HEADER:
            return None
        length = int.from_bytes(self._buffer[:_HEADER], "big")
        if not 0 < length <= MAXIMUM_FRAME:
            raise FrameError(f"a message of {length} bytes; possible are 1 to {MAXIMUM_FRAME}")
        if len(self._buffer) < _HEADER + length:
            return None
        payload = bytes(self._buffer[_HEADER : _HEADER + length])
        del self._buffer[: _HEADER + length]
        return payload

    def _by_line(self) -> bytes | None:
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if max(end, len(self._buffer) if end < 0 else 0) > MAXIMUM_FRAME:
                raise FrameError(f"a line of more than {MAXIMUM_FRAME} bytes")
            if end < 0:
                self._searched = len(self._buffer)
                return None
            payload = bytes(self._buffer[:end]).strip(_BLANK)
            del self._buffer[: end + 1]
            self._searched = 0
            if payload:
                return payload


def _framing(first: int) -> Framing:
    """No length within the limit begins with anything but zero, and no JSON object with it."""
    if first == 0:
        return "length"
    if first == ord("{") or first in _BLANK:
        return "newline"
    raise FrameError(f"begins with byte {first:#04x}, which is neither a length nor JSON")


def encode(document: dict[str, Any], framing: Framing) -> bytes:
    """A message as it goes over the wire."""
    payload = orjson.dumps(document)
    return payload + b"\n" if framing == "newline" else len(payload).to_bytes(_HEADER, "big") + payload


class Kind(Enum):
    """What a cabinet's message is."""

    LOGIN = "login"
    REPORT = "report"
    ALARM = "alarm"
    CONTROL_REPLY = "control reply"


_KINDS = {
    100: Kind.LOGIN,
    110: Kind.LOGIN,
    300: Kind.REPORT,
    310: Kind.REPORT,
    400: Kind.ALARM,
    410: Kind.ALARM,
    501: Kind.CONTROL_REPLY,
}
CONTROL = 500
CONTROL_COMMAND = "02301001"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a cabinet. ``kind`` is ``None`` where its type is not known."""

    kind: Kind | None
    type: int
    txn: int | str | None
    dev_id: str
    body: dict[str, Any]

    @property
    def time(self) -> float:
        """When the cabinet made it, epoch s; NaN where its ``txnNo`` is no time."""
        number = as_number(self.txn)
        known = isinstance(number, int) and _MILLISECONDS[0] <= number < _MILLISECONDS[1]
        return number / 1000.0 if known and isinstance(number, int) else math.nan

    @property
    def is_request(self) -> bool:
        """Whether it wants an answer: those that are answers themselves have a type that ends in 1."""
        return self.type % 10 == 0

    @property
    def accepted(self) -> bool:
        """Of a reply: whether the cabinet did what it was told."""
        return as_number(self.body.get("result")) == 1

    def answer(self, result: bool) -> dict[str, Any]:
        """What it is to be answered."""
        return {"msgType": self.type + 1, "txnNo": self.txn, "devId": self.dev_id, "result": int(result)}


def parse(payload: bytes) -> Message:
    """One message. Raises ``ValueError`` if it is none.

    NaN and Infinity, which JSON does not have, are taken, so that one broken sensor does not cost its neighbours in the
    same report; the conversion refuses them.
    """
    document = _json(payload)
    if not isinstance(document, dict):
        raise ValueError("is no JSON object")
    kind = as_number(document.get("msgType"))
    if type(kind) is not int or not 0 <= kind <= 9999:
        raise ValueError("has no msgType, or no number there")
    txn = document.get("txnNo")
    # What cannot be sent back as it came is left out of the answer.
    txn = txn if type(txn) is int and abs(txn) < 2**63 else _name(txn)
    return Message(_KINDS.get(kind), kind, txn, _name(document.get("devId")) or "", document)


def _json(payload: bytes) -> Any:
    if len(payload) > MAXIMUM_FRAME:
        raise ValueError(f"message of {len(payload)} bytes, more than {MAXIMUM_FRAME}")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            return json.loads(payload)
        except RecursionError as error:
            raise ValueError("is nested too deeply") from error


Key = tuple[str, str | None]
"""An attribute's id, and the door to which it belongs (``None``: the cabinet itself)."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a message says of attributes, the later word counting, and how many of its entries cannot be read."""

    values: dict[Key, object]
    full: bool
    unreadable: int


def report(message: Message) -> Report:
    """The attributes of a report, or of an alarm those of its ids. Raises ``ValueError`` if it lists none."""
    alarm = message.kind is Kind.ALARM
    listed = message.body.get("alarmList" if alarm else "attrList")
    if listed is None and not alarm:
        # A report of no change may leave the list out.
        listed = []
    if not isinstance(listed, list):
        raise ValueError("has no list of attributes")
    values: dict[Key, object] = {}
    unreadable = 0
    for entry in listed:
        name = _attribute(entry.get("id")) if isinstance(entry, dict) else None
        if name is None:
            unreadable += 1
        elif alarm:
            values[TOWER_ALARM + name, door_of(entry.get("doorId"))] = entry.get("alarmFlag")
        else:
            values[name, door_of(entry.get("doorId"))] = entry.get("value")
    return Report(values, not alarm and as_number(message.body.get("isFull")) == 1, unreadable)


def control(dev_id: str, txn: int, command: str, door: str) -> dict[str, Any]:
    """A command to one door."""
    parameter = {"id": CONTROL_COMMAND, "value": command, "doorId": door}
    return {"msgType": CONTROL, "txnNo": txn, "devId": dev_id, "paramList": [parameter]}


def door_of(raw: object) -> str | None:
    """A door's id, in which leading zeros do not count.

    >>> door_of("03"), door_of(3), door_of("")
    ('3', '3', None)
    """
    name = _name(raw)
    return name and (name.lstrip("0") or "0")


def as_number(raw: object) -> object:
    """A number that is written as text, as a number; an empty text as no value; all else as it is.

    >>> as_number("87.5"), as_number("02"), as_number(" "), as_number("full")
    (87.5, 2, None, 'full')
    """
    if not isinstance(raw, str):
        return raw
    text = raw.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        return raw
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _attribute(raw: object) -> str | None:
    """Ids have eight digits; as a number they lose their leading zero."""
    return f"{raw:08d}" if type(raw) is int and 0 <= raw < 10**8 else _name(raw)


def _name(raw: object) -> str | None:
    """A short name, or the number that stands for one; ``None`` for all else."""
    if type(raw) is int and 0 <= raw < 2**63:
        return str(raw)
    if not isinstance(raw, str):
        return None
    text = raw.strip()
    return text if 0 < len(text) <= MAXIMUM_NAME and text.isprintable() else None

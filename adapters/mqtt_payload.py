"""Values out of JSON payloads: which fields of which topic are which points. Pure."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from config.binding import BoundPoint

MAXIMUM_PAYLOAD = 65_536
"""Bytes; a larger message is refused unread."""

ABSENT = object()
"""What ``field`` returns where the payload does not have the field at all (``null`` is a value: ``None``)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """The points of one topic: rows of the device's points, and the path of each value in the payload."""

    rows: tuple[int, ...]
    paths: tuple[tuple[str, ...], ...]


def topics(points: Sequence[BoundPoint]) -> dict[str, Topic]:
    """All topics of a device's points."""
    rows: dict[str, list[int]] = {}
    for row, bound in enumerate(points):
        rows.setdefault(str(bound.address), []).append(row)
    return {
        name: Topic(tuple(members), tuple(tuple((points[row].field or "").split(".")) for row in members))
        for name, members in rows.items()
    }


def parse(payload: bytes) -> Any:
    """The JSON value of a payload. Raises ``ValueError`` if it is none, or too large.

    NaN and Infinity, which JSON does not have but many devices send, are taken, so that one broken sensor does
    not cost its neighbours in the same message; the conversion refuses them.
    """
    if len(payload) > MAXIMUM_PAYLOAD:
        raise ValueError(f"payload of {len(payload)} bytes, more than {MAXIMUM_PAYLOAD}")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            return json.loads(payload)
        except RecursionError as error:
            raise ValueError("payload is nested too deeply") from error


def field(document: Any, path: Sequence[str]) -> Any:
    """The value at a path of keys and list positions, or ``ABSENT``.

    >>> field({"slots": [{"soc": 0.5}]}, ("slots", "0", "soc"))
    0.5
    """
    for key in path:
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return ABSENT
    return document


def source_time(document: Any, path: Sequence[str], unit: str) -> float:
    """Epoch seconds at a path, NaN if there is no number."""
    raw = field(document, path)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return math.nan
    return float(raw) / (1000.0 if unit == "ms" else 1.0) if abs(raw) < 2**63 else math.nan

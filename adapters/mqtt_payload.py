"""Values out of JSON payloads: which fields of which topic are which points. Pure."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson

from config.binding import BoundPoint

MAXIMUM_PAYLOAD = 65_536
"""Bytes; a larger message is refused unread."""

ABSENT = object()
"""What ``field`` returns where the payload does not have the field at all (``null`` is a value: ``None``)."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Points of one topic whose values are members of one object: its path, and the key of each point."""

    path: tuple[str, ...]
    keys: tuple[str, ...]
    members: Callable[[Any], tuple[object, ...]]
    """All of them out of the object; raises where one is missing, or it is no object."""


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """The points of one topic, as rows of the device's points."""

    name: str
    rows: tuple[int, ...]
    branches: tuple[Branch, ...]

    def read(self, document: Any) -> tuple[Sequence[int], list[object]]:
        """The rows whose fields the payload has, and their raw values."""
        raws: list[object] = []
        try:
            for branch in self.branches:
                holder = document
                for key in branch.path:
                    holder = holder[key]
                raws += branch.members(holder)
        except (KeyError, TypeError, IndexError):
            # Something is missing, or stands in a list: look for each by itself.
            fields = [(*branch.path, key) for branch in self.branches for key in branch.keys]
            found = [(row, field(document, path)) for row, path in zip(self.rows, fields, strict=True)]
            there = [(row, raw) for row, raw in found if raw is not ABSENT]
            return [row for row, _ in there], [raw for _, raw in there]
        return self.rows, raws


def topics(points: Sequence[BoundPoint]) -> dict[str, Topic]:
    """All topics of a device's points."""
    members: dict[str, dict[tuple[str, ...], dict[int, str]]] = {}
    for row, bound in enumerate(points):
        *path, key = (bound.field or "").split(".")
        members.setdefault(str(bound.address), {}).setdefault(tuple(path), {})[row] = key
    return {
        name: Topic(
            name,
            tuple(row for keys in branches.values() for row in keys),
            tuple(_branch(path, tuple(keys.values())) for path, keys in branches.items()),
        )
        for name, branches in members.items()
    }


def _branch(path: tuple[str, ...], keys: tuple[str, ...]) -> Branch:
    if len(keys) > 1:
        return Branch(path, keys, itemgetter(*keys))
    (only,) = keys
    return Branch(path, keys, lambda holder: (holder[only],))


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
    if type(raw) not in _NUMBERS or not abs(raw) < 2**63:
        return math.nan
    return float(raw) / (1000.0 if unit == "ms" else 1.0)


_NUMBERS: frozenset[type] = frozenset({int, float})

"""State topics that many clients follow: what is true now, and what changed since a client's last message.

A topic holds ``{key: {field: value}}``. Every publication that changes something gets the topic's next sequence
number. The hub does not keep the publications themselves: it stamps every field with the sequence of its last
change, so that the difference between *any* two states is one scan, and memory does not grow with history.
"""

import secrets
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, NamedTuple

import orjson

from config.clock import Clock

HISTORY = 300
"""How many sequence numbers back a client may stand and still be served a delta (deletions are kept that long)."""

EVENTS = 1000
"""Events of a topic that are kept for clients that have not taken them yet."""

Fields = dict[str, Any]


Break = Literal["overflow", "gap"]


class UnknownTopicError(KeyError):
    """Nothing was ever published on this topic."""


class Frame(NamedTuple):
    """The shared part of a ``snap`` or ``delta`` message: everything behind ``"sid":n,``, and where it leads to."""

    body: str
    seq: int


class Event(NamedTuple):
    """``number`` counts the topic's events; ``seq`` is the topic's sequence number that it came with. ``body`` is the
    shared part of its message, as that of a ``Frame``.
    """

    number: int
    seq: int
    body: str


def plain(value: Any) -> Any:
    """A value as JSON can carry it: a copy, with ``None`` for NaN and infinities. Raises TypeError for anything else.

    >>> plain({"soc": float("nan"), "t": (1, 2.5)})
    {'soc': None, 't': [1, 2.5]}
    """
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    raise TypeError(
        f"cannot publish a {type(value).__name__}: {value!r}; give str, int, float, bool, None, list or dict"
    )


@dataclass(slots=True)
class _Topic:
    state: dict[str, Fields] = field(default_factory=dict)
    stamps: dict[str, dict[str, int]] = field(default_factory=dict)
    """Per key and field: the sequence number of its last change."""
    touched: dict[str, int] = field(default_factory=dict)
    """Per key: the largest of its stamps."""
    deleted: dict[str, int] = field(default_factory=dict)
    """Keys that went, oldest first, with the sequence number at which they did."""
    seq: int = 0
    ts_ms: int = 0
    frames: dict[int, Frame] = field(default_factory=dict)
    """Encoded messages that lead to ``seq``, by the sequence they start from (``SNAPSHOT``: from nothing)."""
    listeners: dict[Callable[[], None], None] = field(default_factory=dict)
    events: deque[Event] = field(default_factory=deque)
    event: int = 0
    """Number of the latest event."""
    lost: Event | None = None
    """The latest event that is not kept any more."""

    def tell(self, number: int, content: Fields) -> None:
        head = {"seq": number, "ts": self.ts_ms, "ev": plain(content)}
        self.event = number
        self.events.append(Event(number, self.seq, _body(head)))
        if len(self.events) > EVENTS:
            self.lost = self.events.popleft()

    def patch(self, key: str, fields: Mapping[str, Any]) -> Fields:
        """The fields that differ from the held ones."""
        held = self.state.get(key, {})
        patch = {}
        for name, value in fields.items():
            if name in held and held[name] == value:
                continue
            value = plain(value)
            if name not in held or held[name] != value:
                patch[name] = value
        return patch

    def forget(self, key: str, seq: int) -> None:
        del self.state[key], self.stamps[key], self.touched[key]
        self.deleted.pop(key, None)
        self.deleted[key] = seq

    def apply(self, key: str, patch: Fields, seq: int) -> None:
        self.state.setdefault(key, {}).update(patch)
        self.stamps.setdefault(key, {}).update(dict.fromkeys(patch, seq))
        self.touched[key] = seq

    def prune(self) -> None:
        while self.deleted:
            key, seq = next(iter(self.deleted.items()))
            if seq > self.seq - HISTORY:
                break
            del self.deleted[key]


SNAPSHOT = -1


class Hub:
    """Holds the topics and encodes what changed, once for all who stand at the same place."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._topics: dict[str, _Topic] = {}
        self._first = 0
        """Where new topics begin: out of reach of those that held a removed topic of the same name."""
        self.epoch = secrets.token_hex(8)
        """Differs at every start: a sequence number means something only together with it."""

    def publish(
        self,
        topic: str,
        updates: Mapping[str, Mapping[str, Any]],
        delete: Iterable[str] = (),
        replace: bool = False,
        events: Sequence[tuple[int, Fields]] = (),
    ) -> int:
        """Merge fields into a topic and return its sequence number, which grows only if something changed.

        Keys in ``delete`` go first, then ``updates`` are merged: fields not named stay as they are, a field's value is
        replaced whole. With ``replace`` the topic holds exactly ``updates`` afterwards. An empty publication makes the
        topic known. Floats that are not finite become null. Raises TypeError for values that JSON cannot carry; the
        topic is then unchanged. ``events`` tell what happened, numbered one after the other; every client that follows
        the topic gets each of them.
        """
        if topic not in self._topics:
            self._topics[topic] = _Topic(seq=self._first)
        held = self._topics[topic]
        gone = dict.fromkeys(key for key in delete if key in held.state)
        if replace:
            gone |= dict.fromkeys(key for key in held.state if key not in updates)
            # A patch cannot take a field away (null means unknown): the key goes and comes back whole.
            gone |= dict.fromkeys(k for k, fields in updates.items() if held.state.get(k, {}).keys() - fields.keys())
        patches = {}
        for key, fields in updates.items():
            patch = {name: plain(value) for name, value in fields.items()} if key in gone else held.patch(key, fields)
            if patch or key in gone or key not in held.state:
                patches[key] = patch
        if not gone and not patches and not events:
            return held.seq
        seq = held.seq + 1
        for key in gone:
            held.forget(key, seq)
        for key, patch in patches.items():
            held.apply(key, patch, seq)
        held.seq = seq
        held.ts_ms = int(self._clock.now() * 1000)
        held.prune()
        held.frames.clear()
        for number, content in events:
            held.tell(number, content)
        for listener in list(held.listeners):
            listener()
        return seq

    def remove(self, topic: str) -> None:
        """End a topic for good; who listens to it is woken, and finds it unknown."""
        held = self._topics.pop(topic, None)
        if held is None:
            return
        self._first = max(self._first, held.seq + HISTORY + 1)
        for listener in list(held.listeners):
            listener()

    def __contains__(self, topic: str) -> bool:
        return topic in self._topics

    def topics(self) -> list[str]:
        return list(self._topics)

    def snapshot(self, topic: str) -> dict[str, Fields]:
        """What a topic holds; the caller may change keys and fields of the copy, not what is inside a field."""
        return {key: dict(fields) for key, fields in self._known(topic).state.items()}

    def seq(self, topic: str) -> int:
        return self._known(topic).seq

    def event(self, topic: str) -> int:
        """The number of a topic's latest event."""
        return self._known(topic).event

    def event_after(self, topic: str, number: int) -> Event | Literal["overflow"] | None:
        """The first event after one, ``None`` if there is none yet; ``overflow`` where it is not kept any more."""
        held = self._known(topic)
        if number >= held.event:
            return None
        if held.lost is not None and number < held.lost.number:
            return "overflow"
        return held.events[max(number + 1 - held.events[0].number, 0)]

    def event_before(self, topic: str, seq: int) -> int | None:
        """The number of the latest event that came no later than a sequence number; ``None`` where a later one is
        not kept any more.
        """
        held = self._known(topic)
        if held.lost is not None and held.lost.seq > seq:
            return None
        later = next((event.number for event in held.events if event.seq > seq), None)
        return held.event if later is None else later - 1

    def listen(self, topic: str, listener: Callable[[], None]) -> None:
        """Call ``listener`` after every change of a topic. It must return at once."""
        self._known(topic).listeners[listener] = None

    def unlisten(self, topic: str, listener: Callable[[], None]) -> None:
        if topic in self._topics:  # else it was removed, and its listeners with it
            self._topics[topic].listeners.pop(listener, None)

    def full(self, topic: str) -> Frame:
        """The body of a ``snap`` message."""
        held = self._known(topic)
        frame = held.frames.get(SNAPSHOT)
        if frame is None:
            content = {"epoch": self.epoch, "seq": held.seq, "ts": held.ts_ms, "data": held.state}
            frame = held.frames[SNAPSHOT] = _frame(content, held.seq)
        return frame

    def since(self, topic: str, prev: int) -> Frame | Break:
        """The body of a ``delta`` message from ``prev`` to now, or why there is none and a snapshot is needed.

        ``overflow``: ``prev`` is too far back, or never was. ``gap``: a key went and came back since, which a delta
        does not tell (no key stands in both ``set`` and ``del``, so that the order of applying them does not matter).
        """
        held = self._known(topic)
        if not max(held.seq - HISTORY, 0) <= prev <= held.seq:
            return "overflow"
        frame = held.frames.get(prev)
        if frame is None:
            changed = {
                key: {name: held.state[key][name] for name, stamp in held.stamps[key].items() if stamp > prev}
                for key, stamp in held.touched.items()
                if stamp > prev
            }
            gone = [key for key, stamp in held.deleted.items() if stamp > prev]
            if any(key in held.state for key in gone):
                return "gap"
            content = {"prev": prev, "seq": held.seq, "ts": held.ts_ms, "set": changed, "del": gone}
            frame = held.frames[prev] = _frame(content, held.seq)
        return frame

    def _known(self, topic: str) -> _Topic:
        try:
            return self._topics[topic]
        except KeyError:
            raise UnknownTopicError(topic) from None


def _frame(content: dict[str, Any], seq: int) -> Frame:
    return Frame(_body(content), seq)


def _body(content: dict[str, Any]) -> str:
    # Without the opening brace: each client's own head goes in front of the shared text.
    return orjson.dumps(content)[1:].decode()

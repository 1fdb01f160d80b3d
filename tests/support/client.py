"""A WebSocket client of ``swap.v1`` as a user would write it: it holds state and proves that it missed nothing."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect


class Stream:
    """One subscription a topic; ``state[topic]`` is what snapshot and deltas add up to."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._topics: dict[int, str] = {}
        self.state: dict[str, dict[str, dict[str, Any]]] = {}
        self.seq: dict[str, int] = {}
        self.deltas = 0
        self.hello = self._receive(10.0)

    def _receive(self, seconds: float) -> dict[str, Any]:
        return json.loads(self._connection.recv(timeout=seconds))  # type: ignore[no-any-return]

    def subscribe(self, topic: str) -> None:
        identity = len(self._topics) + 1
        self._connection.send(json.dumps({"t": "sub", "id": identity, "topic": topic}))
        while True:
            frame = self._receive(10.0)
            if frame["t"] == "sub_ok" and frame["id"] == identity:
                self._topics[frame["sid"]] = topic
                return
            self._take(frame)

    def _take(self, frame: dict[str, Any]) -> None:
        kind = frame["t"]
        if kind == "snap":
            topic = self._topics[frame["sid"]]
            self.state[topic], self.seq[topic] = frame["data"], frame["seq"]
        elif kind == "delta":
            topic = self._topics[frame["sid"]]
            assert frame["prev"] == self.seq[topic], f"a gap in {topic}: {frame['prev']} after {self.seq[topic]}"
            self.seq[topic] = frame["seq"]
            self.deltas += 1
            for key, fields in frame.get("set", {}).items():
                self.state[topic].setdefault(key, {}).update(fields)
            for key in frame.get("del", []):
                self.state[topic].pop(key, None)
        else:
            assert kind in {"hb", "pong"}, frame

    def until(self, holds: Callable[["Stream"], bool], seconds: float) -> None:
        """Take frames until something holds. The heartbeat bounds how long nothing may come."""
        import time

        end = time.monotonic() + seconds
        while not holds(self):
            left = end - time.monotonic()
            assert left > 0.0, f"did not hold within {seconds} s; state: {json.dumps(self.state)[:3000]}"
            try:
                self._take(self._receive(left))
            except TimeoutError:
                continue


@contextmanager
def stream(address: str, *topics: str) -> Iterator[Stream]:
    """A connected client with its subscriptions. ``address``: ``http://host:port``."""
    url = address.replace("http://", "ws://") + "/api/v1/stream"
    with connect(url, subprotocols=["swap.v1.json"], max_size=None) as connection:  # type: ignore[list-item]
        client = Stream(connection)
        for topic in topics:
            client.subscribe(topic)
        yield client

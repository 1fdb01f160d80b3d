"""A scripted swap.v1 server inside the browser, for what a real one does rarely: gaps, resets, silence."""

import json
from typing import Any

import world
from playwright.sync_api import Page, WebSocketRoute

START = 1_800_000_000.0
"""Site time at which every script begins."""


class Script:
    """Stands in for the gateway's stream. Subscriptions are answered; everything else the test says."""

    def __init__(self, page: Page, start: float = START, zone: str = "UTC") -> None:
        self.start = start
        self.sockets: list[WebSocketRoute] = []
        self.heard: list[dict[str, Any]] = []
        self.epoch = "e1"
        self.seq = 10
        self.topics: dict[str, Any] = {
            "stations": {f"S{i + 1:03d}": world.summary(i, start) for i in range(6)},
            "station/S001": world.station(0, start),
            "forecast/S001": {"forecast": world.forecast(0, start)},
        }
        self._sids: dict[str, int] = {}
        self._last_sid = 0
        page.clock.install(time=start)
        page.route("**/api/v1/health", lambda route: route.fulfill(json=world.health(timezone=zone)))
        page.route("**/history**", lambda route: route.fulfill(json={"t": [], "mean": [], "last": [], "quality": []}))
        page.route("**/skill", lambda route: route.fulfill(json=world.skill()))
        page.route_web_socket("**/api/v1/stream", self._accept)

    def _accept(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(self._hear)
        self.say(t="hello", v=1, server="script", epoch=self.epoch, now=self.start * 1000, hb_s=5, auth="none")

    def _hear(self, text: str | bytes) -> None:
        message = json.loads(text)
        self.heard.append(message)
        if message["t"] == "sub":
            topic = message["topic"]
            self._last_sid += 1
            self._sids[topic] = self._last_sid
            self.say(t="sub_ok", id=message["id"], sid=self._last_sid, mode="snapshot")
            self.say(
                t="snap", sid=self._last_sid, epoch=self.epoch, seq=self.seq, ts=0, data=self.topics.get(topic, {})
            )

    def say(self, **frame: Any) -> None:
        self.sockets[-1].send(json.dumps(frame))

    def delta(self, topic: str, prev: int, seq: int, **changes: Any) -> None:
        self.say(t="delta", sid=self._sids[topic], prev=prev, seq=seq, ts=0, set=changes, **{"del": []})

    def reset(self, topic: str, reason: str) -> None:
        self.say(t="reset", sid=self._sids[topic], reason=reason)

    def subscribed(self) -> list[str]:
        return [message["topic"] for message in self.heard if message["t"] == "sub"]

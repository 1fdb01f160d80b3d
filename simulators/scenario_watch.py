"""What a gateway tells its clients, over its public WebSocket: what a scenario's expectations are held against."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from config.clock import Clock
from simulators.scenario import Expectation, point_of

RETRY_S = 0.25
SILENCE_S = 15.0
"""A gateway says something every 5 s, its heartbeat at least."""
SUBPROTOCOL = Subprotocol("swap.v1.json")

Fields = Mapping[str, Any]


class GatewayWatch:
    """Keeps the topics that a scenario asks for, as the gateway last sent them. ``run`` must be running."""

    def __init__(self, url: str, expectations: Iterable[Expectation], clock: Clock) -> None:
        """``url``: the gateway's, for example ``http://127.0.0.1:8000``."""
        self._url = url.rstrip("/").replace("http", "ws", 1) + "/api/v1/stream"
        self._clock = clock
        self._topics = sorted({"devices", *(_topic(expectation) for expectation in expectations)})
        self._state: dict[str, dict[str, dict[str, Any]]] = {}
        self._news = asyncio.Event()
        self.problem = "not connected yet"

    async def run(self) -> None:
        """Follow the gateway until cancelled; one that is away is tried again."""
        while True:
            try:
                async with connect(
                    self._url, subprotocols=[SUBPROTOCOL], max_size=None, open_timeout=5.0
                ) as connection:
                    await self._follow(connection)
            except (OSError, TimeoutError, WebSocketException) as error:
                self.problem = f"the gateway is away: {error}"
            self._state.clear()
            self._tell()
            await self._clock.sleep(RETRY_S)

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until something holds; false if it does not in this many wall seconds."""
        if holds():
            return True
        try:
            async with self._clock.timeout(within_s):
                while not holds():
                    await self._news.wait()
        except TimeoutError:
            return holds()
        return True

    def devices(self) -> Mapping[str, Fields]:
        """All devices."""
        return self._state.get("devices", {})

    def follows(self, expectation: Expectation) -> bool:
        """Whether the gateway has told at all of what an expectation speaks of."""
        return _topic(expectation) in self._state

    def seen(self, expectation: Expectation) -> Fields | None:
        """What an expectation speaks of, as it is now; ``None`` where the gateway shows no such thing."""
        kind, name = expectation.of
        topic = self._state.get(_topic(expectation), {})
        match kind:
            case "device":
                return topic.get(name)
            case "station":
                return topic.get("station")
            case "forecast":
                return topic.get("forecast")
            case "alarm":
                return next((alarm for key, alarm in topic.items() if name in (key, alarm["condition"])), None)
        return _point(topic, name)

    async def _follow(self, connection: ClientConnection) -> None:
        identities: dict[int, str] = {}
        """Topics by the requests that have not been answered."""
        waiting: set[str] = set()
        """Topics that have been asked for lately."""
        held: dict[int, str] = {}
        missing = set(self._topics)
        asked = 0
        while True:
            for topic in sorted(missing - waiting):
                asked += 1
                identities[asked] = topic
                waiting.add(topic)
                await connection.send(orjson.dumps({"t": "sub", "id": asked, "topic": topic}).decode())
            wait_s = RETRY_S if missing else SILENCE_S
            try:
                async with self._clock.timeout(wait_s):
                    frame = orjson.loads(await connection.recv())
            except TimeoutError:
                if not missing:
                    raise
                waiting.clear()
                continue
            match frame["t"]:
                case "sub_ok":
                    topic = identities.pop(frame["id"])
                    held[frame["sid"]] = topic
                    missing.discard(topic)
                    waiting.discard(topic)
                case "snap":
                    self._state[held[frame["sid"]]] = frame["data"]
                    self._tell()
                case "delta":
                    self._change(self._state[held[frame["sid"]]], frame)
                    self._tell()
                case "reset":
                    missing.add(held.pop(frame["sid"]))
                case "err":
                    self.problem = f"the gateway has no topic {identities.pop(frame['id'])!r}: {frame['message']}"

    def _change(self, topic: dict[str, dict[str, Any]], frame: Mapping[str, Any]) -> None:
        for key, fields in frame["set"].items():
            topic.setdefault(key, {}).update(fields)
        for key in frame["del"]:
            topic.pop(key, None)

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _topic(expectation: Expectation) -> str:
    kind, name = expectation.of
    match kind:
        case "device":
            return "devices"
        case "station":
            return f"station/{name}"
        case "forecast":
            return f"forecast/{name}"
        case "alarm":
            return "alarms"
    return f"station/{point_of(name)[0]}"


def _point(topic: Mapping[str, Fields], path: str) -> Fields | None:
    """Value, quality and reason of a point in a station's topic."""
    _, slot, signal = point_of(path)
    if slot is None:
        summary = topic.get("station")
        if summary is None:
            return None
        quality = summary.get(f"{signal}_quality", summary.get("power_quality" if signal == "power_w" else "quality"))
        return {"value": summary.get(signal), "quality": quality, "reason": summary.get(f"{signal}_reason")}
    fields = topic.get(f"slot/{slot:02d}")
    if fields is None:
        return None
    quality, _, reason = fields.get("not_good", {}).get(signal, "good").partition("/")
    return {"value": fields.get(signal), "quality": quality, "reason": reason or None, "twin": fields.get("twin")}

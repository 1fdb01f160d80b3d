"""What passes on an MQTT broker: the topics seen for a while, with their latest payloads, as plain data."""

import asyncio
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from adapters.link import CONNECT_TIMEOUT_S, LostError
from adapters.mqtt_payload import MAXIMUM_PAYLOAD, parse
from config.clock import Clock
from config.site import DEFAULT_PORTS

LIMIT = 5000
"""Topics that are kept; further ones are counted."""
SPARKPLUG = "spBv1.0"


@dataclass(slots=True)
class Topic:
    """One topic. ``fields`` are the leaves of its latest JSON payload by dotted path; ``None``: it is no JSON."""

    name: str
    messages: int = 0
    retained: bool = False
    """Whether the broker kept a message of it."""
    live: int = 0
    """Messages that came while we listened."""
    size: int = 0
    fields: dict[str, Any] | None = None
    text: str = ""
    """The payload, where it is short text and no JSON object."""
    qos: int = 0


@dataclass(slots=True)
class Heard:
    topics: dict[str, Topic]
    dropped: int
    """Messages on topics beyond the limit."""


def sparkplug_kind(topic: str) -> str:
    """What a Sparkplug B topic carries (``NBIRTH``, ``DDATA``, ``STATE``…); empty for any other topic.

    >>> sparkplug_kind("spBv1.0/group/DBIRTH/edge/cabinet")
    'DBIRTH'
    """
    parts = topic.split("/")
    if parts[0] != SPARKPLUG or len(parts) < 3:
        return ""
    return "STATE" if parts[1] == "STATE" else parts[2]


def flatten(document: Any, prefix: str = "") -> dict[str, Any]:
    """The leaves of a JSON value by the dotted path that a profile's ``field`` takes.

    >>> flatten({"pack": {"soc": 55}, "t": [1, 2]})
    {'pack.soc': 55, 't.0': 1, 't.1': 2}
    """
    if isinstance(document, dict):
        items = [(str(key), value) for key, value in document.items()]
    elif isinstance(document, list):
        items = [(str(number), value) for number, value in enumerate(document)]
    else:
        return {prefix: document} if prefix else {}
    leaves: dict[str, Any] = {}
    for key, value in items:
        leaves.update(flatten(value, f"{prefix}.{key}" if prefix else key))
    return leaves


class _Ear:
    """What the network thread writes. Its callbacks never raise: that kills the thread."""

    def __init__(self, topic: str, loop: asyncio.AbstractEventLoop) -> None:
        self._topic, self._loop = topic, loop
        self._lock = threading.Lock()
        self._topics: dict[str, Topic] = {}
        self._payloads: dict[str, bytes] = {}
        self._dropped = 0
        self.settled = asyncio.Event()
        """Whether the broker has taken or refused us."""
        self.lost = ""
        """Why the connection ended; empty while it stands."""

    def on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._tell(f"the broker refused: {reason}")
            return
        client.subscribe(self._topic, 0)
        self._tell("")

    def on_connect_fail(self, _client: Client, _data: Any) -> None:
        self._tell("no broker answers")

    def on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._tell(f"the broker ended the connection: {reason}")

    def on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            name = message.topic
        except UnicodeDecodeError:
            name = ""
        with self._lock:
            topic = self._topics.get(name)
            if topic is None:
                if not name or len(self._topics) >= LIMIT:
                    self._dropped += 1
                    return
                topic = self._topics[name] = Topic(name)
            topic.messages += 1
            topic.live += not message.retain
            topic.retained |= message.retain
            topic.size = len(message.payload)
            topic.qos = message.qos
            self._payloads[name] = bytes(message.payload[: MAXIMUM_PAYLOAD + 1])

    def take(self) -> Heard:
        """What was heard so far, with the latest payloads read."""
        with self._lock:
            payloads = dict(self._payloads)
            topics, dropped = {name: self._topics[name] for name in sorted(self._topics)}, self._dropped
        for name, payload in payloads.items():
            _read(topics[name], payload)
        return Heard(topics, dropped)

    def _tell(self, lost: str) -> None:
        self.lost = lost
        try:
            self._loop.call_soon_threadsafe(self.settled.set)
        except RuntimeError:
            return  # the loop has ended, and with it whoever would listen


def _read(topic: Topic, payload: bytes) -> None:
    topic.fields, topic.text = None, ""
    if sparkplug_kind(topic.name) not in {"", "STATE"}:
        return
    try:
        document = parse(payload)
    except ValueError:
        document = None
    if isinstance(document, dict | list):
        topic.fields = flatten(document)
    elif len(payload) <= 120:
        text = payload.decode(errors="replace")
        topic.text = text if text.isprintable() else ""


async def listen(
    url: str,
    clock: Clock,
    *,
    seconds: float,
    topic: str = "#",
    username: str | None = None,
    password: str | None = None,
    on_tick: Callable[[Heard], None] | None = None,
) -> Heard:
    """Hear what passes for so many seconds; ``on_tick`` sees each second what came so far. Raises ``LostError``."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS["mqtt"]
    ear = _Ear(topic, asyncio.get_running_loop())
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"swaptwin-browse-{secrets.token_hex(4)}")
    client.on_connect, client.on_connect_fail = ear.on_connect, ear.on_connect_fail
    client.on_disconnect, client.on_message = ear.on_disconnect, ear.on_message
    client.connect_timeout = CONNECT_TIMEOUT_S
    if username:
        client.username_pw_set(username, password)
    client.connect_async(host, port, keepalive=10)
    client.loop_start()
    try:
        try:
            async with clock.timeout(CONNECT_TIMEOUT_S):
                await ear.settled.wait()
        except TimeoutError as error:
            raise LostError(f"no answer from {host}:{port}") from error
        end = clock.monotonic() + seconds
        while not ear.lost and (left := end - clock.monotonic()) > 0.0:
            await clock.sleep(min(1.0, left))
            if on_tick is not None:
                on_tick(ear.take())
        if ear.lost:
            raise LostError(f"{ear.lost} at {host}:{port}")
        return ear.take()
    finally:
        client.disconnect()
        # It waits for the network thread, which may be inside a connection attempt.
        await asyncio.to_thread(client.loop_stop)

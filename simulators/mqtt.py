"""A device's face as an MQTT client: retained JSON state topics, and a status topic that its will falsifies."""

import asyncio
from collections import deque
from typing import Any

import orjson
import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from config.binding import BoundDevice, BoundPoint
from simulators.encode import Item, items
from simulators.face import Shown
from twin.signals import Kind

KEEPALIVE_S = 4
QUEUE = 1000
COMMANDS = 256
"""Ids of commands that are remembered, so that none is done twice."""
STOP_S = 2.0

log = structlog.get_logger()


class MqttFace:
    """Publishes a topic when something in it that is not analog changes, and at least every interval."""

    def __init__(self, device: BoundDevice, station: Shown, *, password: str | None) -> None:
        self._device = device
        self._station = station
        self._items: list[Item[tuple[str, str]]] = items(
            device.points, lambda bound: (str(bound.address), bound.field or "")
        )
        self._interval_s = min(point.interval_s for point in device.points)
        self._sent: dict[str, tuple[float, dict[str, object]]] = {}
        self._connected = False
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"swaptwin-emulator-{device.id}")
        client.max_queued_messages_set(QUEUE)
        client.reconnect_delay_set(1, 2)
        if device.device.username is not None:
            client.username_pw_set(device.device.username, password)
        self._status = device.profile.availability
        if self._status is not None:
            client.will_set(device.fill(self._status.topic), self._status.offline, qos=1, retain=True)
        command = device.profile.command
        self._commands = {
            device.fill_for(bound, command.topic): [other for other in device.points if other.slot == bound.slot]
            for bound in device.points
            if command is not None and bound.point.access == "rw"
        }
        self._done: deque[str] = deque(maxlen=COMMANDS)
        self._loop: asyncio.AbstractEventLoop | None = None
        client.on_message = self._on_message
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        self._client = client

    async def start(self) -> None:
        """Begin to connect; a broker that is away is tried again until ``stop``."""
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._device.device.host, self._device.device.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    async def publish(self) -> None:
        if not self._connected:
            return
        now = self._station.now
        for topic, (payload, discrete) in self._payloads().items():
            sent = self._sent.get(topic)
            # A tenth of tolerance: the caller's own period may be the interval, give or take its lateness.
            if sent is not None and sent[1] == discrete and now - sent[0] < 0.9 * self._interval_s:
                continue
            self._sent[topic] = (now, discrete)
            if self._device.profile.time_field is not None:
                unit = 1000.0 if self._device.profile.time_unit == "ms" else 1.0
                stamp = round(self._station.time * unit) if unit > 1.0 else round(self._station.time, 3)
                _put(payload, self._device.profile.time_field, stamp)
            self._client.publish(topic, orjson.dumps(payload), qos=0, retain=True)

    async def stop(self) -> None:
        """Say ``offline``, disconnect and end the client's thread."""
        if self._connected and self._status is not None:
            said = self._client.publish(self._device.fill(self._status.topic), self._status.offline, qos=1, retain=True)
            if said.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                await asyncio.to_thread(said.wait_for_publish, STOP_S)
        self._loop = None
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _payloads(self) -> dict[str, tuple[dict[str, Any], dict[str, object]]]:
        """By topic: the payload, and those of its values whose change cannot wait for the interval."""
        payloads: dict[str, tuple[dict[str, Any], dict[str, object]]] = {}
        for item in self._items:
            topic, field = item.key
            payload, discrete = payloads.setdefault(topic, ({}, {}))
            raw = item.raw(self._station)
            if raw is None and item.point.invalid:
                raw = item.point.invalid[0]
            _put(payload, field, raw)
            if _is_discrete(item.points[0]):
                discrete[field] = raw
        return payloads

    def _obey(self, topic: str, payload: bytes, retained: bool) -> None:
        """Do a command once, if it still holds; a retained one is of nobody knows when."""
        command = self._device.profile.command
        if command is None:
            return
        try:
            said = orjson.loads(payload)
            number, expires = str(said[command.id_field]), float(said[command.expires_field])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            log.warning("emulator got an unreadable command", device=self._device.id, topic=topic)
            return
        unit = 1000.0 if self._device.profile.time_unit == "ms" else 1.0
        if retained or number in self._done or expires / unit < self._station.time:
            log.warning("emulator refuses a command that is old", device=self._device.id, topic=topic)
            return
        self._done.append(number)
        for bound in self._commands[topic]:
            raw = _get(said, bound.field or "")
            if bound.point.access != "rw" or not isinstance(raw, int | float):
                continue
            point = bound.point
            value = raw if point.definition.kind is Kind.BOOL else point.sign * (raw * point.scale + point.offset)
            try:
                self._station.command(point.signal, bound.slot or 0, value)
            except KeyError as error:
                log.warning("emulator refuses a command", device=self._device.id, topic=topic, reason=str(error))
        self._sent.clear()

    # The client calls these from its own thread; an exception there would end it unseen.
    def _on_connect(self, client: paho.Client, data: object, flags: object, code: Any, properties: object) -> None:
        if code.is_failure:
            log.warning("emulator refused by broker", device=self._device.id, reason=str(code))
            return
        if self._status is not None:
            client.publish(self._device.fill(self._status.topic), self._status.online, qos=1, retain=True)
        if self._commands:
            client.subscribe([(topic, 1) for topic in self._commands])
        self._sent.clear()
        self._connected = True
        log.info("emulator connected", device=self._device.id)

    def _on_disconnect(self, client: paho.Client, data: object, flags: object, code: Any, properties: object) -> None:
        if self._connected:
            self._connected = False
            log.info("emulator disconnected", device=self._device.id, reason=str(code))

    def _on_message(self, client: paho.Client, data: object, incoming: paho.MQTTMessage) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._obey, incoming.topic, bytes(incoming.payload), incoming.retain)


def _is_discrete(bound: BoundPoint) -> bool:
    """The heartbeat changes always and would make every topic with it urgent."""
    return bound.signal.kind is not Kind.ANALOG and bound.signal.name not in {"heartbeat", "energy_wh"}


def _put(payload: dict[str, Any], field: str, value: object) -> None:
    """Set a dotted path."""
    *outer, last = field.split(".")
    for name in outer:
        payload = payload.setdefault(name, {})
    payload[last] = value


def _get(payload: Any, field: str) -> object:
    """The value at a dotted path, ``None`` where there is none."""
    for name in field.split("."):
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload

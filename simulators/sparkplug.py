"""A device's face as a Sparkplug B edge node: births, data by exception, deaths by will, commands."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from config.binding import BoundDevice
from config.profile import Point
from config.sparkplug import sparkplug_id, state_topic
from simulators.encode import Item, items
from simulators.face import Shown
from simulators.sparkplug_wire import BOOLEAN, DOUBLE, INT32, INT64, STRING, UINT64, Told, commands, message
from simulators.station import Value
from twin.signals import Kind

KEEPALIVE_S = 4
QUEUE = 1000
STOP_S = 2.0

REBIRTH = "Node Control/Rebirth"
UPTIME = "Node Info/Uptime"

_connects: dict[str, int] = {}
"""Connections of each device so far: its bdSeq goes on when the device is emulated anew in the same process."""

log = structlog.get_logger()


class SparkplugFace:
    """One edge node for each device. Its metrics are the device's (``DBIRTH``) where it has one, else the node's own.

    Values are sent when they have changed, together, each time the station is shown.
    """

    def __init__(self, device: BoundDevice, station: Shown, *, password: str | None) -> None:
        self._device = device
        self._station = station
        self._id = sparkplug_id(device)
        kinds = ["NCMD"] if self._id.device is None else ["NCMD", "DCMD"]
        self._kinds = {self._id.topic(kind): kind for kind in kinds}
        """Of commands, by their topics."""
        self._items: list[Item[str]] = items(device.points, lambda bound: str(bound.address))
        self._last: list[tuple[Value] | None] = [None] * len(self._items)
        self._began = station.time
        self._seq = 0
        self._connected = self._born = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        settings = device.profile.sparkplug
        waits = settings.primary_host and settings.host_id is not None
        self._host_topic = state_topic(device.fill(settings.host_id or "")) if waits else None
        self._host_time: float | None = None
        self._host_online = not waits
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"swaptwin-emulator-{device.id}")
        client.max_queued_messages_set(QUEUE)
        client.reconnect_delay_set(1, 2)
        if device.device.username is not None:
            client.username_pw_set(device.device.username, password)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client

    async def start(self) -> None:
        """Begin to connect; a broker that is away is tried again until ``stop``."""
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._device.device.host, self._device.device.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    async def publish(self) -> None:
        """Send what has changed; a birth where there was none since connecting."""
        if not self._connected or not self._host_online:
            return
        if not self._born:
            self._bear()
            return
        uptime = Told(round(self._station.time - self._began), INT64, alias=0)
        changed = []
        for index, item in enumerate(self._items):
            raw = item.raw(self._station)
            last = self._last[index]
            if last is None or not _same(raw, last[0], item.point.deadband or 0.0):
                self._last[index] = (raw,)
                changed.append(Told(raw, _datatype(item.point), alias=index + 1))
        if self._id.device is None:
            self._say("NDATA", [uptime, *changed])
            return
        self._say("NDATA", [uptime])
        if changed:
            self._say("DDATA", changed)

    async def stop(self) -> None:
        """Die as the specification wants it, disconnect and end the client's thread."""
        if self._connected:
            death = self._client.publish(self._id.topic("NDEATH"), self._death(), qos=1)
            if death.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                await asyncio.to_thread(death.wait_for_publish, STOP_S)
        self._loop = None
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _bear(self) -> None:
        self._seq = 0
        node = [
            Told(self._bd_seq, INT64, name="bdSeq", in_birth=True),
            # By the specification it has no alias.
            Told(False, BOOLEAN, name=REBIRTH, in_birth=True),
            Told(round(self._station.time - self._began), INT64, name=UPTIME, alias=0, in_birth=True),
        ]
        own = []
        for index, item in enumerate(self._items):
            raw = item.raw(self._station)
            self._last[index] = (raw,)
            own.append(Told(raw, _datatype(item.point), name=item.key, alias=index + 1, in_birth=True))
        if self._id.device is None:
            self._say("NBIRTH", node + own)
        else:
            self._say("NBIRTH", node)
            self._say("DBIRTH", own)
        self._born = True

    def _say(self, kind: str, metrics: list[Told]) -> None:
        payload = message(round(self._station.time * 1000.0), self._seq, metrics)
        self._seq = (self._seq + 1) % 256
        self._client.publish(self._id.topic(kind), payload, qos=0)

    def _death(self) -> bytes:
        death = Told(self._bd_seq, INT64, name="bdSeq", in_birth=True)
        return message(round(self._station.time * 1000.0), None, [death])

    @property
    def _bd_seq(self) -> int:
        return max(_connects.get(self._device.id, 0) - 1, 0) % 256

    def _obey(self, kind: str, payload: bytes) -> None:
        """Do what a command says, and show it at once."""
        try:
            told = commands(payload)
        except (ValueError, UnicodeDecodeError) as error:
            log.warning("emulator got an unreadable command", device=self._device.id, error=str(error))
            return
        for name, value in told:
            if kind == "NCMD" and name == REBIRTH:
                self._born = False
                continue
            item = next((item for at, item in enumerate(self._items, 1) if name in (item.key, at)), None)
            if item is None or item.point.access != "rw" or isinstance(value, str):
                log.warning("emulator refuses a command", device=self._device.id, metric=name)
                continue
            self._command(item, value)
        self._soon(self.publish())

    def _command(self, item: Item[str], raw: float) -> None:
        bound, point = item.points[0], item.point
        value = raw if point.definition.kind is Kind.BOOL else point.sign * (raw * point.scale + point.offset)
        try:
            self._station.command(point.signal, bound.slot or 0, value)
        except KeyError as error:
            log.warning("emulator refuses a command", device=self._device.id, metric=item.key, reason=str(error))

    def _mind_host(self, payload: bytes) -> None:
        """Live only while the primary host is online; its older words are of a connection that is past."""
        try:
            said = orjson.loads(payload)
            online, time = bool(said["online"]), float(said["timestamp"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return
        if self._host_time is not None and time < self._host_time:
            return
        self._host_time = time
        if online == self._host_online:
            return
        self._host_online = online
        if online:
            self._born = False
        else:
            self._client.publish(self._id.topic("NDEATH"), self._death(), qos=1)
            self._soon(self._reconnect())

    async def _reconnect(self) -> None:
        """A new connection, with the next bdSeq in its will, as after every death."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        if self._loop is not None:
            await self.start()

    # The client calls these from its own thread; an exception there would end it unseen.
    def _later(self, what: Callable[..., None], *arguments: Any) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(what, *arguments)

    def _on_pre_connect(self, client: paho.Client, data: object) -> None:
        _connects[self._device.id] = _connects.get(self._device.id, 0) + 1
        client.will_set(self._id.topic("NDEATH"), self._death(), qos=1)

    def _on_connect(self, client: paho.Client, data: object, flags: object, code: Any, properties: object) -> None:
        if code.is_failure:
            log.warning("emulator refused by broker", device=self._device.id, reason=str(code))
            return
        client.subscribe([(topic, 1) for topic in self._kinds])
        if self._host_topic is not None:
            client.subscribe(self._host_topic, 1)
        self._later(self._begin)
        log.info("emulator connected", device=self._device.id)

    def _begin(self) -> None:
        self._connected, self._born = True, False
        self._soon(self.publish())

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        # The event loop itself would let it be collected.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_disconnect(self, client: paho.Client, data: object, flags: object, code: Any, properties: object) -> None:
        if self._connected:
            self._connected = False
            log.info("emulator disconnected", device=self._device.id, reason=str(code))

    def _on_message(self, client: paho.Client, data: object, incoming: paho.MQTTMessage) -> None:
        if incoming.topic == self._host_topic:
            self._later(self._mind_host, bytes(incoming.payload))
        elif (kind := self._kinds.get(incoming.topic)) is not None:
            self._later(self._obey, kind, bytes(incoming.payload))


def _datatype(point: Point) -> int:
    if point.bit is not None:
        return UINT64
    signal = point.definition
    match signal.kind:
        case Kind.BOOL:
            return BOOLEAN
        case Kind.ENUM:
            return INT32
        case Kind.TEXT:
            return STRING
        case Kind.COUNTER if not signal.unit and point.scale == point.sign == 1 and not point.offset:
            return UINT64
        case _:
            return DOUBLE


def _same(raw: Value, last: Value, deadband: float) -> bool:
    if isinstance(raw, float) and isinstance(last, float):
        return raw == last or abs(raw - last) < deadband
    return raw == last

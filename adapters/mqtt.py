"""MQTT: JSON topics of one device. The network thread queues and wakes the event loop, which drains at its own pace."""

import asyncio
import contextlib
import math
import random
import secrets
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from adapters.backoff import RESTART_CAP_S, Backoff
from adapters.base import Sink
from adapters.convert import Converter
from adapters.link import CONNECT_TIMEOUT_S, LinkReporter, LostError, password_of
from adapters.mqtt_payload import parse, source_time, topics
from adapters.watchdog import Standstill
from config.binding import BoundDevice
from config.clock import Clock, wall_period_s
from twin.signals import Quality, Reason

_log = structlog.get_logger()

SPACING_S = 0.02
"""Wall seconds between two drains at least: arrays are cheap only when they are long."""
CHECK_S = 0.25
"""Wall seconds after which silence is looked for although nothing came."""
QUEUE = 4096
"""Messages that may wait between two drains; beyond it the oldest are dropped, and counted."""

KEEPALIVE_S = 10
SILENT_INTERVALS = 3
SHORTEST_SILENCE_S = 2.0

_GOOD = (int(Quality.GOOD), int(Reason.NONE))
_STALE = (int(Quality.UNCERTAIN), int(Reason.STALE))
_UNREADABLE = (int(Quality.BAD), int(Reason.SENSOR_FAILURE))


@dataclass(slots=True)
class _Message:
    topic: str
    payload: bytes
    retained: bool
    received_time: float


class _Stamp(NamedTuple):
    """What a message says of all its values: their time, and the best quality that they may have."""

    source_time: float
    quality: int
    reason: int


@dataclass(frozen=True, slots=True)
class _BrokerState:
    connected: bool
    detail: str


class _Inbox:
    """What the network thread writes and the event loop empties. Its callbacks never raise: that kills the thread."""

    def __init__(self, clock: Clock, wanted: list[str]) -> None:
        self._clock = clock
        self._wanted = wanted
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Message | _BrokerState] = deque(maxlen=QUEUE)
        self._news = asyncio.Event()
        self._announced = False
        self.dropped = 0

    async def wait(self) -> None:
        """Wait until there is something to drain, or for ``CHECK_S``."""
        try:
            async with self._clock.timeout(CHECK_S):
                await self._news.wait()
        except TimeoutError:
            return

    def drain(self) -> Iterator["_Message | _BrokerState"]:
        """All that is there now; what comes meanwhile is left, so that a flood cannot hold the loop."""
        self._news.clear()
        # Before the queue is emptied: whatever comes from here on announces itself.
        self._announced = False
        for _ in range(len(self._queue)):
            yield self._queue.popleft()

    def _put(self, item: "_Message | _BrokerState") -> None:
        if len(self._queue) == QUEUE:
            self.dropped += 1
        self._queue.append(item)
        if not self._announced:
            # Once a drain, not once a message: to wake another thread's loop is a system call.
            self._announced = True
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever would listen
                self._loop.call_soon_threadsafe(self._news.set)

    def on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            # Nothing that we asked for has such a topic.
            self.dropped += 1
            return
        self._put(_Message(topic, bytes(message.payload), message.retain, self._clock.now()))

    def on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._put(_BrokerState(False, f"the broker refused: {reason}"))
            return
        # Here, not once at the start: a broker forgets the subscriptions of a clean session.
        client.subscribe([(topic, 1) for topic in self._wanted])
        self._put(_BrokerState(True, "connected to the broker; nothing heard from the device yet"))

    def on_connect_fail(self, _client: Client, _data: Any) -> None:
        self._put(_BrokerState(False, "no broker"))

    def on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._put(_BrokerState(False, f"connection to the broker lost: {reason}"))


class MqttAdapter:
    """Listens to one device's topics. Only the device itself brings its link up, never the broker alone.

    Signs of life are a message that is not retained, and ``online`` on the availability topic. A device that
    falls silent is away, whatever the broker still retains of it.
    """

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        self._device = device
        self._clock = clock
        self._profile = device.profile
        self._converter = Converter(device.points)
        self._standstill = Standstill(device, clock)
        self._topics = topics(device.points)
        self._time_path = (self._profile.time_field or "").split(".")
        availability = self._profile.availability
        self._availability = device.fill(availability.topic) if availability else None
        self._broker = f"{device.device.host}:{device.device.port}"
        interval_s = max(wall_period_s(clock, bound.interval_s) for bound in device.points)
        self._silence_s = max(SILENT_INTERVALS * interval_s, self._profile.timeout_s, SHORTEST_SILENCE_S)
        # Data come at once on any session when the device returns, so a fruitless session may last ever longer.
        self._patience = Backoff(clock, rng, first_s=2.0 * self._silence_s, cap_s=RESTART_CAP_S)
        self._session_silence_s = self._silence_s
        self._silent = False
        self._malformed: set[str] = set()
        # The latest word on each point since the last flush, and which of the stamps it came with.
        self._raws: dict[int, object] = {}
        self._stamp_of: dict[int, int] = {}
        self._stamps: list[_Stamp] = []
        self._live = False

    async def run(self, sink: Sink) -> None:
        """Connect, listen, and take a new session when nothing comes, until cancelled."""
        report = LinkReporter(self._device, sink, self._clock)
        while True:
            try:
                async with self._session() as inbox:
                    await self._listen(inbox, sink, report)
            except LostError as error:
                report.down(str(error))
                await self._clock.sleep(CONNECT_TIMEOUT_S)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[_Inbox]:
        device = self._device.device
        password = password_of(self._device)
        wanted = list(self._topics)
        if self._availability and self._availability not in self._topics:
            wanted.append(self._availability)
        inbox = _Inbox(self._clock, wanted)
        # A random id: two gateways with the same one would throw each other out for ever.
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"swaptwin-{secrets.token_hex(6)}")
        client.on_message = inbox.on_message
        client.on_connect = inbox.on_connect
        client.on_connect_fail = inbox.on_connect_fail
        client.on_disconnect = inbox.on_disconnect
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_queued_messages_set(QUEUE)
        client.reconnect_delay_set(1, int(CONNECT_TIMEOUT_S))
        if device.username:
            client.username_pw_set(device.username, password)
        client.connect_async(device.host, device.port, keepalive=KEEPALIVE_S)
        client.loop_start()
        try:
            yield inbox
        finally:
            client.disconnect()
            # It waits for the network thread, which may be inside a connection attempt.
            await asyncio.to_thread(client.loop_stop)

    async def _listen(self, inbox: _Inbox, sink: Sink, report: LinkReporter) -> None:
        """Drain the inbox when something comes; returns when the session brings nothing for too long."""
        broker_up = False
        counted = 0
        heard_at = self._clock.monotonic()
        self._standstill.begin()
        while True:
            await inbox.wait()
            dropped = inbox.dropped
            sink.link.dropped += dropped - counted
            counted = dropped
            for item in inbox.drain():
                if isinstance(item, _BrokerState):
                    self._flush(sink, report)
                    broker_up = item.connected
                    heard_at = self._clock.monotonic()
                    if not broker_up:
                        report.down(f"{item.detail} at {self._broker}")
                    elif not report.is_up:
                        sink.link.detail = f"{item.detail} ({self._broker})"
                elif item.topic == self._availability:
                    self._flush(sink, report)
                    self._take_availability(item, sink, report)
                else:
                    if not item.retained:
                        heard_at = self._clock.monotonic()
                    self._take(item, sink, report)
            self._flush(sink, report)
            frozen = self._standstill.check()
            if frozen:
                report.down(frozen)
            silence_s = self._clock.monotonic() - heard_at
            if broker_up and silence_s > self._silence_s and not self._silent:
                self._silent = True
                report.down(f"connected to the broker at {self._broker}, but no message for {silence_s:.1f} s")
            if broker_up and silence_s > self._session_silence_s:
                self._session_silence_s = self._patience.next_s()
                return
            await self._clock.sleep(SPACING_S)

    def _take_availability(self, message: _Message, sink: Sink, report: LinkReporter) -> None:
        availability = self._profile.availability
        word = message.payload.decode(errors="replace").strip()
        if availability and word == availability.offline:
            report.down(f"the device, or its will, says {word!r}")
        elif availability and word == availability.online:
            # A retained word of a device that has since fallen silent is no sign of life.
            if not self._standstill.tripped and not (self._silent and message.retained):
                report.up(f"the device says {word!r}, by the broker at {self._broker}")
        else:
            self._complain(message, f"neither online nor offline: {word[:40]!r}", sink)
            return
        self._malformed.discard(message.topic)

    def _take(self, message: _Message, sink: Sink, report: LinkReporter) -> None:
        """Read one message into what the next flush hands over."""
        topic = self._topics.get(message.topic)
        if topic is None or (message.retained and report.is_away):
            # What the broker retains of a device that is known to be away brings no value back to life.
            return
        if not message.payload:
            # An empty message clears the broker's retained one; it says nothing of the device.
            return
        try:
            document = parse(message.payload)
        except ValueError as error:
            self._complain(message, str(error), sink)
            # The device's latest word is unreadable, so its earlier one is no longer live.
            self._note(topic.rows, [None] * len(topic.rows), _Stamp(message.received_time, *_UNREADABLE))
            return
        if message.topic in self._malformed:
            self._malformed.discard(message.topic)
            _log.info("payload readable again", device=self._device.id, topic=message.topic)
        time = source_time(document, self._time_path, self._profile.time_unit)
        quality, reason = _GOOD
        if math.isnan(time):
            time = message.received_time
            if message.retained:
                # Nobody knows how old it is.
                quality, reason = _STALE
        rows, raws = topic.read(document)
        if rows:
            self._note(rows, raws, _Stamp(time, quality, reason))
            self._live |= not message.retained

    def _note(self, rows: Sequence[int], raws: Sequence[object], stamp: _Stamp) -> None:
        self._raws.update(zip(rows, raws, strict=True))
        self._stamp_of.update(dict.fromkeys(rows, len(self._stamps)))
        self._stamps.append(stamp)

    def _flush(self, sink: Sink, report: LinkReporter) -> None:
        """Hand over what was read since the last flush, as one batch."""
        if not self._raws:
            return
        samples = self._converter.objects(list(self._raws), list(self._raws.values()), sink.intern)
        stamp_of = np.array(list(self._stamp_of.values()))
        times, qualities, reasons = (np.array(column)[stamp_of] for column in zip(*self._stamps, strict=True))
        if qualities.any():
            samples = samples.limited_by(qualities.astype(np.uint8), reasons.astype(np.uint8))
        live, self._live = self._live, False
        self._raws, self._stamp_of, self._stamps = {}, {}, []
        now = self._clock.now()
        batch = self._converter.batch(samples, times, now)
        self._standstill.see(batch)
        if self._standstill.tripped:
            return
        if live:
            self._silent = False
            self._patience.reset()
            self._session_silence_s = self._silence_s
            report.up(f"receiving from the broker at {self._broker}")
            sink.link.last_data_time = now
        if not report.is_away:
            sink.push(batch)

    def _complain(self, message: _Message, words: str, sink: Sink) -> None:
        """Count an unreadable message; say it once until the topic is readable again."""
        sink.link.errors += 1
        if message.topic not in self._malformed:
            self._malformed.add(message.topic)
            _log.warning("payload unreadable", device=self._device.id, topic=message.topic, error=words)

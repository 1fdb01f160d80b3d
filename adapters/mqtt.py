"""MQTT: JSON topics of one device."""

import math
import random

import structlog

from adapters.backoff import RESTART_CAP_S, Backoff
from adapters.base import Batch, Sink
from adapters.link import LinkReporter, LostError
from adapters.mqtt_intake import GOOD, STALE, UNREADABLE, Intake
from adapters.mqtt_payload import parse, source_time, topics
from adapters.mqtt_session import RECONNECT_CAP_S, SPACING_S, Session, connected, silence_s
from adapters.watchdog import Standstill
from config.binding import BoundDevice
from config.clock import Clock

_log = structlog.get_logger()


class MqttAdapter:
    """Listens to one device's topics. Only the device itself brings its link up, never the broker alone.

    Signs of life are a message that is not retained, and ``online`` on the availability topic. A device that
    falls silent is away, whatever the broker still retains of it.
    """

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        self._device = device
        self._clock = clock
        self._profile = device.profile
        self._intake = Intake(device, clock)
        self._standstill = Standstill(device, clock)
        self._topics = topics(device.points)
        self._time_path = tuple((self._profile.time_field or "").split("."))
        availability = self._profile.availability
        self._availability = device.fill(availability.topic) if availability else None
        self._wanted = list(dict.fromkeys([*self._topics, *([self._availability] if self._availability else [])]))
        self._broker = f"{device.device.host}:{device.device.port}"
        self._silence_s = silence_s(device, clock)
        self._reconnect = Backoff(clock, rng, cap_s=RECONNECT_CAP_S)
        # Data come at once on any session when the device returns, so a fruitless session may last ever longer.
        self._patience = Backoff(clock, rng, first_s=2.0 * self._silence_s, cap_s=RESTART_CAP_S)
        self._session_silence_s = self._silence_s
        self._session: Session | None = None
        self._is_away = True
        self._silent = False
        self._malformed: set[str] = set()
        # The latest word on each topic, by which a later delivery of an earlier one is known.
        self._held: dict[str, tuple[float, bytes]] = {}
        self._heard_at = 0.0
        self._live = False

    async def run(self, sink: Sink) -> None:
        """Connect, listen, and take a new session when nothing comes, until cancelled."""
        report = LinkReporter(self._device, sink, self._clock)

        def listen(topic: str, payload: bytes, retained: bool, received_time: float) -> None:
            if topic == self._availability:
                self._flush(sink, report)
                self._take_availability(topic, payload, retained, sink, report)
                return
            self._take(topic, payload, retained, received_time, sink, report)
            if self._intake.is_full:
                self._flush(sink, report)

        while True:
            try:
                async with connected(self._device, self._clock, self._wanted, listen) as session:
                    self._session = session
                    self._reconnect.reset()
                    await self._listen(session, sink, report)
                    # A fruitless session: a new one at once.
                    continue
            except LostError as error:
                self._flush(sink, report)
                self._down(str(error), report)
            finally:
                self._session = None
            await self._reconnect.wait()

    async def _listen(self, session: Session, sink: Sink, report: LinkReporter) -> None:
        """Hand over what comes; returns when the session brings nothing for too long."""
        if not report.is_up:
            sink.link.detail = f"connected to the broker; nothing heard from the device yet ({self._broker})"
        self._heard_at = self._clock.monotonic()
        self._standstill.begin()
        while True:
            await session.wait()
            self._flush(sink, report)
            frozen = self._standstill.check()
            if frozen:
                self._down(frozen, report)
            silent_s = self._clock.monotonic() - self._heard_at
            if silent_s > self._silence_s and not self._silent:
                self._silent = True
                detail = f"connected to the broker at {self._broker}, but no new message for {silent_s:.1f} s"
                self._down(detail, report)
            if silent_s > self._session_silence_s:
                self._session_silence_s = self._patience.next_s()
                return
            self._is_away = not report.is_up
            if report.is_up:
                self._keep_up()
            await self._clock.sleep(SPACING_S)

    def _down(self, detail: str, report: LinkReporter) -> None:
        self._is_away = True
        # A device that comes back may have a clock that was set back meanwhile.
        self._held.clear()
        report.down(detail)

    def _take_availability(self, topic: str, payload: bytes, retained: bool, sink: Sink, report: LinkReporter) -> None:
        availability = self._profile.availability
        word = payload.decode(errors="replace").strip()
        if availability and word == availability.offline:
            self._down(f"the device, or its will, says {word!r}", report)
        elif availability and word == availability.online:
            self._heard_at = self._clock.monotonic() if not retained else self._heard_at
            # A retained word of a device that has since fallen silent is no sign of life.
            if not self._standstill.tripped and not (self._silent and retained):
                report.up(f"the device says {word!r}, by the broker at {self._broker}")
        else:
            self._complain(topic, f"neither online nor offline: {word[:40]!r}", sink)
            return
        self._malformed.discard(topic)

    def _take(
        self, name: str, payload: bytes, retained: bool, received_time: float, sink: Sink, report: LinkReporter
    ) -> None:
        """Read one message into what the next flush hands over."""
        topic = self._topics.get(name)
        if topic is None or (retained and report.is_away):
            # What the broker retains of a device that is known to be away brings no value back to life.
            return
        if not payload:
            # An empty message clears the broker's retained one; it says nothing of the device.
            return
        try:
            document = parse(payload)
        except ValueError as error:
            self._complain(name, str(error), sink)
            if not retained:
                self._heard_at = self._clock.monotonic()
            # The device's latest word is unreadable, so its earlier one is no longer live.
            self._intake.note(topic.rows, [None] * len(topic.rows), received_time, UNREADABLE)
            return
        if name in self._malformed:
            self._malformed.discard(name)
            _log.info("payload readable again", device=self._device.id, topic=name)
        time = source_time(document, self._time_path, self._profile.time_unit)
        limit = GOOD
        if math.isnan(time):
            time = received_time
            if retained:
                # Nobody knows how old it is.
                limit = STALE
        elif self._is_old(name, time, payload):
            sink.link.dropped += 1
            # What the broker retains comes again with every subscription: that is nothing that went wrong on the way.
            sink.link.repeats += not retained and self._held[name] == (time, payload)
            return
        if not retained:
            self._heard_at = self._clock.monotonic()
        rows, raws = topic.read(document)
        if rows:
            self._intake.note(rows, raws, time, limit)
            self._live |= not retained

    def _is_old(self, name: str, time: float, payload: bytes) -> bool:
        """Whether a message was overtaken by a newer one, or is the same once more (QoS 1, or a retained ghost)."""
        held = self._held.get(name)
        if held is not None and (time < held[0] or (time == held[0] and payload == held[1])):
            return True
        self._held[name] = (time, payload)
        return False

    def _flush(self, sink: Sink, report: LinkReporter) -> None:
        """Hand over what was read since the last flush, as one batch."""
        batch = self._intake.batch(sink.intern)
        if batch is None:
            return
        live, self._live = self._live, False
        self._standstill.see(batch)
        if self._standstill.tripped:
            return
        if live:
            self._silent = False
            self._patience.reset()
            self._session_silence_s = self._silence_s
            report.up(f"receiving from the broker at {self._broker}")
            sink.link.last_data_time = batch.received_time
        if not report.is_away:
            sink.push(batch)
            self._handed_over(batch)

    def _handed_over(self, batch: Batch) -> None:
        """For the adapter that also writes."""

    def _keep_up(self) -> None:
        """For the adapter that also writes."""

    def _complain(self, topic: str, words: str, sink: Sink) -> None:
        """Count an unreadable message; say it once until the topic is readable again."""
        sink.link.note_error("unreadable")
        if topic not in self._malformed:
            self._malformed.add(topic)
            _log.warning("payload unreadable", device=self._device.id, topic=topic, error=words)

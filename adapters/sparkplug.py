"""Sparkplug B: the host application's side of one edge node, for one device of it or for the node itself."""

import math
import random

import orjson
import structlog

from adapters.backoff import CONNECT_CAP_S, RESTART_CAP_S, Backoff
from adapters.base import Batch, Sink
from adapters.link import LinkReporter, LostError
from adapters.mqtt_intake import GOOD, Intake
from adapters.mqtt_packets import Will
from adapters.mqtt_session import RECONNECT_CAP_S, SPACING_S, Session, connected, silence_s
from adapters.sparkplug_node import EdgeNode, Event, Taken
from adapters.sparkplug_payload import DataType, Order, Payload, PayloadError, decode, encode
from adapters.watchdog import Standstill
from config.binding import BoundDevice
from config.clock import Clock
from config.sparkplug import NAMESPACE, sparkplug_id, state_topic

_log = structlog.get_logger()

KINDS = ("NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA")
REBIRTH_FIRST_S = 1.0
"""Time between two requests for a birth, doubling up to ``CONNECT_CAP_S``: births are large."""
REBIRTH_STEADY_S = 60.0
"""A node that needed no request for this long is asked without delay again."""
REBIRTH_ANSWER_S = 3.0
"""A node that is not born again this long after it was asked is away."""
AWAIT_BIRTH_S = 1.0
"""After connecting, a birth is waited for up to this long, at random, since other readers may have asked for it."""

REBIRTH = Order("Node Control/Rebirth", None, DataType.BOOLEAN, True)


class SparkplugAdapter:
    """Only a birth brings the link up. Whatever the node says in sequence confirms all that it has said before."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        """Raises ``ValueError`` where the device's URL does not name an edge node."""
        self._device = device
        self._clock = clock
        self._rng = rng
        self._id = sparkplug_id(device)
        self._settings = device.profile.sparkplug
        self._node = EdgeNode(self._id.device)
        self._intake = Intake(device, clock)
        self._standstill = Standstill(device, clock)
        self._rows: dict[str, list[int]] = {}
        for row, bound in enumerate(device.points):
            self._rows.setdefault(str(bound.address), []).append(row)
        host_id = self._settings.host_id
        self._state_topic = state_topic(device.fill(host_id)) if host_id is not None else None
        self._broker = f"{device.device.host}:{device.device.port}"
        self._silence_s = silence_s(device, clock)
        self._reconnect = Backoff(clock, rng, cap_s=RECONNECT_CAP_S)
        self._spacing = Backoff(clock, rng, first_s=REBIRTH_FIRST_S, cap_s=CONNECT_CAP_S)
        self._patience = Backoff(clock, rng, first_s=4.0 * self._silence_s, cap_s=RESTART_CAP_S)
        self._session: Session | None = None
        self._asked_at: float | None = None
        self._may_ask_at = -math.inf
        self._heard_at = self._node_born_at = 0.0
        self._held = [-math.inf] * len(device.points)
        self._confirmed: float | None = None
        self._unknown: tuple[str, ...] = ()
        self._malformed = False

    async def run(self, sink: Sink) -> None:
        """Connect, listen, and take a new session when nothing comes, until cancelled."""
        report = LinkReporter(self._device, sink, self._clock)

        def listen(topic: str, payload: bytes, retained: bool, received_time: float) -> None:
            if topic == self._state_topic:
                self._mind_our_state(payload)
            elif not retained:
                # Nothing of a node is ever retained by the specification: a ghost, of which nobody knows the age.
                self._take(topic, payload, received_time, sink, report)

        while True:
            began = round(self._clock.now() * 1000.0)
            will = Will(self._state_topic, _state(online=False, time_ms=began)) if self._state_topic else None
            try:
                async with connected(self._device, self._clock, self._wanted(), listen, will) as session:
                    self._session = session
                    self._reconnect.reset()
                    self._say_state(online=True, time_ms=began)
                    try:
                        await self._listen(session, sink, report)
                    finally:
                        self._say_state(online=False, time_ms=round(self._clock.now() * 1000.0))
            except LostError as error:
                self._down(str(error), sink, report)
            finally:
                self._session = None
            await self._reconnect.wait()

    async def _listen(self, session: Session, sink: Sink, report: LinkReporter) -> None:
        """Hand over what comes; returns when the session brings nothing for too long."""
        now = self._clock.monotonic()
        if not report.is_up:
            sink.link.detail = f"connected to the broker; the edge node is not born yet ({self._broker})"
        self._node.forget()
        self._node.wants_birth = "just connected"
        self._asked_at = None
        self._may_ask_at = now + self._rng.uniform(0.0, AWAIT_BIRTH_S)
        self._heard_at = now
        patience_s = self._patience.next_s()
        self._standstill.begin()
        while True:
            await session.wait()
            self._flush(sink, report)
            # A node that is dead, or not born yet, has no controller that could stand still.
            frozen = self._standstill.check() if self._node.born else None
            if frozen:
                self._down(frozen, sink, report)
            now = self._clock.monotonic()
            self._node.overdue(now, self._settings.reorder_s)
            if self._node.is_childless and now - self._node_born_at > REBIRTH_ANSWER_S and not report.is_away:
                self._flush(sink, report)
                self._gone(report, f"edge node {self._id.edge_node} is born without device {self._id.device}")
            silent_s = now - self._heard_at
            if silent_s > self._silence_s and self._node.wants_birth is None:
                self._node.wants_birth = f"no message for {silent_s:.1f} s"
            self._ask_for_birth(session, now, sink, report)
            if silent_s > patience_s:
                return
            if self._node.born:
                self._keep_up()
            await self._clock.sleep(SPACING_S)

    def _ask_for_birth(self, session: Session, now: float, sink: Sink, report: LinkReporter) -> None:
        reason = self._node.wants_birth
        if reason is None:
            return
        if self._asked_at is not None and now - self._asked_at > REBIRTH_ANSWER_S and not report.is_away:
            self._down(f"{reason}, and the edge node does not answer to Rebirth", sink, report)
        if now < self._may_ask_at:
            return
        if self._asked_at is None:
            _log.info("birth asked for", device=self._device.id, reason=reason)
        session.publish(self._id.topic("NCMD"), encode(round(self._clock.now() * 1000.0), [REBIRTH]), qos=0)
        if now - self._may_ask_at > REBIRTH_STEADY_S:
            self._spacing.reset()
        self._asked_at = now if self._asked_at is None else self._asked_at
        self._may_ask_at = now + self._spacing.next_s()

    def _take(self, topic: str, data: bytes, received_time: float, sink: Sink, report: LinkReporter) -> None:
        kind, device = self._kind_of(topic)
        if kind is None:
            return
        try:
            payload = decode(data)
        except PayloadError as error:
            sink.link.note_error("unreadable")
            if not self._malformed:
                self._malformed = True
                _log.warning("payload unreadable", device=self._device.id, topic=topic, error=str(error))
            # It had a number in the sequence, and changes that nobody knows now.
            self._node.wants_birth = self._node.wants_birth or f"an unreadable {kind}"
            return
        self._malformed = False
        taken = self._node.take(kind, device, payload, self._clock.monotonic())
        if taken.event is Event.REPEATED:
            sink.link.dropped += 1
            return
        self._heard_at = self._clock.monotonic()
        if kind == "NBIRTH":
            self._node_born_at = self._heard_at
        if self._node.wants_birth is None:
            self._asked_at = None
        match taken.event:
            case Event.DEATH:
                # It will be born again by itself.
                self._node.wants_birth = self._asked_at = None
                self._down(
                    f"{kind} of {self._id.edge_node}: the device, or its will, says that it is gone", sink, report
                )
            case Event.BIRTH:
                self._take_birth(taken, payload, received_time, sink, report)
            case Event.DATA:
                self._take_metrics(taken, payload, received_time, sink)
        if self._node.born and self._node.gap_since is None and self._node.wants_birth is None:
            self._confirmed = _time(payload.timestamp, received_time)
        if self._intake.is_full:
            self._flush(sink, report)

    def _take_birth(
        self, taken: Taken, payload: Payload, received_time: float, sink: Sink, report: LinkReporter
    ) -> None:
        """A birth is the whole truth: what it does not name, the device does not have."""
        named = {name for name, _, _ in taken.metrics}
        unknown = tuple(name for name in self._rows if name not in named)
        if unknown != self._unknown:
            self._unknown = unknown
            if unknown:
                _log.warning(
                    "birth without metrics of the profile", device=self._device.id, metrics=unknown[:5], of=len(unknown)
                )
        self._held = [-math.inf] * len(self._held)
        self._patience.reset()
        if not report.is_up:
            self._spacing.reset()
            self._may_ask_at = min(self._may_ask_at, self._clock.monotonic() + REBIRTH_FIRST_S)
        self._flush(sink, report)
        self._standstill.begin()
        rows = [row for name in unknown for row in self._rows[name]]
        if rows:
            self._intake.note(rows, [None] * len(rows), _time(payload.timestamp, received_time), GOOD)
        self._take_metrics(taken, payload, received_time, sink)
        batch = self._intake.batch(sink.intern)
        if batch is not None:
            self._standstill.see(batch)
        if self._standstill.tripped:
            return
        report.up(f"born at the broker {self._broker}" + (f"; {len(unknown)} metrics missing" if unknown else ""))
        if batch is not None:
            self._hand_over(batch, sink)

    def _take_metrics(self, taken: Taken, payload: Payload, received_time: float, sink: Sink) -> None:
        by_time: dict[float, tuple[list[int], list[object]]] = {}
        # Most metrics of a message have the same time.
        times: dict[int | None, float] = {}
        for name, metric, datatype in taken.metrics:
            rows = self._rows.get(name)
            if rows is None or metric.is_historical:
                continue
            stamp = payload.timestamp if metric.timestamp is None else metric.timestamp
            if stamp not in times:
                times[stamp] = _time(stamp, received_time)
            time = times[stamp]
            raw = metric.value(datatype)
            for row in rows:
                if time < self._held[row]:
                    sink.link.dropped += 1
                    continue
                self._held[row] = time
                noted = by_time.setdefault(time, ([], []))
                noted[0].append(row)
                noted[1].append(raw)
        for time in sorted(by_time):
            self._intake.note(*by_time[time], time, GOOD)

    def _flush(self, sink: Sink, report: LinkReporter) -> None:
        """Hand over what was read since the last flush, as one batch, and what it confirms."""
        batch = self._intake.batch(sink.intern)
        if batch is not None:
            released = self._standstill.tripped
            self._standstill.see(batch)
            if released and not self._standstill.tripped and self._node.born:
                # What came meanwhile was not handed over: only a birth has it all.
                self._node.wants_birth = "its watchdog moves again"
            if not self._standstill.tripped and report.is_up:
                self._hand_over(batch, sink)
        confirmed, self._confirmed = self._confirmed, None
        if confirmed is not None and report.is_up:
            sink.confirm(confirmed)

    def _hand_over(self, batch: Batch, sink: Sink) -> None:
        sink.link.last_data_time = batch.received_time
        sink.push(batch)
        self._handed_over(batch)

    def _handed_over(self, batch: Batch) -> None:
        """For the adapter that also writes."""

    def _keep_up(self) -> None:
        """For the adapter that also writes."""

    def _down(self, detail: str, sink: Sink, report: LinkReporter) -> None:
        self._flush(sink, report)
        self._node.forget()
        self._gone(report, detail)

    def _gone(self, report: LinkReporter, detail: str) -> None:
        report.down(detail)

    def _say_state(self, *, online: bool, time_ms: int) -> None:
        if self._state_topic is not None and self._session is not None and self._session.is_alive:
            self._session.publish(self._state_topic, _state(online=online, time_ms=time_ms), qos=1, retained=True)

    def _mind_our_state(self, payload: bytes) -> None:
        """Another session of the same host went: while this one lives, the host is online."""
        if self._session is None:
            return
        try:
            said = orjson.loads(payload)
        except orjson.JSONDecodeError:
            said = None
        if not (isinstance(said, dict) and said.get("online") is True):
            self._say_state(online=True, time_ms=round(self._clock.now() * 1000.0))

    def _kind_of(self, topic: str) -> tuple[str | None, str | None]:
        parts = topic.split("/")
        if len(parts) not in {4, 5} or parts[0] != NAMESPACE or parts[2] not in KINDS:
            return None, None
        return parts[2], parts[4] if len(parts) == 5 else None

    def _wanted(self) -> list[str]:
        """All of the edge node: its devices share one sequence, so that a loss shows in any of their messages."""
        node = [self._id.topic(kind) for kind in KINDS if kind.startswith("N")]
        devices = [
            f"{NAMESPACE}/{self._id.group}/{kind}/{self._id.edge_node}/+" for kind in KINDS if kind.startswith("D")
        ]
        return [*node, *devices, *([self._state_topic] if self._state_topic else [])]


def _time(stamp: int | None, received_time: float) -> float:
    """A time stamp in ms as epoch seconds; that of arrival where there is none."""
    return received_time if stamp is None else stamp / 1000.0


def _state(*, online: bool, time_ms: int) -> bytes:
    return orjson.dumps({"online": online, "timestamp": time_ms})

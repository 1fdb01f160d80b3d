"""One connection to a broker, on the event loop: what the MQTT and the Sparkplug adapter have in common.

Messages are handed on at once and in order, so nothing queues here; what we do not read yet waits in the socket.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from adapters import mqtt_packets as packets
from adapters.link import LostError, explain, password_of
from adapters.mqtt_packets import PacketError, Splitter, Will
from config.binding import BoundDevice
from config.clock import Clock, wall_period_s

CONNECT_S = 3.0
"""Longest time for reaching the broker, and again for its welcome. Short, so that a link that comes back is noticed."""
KEEPALIVE_S = 10
"""The broker gives us up, and publishes our will, after one and a half times this without a word."""
ASK_S = 2.0
"""A broker that is silent for this long is asked whether it is there."""
ANSWER_S = 2.0
"""One that does not answer for this long is gone: half-open connections are noticed in ``ASK_S + ANSWER_S``."""
CHECK_S = 0.25
"""Wall seconds after which silence is looked for although nothing came."""
UNSENT = 262_144
"""Bytes that may wait for a broker that does not take them."""
TOPICS_A_REQUEST = 8
"""Some brokers take no more in one subscription."""

SPACING_S = 0.02
"""Wall seconds between two batches at least."""
RECONNECT_CAP_S = 2.0
"""Longest wait between two attempts to reach the broker."""
SILENT_INTERVALS = 3
SHORTEST_SILENCE_S = 2.0

Listener = Callable[[str, bytes, bool, float], None]
"""Told of each message: topic, payload, whether the broker had retained it, when it came (site time)."""


class Session(asyncio.Protocol):
    """A live connection. When it is over, ``wait`` and ``publish`` raise ``LostError``."""

    def __init__(self, clock: Clock, where: str, listener: Listener) -> None:
        self._clock = clock
        self._where = where
        self._listener = listener
        self._splitter = Splitter()
        self._transport: asyncio.Transport | None = None
        self._news = asyncio.Event()
        self._failure: Exception | None = None
        self._welcome: int | None = None
        self._awaited: set[int] = set()
        self._refused = 0
        self._number = 0
        self._acknowledging = False
        self._heard_at = self._sent_at = clock.monotonic()
        self._asked_at: float | None = None

    @property
    def is_alive(self) -> bool:
        return self._failure is None

    async def wait(self) -> None:
        """Wait until something was handed on, or for ``CHECK_S``. Raises ``LostError`` where the session is over.

        Pause before the next call: meanwhile messages gather in the socket, and reading many at once is cheap.
        An exception of the listener comes out here.
        """
        self._raise_if_over()
        if self._transport is not None:
            self._transport.resume_reading()
        try:
            async with self._clock.timeout(CHECK_S):
                # Set already where messages came during the pause.
                await self._news.wait()
        except TimeoutError:
            pass  # nothing came: that is what the last line is about
        self._news.clear()
        self._raise_if_over()
        self._see_that_it_lives()

    def publish(self, topic: str, payload: bytes, *, qos: int, retained: bool = False) -> None:
        """Send a message of QoS 0 or 1. Raises ``LostError``."""
        self._raise_if_over()
        self._send(packets.publish(topic, payload, number=self._next_number() if qos else 0, retained=retained))

    async def begin(self, client_id: str, device: BoundDevice, wanted: Sequence[str], will: Will | None) -> None:
        """Introduce ourselves and subscribe. Raises ``LostError``."""
        username = device.device.username
        password = password_of(device) if username else None
        self._send(packets.connect(client_id, KEEPALIVE_S, username, password, will))
        try:
            async with self._clock.timeout(CONNECT_S):
                while self._welcome is None:
                    await self.wait()
                if self._welcome:
                    reason = packets.REFUSALS.get(self._welcome, f"code {self._welcome}")
                    raise LostError(f"the broker at {self._where} refused: {reason}")
                for first in range(0, len(wanted), TOPICS_A_REQUEST):
                    number = self._next_number()
                    self._awaited.add(number)
                    self._send(packets.subscribe(number, wanted[first : first + TOPICS_A_REQUEST]))
                while self._awaited:
                    await self.wait()
        except TimeoutError:
            raise LostError(f"the broker at {self._where} accepts connections but does not answer") from None
        if self._refused:
            raise LostError(f"the broker at {self._where} refuses {self._refused} of {len(wanted)} subscriptions")

    def end(self) -> None:
        """Say goodbye and close."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packets.GOODBYE)
            if self._failure is None:
                self._transport.close()
            else:
                self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are no subclass of it.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._over(LostError(f"connection to the broker at {self._where} lost: {error or 'closed by the broker'}"))

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._clock.monotonic()
        self._asked_at = None
        try:
            for head, body in self._splitter.split(data):
                if head >> 4 == packets.PUBLISH:
                    topic, payload, number = packets.published(head, body)
                    self._listener(topic, payload, bool(head & 1), self._clock.now())
                    if number:
                        self._acknowledging = True
                        self._send(packets.acknowledge(number))
                else:
                    self._take_answer(head >> 4, body)
        except PacketError as error:
            self._over(LostError(f"the broker at {self._where} sent {error}"))
        except Exception as error:  # noqa: BLE001 - it belongs to the adapter's own task, not to the event loop
            self._over(error)
        if self._transport is not None and not self._acknowledging:
            # Until the next ``wait``. Not where the broker waits for acknowledgements before it sends more.
            self._transport.pause_reading()
        self._news.set()

    def _take_answer(self, kind: int, body: bytes) -> None:
        if kind == packets.CONNACK and len(body) == 2:
            self._welcome = body[1]
        elif kind == packets.SUBACK and len(body) > 2:
            self._awaited.discard(body[0] << 8 | body[1])
            self._refused += sum(code > 1 for code in body[2:])
        elif kind not in {packets.PUBACK, packets.PINGRESP}:
            raise PacketError(f"a packet of type {kind} with {len(body)} bytes, which no client expects")

    def _see_that_it_lives(self) -> None:
        now = self._clock.monotonic()
        if self._asked_at is not None and now - self._asked_at > ANSWER_S:
            self._over(LostError(f"the broker at {self._where} has been silent for {now - self._heard_at:.1f} s"))
            self._raise_if_over()
        if self._asked_at is None and (now - self._heard_at > ASK_S or now - self._sent_at > KEEPALIVE_S / 2):
            self._asked_at = now
            self._send(packets.PING)

    def _send(self, packet: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > UNSENT:
            self._over(LostError(f"the broker at {self._where} takes nothing any more"))
            return
        self._sent_at = self._clock.monotonic()
        self._transport.write(packet)

    def _next_number(self) -> int:
        self._number = self._number % 65_535 + 1
        return self._number

    def _over(self, error: Exception) -> None:
        """The first reason stands."""
        self._failure = self._failure or error
        self._news.set()

    def _raise_if_over(self) -> None:
        if self._failure is not None:
            raise self._failure


@asynccontextmanager
async def connected(
    device: BoundDevice, clock: Clock, wanted: Sequence[str], listener: Listener, will: Will | None = None
) -> AsyncIterator[Session]:
    """A session that is subscribed to these topics. Raises ``LostError`` where there is none to be had."""
    host, port = device.device.host, device.device.port
    session = Session(clock, f"{host}:{port}", listener)
    try:
        try:
            async with clock.timeout(CONNECT_S):
                await asyncio.get_running_loop().create_connection(lambda: session, host, port)
        except OSError as error:
            raise LostError(explain(error, host, port)) from error
        # A random name: two gateways with the same one would throw each other out for ever.
        await session.begin(f"swaptwin-{secrets.token_hex(6)}", device, wanted, will)
        yield session
    finally:
        session.end()


def silence_s(device: BoundDevice, clock: Clock) -> float:
    """Wall seconds without a message after which a device is away."""
    interval_s = max(wall_period_s(clock, bound.interval_s) for bound in device.points)
    return max(SILENT_INTERVALS * interval_s, device.profile.timeout_s, SHORTEST_SILENCE_S)

"""A client of swap.v1: one connection, kept open. Every break in a topic leads to a new snapshot of it."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from config.clock import Clock
from gateway.protocol import DRAINING, SUBPROTOCOL
from gateway.watch.frames import (
    Delta,
    Event,
    Fields,
    ForeignError,
    Frame,
    Heartbeat,
    Hello,
    Refusal,
    Reset,
    Snap,
    SubOk,
    read,
)
from gateway.watch.topic import TopicState, reduce, resume_point

PATH = "/api/v1/stream"
FIRST_DELAY_S = 0.5
LAST_DELAY_S = 30.0
DRAIN_SPREAD_S = 10.0
UNTIL_HELLO_S = 10.0
SILENCE = 2.5
"""Silence for this many heartbeats means that the connection is dead, whatever the socket says."""
MAX_FRAME_BYTES = 32 * 1024 * 1024
MAX_HZ = 2.0
"""How often a topic is sent at most: a person reads no faster."""


@dataclass(frozen=True, slots=True)
class Link:
    """``heard_at`` (None: never) and ``retry_at`` are monotonic seconds."""

    phase: Literal["connecting", "live", "lost"]
    why: str = ""
    heard_at: float | None = None
    retry_at: float = 0.0


class Listener(Protocol):
    """Who is told; each method must return at once."""

    def link(self, link: Link) -> None:
        """The connection was made or lost, or is tried again."""

    def hello(self) -> None:
        """The gateway has introduced itself: what is asked of it by REST may have changed."""

    def time(self, seconds: float) -> None:
        """The gateway's time."""

    def topic(self, topic: str, state: TopicState) -> None:
        """What a topic holds now."""

    def event(self, topic: str, event: Fields) -> None:
        """Something happened on a topic."""

    def refused(self, topic: str, message: str) -> None:
        """The gateway has no such topic now; it is asked again with each heartbeat."""


@dataclass(slots=True)
class _Subscription:
    state: TopicState = field(default_factory=TopicState)
    request: int | None = None
    sid: int | None = None
    refused: bool = False

    def forget(self) -> None:
        self.request, self.sid, self.refused = None, None, False

    @property
    def unasked(self) -> bool:
        return self.request is None and self.sid is None and not self.refused


class StreamClient:
    """Follows the topics that were subscribed; ``run`` must be running."""

    def __init__(self, url: str, listener: Listener, clock: Clock, chance: Callable[[], float] = random.random) -> None:
        """``url``: the gateway's, for example ``http://127.0.0.1:8000``."""
        self._url = url.rstrip("/").replace("http", "ws", 1) + PATH
        self._listener = listener
        self._clock = clock
        self._chance = chance
        self._subscriptions: dict[str, _Subscription] = {}
        self._leaving: set[int] = set()
        self._work = asyncio.Event()
        self._epoch: str | None = None
        self._silence_s = UNTIL_HELLO_S
        self._heard_at: float | None = None
        self._attempt = 0
        self._last_request = 0

    def subscribe(self, topic: str) -> None:
        self._subscriptions.setdefault(topic, _Subscription())
        self._work.set()

    def unsubscribe(self, topic: str) -> None:
        subscription = self._subscriptions.pop(topic, None)
        if subscription is not None and subscription.sid is not None:
            self._leave(subscription.sid)

    async def run(self) -> None:
        """Connect, follow, and come back after every loss, until cancelled."""
        while True:
            self._listener.link(Link("connecting", heard_at=self._heard_at))
            why, draining = await self._connection()
            self._epoch = None
            self._leaving.clear()
            for subscription in self._subscriptions.values():
                subscription.forget()
            delay_s = self._chance() * DRAIN_SPREAD_S if draining else self._back_off_s()
            self._attempt += 1
            retry_at = self._clock.monotonic() + delay_s
            self._listener.link(Link("lost", why, self._heard_at, retry_at))
            await self._clock.sleep(delay_s)

    async def _connection(self) -> tuple[str, bool]:
        """One connection, to its end; returns why it ended, and whether the gateway asked us to go."""
        self._silence_s = UNTIL_HELLO_S
        connection: ClientConnection | None = None
        try:
            async with self._clock.timeout(UNTIL_HELLO_S):
                connection = await connect(
                    self._url,
                    subprotocols=[Subprotocol(SUBPROTOCOL)],
                    compression=None,
                    proxy=None,
                    open_timeout=None,
                    ping_interval=None,  # the protocol's own heartbeat is what is watched
                    close_timeout=1.0,
                    max_size=MAX_FRAME_BYTES,
                )
            await self._follow(connection)
        except TimeoutError:
            return "it is silent", False
        except ForeignError as error:
            return str(error), False
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd is not None else 1006
            return error.rcvd.reason if error.rcvd is not None else "", code == DRAINING
        except InvalidStatus as error:
            return f"it answers {error.response.status_code}", False
        except InvalidHandshake as error:
            return f"what answers there is no gateway: {error}", False
        except ConnectionRefusedError:
            return "nobody listens there", False
        except (OSError, WebSocketException) as error:
            return getattr(error, "strerror", None) or str(error), False
        finally:
            if connection is not None:
                connection.transport.abort()  # a dead peer would be waited for
        raise AssertionError("unreachable")

    def _back_off_s(self) -> float:
        """Doubling from 0.5 to 30 s, each time somewhere in the upper half, so that clients do not return in step."""
        whole = min(LAST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(self._attempt, 10))
        return max(FIRST_DELAY_S, whole * (0.5 + self._chance() / 2.0))

    async def _follow(self, connection: ClientConnection) -> None:
        writer = asyncio.create_task(self._write(connection))
        try:
            while True:
                async with self._clock.timeout(self._silence_s):
                    text = await connection.recv()
                self._heard_at = self._clock.monotonic()
                frame = read(text)
                if frame is not None:
                    self._hear(frame)
        finally:
            writer.cancel()
            await asyncio.wait([writer])
            error = None if writer.cancelled() else writer.exception()
            if error is not None and not isinstance(error, ConnectionClosed):  # of which the reader hears too
                raise error

    async def _write(self, connection: ClientConnection) -> None:
        while True:
            self._work.clear()
            while self._leaving:
                await self._send(connection, {"t": "unsub", "sid": self._leaving.pop()})
            for topic, subscription in list(self._subscriptions.items()):
                if self._epoch is not None and subscription.unasked:
                    message: Fields = {"t": "sub", "topic": topic, "max_hz": MAX_HZ}
                    resume = resume_point(subscription.state, self._epoch)
                    if resume is not None:
                        message["resume"] = resume
                    subscription.request = self._last_request + 1
                    await self._send(connection, message)
            await self._work.wait()

    async def _send(self, connection: ClientConnection, message: Fields) -> None:
        self._last_request += 1
        await connection.send(orjson.dumps({**message, "id": self._last_request}).decode())

    def _leave(self, sid: int) -> None:
        self._leaving.add(sid)
        self._work.set()

    def _hear(self, frame: Frame) -> None:
        match frame:
            case Hello():
                self._epoch = frame.epoch
                self._silence_s = frame.hb_s * SILENCE
                self._listener.time(frame.now / 1000.0)
                self._listener.link(Link("live"))
                self._listener.hello()
                self._work.set()
            case SubOk():
                self._confirm(frame)
            case Heartbeat():
                self._listener.time(frame.ts / 1000.0)
                for subscription in self._subscriptions.values():
                    subscription.refused = False
                self._work.set()
            case Refusal():
                for topic, subscription in self._subscriptions.items():
                    if frame.id is not None and subscription.request == frame.id:
                        subscription.request, subscription.refused = None, True
                        self._listener.refused(topic, frame.message)
            case Event():
                for topic, subscription in self._subscriptions.items():
                    if subscription.sid == frame.sid:
                        self._listener.event(topic, frame.ev)
            case _:
                self._apply(frame)

    def _confirm(self, frame: SubOk) -> None:
        self._attempt = 0
        for subscription in self._subscriptions.values():
            if subscription.request == frame.id:
                subscription.request, subscription.sid = None, frame.sid
                return
        self._leave(frame.sid)

    def _apply(self, frame: Snap | Delta | Reset) -> None:
        for topic, subscription in self._subscriptions.items():
            if subscription.sid != frame.sid:
                continue
            step = reduce(subscription.state, frame)
            subscription.state = step.state
            if step.resubscribe:
                if not isinstance(frame, Reset):
                    self._leave(frame.sid)
                subscription.forget()
                self._work.set()
            else:
                self._listener.topic(topic, step.state)
            return

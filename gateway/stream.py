"""The WebSocket endpoint ``/api/v1/stream``: protocol ``swap.v1``, described in docs/reference/stream.md.

Each client has one task that writes. It holds no queue of state: per subscription only the sequence number that it
sent last, so a slow client gets fewer, larger steps and costs no memory. A client that takes nothing at all is cut off.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from config.clock import Clock
from gateway.hub import Frame, Hub
from gateway.protocol import (
    BAD_MESSAGE,
    DRAINING,
    SLOW_CONSUMER,
    SUBPROTOCOL,
    TOO_MANY,
    GarbageError,
    Message,
    Ping,
    RefusalError,
    Sub,
    Unsub,
    parse,
)

log = structlog.get_logger()

HEARTBEAT_S = 5.0
SEND_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
MAX_CLIENTS = 1000
MAX_SUBSCRIPTIONS = 64
MAX_MESSAGE_BYTES = 64 * 1024
MESSAGES_PER_S = 20.0
MESSAGE_BURST = 2 * MAX_SUBSCRIPTIONS
"""A client may subscribe to all it is allowed to, at once, and twice."""
MAX_REPLIES = 64
PARTS = 4
"""Moments in a period at which subscriptions of one rate are served: those that share one get the same text, encoded
once, and one burst to all of them would keep the loop for too long.
"""
EARLY = 0.9
"""Of its period a subscription waits at least: those that share a moment stay together, however late they wake."""

ABORT_EXTENSION = "swaptwin.abort"
"""ASGI extension of gateway.server: a function that drops the connection with all that is still buffered for it."""


class SlowConsumerError(Exception):
    """The client's socket took nothing for ``SEND_TIMEOUT_S``."""


@dataclass(slots=True)
class _Subscription:
    topic: str
    seq: int | None
    """What the client holds; None: nothing yet."""
    period_s: float
    listener: Callable[[], None]
    event: int
    """The number of the latest event that the client was sent, or that came before its snapshot."""
    due_s: float = 0.0
    """Monotonic time before which nothing more is sent."""


class Stream:
    """All clients of the WebSocket."""

    def __init__(self, hub: Hub, clock: Clock, *, version: str) -> None:
        self.hub = hub
        self.clock = clock
        self.version = version
        self.evicted = 0
        """Clients cut off because they did not read."""
        self.conflated = 0
        """State changes that reached a client together with a later one."""
        self.refused = 0
        """Connections refused because there were too many."""
        self._clients: set[_Client] = set()
        self._draining = False

    async def endpoint(self, websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        try:
            await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        except WebSocketDisconnect:
            return
        client = _Client(self, websocket)
        if self._draining:
            client.finish(DRAINING, "the gateway stops")
        elif len(self._clients) >= MAX_CLIENTS:
            self.refused += 1
            client.finish(TOO_MANY, f"the gateway serves at most {MAX_CLIENTS} clients")
        self._clients.add(client)
        try:
            await client.run()
        finally:
            self._clients.discard(client)

    def drain(self) -> None:
        """Ask every client to go, with close code 4503, and admit no more."""
        self._draining = True
        for client in self._clients:
            client.finish(DRAINING, "the gateway stops")

    def status(self) -> dict[str, int]:
        return {
            "clients": len(self._clients),
            "conflated": self.conflated,
            "evicted": self.evicted,
            "refused": self.refused,
        }


class _Client:
    def __init__(self, stream: Stream, websocket: WebSocket) -> None:
        self._stream = stream
        self._hub = stream.hub
        self._clock = stream.clock
        self._websocket = websocket
        self._subscriptions: dict[int, _Subscription] = {}
        self._last_sid = 0
        self._dirty: dict[int, None] = {}
        self._replies: deque[str] = deque()
        self._room = asyncio.Event()
        self._wake = asyncio.Event()
        self._close: tuple[int, str] | None = None
        self._tokens = float(MESSAGE_BURST)
        self._tokens_at_s = self._clock.monotonic()
        self._conflated = 0
        self._worst_send_s = 0.0

    async def run(self) -> None:
        reader = asyncio.create_task(self._read())
        try:
            await self._write()
            await self._bounded_close()
        except WebSocketDisconnect:
            pass
        except SlowConsumerError:
            await self._evict()
        finally:
            for subscription in self._subscriptions.values():
                self._hub.unlisten(subscription.topic, subscription.listener)
            reader.cancel()
            await asyncio.wait([reader])
        if not reader.cancelled():
            reader.result()  # a fault of ours in the reader must be seen, not lost with its task

    def finish(self, code: int, reason: str) -> None:
        """Have the writer close the connection after the message that it is sending."""
        self._close = self._close or (code, reason)
        self._wake.set()

    # What the client says

    async def _read(self) -> None:
        code, reason = 1011, "internal error"
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    code, reason = 1000, ""
                    return
                refusal = self._understand(message.get("text"))
                if refusal is not None:
                    code, reason = refusal
                    return
                while len(self._replies) >= MAX_REPLIES:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self.finish(code, reason)

    def _understand(self, text: str | None) -> tuple[int, str] | None:
        """Carry out one message. Returns close code and reason if the client does not speak the protocol."""
        now = self._clock.monotonic()
        self._tokens = min(self._tokens + (now - self._tokens_at_s) * MESSAGES_PER_S, MESSAGE_BURST) - 1.0
        self._tokens_at_s = now
        if self._tokens < 0.0:
            return TOO_MANY, f"at most {MESSAGES_PER_S:g} messages per second"
        try:
            self._carry_out(parse(text))
        except GarbageError as error:
            return BAD_MESSAGE, str(error)
        except RefusalError as refusal:
            self._reply(t="err", id=refusal.ident, code=refusal.code, message=str(refusal))
        return None

    def _carry_out(self, message: Message) -> None:
        match message:
            case Ping():
                self._reply(t="pong", id=message.id, ts=self._now_ms())
            case Unsub():
                if message.sid not in self._subscriptions:
                    raise RefusalError(message.id, "not_found", f"no subscription has sid {message.sid}")
                self._unsubscribe(message.sid)
                self._reply(t="unsub_ok", id=message.id, sid=message.sid)
            case Sub():
                self._subscribe(message)

    def _subscribe(self, message: Sub) -> None:
        if message.fields is not None:
            raise RefusalError(
                message.id, "unsupported", "a choice of fields is not offered: messages are shared by all clients"
            )
        if message.topic not in self._hub:
            raise RefusalError(message.id, "not_found", f"no topic is called {message.topic!r}")
        for sid, held in list(self._subscriptions.items()):
            if held.topic == message.topic:
                self._unsubscribe(sid)
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise RefusalError(message.id, "too_many", f"at most {MAX_SUBSCRIPTIONS} subscriptions; end one first")
        resume, event = message.resume, None
        if (
            resume is not None
            and resume.epoch == self._hub.epoch
            and isinstance(self._hub.since(message.topic, resume.seq), Frame)
        ):
            event = self._hub.event_before(message.topic, resume.seq)
        resumed = event is not None
        self._last_sid += 1
        sid = self._last_sid

        def changed() -> None:
            # The writer knows now: until it has sent something it need not hear of every change.
            self._hub.unlisten(message.topic, changed)
            self._dirty[sid] = None
            self._wake.set()

        self._subscriptions[sid] = _Subscription(
            topic=message.topic,
            seq=resume.seq if resume is not None and resumed else None,
            period_s=1.0 / message.max_hz if message.max_hz else 0.0,
            listener=changed,
            event=event or 0,
        )
        self._reply(t="sub_ok", id=message.id, sid=sid, mode="resumed" if resumed else "snapshot")
        changed()

    def _unsubscribe(self, sid: int) -> None:
        subscription = self._subscriptions.pop(sid)
        self._hub.unlisten(subscription.topic, subscription.listener)
        self._dirty.pop(sid, None)

    def _reply(self, **message: Any) -> None:
        self._replies.append(_text(message))
        self._wake.set()

    # What the client hears

    async def _write(self) -> None:
        if self._close is None:
            await self._send(self._hello())
        beat_s = self._clock.monotonic() + HEARTBEAT_S
        while self._close is None:
            self._wake.clear()
            while self._replies and self._close is None:
                await self._send(self._replies.popleft())
                self._room.set()
            next_s = await self._send_due()
            now = self._clock.monotonic()
            if now >= beat_s:
                await self._send(self._beat())
                beat_s = now + HEARTBEAT_S
            if not self._wake.is_set():
                try:
                    async with self._clock.timeout(max(min(next_s, beat_s) - now, 0.0)):
                        await self._wake.wait()
                except TimeoutError:
                    pass  # something is due

    async def _send_due(self) -> float:
        """Send what changed where the subscription's rate allows; returns when the next one is due (monotonic)."""
        next_s = float("inf")
        for sid in list(self._dirty):
            subscription = self._subscriptions.get(sid)
            if subscription is None or self._close is not None:
                continue
            if (now := self._clock.monotonic()) < subscription.due_s:
                next_s = min(next_s, subscription.due_s)
                continue
            paced = subscription.period_s > 0.0
            if not paced:
                self._attend(sid, subscription)
            # First the events: a client that resumes from the state that it holds has then missed none of them.
            sent = subscription.seq is not None and await self._send_events(sid, subscription)
            if sid in self._subscriptions:
                sent |= await self._send_state(sid, subscription)
            if not paced or sid not in self._subscriptions:
                continue
            if sent:
                # Whatever changes until then is looked at then: nobody need be woken for it.
                subscription.due_s = next_due_s(now, subscription.period_s)
                next_s = min(next_s, subscription.due_s)
            else:
                self._attend(sid, subscription)
        return next_s

    def _attend(self, sid: int, subscription: _Subscription) -> None:
        """The client has what there is: the next change is to wake the writer."""
        self._dirty.pop(sid, None)
        if subscription.topic in self._hub:
            self._hub.listen(subscription.topic, subscription.listener)

    async def _send_state(self, sid: int, subscription: _Subscription) -> bool:
        """Returns whether there was anything to send."""
        held = subscription.seq
        if subscription.topic not in self._hub:
            self._unsubscribe(sid)
            await self._send(_text({"t": "reset", "sid": sid, "reason": "gone"}))
            return True
        if held is None:
            kind, frame = "snap", self._hub.full(subscription.topic)
            subscription.event = self._hub.event(subscription.topic)
        else:
            step = self._hub.since(subscription.topic, held)
            if not isinstance(step, Frame):
                self._unsubscribe(sid)
                await self._send(_text({"t": "reset", "sid": sid, "reason": step}))
                return True
            if step.seq == held:
                return False
            kind, frame = "delta", step
            self._conflated += frame.seq - held - 1
            self._stream.conflated += frame.seq - held - 1
        subscription.seq = frame.seq  # before the wait: what is published meanwhile marks the subscription again
        await self._send(f'{{"t":"{kind}","sid":{sid},{frame.body}')
        return True

    async def _send_events(self, sid: int, subscription: _Subscription) -> bool:
        """Returns whether there were any."""
        sent = False
        # Of a topic that has ended the state's step tells.
        while sid in self._subscriptions and self._close is None and subscription.topic in self._hub:
            event = self._hub.event_after(subscription.topic, subscription.event)
            if event is None:
                break
            sent = True
            if event == "overflow":
                self._unsubscribe(sid)
                await self._send(_text({"t": "reset", "sid": sid, "reason": "overflow"}))
                break
            subscription.event = event.number
            await self._send(f'{{"t":"event","sid":{sid},{event.body}')
        return sent

    async def _send(self, text: str) -> None:
        started = self._clock.monotonic()
        try:
            async with self._clock.timeout(SEND_TIMEOUT_S):
                await self._websocket.send_text(text)
        except TimeoutError:
            raise SlowConsumerError from None
        except RuntimeError as error:
            # uvicorn closes by itself after an oversize message or a missing pong, and says so only when we send.
            raise WebSocketDisconnect(1006) from error
        self._worst_send_s = max(self._worst_send_s, self._clock.monotonic() - started)

    async def _bounded_close(self) -> None:
        code, reason = self._close or (1000, "")
        try:
            async with self._clock.timeout(CLOSE_TIMEOUT_S):
                await self._websocket.close(code, reason)
        except TimeoutError:
            self._websocket.scope["extensions"][ABORT_EXTENSION]()
        except RuntimeError as error:
            raise WebSocketDisconnect(1006) from error  # closed by uvicorn already, as in _send

    async def _evict(self) -> None:
        self._stream.evicted += 1
        host, port = self._websocket.scope["client"]
        log.warning("stream client evicted: it does not read", client=f"{host}:{port}", limit_s=SEND_TIMEOUT_S)
        self._close = (SLOW_CONSUMER, "too slow")
        with contextlib.suppress(WebSocketDisconnect):  # it left while we were waiting for it
            await self._bounded_close()

    def _hello(self) -> str:
        return _text(
            {
                "t": "hello",
                "v": 1,
                "server": self._stream.version,
                "epoch": self._hub.epoch,
                "now": self._now_ms(),
                "hb_s": HEARTBEAT_S,
                "auth": "none",
                "limits": {
                    "subs": MAX_SUBSCRIPTIONS,
                    "msg_kb": MAX_MESSAGE_BYTES // 1024,
                    "msg_per_s": MESSAGES_PER_S,
                },
            }
        )

    def _beat(self) -> str:
        lag_ms = round(self._worst_send_s * 1000)
        self._worst_send_s = 0.0
        return _text({"t": "hb", "ts": self._now_ms(), "lag_ms": lag_ms, "conflated": self._conflated})

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)


def _text(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()


def next_due_s(now: float, period_s: float) -> float:
    """When a subscription that is served now may be served again: at a moment that others of its rate share.

    >>> [next_due_s(now, 1.0) for now in (7.0, 7.01, 7.2)]
    [8.0, 8.0, 8.25]
    """
    part_s = period_s / PARTS
    return ceil((now + EARLY * period_s) / part_s) * part_s if period_s else now

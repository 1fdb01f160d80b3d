"""Where tower cabinets come to: one listener an address, shared by its devices, up to each cabinet's login."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import structlog

from adapters.tower_frames import Deframer, FrameError, Kind, Message, encode, parse
from config.clock import Clock

_log = structlog.get_logger()

LOGIN_S = 10.0
"""Wall seconds in which a connection must log in."""
STRANGERS = 32
"""Connections at one address that may stand without a login; further ones are closed at once."""
CHUNK = 65_536
UNSENT = 65_536
"""Bytes that may wait for a cabinet that does not read."""
REMEMBERED = 64
"""Refusals that are told apart, so that each is logged once."""


class Connection:
    """One cabinet's connection after its login."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._deframer = Deframer()
        self._fault: FrameError | None = None
        self.replaced = False
        """The same cabinet has logged in anew: this connection is over."""
        host, port = (writer.get_extra_info("peername") or ("?", 0))[:2]
        self.peer = f"{host}:{port}"
        self.dev_id = ""
        """What the cabinet calls itself; empty before its login."""
        self.waiting: list[bytes] = []
        """Messages that came in the same piece as the login."""

    async def receive(self) -> list[bytes] | None:
        """The next messages, perhaps none yet; ``None`` when the cabinet has closed.

        Raises ``FrameError`` once all messages before the fault have been given out, and ``ConnectionError``.
        """
        if self.waiting:
            messages, self.waiting = self.waiting, []
            return messages
        if self._fault is not None:
            raise self._fault
        try:
            data = await self._reader.read(CHUNK)
        except OSError as error:
            # One of them is a ``TimeoutError``, which our own time limits raise too.
            raise ConnectionError(error.strerror or type(error).__name__) from error
        if not data:
            return None
        messages = []
        try:
            # One by one: those before the fault are kept.
            for message in self._deframer.feed(data):
                messages.append(message)
        except FrameError as error:
            self._fault = error
        return messages

    def send(self, document: dict[str, Any]) -> None:
        """Send a message in the cabinet's own framing. Raises ``ConnectionError`` where it does not read them."""
        if self._writer.transport.get_write_buffer_size() > UNSENT:
            raise ConnectionError("the cabinet does not read what it is sent")
        self._writer.write(encode(document, self._deframer.framing or "length"))

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        """Close without waiting for what is unsent."""
        self._writer.transport.abort()


@dataclass(eq=False)
class Seat:
    """A device's place at a listener. The newest login of its cabinet has it."""

    dev_id: str | None
    taken: Connection | None = None
    errors: int = 0
    """Connections and messages that were refused while the device had no cabinet."""
    refusal: str = ""
    """The latest of them, in words."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _next: Connection | None = None

    @property
    def here(self) -> str | None:
        """Who has the seat."""
        holder = self._next or self.taken
        return holder.dev_id if holder is not None else None

    def take(self, connection: Connection) -> None:
        for earlier in (self.taken, self._next):
            if earlier is not None:
                earlier.replaced = True
                earlier.abort()
        self._next = connection
        self._news.set()

    async def connection(self) -> Connection:
        """Wait for a login, and take what it brings."""
        while self._next is None:
            self._news.clear()
            await self._news.wait()
        self.taken, self._next = self._next, None
        self.errors, self.refusal = 0, ""
        return self.taken

    def free(self) -> None:
        """The connection that had it is over."""
        if self.taken is not None:
            self.taken.abort()
        self.taken = None

    def leave(self) -> None:
        """The device is no longer served."""
        for connection in (self.taken, self._next):
            if connection is not None:
                connection.abort()


class Listener:
    """One address. Connections are strangers until they log in as one of its devices' cabinets."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self.host, self.port = host, port
        self.seats: list[Seat] = []
        self._clock = clock
        self._strangers: set[asyncio.Task[None]] = set()
        self._refused: dict[str, None] = {}
        self._server: asyncio.Server | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Listen, unless it does already. Raises ``OSError`` where the address cannot be had."""
        async with self._starting:
            if self._server is None:
                self._server = await asyncio.start_server(self._come, self.host, self.port, limit=CHUNK)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._strangers:
            task.cancel()
        await asyncio.gather(*self._strangers, return_exceptions=True)

    def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._strangers) >= STRANGERS:
            writer.transport.abort()
            self._note("", f"more than {STRANGERS} connections without a login")
            return
        task = asyncio.ensure_future(self._meet(Connection(reader, writer)))
        self._strangers.add(task)
        task.add_done_callback(self._strangers.discard)

    async def _meet(self, connection: Connection) -> None:
        """Bring a stranger to its seat, or close it."""
        seat: Seat | None = None
        try:
            async with self._clock.timeout(LOGIN_S):
                seat = await self._login(connection)
        except TimeoutError:
            self._note(connection.peer, f"no login within {LOGIN_S:g} s")
        except (FrameError, ValueError) as error:
            self._note(connection.peer, str(error))
        except OSError as error:
            self._note(connection.peer, f"broke before its login: {error}")
        finally:
            if seat is None:
                connection.close()
        if seat is not None:
            seat.take(connection)

    async def _login(self, connection: Connection) -> Seat | None:
        while (payloads := await connection.receive()) is not None:
            for number, payload in enumerate(payloads):
                message = parse(payload)
                seat = self._seat_of(message) if message.kind is Kind.LOGIN else None
                if message.is_request:
                    connection.send(message.answer(seat is not None))
                if seat is not None:
                    connection.dev_id = message.dev_id
                    connection.waiting = payloads[number + 1 :]
                    return seat
                if message.kind is Kind.LOGIN:
                    self._note(connection.peer, f"login as {message.dev_id!r}, which is no dev_id of a device here")
                    return None
        return None

    def _seat_of(self, login: Message) -> Seat | None:
        """The seat of this cabinet, else one that takes any and has no other."""
        if not login.dev_id:
            return None
        own = [seat for seat in self.seats if seat.dev_id == login.dev_id]
        free = [seat for seat in self.seats if seat.dev_id is None and seat.here in {None, login.dev_id}]
        return next(iter(own or free), None)

    def _note(self, peer: str, words: str) -> None:
        """Tell the devices that wait for their cabinets; log each kind of refusal once."""
        for seat in self.seats:
            if seat.taken is None:
                seat.errors += 1
                seat.refusal = f"{peer}: {words}" if peer else words
        if words not in self._refused and len(self._refused) < REMEMBERED:
            self._refused[words] = None
            _log.warning("tower connection refused", address=f"{self.host}:{self.port}", peer=peer, reason=words)


_listeners: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], Listener]] = WeakKeyDictionary()
"""An address can be listened on once; so there is one listener for all devices that share it."""


@asynccontextmanager
async def seat_at(host: str, port: int, dev_id: str | None, clock: Clock) -> AsyncIterator[Seat]:
    """A seat at an address, which is listened on as long as any device has one there. Raises ``OSError``."""
    here = _listeners.setdefault(asyncio.get_running_loop(), {})
    listener = here.get((host, port))
    if listener is None:
        listener = here[host, port] = Listener(host, port, clock)
    seat = Seat(dev_id)
    listener.seats.append(seat)
    try:
        await listener.start()
        yield seat
    finally:
        seat.leave()
        listener.seats.remove(seat)
        if not listener.seats:
            if here.get((host, port)) is listener:
                del here[host, port]
            await listener.stop()

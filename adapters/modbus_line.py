"""A line: the one connection to an address, shared by all devices behind it, in turns.

One request is in flight at a time. Devices wait for their turn in the order of asking; a turn is a whole poll where
that is quick, and ends early where others wait. A unit that does not answer is asked less often than those that do.
"""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

from adapters.backoff import Backoff
from adapters.link import LostError
from adapters.modbus_connection import Connection, SilentError
from adapters.modbus_wire import MAXIMUM_FRAME, READ_CODES, Framing, RtuFraming, TcpFraming
from config.clock import Clock
from config.site import SERIAL, Device

PROBE_REST = 2.0
"""For so many times as long as was waited for an answer in vain no silent unit is tried, while others do answer."""
FALLEN = 3
"""When so many units stop answering, and nobody answers in between, nobody does."""

_READS = frozenset(READ_CODES.values())
_BITS_A_BYTE = 11
_SILENCE_BYTES = 3.5
_SHORTEST_SILENCE_S = 0.00175
"""Between two RTU frames, above 19,200 baud (Modbus over serial line V1.02, 2.5.1.1)."""


class Line:
    """One address. Opened by the first request, closed when the last device leaves."""

    def __init__(self, device: Device, clock: Clock, rng: random.Random) -> None:
        self.clock = clock
        self._device = device
        self._framing: Framing = TcpFraming() if device.scheme == "modbus" else RtuFraming()
        serial = device.scheme == SERIAL
        self._byte_s = _BITS_A_BYTE / device.baudrate if serial else 0.0
        self._silence_s = max(_SILENCE_BYTES * self._byte_s, _SHORTEST_SILENCE_S) if serial else 0.0
        self._free_at = -math.inf
        self._backoff = Backoff(clock, rng)
        self._connection: Connection | None = None
        self._dropped = asyncio.Event()
        """The other side closed the connection, and it is not open again."""
        self._failure = LostError()
        self._users = 0
        self._alive: set[int] = set()
        self._silent: set[int] = set()
        """Units whose latest request was answered, and those whose was not."""
        self._fallen = 0
        """Units that stopped answering since somebody last did."""
        self._no_probe_before = -math.inf
        self._owing: dict[int, float] = {}
        """Units whose late answer would fit their next request, and until when it may come."""
        self.failures = 0
        self.turn = asyncio.Lock()
        self.waiting = 0

    @asynccontextmanager
    async def used(self, units: Collection[int]) -> AsyncIterator[None]:
        """A device uses the line for as long as the block lasts."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._alive.difference_update(units)
            if not self._users:
                self._close()

    async def hold(self) -> None:
        """Keep the connection open between requests, until cancelled.

        A device may close an idle connection as it likes; raises ``LostError`` if it cannot be opened again.
        """
        while True:
            await self._dropped.wait()
            if self._connection is not None and self._connection.heard:
                self._backoff.reset()
            else:
                await self._backoff.wait()
            async with Turn(self) as turn:
                await self.opened(turn.failures)

    async def opened(self, failures: int) -> Connection:
        """The open connection; ``failures``: how often opening it had failed when the caller began to wait.

        Raises ``LostError``.
        """
        if self._connection is not None and self._connection.is_open:
            return self._connection
        if self.failures > failures:
            # It failed for somebody else meanwhile; else all behind a dead address would try it one after another.
            raise LostError(str(self._failure))
        try:
            self._connection = await Connection.connect(self._device, self._framing, self.clock, self._dropped.set)
        except LostError as error:
            self.failures += 1
            self._failure = error
            raise
        self._dropped.clear()
        return self._connection

    def rest_s(self, unit: int) -> float:
        """How long a unit must not be asked yet; zero or less: now."""
        until = self._owing.get(unit, -math.inf)
        if unit in self._silent and self._alive:
            until = max(until, self._no_probe_before)
        return until - self.clock.monotonic()

    async def exchange(self, connection: Connection, unit: int, pdu: bytes, timeout_s: float) -> tuple[bytes, float]:
        """An answer and its round trip in seconds. Raises ``SilentError`` or ``LostError``."""
        if self._silence_s:
            await self.clock.sleep(self._free_at - self.clock.monotonic())
        sent = self.clock.monotonic()
        limit_s = timeout_s + self._byte_s * (len(pdu) + MAXIMUM_FRAME)
        answered = False
        try:
            answer = await connection.exchange(unit, pdu, limit_s)
            answered = True
        except SilentError:
            self._unanswered(unit, timeout_s)
            raise
        finally:
            now = self.clock.monotonic()
            self._free_at = now + self._silence_s
            if not (answered or self._framing.numbered):
                self._owing[unit] = now + limit_s
        self._silent.discard(unit)
        self._alive.add(unit)
        self._fallen = 0
        return answer, now - sent

    def unheard(self, unit: int, spent_s: float) -> None:
        """A unit did not answer, or the gateway before it says so, which took the line so long."""
        self._silent.add(unit)
        self._alive.discard(unit)
        self._no_probe_before = self.clock.monotonic() + PROBE_REST * spent_s

    def forsake(self, units: Collection[int]) -> None:
        """These units say nothing of use: make a fresh connection, unless others do well with this one."""
        self._alive.difference_update(units)
        if not self._alive:
            self._close()

    def _unanswered(self, unit: int, timeout_s: float) -> None:
        was_alive = unit in self._alive
        self.unheard(unit, timeout_s)
        self._fallen += was_alive
        if self._alive and self._fallen < FALLEN:
            return
        self._alive.clear()
        # A connection may be dead without knowing it. The next request makes a fresh one.
        self._close()
        if was_alive:
            # Who waits need not find out one after another, each by a time-out of its own.
            self.failures += 1
            self._failure = LostError(f"nobody answers at {self._device.where}")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.abort()


class Turn:
    """The sole use of a line for some requests of one device."""

    def __init__(self, line: Line, unit: int | None = None, timeout_s: float = math.inf) -> None:
        """``unit``: the only one that will be asked, if that is known: then the turn is not had before it may be.

        ``timeout_s``: also how long the turn may last where others wait.
        """
        self._line = line
        self._unit = unit
        self._timeout_s = timeout_s
        self._held = False
        self._begun = 0.0
        self.failures = 0
        self.round_trip_s = 0.0
        """Of the latest request."""

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    async def ask(self, unit: int, pdu: bytes) -> bytes:
        """The PDU that answers. Raises ``SilentError`` or ``LostError``."""
        line = self._line
        used_s = line.clock.monotonic() - self._begun
        if line.waiting and used_s + self.round_trip_s > self._timeout_s:
            self._end()
            await self._begin()
        connection = await line.opened(self.failures)
        try:
            answer, self.round_trip_s = await line.exchange(connection, unit, pdu, self._timeout_s)
        except SilentError:
            raise
        except LostError:
            if not connection.heard or pdu[0] not in _READS:
                raise
            # Some devices close after each answer, or when idle; a read may then be asked again.
            connection = await line.opened(self.failures)
            answer, self.round_trip_s = await line.exchange(connection, unit, pdu, self._timeout_s)
        return answer

    async def _begin(self) -> None:
        line = self._line
        self.failures = line.failures
        while not self._held:
            rest_s = self._rest_s()
            if rest_s > 0.0:
                await line.clock.sleep(rest_s)
            line.waiting += 1
            try:
                await line.turn.acquire()
            finally:
                line.waiting -= 1
            # Others may have had no answer meanwhile.
            self._held = self._rest_s() <= 0.0
            if not self._held:
                line.turn.release()
        self._begun = line.clock.monotonic()

    def _rest_s(self) -> float:
        return 0.0 if self._unit is None else self._line.rest_s(self._unit)

    def _end(self) -> None:
        if self._held:
            self._held = False
            self._line.turn.release()


class Lines:
    """All lines of one gateway, by address."""

    def __init__(self, clock: Clock, rng: random.Random | None = None) -> None:
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - only jitter
        self._lines: WeakValueDictionary[tuple[str, str], Line] = WeakValueDictionary()

    def of(self, device: Device) -> Line:
        """The line to a device, shared with all others at its address."""
        key = (device.scheme, device.where)
        line = self._lines.get(key)
        if line is None:
            self._lines[key] = line = Line(device, self._clock, self._rng)
        return line

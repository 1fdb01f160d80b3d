"""One open Modbus connection: one request at a time, and of all that comes in only the answer that fits it."""

import asyncio
from collections.abc import Callable
from typing import cast

from adapters.link import CONNECT_TIMEOUT_S, LostError
from adapters.modbus_port import Port, open_port
from adapters.modbus_wire import Framing
from config.clock import Clock
from config.site import Device


class SilentError(LostError):
    """A request was not answered in time."""


class Connection(asyncio.Protocol):
    """Made by ``connect``; gone for good once it is closed."""

    def __init__(self, framing: Framing, where: str, clock: Clock, on_closed: Callable[[], None]) -> None:
        """``on_closed`` is called when it breaks, or the other side closes it; not after ``abort``."""
        self.heard = False
        """Whether anybody ever answered on it."""
        self._framing = framing
        self._where = where
        self._clock = clock
        self._on_closed = on_closed
        self._port: Port | None = None
        self._buffer = bytearray()
        self._number = 0
        self._asked = (0, 0, 0)
        self._answer: asyncio.Future[bytes | None] | None = None

    @classmethod
    async def connect(
        cls, device: Device, framing: Framing, clock: Clock, on_closed: Callable[[], None]
    ) -> "Connection":
        """Open a device's address. Raises ``LostError``."""
        connection = cls(framing, device.where, clock, on_closed)
        try:
            async with clock.timeout(CONNECT_TIMEOUT_S):
                await open_port(device, connection)
        except TimeoutError as error:
            connection.abort()
            raise LostError(f"no answer from {device.where}") from error
        except asyncio.CancelledError:
            connection.abort()
            raise
        return connection

    @property
    def is_open(self) -> bool:
        return self._port is not None

    async def exchange(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        """Send a request and wait for its answer. Raises ``SilentError`` or ``LostError``."""
        if self._port is not None:
            self._number = self._number % 0xFFFF + 1
            # Whatever stands there answers no request of now.
            self._buffer.clear()
            self._asked = (self._number, unit, pdu[0])
            self._answer = asyncio.get_running_loop().create_future()
            self._port.write(self._framing.frame(self._number, unit, pdu))
            try:
                async with self._clock.timeout(timeout_s):
                    answer = await self._answer
            except TimeoutError as error:
                raise SilentError(f"no answer from unit {unit} at {self._where}") from error
            finally:
                self._answer = None
            if answer is not None:
                self.heard = True
                return answer
        raise LostError(f"{self._where} closed the connection")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._port = cast("Port", transport)

    def data_received(self, data: bytes) -> None:
        # What comes unasked is dropped, so that nothing grows and nothing fits a later request.
        if self._answer is None or self._answer.done():
            return
        self._buffer += data
        answer = self._framing.take(self._buffer, *self._asked)
        if answer is not None:
            self._answer.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        if self._port is None:
            return
        self._port = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(None)
        self._on_closed()

    def abort(self) -> None:
        """Close it at once."""
        port, self._port = self._port, None
        if port is not None:
            port.abort()

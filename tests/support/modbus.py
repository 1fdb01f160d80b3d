"""Modbus devices made of bytes, for what no real device does on demand."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def wire(answer: Answer) -> AsyncIterator[int]:
    """A server made of bytes: each request frame goes to ``answer``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                header = await reader.readexactly(6)
                await answer(header + await reader.readexactly(struct.unpack(">H", header[4:])[0]), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def frame(request: bytes, data: bytes, transaction: int = 0, unit: int = 0) -> bytes:
    """An answer to a request, with its transaction and unit moved by so much."""
    number, identity = struct.unpack(">H", request[:2])[0], request[6]
    return struct.pack(">HHHB", number + transaction, 0, len(data) + 1, identity + unit) + data


def registers(request: bytes, value: int, fewer: int = 0) -> bytes:
    count = struct.unpack(">H", request[10:12])[0] - fewer
    return bytes([request[7], 2 * count]) + struct.pack(">H", value) * count

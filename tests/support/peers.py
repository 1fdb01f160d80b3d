"""Foreign programs that speak a protocol, started for one test on loopback and always stopped."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "contract" / "peers"
START_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Peer:
    """A running peer that said "ready PORT", or whose port answers."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    def tell(self, line: str) -> None:
        """Give the peer a command on its standard input."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())

    def freeze(self) -> None:
        """Stop it as a hung machine stops: its connections stay open and say nothing."""
        self.process.send_signal(signal.SIGSTOP)

    async def kill(self) -> None:
        """End it as a power cut does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def peer(*command: str | Path, port: int | None = None, **environment: str) -> AsyncIterator[Peer]:
    """Start a peer. Without a port it says on which one it is ready; with one, that port is awaited."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE if port is None else asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL if port is not None else asyncio.subprocess.STDOUT,
        env=os.environ | environment,
    )
    try:
        async with asyncio.timeout(START_S):
            started = Peer(process, await _said(process) if port is None else await _answering(process, port))
        yield started
        await started.kill()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def _said(process: asyncio.subprocess.Process) -> int:
    assert process.stdout
    said = []
    while line := await process.stdout.readline():
        if line.startswith(b"ready "):
            return int(line.split()[1])
        said.append(line.decode(errors="replace"))
    raise AssertionError(f"the peer ended with {await process.wait()} before it was ready:\n{''.join(said)}")


async def _answering(process: asyncio.subprocess.Process, port: int) -> int:
    while True:
        assert process.returncode is None, "the peer ended before its port answered"
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return port
        # Another process's port can only be asked, not awaited.
        await asyncio.sleep(0.05)  # noqa: TID251

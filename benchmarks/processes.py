"""Programs that a measurement needs beside itself: each in a process of its own, and always ended."""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog
import uvloop

from config.clock import RealClock
from simulators.broker import EmbeddedBroker

START_S = 40.0
STOP_S = 10.0


class Control:
    """A child's side: it says what it has, and waits for its parent's word."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._told = asyncio.Event()
        self._words: list[Any] = []
        asyncio.get_running_loop().add_reader(pipe.fileno(), self._read)

    def say(self, what: Any = None) -> None:
        self._pipe.send(what)

    async def told(self) -> Any:
        """The parent's next word."""
        while not self._words:
            self._told.clear()
            await self._told.wait()
        return self._words.pop(0)

    def _read(self) -> None:
        try:
            self._words.append(self._pipe.recv())
        except EOFError:
            os._exit(1)  # the parent is gone: nobody wants the figures
        self._told.set()


class Child:
    """The parent's side."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def tell(self, word: Any = None) -> None:
        self._pipe.send(word)

    async def said(self, within_s: float = START_S) -> Any:
        """What the child says next. Raises ``RuntimeError`` if it says nothing in time or has ended."""
        if not await asyncio.to_thread(self._pipe.poll, within_s):
            raise RuntimeError(f"a measured process said nothing for {within_s:g} s")
        try:
            return self._pipe.recv()
        except EOFError as error:
            raise RuntimeError("a measured process ended; its error stands above") from error


@asynccontextmanager
async def child(target: Callable[..., Awaitable[None]], *arguments: Any, fast: bool = True) -> AsyncIterator[Child]:
    """Run ``target(control, *arguments)`` in a process. ``fast``: on uvloop, as the gateway does."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(target, theirs, arguments, fast), daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield Child(ours)
    finally:
        ours.close()
        process.terminate()
        await asyncio.to_thread(process.join, STOP_S)
        if process.is_alive():
            process.kill()


def _run(target: Callable[..., Awaitable[None]], pipe: Connection, arguments: tuple[Any, ...], fast: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The figures are what is printed here.
    logging.getLogger().setLevel(logging.ERROR)
    for noisy in ("asyncua", "pymodbus.logging"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

    async def main() -> None:
        await target(Control(pipe), *arguments)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if fast else None) as runner:
        runner.run(main())


@asynccontextmanager
async def swaptwin(*arguments: str | Path, until: str) -> AsyncIterator[None]:
    """The command as users run it; entered once it prints a line with ``until``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway.cli",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout
    lines = []
    try:
        async with asyncio.timeout(START_S):
            while until not in (line := (await process.stdout.readline()).decode()):
                lines.append(line)
                if not line:
                    raise RuntimeError(f"swaptwin {arguments[0]} ended: {''.join(lines)}")
        drain = asyncio.create_task(process.stdout.read())
        yield
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(STOP_S):
            await drain
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def broker_name() -> str:
    return "mosquitto" if shutil.which("mosquitto") else "amqtt (install mosquitto for a broker as in production)"


@asynccontextmanager
async def broker(port: int) -> AsyncIterator[None]:
    """A broker in a process of its own: Mosquitto where it is installed, else the demo's."""
    if not shutil.which("mosquitto"):
        async with child(_embedded, port, fast=False) as process:
            await process.said()
            yield
        return
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n")
        file.flush()
        process_ = await asyncio.create_subprocess_exec(
            "mosquitto", "-c", file.name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            await _answering(port)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process_.terminate()
            await process_.wait()


async def _answering(port: int) -> None:
    clock = RealClock()
    async with clock.timeout(STOP_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await clock.sleep(0.02)
            else:
                writer.close()
                return


async def _embedded(control: Control, port: int) -> None:
    serving = EmbeddedBroker("127.0.0.1", port, "benchmark")
    await serving.start()
    control.say()
    await control.told()

"""How every command ends: done, or asked to by Ctrl-C or SIGTERM."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class End(Generic[T]):
    """What the work returned; ``None`` where a signal ended it first."""

    result: T | None
    stopped: bool


async def until_signal(work: Coroutine[Any, Any, T], hangup: asyncio.Event | None = None) -> End[T]:
    """Run until done or signalled, which is an orderly end; a second signal does not wait for it.

    ``hangup`` is set at every SIGHUP.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    signalled = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        if signalled.is_set():
            sys.exit(128 + number)
        signalled.set()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    if hangup is not None:
        loop.add_signal_handler(signal.SIGHUP, hangup.set)
    try:
        return End(await task, signalled.is_set())
    except asyncio.CancelledError:
        if not signalled.is_set():
            raise
    return End(None, True)

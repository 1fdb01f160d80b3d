"""The gateway's own stream and server over a hub that a benchmark fills: no devices, no store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.clock import Clock
from gateway.api import create_app
from gateway.api_history import HistorySource
from gateway.history import History
from gateway.hub import Hub
from gateway.server import Server, listen
from gateway.stream import Stream
from gateway.ui import STATIC

NO_APP = Path("no-page")


async def no_history(_path: str, _start: float, _end: float, _buckets: int) -> History:
    """What a gateway answers that has recorded nothing."""
    return History([], [], [], [], [], [])


@dataclass(frozen=True, slots=True)
class Served:
    """``server`` listens on ``port`` of loopback and is to be run."""

    server: Server
    stream: Stream
    port: int


async def served(
    hub: Hub,
    clock: Clock,
    *,
    history: HistorySource = no_history,
    health: Callable[[], Mapping[str, Any]] = dict,
    web_app: bool = False,
) -> Served:
    """As ``gateway.service`` puts it together; with the built web app or without."""
    stream = Stream(hub, clock, version="benchmark")
    sock = await listen("127.0.0.1", 0)
    app = create_app(
        hub,
        clock=clock,
        stream=stream,
        history=history,
        health=health,
        ready=lambda: True,
        loopback=True,
        version="benchmark",
        static=STATIC if web_app else NO_APP,
    )
    return Served(Server(app, sock, clock, drain=stream.drain), stream, sock.getsockname()[1])

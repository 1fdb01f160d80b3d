"""A gateway's server on a free port, and clients that speak swap.v1 to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from config.clock import Clock, RealClock
from gateway.api import create_app
from gateway.history import History
from gateway.hub import Hub
from gateway.server import Server, listen
from gateway.stream import Stream

DEADLINE_S = 10.0


@dataclass
class Gateway:
    hub: Hub
    stream: Stream
    server: Server
    url: str
    port: int
    task: asyncio.Task[None]
    ready: list[bool] = field(default_factory=list)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        if not self.task.cancelled():
            self.task.result()


async def no_history(_path: str, _start: float, _end: float, _buckets: int) -> History:
    return History([], [], [], [], [], [])


async def start(
    clock: Clock,
    hub: Hub | None = None,
    *,
    static: Path = Path("no-such-folder"),
    history: Any = no_history,
    health: Callable[[], dict[str, Any]] = dict,
    loopback: bool = True,
) -> Gateway:
    hub = hub or Hub(clock)
    stream = Stream(hub, clock, version="0.0.test")
    sock = await listen("127.0.0.1", 0)
    ready: list[bool] = []
    app = create_app(
        hub,
        clock=clock,
        stream=stream,
        history=history,
        health=health,
        ready=lambda: bool(ready),
        loopback=loopback,
        version="0.0.test",
        static=static,
    )
    server = Server(app, sock, clock, drain=stream.drain)
    port = sock.getsockname()[1]
    return Gateway(hub, stream, server, server.url, port, asyncio.create_task(server.run()), ready)


@asynccontextmanager
async def serving(clock: Clock, hub: Hub | None = None, **options: Any) -> AsyncIterator[Gateway]:
    gateway = await start(clock, hub, **options)
    try:
        yield gateway
    finally:
        await gateway.stop()


async def until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Wait for something that a socket brings about, which no event of ours announces."""
    clock = RealClock()
    async with asyncio.timeout(deadline_s):
        while not condition():
            await clock.sleep(0.002)


class Client:
    """Keeps the topics that it follows up to date and checks that every message joins on to the one before."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.state: dict[int, dict[str, Any]] = {}
        self.seq: dict[int, int] = {}
        self.deltas = 0
        self._id = 0

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            frame: dict[str, Any] = json.loads(await self.connection.recv())
        self._apply(frame)
        return frame

    async def receive_kind(self, kind: str) -> dict[str, Any]:
        while (frame := await self.receive())["t"] != kind:
            pass
        return frame

    async def closed(self) -> int | None:
        """Read on until the server closes; returns its code."""
        async with asyncio.timeout(DEADLINE_S):
            with suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()
        return self.connection.close_code

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def subscribe(self, topic: str, **options: Any) -> dict[str, Any]:
        """Ask for a topic; returns the answer, ``sub_ok`` or ``err``."""
        self._id += 1
        await self.send(t="sub", id=self._id, topic=topic, **options)
        while (frame := await self.receive()).get("id") != self._id:
            pass
        return frame

    async def receive_until_seq(self, sid: int, seq: int) -> None:
        while self.seq.get(sid, -1) < seq:
            await self.receive()

    def _apply(self, frame: dict[str, Any]) -> None:
        if frame["t"] == "snap":
            self.state[frame["sid"]], self.seq[frame["sid"]] = frame["data"], frame["seq"]
        elif frame["t"] == "delta":
            sid = frame["sid"]
            assert frame["prev"] == self.seq[sid], "a delta starts where the message before it ended"
            for key, fields in frame["set"].items():
                self.state[sid].setdefault(key, {}).update(fields)
            for key in frame["del"]:
                self.state[sid].pop(key, None)
            self.seq[sid] = frame["seq"]
            self.deltas += 1


@asynccontextmanager
async def connected(gateway: Gateway, *, greet: bool = True, **options: Any) -> AsyncIterator[Client]:
    options.setdefault("subprotocols", ["swap.v1.json"])
    url = f"ws://127.0.0.1:{gateway.port}/api/v1/stream"
    async with connect(url, compression=None, max_size=None, **options) as connection:
        client = Client(connection)
        if greet:
            assert (await client.receive())["t"] == "hello"
        yield client

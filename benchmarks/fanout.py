"""Fan-out: what a message to many WebSocket clients costs, one of them stalled, beside ``websockets.broadcast``."""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.lateness import stalled_client
from benchmarks.processes import Control, child
from benchmarks.report import Cell, Table, median, quantile
from benchmarks.served import served
from config.clock import RealClock
from gateway.hub import Frame, Hub

CLIENTS = 100
RATE_HZ = 20.0
STATIONS = 80
ROUNDS = 3
ROUND_S = 6.0
SETTLE_S = 1.0
TOPIC = "stations"
_STAMP = re.compile(r'"ts":(\d+)')


async def run() -> list[Table]:
    """Both servers in turn, each in a process of its own; the clients are in this one."""
    figures: dict[str, list[tuple[float, float, float, float, int]]] = {"broadcast": [], "swap.v1": []}
    for number in range(ROUNDS):
        order = list(figures) if number % 2 == 0 else list(figures)[::-1]
        for kind in order:
            figures[kind].append(await _round(kind))
    rows: list[list[Cell]] = []
    for kind, rounds in figures.items():
        columns = list(zip(*rounds, strict=True))
        rows.append([kind, *(median(column) for column in columns[:3]), max(columns[3]), round(median(columns[4]))])
    shares: list[Cell] = [_ratio(rows[0][column], rows[1][column]) for column in range(1, 5)]
    rows.append(["swap.v1 as share of broadcast", *shares, None])
    return [
        Table(
            f"{CLIENTS} WebSocket clients and a stalled one, {RATE_HZ:.0f} messages/s each",
            ["server", "us/message", "p50 ms", "p99 ms", "longest gap ms", "bytes"],
            rows,
            [
                f"Medians of {ROUNDS} rounds in turn ('longest gap': the worst of all); microseconds are of the "
                "server's process, publishing and encoding included. Latency: from publication to client, to 1 ms.",
                "swap.v1 keeps account of each client (subscriptions, joining steps, conflation, eviction); "
                "broadcast sends the same text to whoever is there and lets a stalled client's buffer grow.",
                "The share is broadcast's figure divided by ours: 1 means as good.",
            ],
        )
    ]


def _ratio(theirs: Cell, ours: Cell) -> float:
    assert isinstance(theirs, float)
    assert isinstance(ours, float)
    return theirs / ours


async def _round(kind: str) -> tuple[float, float, float, float, int]:
    """Microseconds a message, latency p50 and p99 (ms), longest gap (ms) and size of a message."""
    clock = RealClock()
    async with child(swap_v1 if kind == "swap.v1" else bare_broadcast) as server, contextlib.AsyncExitStack() as stack:
        port = await server.said()
        readers = []
        for _ in range(CLIENTS):
            connection = await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{port}/api/v1/stream", compression=None, max_size=None)
            )
            await connection.send(f'{{"t":"sub","id":1,"topic":"{TOPIC}"}}')
            readers.append(_Reader(connection))
        stack.enter_context(await stalled_client(port, [TOPIC]))
        tasks = [asyncio.create_task(reader.run()) for reader in readers]
        await clock.sleep(SETTLE_S)
        server.tell()
        begun = clock.monotonic()
        await clock.sleep(ROUND_S)
        server.tell()
        ended = clock.monotonic()
        processor_s: float = await server.said()
        for task in tasks:
            task.cancel()
    arrivals = [[each for each in reader.arrivals if begun <= each[0] < ended] for reader in readers]
    late_ms = [late for mine in arrivals for _, late in mine]
    gaps = [b[0] - a[0] for mine in arrivals for a, b in itertools.pairwise(mine)]
    return (
        1e6 * processor_s / len(late_ms),
        median(late_ms),
        quantile(late_ms, 0.99),
        1000.0 * max(gaps),
        readers[0].size,
    )


class _Reader:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.arrivals: list[tuple[float, float]] = []
        """Monotonic time, and milliseconds since the publication."""
        self.size = 0

    async def run(self) -> None:
        clock = RealClock()
        with contextlib.suppress(ConnectionClosed):  # the server ends with the round
            async for text in self._connection:
                assert isinstance(text, str)
                if text.startswith('{"t":"delta"'):
                    stamp = _STAMP.search(text)
                    assert stamp
                    self.arrivals.append((clock.monotonic(), 1000.0 * clock.now() - int(stamp[1])))
                    self.size = len(text)


class _Network:
    """Stations whose summaries change at every step."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._step = 0
        self.publish()

    def publish(self) -> None:
        self._step += 1
        step = self._step
        self._hub.publish(
            TOPIC,
            {
                f"S{number:03d}": {
                    "power_w": 1000.0 + (step * 7 + number) % 500,
                    "ready": (step + number) % 12,
                    "charging": (step + 2 * number) % 12,
                    "data_time": 1.7e9 + step,
                    "data_age_s": step % 10 / 10.0,
                }
                for number in range(STATIONS)
            },
        )


async def _pace(control: Control, publish: Callable[[], None]) -> None:
    """Publish at the rate until the process ends; say the processor time between the parent's two words."""
    clock = RealClock()

    async def publishing() -> None:
        due = clock.monotonic()
        while True:
            publish()
            due += 1.0 / RATE_HZ
            await clock.sleep(due - clock.monotonic())

    task = asyncio.create_task(publishing())
    await control.told()
    processor_s = time.process_time()
    await control.told()
    control.say(time.process_time() - processor_s)
    await task


async def swap_v1(control: Control) -> None:
    """The gateway's hub, stream and server."""
    clock = RealClock()
    hub = Hub(clock)
    network = _Network(hub)
    under_test = await served(hub, clock)
    server = asyncio.create_task(under_test.server.run())
    control.say(under_test.port)
    await _pace(control, network.publish)
    await server


async def bare_broadcast(control: Control) -> None:
    """The same texts by ``websockets.broadcast``, which waits for nobody."""
    hub = Hub(RealClock())
    network = _Network(hub)

    async def hold(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(hold, "127.0.0.1", 0, compression=None) as server:

        def publish() -> None:
            before = hub.seq(TOPIC)
            network.publish()
            frame = hub.since(TOPIC, before)
            assert isinstance(frame, Frame)
            broadcast(server.connections, f'{{"t":"delta","sid":1,{frame.body}')

        control.say(next(iter(server.sockets)).getsockname()[1])
        await _pace(control, publish)

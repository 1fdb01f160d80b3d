"""Viewers: what hundreds of dashboards cost the stream, with a network of the largest promised size behind it."""

import asyncio
import contextlib
import re
import socket
import time
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.processes import Child, Control, child
from benchmarks.report import Cell, Table, median, quantile
from benchmarks.served import served
from config.clock import RealClock
from gateway.hub import Hub

VIEWERS = 300
STATIONS, SLOTS = 200, 12
SLICE = 4
"""Stations that the gateway publishes in one turn of its loop."""
SETTLE_S = 4.0
MEASURE_S = 20.0
ROUNDS = 3
SLOW_READ_S = 3.0
"""The slow viewer takes one message in so long."""
PROMISED_CORES = 0.1
COLUMNS = (
    "round",
    "cores without",
    "cores with",
    "for the stream",
    "p50 ms",
    "p99 ms",
    "messages/s",
    "bytes/s each",
    "slow: messages/s",
    "evicted",
)
_STAMP = re.compile(r'"ts":(\d+)')


async def run() -> list[Table]:
    """The server in a process of its own, first without viewers; the viewers are in this one."""
    rounds = [await _round() for _ in range(ROUNDS)]
    rows: list[list[Cell]] = [[number + 1, *figures] for number, figures in enumerate(rounds)]
    stream_cores = median([float(figures[2] or 0.0) for figures in rounds])
    kept = "kept" if stream_cores <= PROMISED_CORES else "MISSED"
    return [
        Table(
            f"{VIEWERS} viewers at 1 Hz, one of them slow; {STATIONS} stations of {SLOTS} slots, changing every second",
            COLUMNS,
            rows,
            [
                f"{kept}: the stream takes {stream_cores:.3f} cores (median), promised are {PROMISED_CORES:g}.",
                "Each viewer follows the network (stations) and one station, both with max_hz 1. Without: publishing",
                "alone, which costs the same however many watch. Latency: from the latest change in a message to the",
                "viewer. The slow viewer takes one message in 3 s.",
            ],
        )
    ]


async def _round() -> list[Cell]:
    """The figures of one row."""
    clock = RealClock()
    async with child(serve) as server, contextlib.AsyncExitStack() as stack:
        port = await server.said()
        await clock.sleep(SETTLE_S)
        without, _ = await _cores(server, clock)
        readers = [_Reader() for _ in range(VIEWERS)]
        for number, reader in enumerate(readers):
            connection = await stack.enter_async_context(_connected(port, slow=number == 0))
            for ident, topic in enumerate(("stations", f"station/S{number % STATIONS:03d}")):
                await connection.send(f'{{"t":"sub","id":{ident + 1},"topic":"{topic}","max_hz":1}}')
            reader.task = asyncio.create_task(reader.run(connection, SLOW_READ_S if number == 0 else 0.0))
        await clock.sleep(SETTLE_S)
        for reader in readers:
            reader.late_ms.clear()
            reader.received = 0
        with_viewers, evicted = await _cores(server, clock)
        for reader in readers:
            assert reader.task is not None
            reader.task.cancel()
    others = readers[1:]
    late_ms = [late for reader in others for late in reader.late_ms]
    messages = sum(len(reader.late_ms) for reader in others) / MEASURE_S
    size = round(median([reader.received / MEASURE_S for reader in others]))
    slow = len(readers[0].late_ms) / MEASURE_S
    cores: list[Cell] = [without, with_viewers, with_viewers - without]
    return [*cores, median(late_ms), quantile(late_ms, 0.99), messages, size, slow, evicted]


@contextlib.asynccontextmanager
async def _connected(port: int, *, slow: bool) -> Any:
    options: dict[str, Any] = {"compression": None, "max_size": None}
    if slow:
        # Small buffers, so that it is the server that feels the slowness.
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        options |= {"sock": sock, "max_queue": 1}
    async with connect(f"ws://127.0.0.1:{port}/api/v1/stream", **options) as connection:
        yield connection


async def _cores(server: Child, clock: RealClock) -> tuple[float, int]:
    """Processor seconds a second of the server, and clients that it has cut off."""
    server.tell()
    await clock.sleep(MEASURE_S)
    server.tell()
    processor_s, evicted = await server.said()
    return processor_s / MEASURE_S, evicted


class _Reader:
    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self.received = 0
        self.task: asyncio.Task[None] | None = None

    async def run(self, connection: ClientConnection, pause_s: float) -> None:
        clock = RealClock()
        with contextlib.suppress(ConnectionClosed):  # the server ends with the round
            async for text in connection:
                assert isinstance(text, str)
                self.received += len(text)
                if text.startswith('{"t":"delta"') and (stamp := _STAMP.search(text)):
                    self.late_ms.append(1000.0 * clock.now() - int(stamp[1]))
                if pause_s:
                    await clock.sleep(pause_s)


class Network:
    """Stations whose summaries and slots change every second, as those of a site that is read once a second."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._step = 0

    def publish(self, first: int, count: int) -> None:
        """Some stations, as ``gateway.publisher`` does in one turn."""
        self._step += 1
        stations = range(first, first + count)
        summaries = {f"S{number:03d}": self._summary(number) for number in stations}
        self._hub.publish("stations", summaries)
        for number in stations:
            slots = {f"slot/{slot:02d}": self._slot(number, slot) for slot in range(1, SLOTS + 1)}
            self._hub.publish(f"station/S{number:03d}", {"station": summaries[f"S{number:03d}"]} | slots)

    def _summary(self, number: int) -> dict[str, Any]:
        step = self._step
        return {
            "id": f"S{number:03d}",
            "name": f"Station {number}",
            "latitude": 26.8 + number / 1000.0,
            "longitude": 80.9 + number / 1000.0,
            "quality": "good",
            "reason": None,
            "data_time": 1.7e9 + step,
            "data_age_s": step % 10 / 10.0,
            "slots": SLOTS,
            "ready": (step // 100 + number) % SLOTS,
            "charging": (step // 100 + 2 * number) % SLOTS,
            "power_w": 1000.0 + (step * 7 + number) % 500,
            "grid_limit_w": 9000.0,
            "stockout_probability": {"900": 0.01, "1800": 0.02, "3600": number / STATIONS, "7200": 0.3},
        }

    def _slot(self, number: int, slot: int) -> dict[str, Any]:
        step = self._step
        return {
            "slot": slot,
            "quality": "good",
            "occupied": True,
            "pack_id": f"PACK-{number}-{slot}",
            "charger_state": "charging",
            "source_time": 1.7e9 + step,
            "data_time": 1.7e9 + step,
            "soc": round((step + 3 * slot) % 9000 / 9000.0, 4),
            "power_w": 900.0 + (step + slot) % 300,
            "voltage_v": 72.0 + (step + slot) % 50 / 10.0,
            "current_a": 12.0 + (step + slot) % 30 / 10.0,
            "temperature_c": 30.0 + (step + slot) % 20 / 10.0,
            "twin": {"soc": round((step + 3 * slot) % 9000 / 9000.0, 4), "temperature_c": 30.0, "quality": "good"},
        }


async def serve(control: Control) -> None:
    """The gateway's hub, stream and server, and stations that change one slice after the other."""
    clock = RealClock()
    hub = Hub(clock)
    network = Network(hub)
    for first in range(0, STATIONS, SLICE):
        network.publish(first, SLICE)
    under_test = await served(hub, clock)
    server = asyncio.create_task(under_test.server.run())
    control.say(under_test.port)
    publishing = asyncio.create_task(_publish(network, clock))
    while True:
        await control.told()
        begun_s = time.process_time()
        await control.told()
        control.say((time.process_time() - begun_s, under_test.stream.evicted))
        if server.done() or publishing.done():
            return


async def _publish(network: Network, clock: RealClock) -> None:
    """Every station once a second, evenly spread, as their devices report."""
    due = clock.monotonic()
    while True:
        for first in range(0, STATIONS, SLICE):
            network.publish(first, SLICE)
            due += SLICE / STATIONS
            await clock.sleep(due - clock.monotonic())

"""Throughput: processor time a point from the wire into the process image, beside the bare library on the same data."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.base import Batch, Link, Sink
from adapters.modbus_plan import Request, plan
from adapters.registry import build
from benchmarks import bare
from benchmarks.processes import Control, broker, broker_name, child, free_ports
from benchmarks.report import Cell, Table, median
from benchmarks.sites import write_site
from benchmarks.source import restless
from config.binding import BoundDevice
from config.clock import RealClock
from config.loader import load_site
from gateway.image import Image

ROUNDS = 3
ROUND_S = 2.5
SETTLE_S = 0.5
SLOTS = 60
INTERVAL_S = {"opcua": 0.1, "modbus": 0.05, "mqtt": 0.05}
CHANGE_S = INTERVAL_S | {"mqtt": 0.06}
"""An emulated MQTT device leaves out a message that comes sooner than its interval."""

COLUMNS = (
    "protocol",
    "bare points/s",
    "ours points/s",
    "bare us/point",
    "adapter us/point",
    "+ image us/point",
    "its rounds",
    "bare points/s a core",
    "ours points/s a core",
    "share of bare",
)
VARIANTS = ("bare", "adapter", "image")

Figures = dict[str, list[tuple[float, float]]]
"""By variant, for each round: points a second, and processor microseconds a point."""


async def run() -> list[Table]:
    """One protocol after the other; its device in one process, the variants in turn in another."""
    rows: list[list[Cell]] = []
    for protocol in INTERVAL_S:
        figures = await _measure(protocol)
        cost = {variant: median([each for _, each in figures[variant]]) for variant in VARIANTS}
        spread = [each for _, each in figures["image"]]
        rows.append(
            [
                protocol,
                *(median([rate for rate, _ in figures[variant]]) for variant in ("bare", "image")),
                *(cost[variant] for variant in VARIANTS),
                f"{min(spread):.2f}-{max(spread):.2f}",
                1e6 / cost["bare"],
                1e6 / cost["image"],
                cost["bare"] / cost["image"],
            ]
        )
    return [
        Table(
            "Points into the process image: processor time of the reading process (medians of rounds in turn)",
            COLUMNS,
            rows,
            [
                f"One station of {SLOTS} slots of 14 points; the 7 measured values of each change at every interval "
                f"({', '.join(f'{name} {1000 * each:.0f} ms' for name, each in CHANGE_S.items())}); "
                "same requests for all.",
                "bare: asyncua's iterator; pymodbus block reads (raw registers, neither decoded nor scaled); paho's "
                f"callback with orjson. Broker {broker_name()}.",
                "adapter: decode, scale, check, quality, into a sink that counts. '+ image': into the process image.",
                "'a core' is 1 / (time a point): the ceiling if that process did nothing else.",
            ],
        )
    ]


async def _measure(protocol: str) -> Figures:
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="swaptwin-bench-") as scratch:
        file = write_site(Path(scratch), [("S1", protocol, port, INTERVAL_S[protocol])], slots=SLOTS)
        async with contextlib.AsyncExitStack() as stack:
            if protocol == "mqtt":
                await stack.enter_async_context(broker(port))
            device = await stack.enter_async_context(child(restless, file, CHANGE_S[protocol], fast=False))
            await device.said()
            reader = await stack.enter_async_context(child(read, file))
            figures: Figures = await reader.said(2.0 * ROUNDS * len(VARIANTS) * (ROUND_S + SETTLE_S) + 30.0)
            return figures


@dataclass(slots=True)
class Counter:
    """A sink that counts what it passes on."""

    onward: Sink | None
    link: Link = field(default_factory=Link)
    points: int = 0
    texts: dict[str, int] = field(default_factory=dict)

    def push(self, batch: Batch) -> None:
        self.points += len(batch.points)
        if self.onward:
            self.onward.push(batch)

    def confirm(self, time: float) -> None:
        if self.onward:
            self.onward.confirm(time)

    def intern(self, text: str) -> int:
        return self.onward.intern(text) if self.onward else self.texts.setdefault(text, len(self.texts))

    def connected(self) -> None:
        if self.onward:
            self.onward.connected()

    def lost(self, detail: str) -> None:
        raise RuntimeError(f"the link broke during the measurement: {detail}")


async def read(control: Control, file: Path) -> None:
    """All variants in turn, several rounds; says the figures and ends."""
    clock = RealClock()
    (device,) = load_site(file).bind()
    figures: Figures = {variant: [] for variant in VARIANTS}
    for number in range(ROUNDS):
        for variant in VARIANTS if number % 2 == 0 else VARIANTS[::-1]:
            counter = Counter(Image([device], clock).sinks[0] if variant == "image" else None)
            reading = _bare(device, clock, counter) if variant == "bare" else _ours(device, clock, counter)
            async with reading:
                async with clock.timeout(10.0):
                    while not counter.points:
                        await clock.sleep(0.05)
                await clock.sleep(SETTLE_S)
                points, processor_s, begun_s = counter.points, time.process_time(), clock.monotonic()
                await clock.sleep(ROUND_S)
                points, processor_s = counter.points - points, time.process_time() - processor_s
                figures[variant].append((points / (clock.monotonic() - begun_s), 1e6 * processor_s / points))
    control.say(figures)


@asynccontextmanager
async def _running(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _ours(device: BoundDevice, clock: RealClock, counter: Counter) -> AbstractAsyncContextManager[None]:
    return _running(build(device, clock).run(counter))


def _bare(device: BoundDevice, clock: RealClock, counter: Counter) -> AbstractAsyncContextManager[None]:
    where, protocol = device.device, device.profile.protocol
    if protocol == "opcua":
        return _running(
            bare.opcua(
                where.url, [str(point.address) for point in device.points], INTERVAL_S[protocol], _count_one(counter)
            )
        )
    if protocol == "modbus":
        requests = [request for group in plan(device) for request in group.requests]
        return _running(
            bare.modbus(where.host, where.port, requests, INTERVAL_S[protocol], clock, _count_block(counter))
        )
    of_topic: dict[str, int] = {}
    for point in device.points:
        of_topic[str(point.address)] = of_topic.get(str(point.address), 0) + 1

    def received(topic: str, document: Any) -> None:
        counter.points += of_topic[topic] if isinstance(document, dict) else 0

    return bare.mqtt(where.host, where.port, list(of_topic), received)


def _count_one(counter: Counter) -> Callable[[str, Any], None]:
    def noted(_address: str, _value: Any) -> None:
        counter.points += 1

    return noted


def _count_block(counter: Counter) -> Callable[[Request, Sequence[int]], None]:
    def noted(request: Request, _registers: Sequence[int]) -> None:
        counter.points += len(request.rows)

    return noted

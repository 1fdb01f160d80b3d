"""Latency: from a change in an emulated device to a WebSocket client, beside a bare library client that sees it too."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from adapters.modbus_plan import plan
from benchmarks import bare
from benchmarks.processes import Control, broker, broker_name, child, free_ports, swaptwin
from benchmarks.report import Cell, Table, median, quantile
from benchmarks.sites import write_site
from benchmarks.source import Change, changing
from config.binding import BoundDevice
from config.clock import RealClock
from config.loader import load_site

SECONDS = 60.0
WARM_S = 6.0
INTERVAL_S = 0.25
"""Publishing interval and poll interval, of gateway and bare clients alike."""

CHANGE_S = (0.3, 0.6)
SLOTS = 12
PROTOCOLS = ("opcua", "modbus", "mqtt")
STATIONS_EACH = 2

COLUMNS = (
    "protocol",
    "changes",
    "seen by both",
    "bare p50",
    "bare p99",
    "gateway p50",
    "gateway p99",
    "extra p50",
    "ratio p50",
    "ratio p99",
)

Arrivals = dict[tuple[str, int], float]
"""Station and number of a change, and when it was seen first (epoch s)."""


async def run(seconds: float = SECONDS) -> list[Table]:
    """Three programs at work at once (devices, gateway, observers), all of them real."""
    ports = free_ports(2 * STATIONS_EACH + 2)
    names = [(protocol, number) for protocol in PROTOCOLS for number in range(STATIONS_EACH)]
    mqtt_port, gateway_port = ports.pop(), ports.pop()
    stations = [
        (f"{protocol}-{number}", protocol, mqtt_port if protocol == "mqtt" else ports.pop(), INTERVAL_S)
        for protocol, number in names
    ]
    with tempfile.TemporaryDirectory(prefix="swaptwin-bench-") as scratch:
        file = write_site(Path(scratch), stations, slots=SLOTS, gateway_port=gateway_port)
        async with broker(mqtt_port), child(changing, file, *CHANGE_S, fast=False) as devices:
            await devices.said()
            async with (
                swaptwin("run", file, until="http"),
                child(observe, file) as library,
            ):
                await library.said()
                streamed: Arrivals = {}
                watcher = asyncio.create_task(watch(gateway_port, streamed))
                clock = RealClock()
                await clock.sleep(WARM_S)
                begun = clock.now()
                await clock.sleep(seconds)
                ended = clock.now()
                await clock.sleep(2.0)  # what was changed last arrives
                library.tell()
                observed: Arrivals = await library.said()
                devices.tell()
                changes: list[Change] = await devices.said()
                watcher.cancel()
    changes = [change for change in changes if begun <= change[2] < ended]
    return [table(changes, streamed, observed)]


def table(changes: Sequence[Change], streamed: Arrivals, observed: Arrivals) -> Table:
    """Latencies of the changes that both saw: a later change may overtake one between two publications."""
    rows: list[list[Cell]] = []
    for protocol in PROTOCOLS:
        mine = [change for change in changes if change[0].startswith(protocol)]
        both = [
            (station, mark, at)
            for station, mark, at in mine
            if (station, mark) in streamed and (station, mark) in observed
        ]
        ours = [1000.0 * (streamed[station, mark] - at) for station, mark, at in both]
        theirs = [1000.0 * (observed[station, mark] - at) for station, mark, at in both]
        rows.append(
            [
                protocol,
                len(mine),
                len(both),
                median(theirs),
                quantile(theirs, 0.99),
                median(ours),
                quantile(ours, 0.99),
                median(ours) - median(theirs),
                median(ours) / median(theirs),
                quantile(ours, 0.99) / quantile(theirs, 0.99),
            ]
        )
    return Table(
        "Latency from the change in the device (ms): bare library client, and WebSocket client behind the gateway",
        COLUMNS,
        rows,
        [
            f"{STATIONS_EACH} stations a protocol of {SLOTS} slots; publishing and poll interval "
            f"{1000 * INTERVAL_S:.0f} ms for both; a change every {1000 * CHANGE_S[0]:.0f}-{1000 * CHANGE_S[1]:.0f} "
            f"ms; broker {broker_name()}.",
            "OPC UA and Modbus wait for half an interval on average whoever reads; the gateway adds what 'extra' says.",
        ],
    )


async def watch(port: int, arrivals: Arrivals) -> None:
    """A WebSocket client of the gateway that follows all stations."""
    clock = RealClock()
    url = f"ws://127.0.0.1:{port}/api/v1/stream"
    async with connect(url, subprotocols=["swap.v1.json"], compression=None) as connection:  # type: ignore[list-item]
        await connection.send(json.dumps({"t": "sub", "id": 1, "topic": "stations"}))
        try:
            async for text in connection:
                now = clock.now()
                message = json.loads(text)
                for station, fields in message.get("set", message.get("data", {})).items():
                    if fields.get("power_w") is not None:
                        arrivals.setdefault((station, int(fields["power_w"])), now)
        except ConnectionClosed as error:
            raise RuntimeError("the gateway closed the stream during the measurement") from error


async def observe(control: Control, file: Path) -> None:
    """The same changes by the libraries alone, each at the interval of the site file, in a process of their own."""
    clock = RealClock()
    arrivals: Arrivals = {}
    bound = load_site(file).bind()

    def noter(station: str) -> Callable[[float], None]:
        def note(value: float) -> None:
            arrivals.setdefault((station, int(value)), clock.now())

        return note

    tasks = []
    for device in bound:
        note = noter(device.station.id)
        if device.profile.protocol == "opcua":
            tasks.append(asyncio.create_task(_opcua(device, note)))
        elif device.profile.protocol == "modbus":
            tasks.append(asyncio.create_task(_modbus(device, note, clock)))
    broker_at = next(device.device for device in bound if device.profile.protocol == "mqtt")

    def received(topic: str, document: Any) -> None:
        _, _, _, station, what, *_ = topic.split("/")
        if what == "state":
            arrivals.setdefault((station, int(document["meter"]["power_w"])), clock.now())

    async with bare.mqtt(broker_at.host, broker_at.port, ["swap/v1/bench/+/state", "swap/v1/bench/+/slot/+"], received):
        control.say()
        await control.told()
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    control.say(arrivals)


async def _opcua(device: BoundDevice, note: Callable[[float], None]) -> None:
    meter = next(point for point in device.points if point.slot is None and point.point.signal == "power_w")
    addresses = [str(point.address) for point in device.points]

    def on_value(address: str, value: Any) -> None:
        if address == meter.address:
            note(value)

    await bare.opcua(device.device.url, addresses, INTERVAL_S, on_value)


async def _modbus(device: BoundDevice, note: Callable[[float], None], clock: RealClock) -> None:
    meter = next(point for point in device.points if point.slot is None and point.point.signal == "power_w")
    requests = [request for group in plan(device) for request in group.requests]

    def on_registers(request: Any, registers: Sequence[int]) -> None:
        first = int(meter.address) - request.address
        if 0 <= first < len(registers):
            note(registers[first] << 16 | registers[first + 1])

    await bare.modbus(device.device.host, device.device.port, requests, INTERVAL_S, clock, on_registers)

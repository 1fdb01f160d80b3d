"""``python -m benchmarks.soak [--minutes N] [--json FILE]``: one gateway holds a hundred devices at 1 Hz for long.

One process (``swaptwin run``) reads 34 OPC UA, 33 Modbus and 33 MQTT cabinets of 120 points each once a second; they
are emulated in processes of their own, with real physics, and each changes somewhat slower than it is read, so that
every change must be seen. Measured are deadlines missed, the gateway's memory, and the time from wire to a WebSocket
client.
"""

import argparse
import asyncio
import contextlib
import json
import urllib.request
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from rich.console import Console
from websockets.asyncio.client import connect

from benchmarks.processes import broker, broker_name, child, swaptwin
from benchmarks.report import Cell, Table, machine, median, quantile
from benchmarks.rigs import lasting_ports, scratch
from benchmarks.sites import write_site
from benchmarks.source import Change, changing
from config.clock import RealClock

MINUTES = 30.0
WARM_S = 30.0
"""Left out at the start: connecting, compiled model, first forecasts."""
EMULATORS = (("opcua", 17), ("opcua", 17), ("modbus", 33), ("mqtt", 33))
"""Protocol and devices of each emulating process."""
SLOTS = 8
"""A cabinet's 8 signals of its own and 14 a slot: 120 points."""
INTERVAL_S = 1.0
CHANGE_S = (1.3, 1.5)
SAMPLE_S = 5.0
MISSED, LATENCY_S, GROWTH = 0.001, 0.25, 0.02
"""The bounds: share of deadlines missed; latency at p99; growth of memory over the run."""

Key = tuple[str, int]
"""A station and the number of its change."""


@dataclass
class Seen:
    """What a client saw: when each change came first, and as of when the gateway said that it had it (epoch s)."""

    came: dict[Key, tuple[float, float]] = field(default_factory=dict)
    memory_mb: list[tuple[float, float]] = field(default_factory=list)
    cpu_s: list[tuple[float, float]] = field(default_factory=list)

    async def listen(self, address: str) -> None:
        clock = RealClock()
        known: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        url = address.replace("http", "ws") + "/api/v1/stream"
        async with connect(url, subprotocols=["swap.v1.json"], compression=None, max_size=None) as connection:  # type: ignore[list-item]
            await connection.send(json.dumps({"t": "sub", "id": 1, "topic": "stations"}))
            async for text in connection:
                now = clock.now()
                message = json.loads(text)
                for station, fields in message.get("set", message.get("data", {})).items():
                    known[station].update(fields)
                    mark = fields.get("power_w")
                    if mark is not None:
                        self.came.setdefault((station, int(mark)), (now, known[station].get("data_time") or now))

    async def weigh(self, address: str) -> None:
        clock = RealClock()
        while True:
            metrics = await asyncio.to_thread(_metrics, address)
            now = clock.now()
            self.memory_mb.append((now, metrics["process_resident_memory_bytes"] / 1e6))
            self.cpu_s.append((now, metrics["process_cpu_seconds_total"]))
            await clock.sleep(SAMPLE_S)


def _metrics(address: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{address}/metrics", timeout=10.0) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in (line.split(" ") for line in lines if line[0] != "#")}


def _devices(address: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{address}/api/v1/devices", timeout=10.0) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


async def measure(minutes: float) -> list[Table]:
    """Run everything and measure for so long."""
    clock = RealClock()
    with scratch() as name:
        folder = Path(name)
        (mqtt_port, gateway_port, *ports) = lasting_ports(2 + sum(count for _, count in EMULATORS))
        groups: list[list[tuple[str, str, int, float]]] = []
        for number, (protocol, count) in enumerate(EMULATORS):
            mine, ports = ports[:count], ports[count:]
            groups.append(
                [
                    (
                        f"{protocol}-{number}-{place:02d}",
                        protocol,
                        mqtt_port if protocol == "mqtt" else port,
                        INTERVAL_S,
                    )
                    for place, port in enumerate(mine)
                ]
            )
        every = [station for group in groups for station in group]
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(broker(mqtt_port))
            emulators = []
            for number, group in enumerate(groups):
                file = write_site(folder, group, slots=SLOTS, name=f"emulator-{number}")
                emulators.append(await stack.enter_async_context(child(changing, file, *CHANGE_S, fast=False)))
            for emulator in emulators:
                await emulator.said(within_s=300.0)
            file = write_site(folder, every, slots=SLOTS, gateway_port=gateway_port, name="gateway")
            await stack.enter_async_context(swaptwin("run", file, until="http"))
            address, seen = f"http://127.0.0.1:{gateway_port}", Seen()
            tasks = [asyncio.create_task(work) for work in (seen.listen(address), seen.weigh(address))]
            await clock.sleep(WARM_S)
            first, begun = await asyncio.to_thread(_devices, address), clock.now()
            await clock.sleep(60.0 * minutes)
            ended, last = clock.now(), await asyncio.to_thread(_devices, address)
            await clock.sleep(2.0 * INTERVAL_S)
            for task in tasks:
                if task.done():
                    task.result()
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            changes: list[Change] = []
            for emulator in emulators:
                emulator.tell()
                changes += await emulator.said()
    return tables(seen, changes, first, last, begun, ended)


def tables(
    seen: Seen,
    changes: list[Change],
    first: list[dict[str, Any]],
    last: list[dict[str, Any]],
    begun: float,
    ended: float,
) -> list[Table]:
    """The figures between two moments (epoch s); ``first`` and ``last`` are the devices at them."""
    of_protocol = {device["station"]: device["protocol"] for device in last}
    missed_before = {device["id"]: device["missed_cycles"] for device in first}
    rows: list[list[Cell]] = []
    all_missed = all_due = 0
    all_latencies: list[float] = []
    for protocol in ("opcua", "modbus", "mqtt"):
        mine = [c for c in changes if of_protocol.get(c[0]) == protocol and begun <= c[2] < ended - 2.0 * INTERVAL_S]
        lost = sum((station, mark) not in seen.came for station, mark, _ in mine)
        latencies = []
        for station, mark, shown in mine:
            if (station, mark) in seen.came:
                came, held = seen.came[station, mark]
                # A message is on the wire as soon as it is shown; what is read or published comes at the gateway's
                # own time, which it says itself.
                latencies.append(came - (shown if protocol == "mqtt" else held))
        devices = [device for device in last if device["protocol"] == protocol]
        cycles = sum(device["missed_cycles"] - missed_before[device["id"]] for device in devices)
        due = round(len(devices) * (ended - begun) / INTERVAL_S)
        rows.append(_row(protocol, len(devices), due, cycles, len(mine), lost, latencies))
        all_missed += cycles + lost
        all_due += due
        all_latencies += latencies
    held = all_missed <= MISSED * all_due and quantile(all_latencies, 0.99) <= LATENCY_S
    what = Table(
        f"Soak: {len(last)} devices, {sum(d['points'] for d in last)} points at 1 Hz, {(ended - begun) / 60.0:.1f} min",
        ("protocol", "devices", "deadlines", "missed", "changes", "not seen", "p50 ms", "p99 ms", "max ms"),
        rows,
        [
            f"missed and not seen: {100.0 * all_missed / all_due:.3f} % of {all_due} deadlines (at most "
            f"{100.0 * MISSED:g} %); p99 {1000.0 * quantile(all_latencies, 0.99):.0f} ms (at most "
            f"{1000.0 * LATENCY_S:.0f} ms): {'kept' if held else 'MISSED'}",
            "latency on OPC UA and Modbus counts from receipt (nobody can know before), on MQTT from the device",
            f"broker: {broker_name()}",
        ],
    )
    return [what, _memory(seen, begun, ended)]


def _row(
    protocol: str, devices: int, due: int, cycles: int, changes: int, lost: int, latencies: list[float]
) -> list[Cell]:
    ms = [1000.0 * each for each in latencies]
    return [protocol, devices, due, cycles, changes, lost, median(ms), quantile(ms, 0.99), max(ms, default=0.0)]


def _memory(seen: Seen, begun: float, ended: float) -> Table:
    # Caches and pools fill up in the first third.
    settled = begun + (ended - begun) / 3.0
    samples = np.array([(time, mb) for time, mb in seen.memory_mb if settled <= time <= ended])
    cpu = np.array([(time, spent) for time, spent in seen.cpu_s if begun <= time <= ended])
    slope = float(np.polyfit(samples[:, 0], samples[:, 1], 1)[0])
    start, end = (float(np.median(part)) for part in (samples[:5, 1], samples[-5:, 1]))
    share = (cpu[-1, 1] - cpu[0, 1]) / (cpu[-1, 0] - cpu[0, 0])
    flat = end - start <= GROWTH * start
    return Table(
        "Soak: the gateway's process",
        ("", "start MB", "end MB", "slope MB/h", "of a core", "memory"),
        [["gateway", start, end, slope * 3600.0, f"{100.0 * share:.0f} %", "flat" if flat else "GROWS"]],
        [f"flat: at most {100.0 * GROWTH:g} % more at the end than after a third of the run"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, metavar="N", help=f"(default: {MINUTES:g})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    arguments = parser.parse_args()
    console = Console(width=150, highlight=False)
    about = machine()
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        made = runner.run(measure(arguments.minutes))
    for table in made:
        table.show(console)
    if arguments.json:
        figures = [
            {"title": each.title, "columns": each.columns, "rows": each.rows, "notes": each.notes} for each in made
        ]
        arguments.json.write_text(json.dumps({"machine": about, "tables": figures}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

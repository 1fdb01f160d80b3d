"""``python -m benchmarks.recovery [--rounds N] [--only WORD] [--json FILE]``: from trouble to live data again.

One gateway (``swaptwin run``) watches one emulated station (``swaptwin emulate``) for each kind of trouble and
protocol; all kinds go on at the same time. What counts is what a WebSocket client is told: *noticed* is the time from
the cause until the station is no longer shown as good; *flowing* the time from the cause's end (the server serves
again, the link is up) until all values that matter are good and younger than that end.
"""

import argparse
import asyncio
import contextlib
import json
import random
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
import yaml
from rich.console import Console
from websockets.asyncio.client import connect

from benchmarks.processes import free_ports, swaptwin
from benchmarks.report import Cell, Table, machine, median, quantile
from benchmarks.rigs import Network, Rig, lasting_ports, networks_missing, scratch
from benchmarks.sites import PROFILES
from config.clock import RealClock

ROUNDS = 20
NOTICED_S, FLOWING_S = 5.0, 10.0
"""The bounds, at the 95th percentile."""
LONGEST_S = 60.0
"""After so long without data a round counts as not recovered."""
STEADY_S = (2.0, 4.0)
"""Good time between two rounds: the causes meet cycles, keep-alives and forecasts in every phase."""
FROZEN_S, FLAP_S, LOST_S, DOWN_S = 10.0, 10.0, 20.0, 5.0

COLUMNS = ("cause", "rounds", "noticed p50", "p95", "max", "flowing p50", "p95", "max", "not back", "bound")

Cause = Callable[[Rig, Callable[[float], Awaitable[None]]], Awaitable[None]]


async def _killed(rig: Rig, wait: Callable[[float], Awaitable[None]], seconds: float) -> None:
    await rig.kill_server()
    await wait(seconds)
    await rig.start_server()


async def _killed_short(rig: Rig, wait: Callable[[float], Awaitable[None]]) -> None:
    await _killed(rig, wait, 5.0)


async def _killed_long(rig: Rig, wait: Callable[[float], Awaitable[None]]) -> None:
    await _killed(rig, wait, 30.0)


async def _frozen(rig: Rig, wait: Callable[[float], Awaitable[None]]) -> None:
    rig.freeze()
    await wait(FROZEN_S)
    rig.thaw()


async def _broker(rig: Rig, wait: Callable[[float], Awaitable[None]]) -> None:
    await rig.kill_broker()
    await wait(DOWN_S)
    await rig.start_broker()


async def _renumbered(rig: Rig, _wait: Callable[[float], Awaitable[None]]) -> None:
    await rig.renumber()


async def _flap(rig: Rig, wait: Callable[[float], Awaitable[None]]) -> None:
    assert rig.network
    await rig.network.unplug()
    await wait(FLAP_S)
    await rig.network.plug()


async def _half_open(rig: Rig, wait: Callable[[float], Awaitable[None]]) -> None:
    assert rig.network
    await rig.network.swallow()
    await wait(LOST_S)
    await rig.network.carry()


@dataclass
class Lane:
    """One cause on one protocol, and what came of it."""

    cause: str
    protocol: str
    act: Cause
    networked: bool = False
    lanes: int = 1
    """Stations that share the rounds, where one round takes long."""
    noticed_s: list[float] = field(default_factory=list)
    flowing_s: list[float] = field(default_factory=list)
    lost: int = 0

    @property
    def name(self) -> str:
        return f"{self.protocol}, {self.cause}"

    def row(self) -> list[Cell]:
        noticed, flowing = self.noticed_s, self.flowing_s
        held = quantile(noticed, 0.95) <= NOTICED_S and quantile(flowing, 0.95) <= FLOWING_S and not self.lost
        figures: list[Cell] = []
        for values in (noticed, flowing):
            figures += [round(part, 2) for part in (median(values), quantile(values, 0.95), max(values, default=0.0))]
        return [self.name, len(flowing) + self.lost, *figures, self.lost, "kept" if held else "MISSED"]


def lanes() -> list[Lane]:
    """Every kind of trouble on every protocol that can have it."""
    made = []
    for protocol in ("opcua", "modbus", "mqtt"):
        made += [
            Lane("server killed 5 s" if protocol != "mqtt" else "device killed 5 s", protocol, _killed_short),
            Lane("server killed 30 s" if protocol != "mqtt" else "device killed 30 s", protocol, _killed_long, lanes=2),
            Lane("server frozen 10 s" if protocol != "mqtt" else "broker frozen 10 s", protocol, _frozen),
            Lane("link flap 10 s", protocol, _flap, networked=True),
            Lane("packets lost 20 s", protocol, _half_open, networked=True),
        ]
    made.append(Lane("broker restarted, 5 s", "mqtt", _broker))
    made.append(Lane("namespaces renumbered", "opcua", _renumbered))
    return made


class Watch:
    """What a WebSocket client knows of every station, with the moment at which it learned it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._clock = RealClock()
        self._known: dict[str, dict[str, Any]] = {}
        self._news = asyncio.Event()

    async def run(self) -> None:
        async with connect(self._address, subprotocols=["swap.v1.json"], compression=None) as connection:  # type: ignore[list-item]
            await connection.send(json.dumps({"t": "sub", "id": 1, "topic": "stations"}))
            async for text in connection:
                message = json.loads(text)
                for station, fields in message.get("set", message.get("data", {})).items():
                    self._known.setdefault(station, {}).update(fields)
                self._news.set()

    async def until(self, station: str, holds: Callable[[dict[str, Any]], bool], within_s: float) -> float | None:
        """When something holds (epoch s), ``None`` if it does not in time."""
        try:
            async with self._clock.timeout(within_s):
                while not holds(self._known.get(station, {})):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None
        return self._clock.now()


async def _round(lane: Lane, rig: Rig, watch: Watch, clock: RealClock, rng: random.Random) -> None:
    station = rig.name
    await watch.until(station, lambda known: known.get("quality") == "good", LONGEST_S)
    await clock.sleep(rng.uniform(*STEADY_S))
    begun = clock.now()
    noticing = asyncio.create_task(
        watch.until(station, lambda known: known.get("quality", "good") != "good", LONGEST_S + LONGEST_S)
    )
    await lane.act(rig, clock.sleep)
    ended = clock.now()

    def flows(known: dict[str, Any]) -> bool:
        return known.get("quality") == "good" and (known.get("data_time") or 0.0) >= ended

    back = await watch.until(station, flows, LONGEST_S)
    noticed = noticing.result() if noticing.done() else None
    noticing.cancel()
    if noticed is not None:
        lane.noticed_s.append(noticed - begun)
    if back is None:
        lane.lost += 1
    else:
        lane.flowing_s.append(back - ended)


async def _work(lane: Lane, rigs: list[Rig], watch: Watch, rounds: int, say: Callable[[str], None]) -> None:
    clock = RealClock()

    async def rounds_of(rig: Rig, count: int) -> None:
        rng = random.Random(rig.name)
        for _ in range(count):
            await _round(lane, rig, watch, clock, rng)

    shares = [rounds // len(rigs) + (place < rounds % len(rigs)) for place in range(len(rigs))]
    async with asyncio.TaskGroup() as group:
        for rig, count in zip(rigs, shares, strict=True):
            group.create_task(rounds_of(rig, count))
    say(f"{lane.name}: done")


async def measure(chosen: list[Lane], rounds: int, say: Callable[[str], None]) -> None:
    """Fill the lanes with figures."""
    with scratch() as name:
        folder = Path(name)
        rigs: dict[str, list[Rig]] = {}
        number = 0
        ports = lasting_ports(4 * len(chosen) * max(lane.lanes for lane in chosen))
        for lane in chosen:
            rigs[lane.name] = []
            for _ in range(min(lane.lanes, rounds)):
                number += 1
                network = Network(number) if lane.networked else None
                rigs[lane.name].append(
                    Rig(f"R{number:02d}", lane.protocol, folder, (ports.pop(), ports.pop()), network)
                )
        every = [rig for group in rigs.values() for rig in group]
        try:
            await asyncio.gather(*(rig.start() for rig in every))
            say(f"{len(every)} emulators serve")
            (port,) = free_ports(1)
            async with swaptwin("run", write_gateway_site(folder, every, port), until="http"):
                watch = Watch(f"ws://127.0.0.1:{port}/api/v1/stream")
                watching = asyncio.create_task(watch.run())
                async with asyncio.TaskGroup() as group:
                    for lane in chosen:
                        group.create_task(_work(lane, rigs[lane.name], watch, rounds, say))
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
        finally:
            await asyncio.gather(*(rig.stop() for rig in every))


def write_gateway_site(folder: Path, rigs: list[Rig], port: int) -> Path:
    """A gateway that reads all rigs."""
    site = {
        "site": "bench",
        "name": "Benchmark",
        "gateway": {"port": port, "data": str(folder / "data"), "replicas": 10, "forecast_interval_s": 60},
        "stations": [rig.station(rig.host, rig.port, PROFILES[rig.protocol]) for rig in rigs],
    }
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(site, sort_keys=False), encoding="utf-8")
    return file


def table(measured: list[Lane]) -> Table:
    """The figures as a table."""
    notes = [
        f"seconds; bounds at p95: noticed {NOTICED_S:g} s, flowing {FLOWING_S:g} s after the cause's end, and all back",
    ]
    return Table("Recovery", COLUMNS, [lane.row() for lane in measured], notes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"of each kind (default: {ROUNDS})")
    parser.add_argument("--only", default="", metavar="WORD", help="kinds whose name has this in it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    arguments = parser.parse_args()
    console = Console(width=150, highlight=False)
    about = machine()
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    chosen = [lane for lane in lanes() if arguments.only in lane.name]
    missing = networks_missing()
    if missing:
        console.print(f"left out: {', '.join(lane.name for lane in chosen if lane.networked)}: {missing}")
        chosen = [lane for lane in chosen if not lane.networked]
    if shutil.which("mosquitto") is None:
        console.print("left out: all of MQTT: needs mosquitto")
        chosen = [lane for lane in chosen if lane.protocol != "mqtt"]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(chosen, arguments.rounds, console.print))
    table(chosen).show(console)
    if arguments.json:
        figures = {
            lane.name: {"noticed_s": lane.noticed_s, "flowing_s": lane.flowing_s, "lost": lane.lost} for lane in chosen
        }
        arguments.json.write_text(
            json.dumps({"machine": about, "recovery": figures}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()

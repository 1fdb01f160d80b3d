"""A bench of emulated devices of some protocols, each with a neighbour, and a whole gateway that watches them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import yaml

from config.clock import RealClock
from config.loader import BUNDLED, LoadedSite, load_site
from gateway.service import run
from simulators.faults.engine import Faults
from simulators.scenario import Expectation
from simulators.scenario_run import Check
from simulators.scenario_watch import GatewayWatch
from simulators.serve import Emulation, serve
from tests.support.programs import free_ports

INTERVAL_S = 0.2
NEIGHBOURS_INTERVAL_S = 0.5
"""Longer: the loop carries emulators and gateway alike, and one that is busy must not pass for a cycle missed."""
START_S = 60.0
VICTIMS = {"opcua": "O1", "modbus": "M1", "mqtt": "Q1", "sparkplug": "B1", "tower": "T1"}
NEIGHBOURS = {"opcua": "O2", "modbus": "M2", "mqtt": "Q2", "sparkplug": "B2", "tower": "T2"}
SCHEMES = {"opcua": "opc.tcp", "modbus": "modbus", "mqtt": "mqtt", "sparkplug": "mqtt", "tower": "tower"}
PROFILES = {protocol: f"{protocol}-swap-cabinet" for protocol in VICTIMS} | {"tower": "tower-tcp"}
INTERVALS_S = {"tower": 1.0}
"""Of protocols whose devices do not report faster."""
WATCHDOG_S = 2.5
UNCHANGED_S = 1.5
"""Less than the watchdog: a heartbeat that stands still is seen as frozen before its device is given up."""
BRISK: dict[str, Any] = {"interval_s": INTERVAL_S, "timeout_s": 0.5}


@dataclass
class Bench:
    """The gateway as its clients see it, what makes the emulators misbehave, and what the process logs."""

    loaded: LoadedSite
    victims: dict[str, str]
    """By protocol: the station that faults strike."""
    neighbours: dict[str, str]
    faults: Faults
    watch: GatewayWatch
    logged: list[MutableMapping[str, Any]] = field(default_factory=list)

    async def until(self, expectation: Expectation, within_s: float) -> bool:
        """Whether something comes to hold in time."""
        return await self.watch.until(Check(expectation, self.watch).holds, within_s)

    async def breaks(self, expectation: Expectation, within_s: float) -> bool:
        """Whether something ceases to hold."""
        check = Check(expectation, self.watch)
        return await self.watch.until(lambda: not check.holds(), within_s)


def bench_site(folder: Path, protocols: Sequence[str]) -> LoadedSite:
    """Two stations a protocol, four slots each, full of packs, without riders: whatever changes is a fault's doing."""
    gateway, broker, *ports = free_ports(8)
    stations = []
    for station in sorted(of[protocol] for of in (VICTIMS, NEIGHBOURS) for protocol in protocols):
        protocol = next(name for name in VICTIMS if station in {VICTIMS[name], NEIGHBOURS[name]})
        profile = yaml.safe_load((BUNDLED / "profiles" / f"{PROFILES[protocol]}.yaml").read_text(encoding="utf-8"))
        profile |= BRISK | {"profile": f"brisk-{station.lower()}", "interval_s": INTERVALS_S.get(protocol, INTERVAL_S)}
        beat = next((point for point in profile["points"] if point["signal"] == "heartbeat"), None)
        if beat is not None:
            profile["watchdog"] = {"signal": "heartbeat", "timeout_s": WATCHDOG_S}
            if station in VICTIMS.values():
                beat["max_unchanged_s"] = UNCHANGED_S
        (folder / f"{station}.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
        port = broker if SCHEMES[protocol] == "mqtt" else ports.pop()
        calm = station in NEIGHBOURS.values() and protocol not in INTERVALS_S
        pace = {"interval_s": NEIGHBOURS_INTERVAL_S} if calm else {}
        url = f"{SCHEMES[protocol]}://127.0.0.1:{port}"
        stations.append(
            {
                "id": station,
                "name": station,
                "latitude": 0.0,
                "longitude": 0.0,
                "slots": 4,
                "grid_limit_w": 6000.0,
                "devices": [{"id": "cabinet", "profile": f"{station}.yaml", "url": url} | pace],
                "emulation": {"packs": 4, "seed": 5},
            }
        )
    settings = {"port": gateway, "data": str(folder / "data"), "replicas": 20, "forecast_interval_s": 1}
    site = {"site": "bench", "name": "Bench", "gateway": settings, "emulation": {"truth_port": 0}, "stations": stations}
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(site), encoding="utf-8")
    return load_site(file)


@asynccontextmanager
async def bench(folder: Path, clock: RealClock, protocols: Sequence[str]) -> AsyncIterator[Bench]:
    """Emulators, gateway and one client of its, all in this loop."""
    loaded = bench_site(folder, protocols)
    victims = {protocol: VICTIMS[protocol] for protocol in protocols}
    neighbours = {protocol: NEIGHBOURS[protocol] for protocol in protocols}
    loop = asyncio.get_running_loop()
    served: asyncio.Future[Emulation] = loop.create_future()
    ready: asyncio.Future[str] = loop.create_future()
    tasks: list[asyncio.Future[Any]] = []
    with structlog.testing.capture_logs() as logged:
        try:
            tasks.append(asyncio.ensure_future(serve(loaded, clock, on_emulation=served.set_result)))
            emulation = await _first(served, tasks)
            tasks.append(asyncio.ensure_future(run(loaded, clock, emulated=True, on_ready=ready.set_result)))
            url = await _first(ready, tasks)
            names = [*victims.values(), *neighbours.values()]
            topics = [Expectation(station=name, quality="good") for name in names]
            topics += [Expectation(forecast=name, quality="good") for name in names]
            watch = GatewayWatch(url, topics, clock)
            tasks.append(asyncio.ensure_future(watch.run()))
            yield Bench(loaded, victims, neighbours, emulation.faults, watch, logged)
        finally:
            for task in reversed(tasks):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


async def _first(said: asyncio.Future[Any], tasks: list[asyncio.Future[Any]]) -> Any:
    async with asyncio.timeout(START_S):
        await asyncio.wait([said, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()
    return said.result()

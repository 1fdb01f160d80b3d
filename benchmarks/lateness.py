"""Lateness: how late the gateway's event loop wakes a sleeper, beside an empty loop at the same time."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.processes import Child, Control, child, free_ports
from benchmarks.report import Cell, Table, quantile
from config.clock import Clock, RealClock
from config.loader import LoadedSite, bundled_site, load_site
from gateway.service import run as run_service

PERIOD_S = 0.01
PHASE_S = 12.0
SETTLE_S = 8.0
STALLED = 20
START_S = 3.0
"""The first turn of a starting gateway, some 0.17 s long, is not measured."""

STOP_S = 8.0

COLUMNS = (
    "phase",
    "empty p50",
    "empty p99",
    "empty max",
    "gateway p50",
    "gateway p99",
    "gateway max",
    "p99 beyond empty",
    "ratio p99",
    "% of a core",
)

Sample = tuple[float, float, float]
"""Monotonic time, seconds late, processor seconds used so far."""
Phase = tuple[str, float, float]


async def run() -> list[Table]:
    """The demo's own site; a gateway that rests between forecasts, then one that computes them without a pause."""
    with tempfile.TemporaryDirectory(prefix="swaptwin-bench-") as scratch:
        site = _demo(Path(scratch))
        resting, ceaseless = (
            _with(site, data=Path(scratch) / name, forecast_interval_s=interval_s)
            for name, interval_s in (("resting", 3600.0), ("ceaseless", 1.0))
        )
        async with child(empty) as control:
            phases: list[Phase] = []
            async with child(serve, resting) as gateway:
                url_port = await gateway.said()
                await RealClock().sleep(START_S)
                phases.append(await _phase("no device answers"))
                async with child(emulate, resting, fast=False) as devices:
                    await devices.said()
                    await RealClock().sleep(SETTLE_S)
                    phases.append(await _phase("demo"))
                    with contextlib.ExitStack() as stack:
                        for _ in range(STALLED):
                            stack.enter_context(await stalled_client(url_port, _topics(resting)))
                        phases.append(await _phase(f"demo, {STALLED} stalled clients"))
                    samples = await _samples(gateway)
                    async with child(serve, ceaseless) as second:
                        await second.said()
                        await RealClock().sleep(SETTLE_S)
                        last = await _phase("demo, forecasts without a pause")
                        later = await _samples(second)
            beside = await _samples(control)
    rows = [_row(phase, samples, beside) for phase in phases] + [_row(last, later, beside)]
    return [
        Table(
            "Lateness of the event loop (ms), and processor use of the gateway's process",
            COLUMNS,
            rows,
            [
                f"A sleep of {1000 * PERIOD_S:.0f} ms over and over for {PHASE_S:.0f} s; 'empty' is a process with "
                "nothing else on its loop, at the same time. The demo: 6 stations, 8 devices, 80 slots.",
                "In the last phase a worker process computes forecasts all the time, so gateway, worker and emulators "
                "share the cores. Stalled clients subscribe to every topic and never read.",
            ],
        )
    ]


def _demo(folder: Path) -> LoadedSite:
    """The bundled demo on free ports."""
    text = bundled_site("demo").read_text(encoding="utf-8")
    loaded = load_site(bundled_site("demo"))
    devices = [device for station in loaded.site.stations for device in station.devices]
    used = {device.port for device in devices} | {loaded.site.gateway.port, loaded.site.emulation.truth_port}
    for old, new in zip(sorted(used), free_ports(len(used)), strict=True):
        text = text.replace(f":{old}", f":{new}").replace(f": {old}", f": {new}")
    file = folder / "demo.yaml"
    file.write_text(text, encoding="utf-8")
    return load_site(file)


def _with(loaded: LoadedSite, **changes: object) -> LoadedSite:
    gateway = loaded.site.gateway.model_copy(update={"port": free_ports(1)[0]} | changes)
    return replace(loaded, site=loaded.site.model_copy(update={"gateway": gateway}))


def _topics(loaded: LoadedSite) -> list[str]:
    names = [station.id for station in loaded.site.stations]
    return ["stations", "devices", *(f"station/{name}" for name in names), *(f"forecast/{name}" for name in names)]


async def _phase(name: str) -> Phase:
    clock = RealClock()
    begun = clock.monotonic()
    await clock.sleep(PHASE_S)
    return name, begun, clock.monotonic()


async def _samples(process: Child) -> list[Sample]:
    process.tell()
    samples: list[Sample] = await process.said()
    return samples


def _row(phase: Phase, gateway: Sequence[Sample], empty: Sequence[Sample]) -> list[Cell]:
    name, begun, ended = phase
    within = [each for each in gateway if begun <= each[0] < ended]
    ours = [1000.0 * late for _, late, _ in within]
    theirs = [1000.0 * late for at, late, _ in empty if begun <= at < ended]
    p99 = quantile(theirs, 0.99), quantile(ours, 0.99)
    used = 100.0 * (within[-1][2] - within[0][2]) / (within[-1][0] - within[0][0])
    return [
        name,
        *(quantile(theirs, share) for share in (0.5, 0.99, 1.0)),
        *(quantile(ours, share) for share in (0.5, 0.99, 1.0)),
        p99[1] - p99[0],
        p99[1] / p99[0],
        used,
    ]


async def _sample(clock: Clock, samples: list[Sample]) -> None:
    while True:
        due = clock.monotonic() + PERIOD_S
        await clock.sleep(PERIOD_S)
        now = clock.monotonic()
        samples.append((now, max(now - due, 0.0), time.process_time()))


async def empty(control: Control) -> None:
    """A loop with nothing on it but the measurement."""
    samples: list[Sample] = []
    sampling = asyncio.create_task(_sample(RealClock(), samples))
    await control.told()
    sampling.cancel()
    control.say(samples)


async def serve(control: Control, loaded: LoadedSite) -> None:
    """The gateway, whole, with the measurement on its loop."""
    clock = RealClock()
    samples: list[Sample] = []
    port = loaded.site.gateway.port
    tasks = [
        asyncio.create_task(run_service(loaded, clock, emulated=True, on_ready=lambda _: control.say(port))),
        asyncio.create_task(_sample(clock, samples)),
    ]
    told = asyncio.create_task(control.told())
    await asyncio.wait([*tasks, told], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()
    measured = list(samples)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=STOP_S)
    control.say(measured)


async def emulate(control: Control, loaded: LoadedSite) -> None:
    """All devices of the site."""
    from simulators.serve import serve as serve_devices

    await serve_devices(loaded, RealClock(), on_ready=control.say)


async def stalled_client(port: int, topics: Sequence[str]) -> socket.socket:
    """A WebSocket that asks for topics and then never reads, with the smallest of receive buffers."""
    sock = socket.socket()
    key = base64.b64encode(os.urandom(16)).decode()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(
        sock,
        f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode(),
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await loop.sock_recv(sock, 64)
    for number, topic in enumerate(topics):
        text = json.dumps({"t": "sub", "id": number, "topic": topic}).encode()
        # A final text frame of less than 126 bytes, masked with zeros as clients must mask.
        await loop.sock_sendall(sock, bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    return sock

"""Devices that can be harmed: each an emulator in a process of its own, some behind a network of their own."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.sites import PROFILES, SCHEMES
from config.clock import RealClock

START_S = 90.0
STOP_S = 5.0
STARTING = asyncio.Semaphore(2)
"""Emulators that start at once: a start takes seconds of a core."""
NOWHERE = "02:00:00:00:00:01"
"""An address of the link layer that no interface has: what is sent there is lost without a word."""
RENUMBERED_BY = {"entity": "station", "signal": "frequency_hz", "address": "nsu=urn:swaptwin:shift;s={station}.Hz"}
"""A point in a namespace of its own, which comes first and so moves all others by one."""


def networks_missing() -> str | None:
    """Why no networks can be made here, ``None`` where they can."""
    if os.geteuid() != 0:
        return "networks of their own need root"
    if shutil.which("ip") is None:
        return "networks of their own need the program ip (iproute2)"
    tried = subprocess.run(["ip", "netns", "add", f"swt-try-{os.getpid()}"], capture_output=True, check=False)
    if tried.returncode != 0:
        return f"networks of their own cannot be made: {tried.stderr.decode().strip()}"
    subprocess.run(["ip", "netns", "del", f"swt-try-{os.getpid()}"], capture_output=True, check=False)
    return None


class Network:
    """A network namespace with one cable to this one. ``outside`` and ``inside`` are the addresses of its ends."""

    def __init__(self, number: int) -> None:
        self.name = f"swt-{os.getpid()}-{number}"
        self._near, self._far = f"swt{os.getpid() % 10_000}n{number}", f"swt{os.getpid() % 10_000}f{number}"
        self.outside, self.inside = f"10.213.{number}.1", f"10.213.{number}.2"

    async def make(self) -> None:
        await _ip("netns", "add", self.name)
        await _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far)
        await _ip("link", "set", self._far, "netns", self.name)
        await _ip("addr", "add", f"{self.outside}/30", "dev", self._near)
        await _ip("link", "set", self._near, "up")
        for words in (
            ("addr", "add", f"{self.inside}/30", "dev", self._far),
            ("link", "set", self._far, "up"),
            ("link", "set", "lo", "up"),
        ):
            await _ip("-n", self.name, *words)

    async def unplug(self) -> None:
        await _ip("link", "set", self._near, "down")

    async def plug(self) -> None:
        await _ip("link", "set", self._near, "up")

    async def swallow(self) -> None:
        """From now on every packet is lost, in both directions, and neither end is told."""
        await _ip("neigh", "replace", self.inside, "lladdr", NOWHERE, "nud", "permanent", "dev", self._near)
        words = ("neigh", "replace", self.outside, "lladdr", NOWHERE, "nud", "permanent", "dev", self._far)
        await _ip("-n", self.name, *words)

    async def carry(self) -> None:
        """Packets arrive again."""
        await _ip("neigh", "del", self.inside, "dev", self._near)
        await _ip("-n", self.name, "neigh", "del", self.outside, "dev", self._far)

    async def remove(self) -> None:
        with contextlib.suppress(RuntimeError):  # it was not made, or not whole
            await _ip("link", "del", self._near)
        with contextlib.suppress(RuntimeError):
            await _ip("netns", "del", self.name)


class Rig:
    """One station ``name`` on a protocol, with what it needs. ``host`` and ``port`` are where the gateway finds it."""

    def __init__(
        self, name: str, protocol: str, folder: Path, ports: tuple[int, int], network: Network | None = None
    ) -> None:
        self.name, self.protocol, self._folder, self.network = name, protocol, folder, network
        self.port, self._inner_port = ports
        self.host = network.inside if network else "127.0.0.1"
        # Behind a network the emulator still listens on loopback, and a relay there passes connections on to it.
        self._served = self._inner_port if network else self.port
        self._emulator: asyncio.subprocess.Process | None = None
        self._broker: asyncio.subprocess.Process | None = None
        self._relay: asyncio.subprocess.Process | None = None
        self._drains: set[asyncio.Task[bytes]] = set()
        self._sites = [self._write("site", []), self._write("renumbered", [RENUMBERED_BY])]
        self._numbering = 0

    def station(self, host: str, port: int, profile: str) -> dict[str, Any]:
        """The station as a site file has it."""
        device = {"id": "cabinet", "profile": profile, "url": f"{SCHEMES[self.protocol]}://{host}:{port}"}
        return {
            "id": self.name,
            "name": self.name,
            "latitude": 26.8,
            "longitude": 80.9,
            "slots": 4,
            "grid_limit_w": 4000.0,
            "devices": [device | {"interval_s": 1.0}],
            "emulation": {"packs": 3, "seed": 1},
        }

    async def start(self) -> None:
        if self.network:
            await self.network.make()
            words = (self.network.inside, str(self.port), str(self._inner_port))
            self._relay = await self._program(sys.executable, "-m", "benchmarks.relay", *words)
            await self._until_said(self._relay, "relays")
        if self.protocol == "mqtt":
            await self.start_broker()
        await self.start_server()

    async def start_server(self) -> None:
        """Start the device; returns when it serves."""
        async with STARTING:
            self._emulator = await self._program(
                sys.executable, "-m", "gateway.cli", "emulate", str(self._sites[self._numbering])
            )
            await self._until_said(self._emulator, "ground truth")

    async def kill_server(self) -> None:
        await _kill(self._emulator)

    async def renumber(self) -> None:
        """Start the device anew, with its namespaces in another order."""
        await self.kill_server()
        self._numbering = 1 - self._numbering
        await self.start_server()

    def freeze(self) -> None:
        """The server stands still as a hung machine does; on MQTT that is the broker."""
        self._frozen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._frozen.send_signal(signal.SIGCONT)

    async def start_broker(self) -> None:
        file = self._folder / f"{self.name}.conf"
        file.write_text(f"listener {self._served} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
        self._broker = await self._program("mosquitto", "-c", str(file))
        clock = RealClock()
        async with clock.timeout(START_S):
            while not await self._answers():
                await clock.sleep(0.02)

    async def kill_broker(self) -> None:
        await _kill(self._broker)

    async def stop(self) -> None:
        for process in (self._emulator, self._broker, self._relay):
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                await _kill(process)
        for drain in self._drains:
            drain.cancel()
        if self.network:
            await self.network.remove()

    @property
    def _frozen(self) -> asyncio.subprocess.Process:
        process = self._broker if self.protocol == "mqtt" else self._emulator
        assert process is not None
        return process

    def _write(self, name: str, first: list[dict[str, str]]) -> Path:
        profile = PROFILES[self.protocol]
        if first and self.protocol == "opcua":
            bundled = Path(__file__).parents[1] / "config" / "profiles" / f"{profile}.yaml"
            described = yaml.safe_load(bundled.read_text(encoding="utf-8"))
            described["points"] = first + described["points"]
            profile = str(self._folder / "renumbered-cabinet.yaml")
            Path(profile).write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
        site = {
            "site": "bench",
            "name": "Benchmark",
            "emulation": {"truth_port": 0, "broker": "external"},
            "stations": [self.station("127.0.0.1", self._served, profile)],
        }
        file = self._folder / f"{self.name}-{name}.yaml"
        file.write_text(yaml.safe_dump(site, sort_keys=False), encoding="utf-8")
        return file

    async def _program(self, *command: str) -> asyncio.subprocess.Process:
        inside = ("ip", "netns", "exec", self.network.name) if self.network else ()
        return await asyncio.create_subprocess_exec(
            *inside,
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
        )

    async def _until_said(self, process: asyncio.subprocess.Process, word: str) -> None:
        assert process.stdout
        said = []
        async with RealClock().timeout(START_S):
            while word not in (line := (await process.stdout.readline()).decode()):
                said.append(line)
                if not line:
                    raise RuntimeError(f"{self.name}: a program ended before it said {word!r}: {''.join(said)}")
        # Nobody reads on what it says from here on, and a full pipe would stop it.
        drain = asyncio.create_task(process.stdout.read())
        self._drains.add(drain)
        drain.add_done_callback(self._drains.discard)

    async def _answers(self) -> bool:
        """Whether the broker takes connections, as seen from where it is."""
        check = f"import socket; socket.create_connection(('127.0.0.1', {self._served}), 1.0)"
        if self.network is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._served)
            except OSError:
                return False
            writer.close()
            return True
        process = await self._program(sys.executable, "-c", check)
        await process.communicate()
        return process.returncode == 0


async def _ip(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "ip", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {said.decode().strip()}")


async def _kill(process: asyncio.subprocess.Process | None) -> None:
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    async with RealClock().timeout(STOP_S):
        await process.wait()


def lasting_ports(count: int) -> list[int]:
    """Free ports of the loopback that the system gives to no outgoing connection: emulators take long to start."""
    found: list[int] = []
    for port in random.Random(os.getpid()).sample(range(12_000, 32_000), 4 * count + 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"no {count} ports are free")


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for the files of a measurement."""
    return tempfile.TemporaryDirectory(prefix="swaptwin-bench-")

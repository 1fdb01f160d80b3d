"""The emulator's process: the product's own devices on real protocols, with changes that a measurement can recognise."""

import asyncio
import random
from pathlib import Path

from benchmarks.processes import Control
from config.binding import BoundDevice
from config.clock import Clock, RealClock
from config.loader import load_site
from simulators.face import Face
from simulators.riders import ListedRiders
from simulators.serve import build_faces
from simulators.station import PhysicalStation, Value
from twin.signals import SIGNALS, Kind

_ANALOG = {name: signal for (entity, name), signal in SIGNALS.items() if entity == "slot" and signal.kind is Kind.ANALOG}

Change = tuple[str, int, float]
"""Station, number of the change, epoch second just before it was shown to the network."""


class Marked(PhysicalStation):
    """A station whose meter shows the number of its latest change instead of watts."""

    mark = 0

    def value(self, signal: str, slot: int | None = None) -> Value:
        if slot is None and signal == "power_w":
            return float(self.mark)
        return super().value(signal, slot)


class Restless(Marked):
    """As well, every measured value of every slot is another one at each change."""

    def value(self, signal: str, slot: int | None = None) -> Value:
        analog = _ANALOG.get(signal)
        if slot is None or analog is None:
            return super().value(signal, slot)
        place = (self.mark * 7 + slot * 13) % 101 / 101.0
        return max(analog.minimum, 0.0) + place * min(analog.maximum - max(analog.minimum, 0.0), 100.0)


async def changing(control: Control, file: Path, shortest_s: float, longest_s: float) -> None:
    """Serve a site whose stations each change once per ``shortest_s`` to ``longest_s``, at random, until told to end.

    Then say when each change was (a list of ``Change``).
    """
    clock = RealClock()
    changes: list[Change] = []
    rng = random.Random(1)
    async with asyncio.TaskGroup() as group:
        faces = await _start(file, clock, Marked)
        control.say()
        tasks = [
            group.create_task(_change(face, station, clock, rng, (shortest_s, longest_s), changes))
            for face, station in faces
        ]
        await control.told()
        for task in tasks:
            task.cancel()
    control.say(changes)


async def restless(control: Control, file: Path, period_s: float) -> None:
    """Serve a site all of whose measured values change every ``period_s``."""
    clock = RealClock()
    async with asyncio.TaskGroup() as group:
        faces = await _start(file, clock, Restless)
        control.say()
        for face, station in faces:
            group.create_task(_change(face, station, clock, random.Random(1), (period_s, period_s), []))


async def _start(file: Path, clock: Clock, kind: type[Marked]) -> list[tuple[Face, Marked]]:
    loaded = load_site(file)
    now = clock.now()
    stations = {config.id: kind(config, ListedRiders([], now), now) for config in loaded.site.stations}
    faces = [(_face(device, stations[device.station.id]), stations[device.station.id]) for device in loaded.bind()]
    for face, _ in faces:
        await face.start()
    return faces


def _face(device: BoundDevice, station: PhysicalStation) -> Face:
    ((face, _),) = build_faces([device], {device.station.id: station})
    return face


async def _change(
    face: Face,
    station: Marked,
    clock: Clock,
    rng: random.Random,
    wait_s: tuple[float, float],
    changes: list[Change],
) -> None:
    due = clock.monotonic()
    while True:
        due = max(due + rng.uniform(*wait_s), clock.monotonic())
        await clock.sleep(due - clock.monotonic())
        station.advance(clock.now())
        station.mark += 1
        changes.append((station.id, station.mark, clock.now()))
        await face.publish()

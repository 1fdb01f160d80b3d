"""What alarms cost the event loop at 100 stations of 12 slots: quiet, and when chargers fail everywhere at once.

Processor time. Values, twins and forecasts stand in memory; no device and no disk takes part.
"""

import asyncio
import gc
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from adapters.base import Batch, LinkState
from benchmarks.report import Cell, Table, median, quantile
from benchmarks.sites import write_site
from config.clock import ManualClock
from config.loader import load_site
from gateway.alarms.book import Note
from gateway.alarms.engine import CHUNK, AlarmEngine
from gateway.alarms.watches import Sources
from gateway.hub import Hub
from gateway.image import Image
from gateway.layout import layouts
from twin.live import LiveTwin
from twin.signals import SIGNALS, ChargerState

STATIONS, SLOTS = 100, 12
LOOKS = 200
FAULTY = (0, 12, 120, 1_200)


class Bench:
    """A site of which everything is in order."""

    def __init__(self, folder: Path) -> None:
        names = [(f"S{number:03d}", "modbus", 20_000 + number, 1.0) for number in range(STATIONS)]
        loaded = load_site(write_site(folder, names, slots=SLOTS))
        bound = loaded.bind()
        self.clock = ManualClock()
        self.image = Image(bound, self.clock)
        self.layouts = layouts(bound)
        self.hub = Hub(self.clock)
        twins = {name: LiveTwin(layout.station.spec(), self.clock.now()) for name, layout in self.layouts.items()}
        made = {"generated_at": self.clock.now(), "quality": "good", "data_age_s": 1.0}
        sources = Sources(
            {name: twin.estimate() for name, twin in twins.items()},
            {name: made | {"stockout_probability": {"1800": 0.1}} for name in self.layouts},
            {name: {"ready": 5, "ready_quality": "good"} for name in self.layouts},
            lambda: False,
            lambda: 0.01,
        )
        self.engine = AlarmEngine(loaded, self.image, self.layouts, self.clock, self.hub, sources, self.keep)
        for sink in self.image.sinks:
            sink.link.state = LinkState.CONNECTED
        self.say(faulty=0)
        # As the gateway does, once everything stands.
        gc.collect()
        gc.freeze()

    async def keep(self, notes: Sequence[Note]) -> None:
        """Nothing: the disk is not measured here."""

    def say(self, faulty: int) -> None:
        """All points report; the chargers of the first so many slots have failed."""
        usual = {
            "occupied": 1.0,
            "charger_state": 1.0,
            "temperature_c": 30.0,
            "soc": 0.5,
            "locked": 1.0,
            "mains_ok": 1.0,
        }
        left = faulty
        for sink in self.image.sinks:
            points = sink.device.points
            values = np.array([usual.get(point.signal.name, SIGNALS[key(point)].minimum) for point in points])
            for place, point in enumerate(points):
                if point.signal.name == "charger_state" and left > 0:
                    values[place], left = float(ChargerState.FAULT), left - 1
            count, now = len(points), self.clock.now()
            good = np.zeros(count, dtype=np.uint8)
            numbers = np.array([point.number for point in points], dtype=np.int32)
            sink.push(Batch(numbers, values, good, good, np.full(count, now), now))

    def slices(self) -> list[float]:
        """Seconds of each piece of one look, between which the loop may have its turn."""
        stamps = [thread_time()]
        for watch in self.engine._watches:
            for _ in self.engine._step(watch):
                stamps.append(thread_time())
        return [later - earlier for earlier, later in pairwise(stamps)]


def key(point: Any) -> tuple[str, str]:
    return point.signal.entity, point.signal.name


async def burst(bench: Bench, faulty: int) -> list[Cell]:
    """So many chargers fail at once: what is looked at, and what is told of it."""
    bench.say(faulty)
    bench.slices()
    await bench.clock.advance(3.0)
    bench.say(faulty)
    pieces = bench.slices()
    notes = bench.engine.book.take()
    begun = thread_time()
    for first in range(0, len(notes), CHUNK):
        bench.engine._publish(notes[first : first + CHUNK])
    told = thread_time() - begun
    alarms = sum(note.change == "raised" for note in notes)
    chunks = max(-(-len(notes) // CHUNK), 1)
    return [faulty, alarms, 1e3 * sum(pieces), 1e3 * max(pieces), 1e3 * told, 1e3 * told / chunks]


async def run() -> list[Table]:
    """The cost of looking, and of a burst."""
    with tempfile.TemporaryDirectory() as folder:
        begun = perf_counter()
        bench = await asyncio.to_thread(Bench, Path(folder))
        built = perf_counter() - begun
        quiet = [bench.slices() for _ in range(LOOKS)]
        assert not list(bench.engine.book), [entry.about.id for entry in bench.engine.book]
        totals, longest = [sum(pieces) for pieces in quiet], [max(pieces) for pieces in quiet]
        rows = [await burst(await asyncio.to_thread(Bench, Path(folder)), faulty) for faulty in FAULTY]
    return [
        Table(
            f"{STATIONS} stations of {SLOTS} slots, all in order: one look at everything (four a second)",
            ["", "p50 ms", "p99 ms", "of a core %"],
            [
                ["whole look", 1e3 * median(totals), 1e3 * quantile(totals, 0.99), 100.0 * 4.0 * median(totals)],
                ["longest piece", 1e3 * median(longest), 1e3 * quantile(longest, 0.99), None],
            ],
            [f"{len(bench.engine._watches)} conditions; {len(bench.image.points)} points; built in {built:.1f} s."],
        ),
        Table(
            "Chargers fail at once",
            ["chargers", "alarms", "look ms", "longest piece ms", "publish ms", "a turn ms"],
            rows,
        ),
    ]

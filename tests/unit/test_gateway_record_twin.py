"""The twin's own series: dense enough to draw, thin enough to keep."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from config.clock import ManualClock
from gateway.record_twin import TwinRecorder
from gateway.store import Row, Store
from tests.support.site_image import LOADED
from twin.live import LiveTwin
from twin.observation import Estimate
from twin.signals import Quality, Reason
from twin.spec import SlotPhase

STATION = LOADED.site.stations[3]


class Bench:
    """A recorder, and what reached its store."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = Store(folder, self.clock, 30.0, 100.0)
        self.recorder = TwinRecorder(self.store, self.clock)
        self.base = LiveTwin(STATION.spec(), self.clock.now()).estimate()

    def estimate(self, soc: float, alone: bool = False) -> Estimate:
        slots = STATION.slots
        phase = np.full(slots, SlotPhase.CHARGING, dtype=np.int8)
        phase[-1] = SlotPhase.EMPTY
        state = replace(self.base.state, phase=phase, soc=np.full(slots, soc), temperature_c=np.full(slots, 30.0))
        return replace(self.base, time=self.clock.now(), state=state, substituted=np.full(slots, alone))

    async def step(self, soc: float, seconds: float = 5.0, alone: bool = False) -> list[Row]:
        await self.clock.advance(seconds)
        self.recorder.stepped(STATION.id, self.estimate(soc, alone))
        rows = list(self.store._samples)
        self.store._samples.clear()
        return rows


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_series_is_recorded_when_it_has_moved(bench: Bench) -> None:
    first = await bench.step(0.5)
    assert len(first) == 2 * (STATION.slots - 1)
    assert (f"{STATION.id}/slot/01/twin_soc", bench.clock.now(), 0.5, 0, 0) in first
    assert (f"{STATION.id}/slot/01/twin_temperature_c", bench.clock.now(), 30.0, 0, 0) in first
    assert await bench.step(0.504) == []
    assert {row[2] for row in await bench.step(0.506)} == {0.506}


async def test_not_more_often_than_every_5_s_and_at_least_every_minute(bench: Bench) -> None:
    await bench.step(0.5)
    assert await bench.step(0.9, seconds=1.0) == []
    assert len(await bench.step(0.9, seconds=4.0)) == STATION.slots - 1
    assert len(await bench.step(0.9, seconds=60.0)) == 2 * (STATION.slots - 1)


async def test_what_the_model_carries_on_alone_is_marked_at_once(bench: Bench) -> None:
    await bench.step(0.5)
    rows = await bench.step(0.5, alone=True)
    assert {row[3:] for row in rows} == {(int(Quality.UNCERTAIN), int(Reason.SUBSTITUTED))}


async def test_a_pack_that_left_ends_the_line(bench: Bench) -> None:
    await bench.step(0.5)
    bench.base = replace(bench.base)
    await bench.clock.advance(5.0)
    gone = bench.estimate(0.5)
    gone.state.phase[0] = SlotPhase.EMPTY
    bench.recorder.stepped(STATION.id, gone)
    assert {(row[0], row[2]) for row in bench.store._samples} == {
        (f"{STATION.id}/slot/01/twin_soc", None),
        (f"{STATION.id}/slot/01/twin_temperature_c", None),
    }

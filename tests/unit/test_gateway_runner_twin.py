"""The twin keeps in step with site time, coasts when telemetry stops, and learns nothing from bad values."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from gateway.twin_runner import TwinRunner
from tests.support.site_image import Telemetry
from twin.observation import Estimate
from twin.signals import ChargerState


class Running:
    """One station's twin on a clock that the test moves."""

    def __init__(self, speed: float = 1.0) -> None:
        self.telemetry = Telemetry(speed=speed)
        layout = self.telemetry.layout
        self.steps: list[Estimate] = []
        self.runner = TwinRunner(
            self.telemetry.image,
            {layout.station.id: layout},
            self.telemetry.clock,
            lambda _, estimate, __: self.steps.append(estimate),
        )

    @property
    def estimate(self) -> Estimate:
        return self.runner.estimates[self.telemetry.layout.station.id]

    async def advance(self, seconds: float) -> None:
        """Move time; ages are looked at as the service does."""
        self.telemetry.image.sweep()
        await self.telemetry.clock.advance(seconds)
        self.telemetry.image.sweep()
        await self.telemetry.clock.advance(0.6)


@asynccontextmanager
async def running(speed: float = 1.0) -> AsyncIterator[Running]:
    made = Running(speed)
    task = asyncio.ensure_future(made.runner.run())
    try:
        yield made
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_twin_takes_up_what_telemetry_says() -> None:
    async with running() as twin:
        twin.telemetry.say_all_well(soc=0.98)
        await twin.advance(0.5)
        slots = twin.telemetry.layout.station.slots
        assert twin.estimate.ready == slots - 1
        assert not twin.estimate.substituted.any()


async def test_when_telemetry_stops_the_twin_goes_on_charging_and_says_substituted() -> None:
    async with running() as twin:
        twin.telemetry.say_all_well(soc=0.5)
        charging = {("charger_state", slot): float(ChargerState.CHARGING) for slot in (1, 2, 3)}
        twin.telemetry.say(charging)  # type: ignore[arg-type]
        await twin.advance(0.5)
        before = twin.estimate
        twin.telemetry.sink.lost("unplugged")
        await twin.advance(600.0)
        assert twin.estimate.substituted.all()
        assert (twin.estimate.state.soc[:3] > before.state.soc[:3] + 0.05).all()
        assert twin.estimate.time == pytest.approx(twin.telemetry.clock.now(), abs=0.6)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 655.35, -1.0])
async def test_a_value_that_cannot_be_true_changes_nothing_in_the_twin(value: float) -> None:
    async with running() as twin:
        twin.telemetry.say_all_well(soc=0.98)
        await twin.advance(0.5)
        ready = twin.estimate.ready
        twin.telemetry.say({("soc", 1): value, ("temperature_c", 1): value * 1000.0, ("swap_count", None): value})
        await twin.advance(0.5)
        assert twin.estimate.ready == ready
        assert twin.estimate.state.soc[0] == pytest.approx(0.98, abs=0.01)
        assert np.isfinite(twin.estimate.state.temperature_c).all()


async def test_the_twin_stays_in_step_on_an_accelerated_clock_and_measures_how_far_it_was_behind() -> None:
    async with running(speed=60.0) as twin:
        twin.telemetry.say_all_well()
        await twin.advance(20.0)
        behind_s = twin.telemetry.clock.now() - twin.estimate.time
        assert behind_s <= 60.0 * 0.6
        lateness = twin.runner.health()["lateness_s"]
        assert lateness["max"] is not None
        assert 0.0 < lateness["max"] <= 60.0 * 0.6


async def test_a_change_is_told_to_the_twin_before_its_next_regular_step() -> None:
    async with running() as twin:
        await twin.advance(1.0)
        before = len(twin.steps)
        twin.telemetry.say_all_well()
        await twin.telemetry.clock.advance(0.2)
        assert len(twin.steps) > before
        assert twin.estimate.ready > 0


async def test_after_the_clock_was_set_back_the_twin_goes_on() -> None:
    async with running() as twin:
        twin.telemetry.say_all_well()
        await twin.advance(1.0)
        clock = twin.telemetry.clock
        clock._start -= 3600.0  # what an administrator or a time server does to a gateway
        twin.telemetry.say_all_well()
        await twin.advance(1.0)
        assert twin.estimate.time == pytest.approx(clock.now(), abs=0.6)
        assert twin.estimate.ready > 0

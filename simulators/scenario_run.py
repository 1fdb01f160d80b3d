"""A scenario at work: its timeline on the emulators, its expectations on what a gateway shows."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from config.clock import Clock
from simulators.expression import Expression, ExpressionError
from simulators.faults.engine import Entry, Faults
from simulators.scenario import Expectation, Scenario, Step
from simulators.scenario_watch import GatewayWatch
from simulators.serve import Emulation
from simulators.truth import truth_of

LOOK_S = 0.1
"""Wall seconds between two looks at a ``when``."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """How one expectation went. Times in wall seconds."""

    step: str
    expectation: str
    at_s: float
    """Site seconds since the start."""
    passed: bool
    took_s: float | None
    """Until it held."""
    why: str = ""
    """What was seen instead."""

    def report(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "at_s": round(self.at_s, 2),
            "expectation": self.expectation,
            "passed": self.passed,
            "took_s": None if self.took_s is None else round(self.took_s, 3),
            "why": self.why,
        }


@dataclass(slots=True)
class Result:
    """A scenario that has been run."""

    scenario: str
    title: str
    outcomes: list[Outcome] = field(default_factory=list)
    injected: list[dict[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(outcome.passed for outcome in self.outcomes)

    def report(self) -> dict[str, Any]:
        """As plain data, for ``--json``."""
        return {
            "scenario": self.scenario,
            "title": self.title,
            "passed": self.passed,
            "failed": sum(not outcome.passed for outcome in self.outcomes),
            "expectations": [outcome.report() for outcome in self.outcomes],
            "injected": self.injected,
        }


class ScenarioRun:
    """One scenario on a running emulation."""

    def __init__(
        self, scenario: Scenario, emulation: Emulation, watch: GatewayWatch | None, clock: Clock, say: Say
    ) -> None:
        """``watch``: of the gateway; ``None`` where nothing is expected. ``say``: told what happens, line by line."""
        self._scenario, self._emulation, self._watch = scenario, emulation, watch
        self._clock, self._say = clock, say
        self._labelled: dict[str, list[Entry]] = {}
        self._drawn = 0
        self._start = 0.0
        self.result = Result(scenario.scenario, scenario.title)

    @property
    def _faults(self) -> Faults:
        return self._emulation.faults

    async def run(self) -> Result:
        """Wait for the gateway, run the timeline as often as asked, and say how it went."""
        if self._watch is not None and not await self._ready(self._watch):
            return self.result
        for number in range(self._scenario.loop):
            if self._scenario.loop > 1:
                self._say(f"run {number + 1} of {self._scenario.loop}")
            await self._once()
        return self.result

    async def _ready(self, watch: GatewayWatch) -> bool:
        within_s = self._scenario.ready_within_s
        started = self._clock.monotonic()

        def ready() -> bool:
            devices = watch.devices().values()
            return bool(devices) and not any(_without_data(device) for device in devices)

        held = await watch.until(ready, within_s)
        took_s = self._clock.monotonic() - started
        away = [name for name, device in watch.devices().items() if _without_data(device)]
        why = "" if held else (f"no data from {', '.join(away)}" if away else watch.problem)
        text = f"all devices are connected and have data within {within_s:g} s"
        self._note(Outcome("before the start", text, 0.0, held, took_s if held else None, why))
        return held

    async def _once(self) -> None:
        self._start = self._clock.now()
        self._labelled.clear()
        try:
            async with asyncio.TaskGroup() as group:
                steps = [group.create_task(self._schedule(step)) for step in self._scenario.timeline]
                if self._scenario.duration_s is not None:
                    await self._until(self._scenario.duration_s)
                    for task, step in zip(steps, self._scenario.timeline, strict=True):
                        if step.at is None:
                            task.cancel()
        finally:
            self._faults.clear_all()
        await self._faults.settled()

    async def _schedule(self, step: Step) -> None:
        """Do a step when its time comes."""
        if step.at is not None:
            await self._until(step.at)
            await self._do(step)
        elif step.every is not None:
            for number in range(step.times or 10**9):
                await self._until(step.every * (number + 1))
                await self._do(step)
        else:
            for _ in range(step.times or 1):
                await self._comes_true(Expression(step.when or "false"))
                await self._do(step)

    async def _until(self, at_s: float) -> None:
        wait_s = (self._start + at_s - self._clock.now()) / self._clock.speed
        await self._clock.sleep(max(wait_s, 0.0))

    async def _comes_true(self, condition: Expression) -> None:
        """Wait until a condition becomes true; one that is true already has become so."""
        before = False
        while True:
            now = bool(condition(self._truth()))
            if now and not before:
                return
            before = now
            await self._clock.sleep(LOOK_S)

    def _truth(self) -> Mapping[str, Any]:
        stations = {name: truth_of(station) for name, station in self._emulation.stations.items()}
        return {"time": self._clock.now() - self._start, "stations": stations, **stations}

    async def _do(self, step: Step) -> None:
        name = step.note or _name(step)
        self._say(f"{self._clock.now() - self._start:7.1f} s  {name}")
        for label in step.clear:
            if label == "all":
                self._faults.clear_all()
            for entry in self._labelled.pop(label, []):
                self._faults.clear(entry.id)
        for injection in step.inject:
            self._drawn += 1
            order = injection.model_dump(exclude={"label"})
            if injection.seed is None:
                order["seed"] = crc32(f"{self._scenario.seed} {self._drawn}".encode())
            entry = self._faults.inject(order)
            self.result.injected.append(entry.report())
            if injection.label:
                self._labelled.setdefault(injection.label, []).append(entry)
        await self._faults.settled()
        await asyncio.gather(*(self._hold(name, expectation) for expectation in step.expect))

    async def _hold(self, step: str, expectation: Expectation) -> None:
        """Hold an expectation against what the gateway shows, and note how it went."""
        watch = self._watch
        if watch is None:
            return
        at_s = self._clock.now() - self._start
        started = self._clock.monotonic()
        check = Check(expectation, watch)
        held = await watch.until(check.holds, expectation.within_s)
        took_s = self._clock.monotonic() - started if held else None
        if held and expectation.holds_s:
            broken = await watch.until(lambda: not check.holds(), expectation.holds_s)
            held = not broken
        self._note(Outcome(step, str(expectation), at_s, held, took_s, "" if held else check.why))

    def _note(self, outcome: Outcome) -> None:
        self.result.outcomes.append(outcome)
        took = f" ({outcome.took_s:.2f} s)" if outcome.took_s is not None else ""
        word, tail = ("holds", took) if outcome.passed else ("FAILS", f": {outcome.why}")
        self._say(f"           {word}  {outcome.expectation}{tail}")


class Check:
    """An expectation, and what was last seen of its object."""

    def __init__(self, expectation: Expectation, watch: GatewayWatch) -> None:
        self._expectation, self._watch = expectation, watch
        self._that = Expression(expectation.that) if expectation.that else None
        self.why = ""

    def holds(self) -> bool:
        wanted = self._expectation
        seen = self._watch.seen(wanted)
        if wanted.absent and self._watch.follows(wanted):
            self.why = "" if seen is None else "it is there"
            return seen is None
        if seen is None:
            self.why = f"the gateway does not show it ({self._watch.problem})"
            return False
        self.why = ", ".join(f"{key} {seen[key]}" for key in ("state", "value", "quality", "reason") if key in seen)
        for key in ("state", "quality", "reason"):
            value = getattr(wanted, key)
            if value is not None and seen.get(key) != value:
                return False
        if self._that is None:
            return True
        try:
            return bool(self._that(seen))
        except ExpressionError as error:
            self.why = str(error)
            return False


def _without_data(device: Mapping[str, Any]) -> bool:
    return bool(device["state"] != "connected" or device["reason"] == "no_communication")


def _name(step: Step) -> str:
    """A step in words."""
    done = [f"inject {each.fault} at {each.target}" for each in step.inject]
    done += [f"clear {label}" for label in step.clear]
    return "; ".join(done) or "expect"

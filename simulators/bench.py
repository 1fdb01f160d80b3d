"""What a bench can order of a running emulation besides faults: another speed, and scenarios."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from config.clock import Anchor, Paced
from config.errors import ConfigError
from config.loader import LoadedSite
from simulators.faults.rest import LOCAL, local_only, read_object, refusal
from simulators.scenario import Scenario, bundled_scenarios, load_scenario, parse_scenario
from simulators.scenario_run import ScenarioRun
from simulators.scenario_watch import GatewayWatch
from simulators.serve import Emulation

LINES = 200
"""Lines of a scenario's report that are kept."""
SLOWEST, FASTEST = 0.01, 1000.0

log = structlog.get_logger()


class Bench:
    """One scenario at a time; the latest one is told of until the next begins."""

    def __init__(self, loaded: LoadedSite, emulation: Emulation, clock: Paced) -> None:
        self._loaded, self._emulation, self._clock = loaded, emulation, clock
        self._scenario: Scenario | None = None
        self._run: ScenarioRun | None = None
        self._task: asyncio.Task[None] | None = None
        self._started = 0.0
        self._ended: float | None = None
        self._stopped = False
        self._lines: deque[str] = deque(maxlen=LINES)

    def follow(self, anchor: Anchor) -> None:
        """Go over to another speed."""
        self._clock.follow(anchor)
        self._emulation.faults.repaced()

    async def start(self, name: str | None, text: str | None, gateway: str | None) -> None:
        """Start a bundled scenario, or one that is given as YAML, in place of the one that runs.

        ``gateway``: against what its expectations are held. Raises ``ConfigError``.
        """
        if text is not None:
            scenario = await asyncio.to_thread(parse_scenario, text, self._loaded)
        else:
            scenario = await asyncio.to_thread(load_scenario, bundled_scenarios()[name or ""][0], self._loaded)
        await self.stop()
        watch = None
        if scenario.expects and gateway is not None:
            watch = GatewayWatch(gateway, (each for step in scenario.timeline for each in step.expect), self._clock)
        self._scenario, self._started, self._ended, self._stopped = scenario, self._clock.now(), None, False
        self._lines.clear()
        self._run = ScenarioRun(scenario, self._emulation, watch, self._clock, self._lines.append)
        self._task = asyncio.create_task(self._work(self._run, watch))

    async def stop(self) -> bool:
        """End the scenario that runs, and its faults; false where none does."""
        task, self._task = self._task, None
        if task is None or task.done():
            return False
        self._stopped = True
        task.cancel()
        await asyncio.wait([task])
        await self._emulation.faults.settled()
        return True

    async def _work(self, run: ScenarioRun, watch: GatewayWatch | None) -> None:
        following = None if watch is None else asyncio.create_task(watch.run())
        try:
            await run.run()
        except Exception as error:
            # Nobody waits for this task: what it died of is told in its report.
            self._lines.append(f"the scenario failed: {error}")
            log.exception("scenario failed", scenario=self._scenario and self._scenario.scenario)
        finally:
            self._ended = self._clock.now()
            if following is not None:
                following.cancel()

    def report(self) -> dict[str, Any]:
        """What there is, and what runs."""
        anchor = self._clock.anchored(self._clock.speed, 0.0)
        return {
            "clock": {"wall": anchor.wall, "site": anchor.site, "speed": anchor.speed},
            "speed": self._clock.speed,
            "scenarios": [{"name": name, "title": title} for name, (_, title) in bundled_scenarios().items()],
            "running": self._latest() if self._task is not None and not self._task.done() else None,
            "latest": self._latest(),
        }

    def _latest(self) -> dict[str, Any] | None:
        if self._scenario is None or self._run is None:
            return None
        result = self._run.result.report()
        return {
            "name": self._scenario.scenario,
            "title": self._scenario.title,
            "since": self._started,
            "until": self._ended,
            "stopped": self._stopped,
            "passed": result["passed"] if self._ended is not None and not self._stopped else None,
            "expectations": result["expectations"],
            "lines": list(self._lines),
        }


def bench_routes(bench: Bench) -> list[Route]:
    """``GET /bench``, ``POST /clock``, ``POST`` and ``DELETE /scenarios``."""

    async def shown(_: Request) -> Response:
        return JSONResponse(bench.report())

    async def clock(request: Request) -> Response:
        wanted = "an object with 'wall', 'site' and 'speed'"
        order = await read_object(request, wanted)
        if isinstance(order, Response):
            return order
        anchor = _anchor(order)
        if anchor is None:
            return refusal(422, "invalid", f"no anchor of a clock: {str(order)[:100]}", f"Send {wanted}, as numbers")
        bench.follow(anchor)
        return JSONResponse({"speed": anchor.speed})

    async def start(request: Request) -> Response:
        order = await read_object(request, "an object with 'name' or 'yaml'")
        if isinstance(order, Response):
            return order
        name, text, gateway = (order.get(key) for key in ("name", "yaml", "gateway"))
        if (name is None) == (text is None) or not isinstance(name or text, str):
            return refusal(422, "invalid", "no scenario is named", "Send either 'name' or 'yaml', as text")
        if gateway is not None and urlsplit(str(gateway)).hostname not in LOCAL:
            return refusal(422, "invalid", "the gateway must be on this machine", "Send its address, or leave it out")
        if isinstance(name, str) and name not in bundled_scenarios():
            known = ", ".join(bundled_scenarios())
            return refusal(404, "unknown_scenario", f"no scenario is called {name[:40]!r}", f"There are: {known}")
        try:
            await bench.start(name, text, gateway)
        except ConfigError as error:
            problems = "; ".join(f"line {each.line}: {each.key}: {each.message}" for each in error.problems[:5])
            return refusal(422, "wrong_scenario", problems, str(error.problems[0].remedy))
        return JSONResponse(bench.report(), 201)

    async def stop(_: Request) -> Response:
        return JSONResponse({"stopped": await bench.stop()})

    return [
        Route("/bench", local_only(shown), methods=["GET"]),
        Route("/clock", local_only(clock), methods=["POST"]),
        Route("/scenarios", local_only(start), methods=["POST"]),
        Route("/scenarios", local_only(stop), methods=["DELETE"]),
    ]


def _anchor(order: Mapping[str, Any]) -> Anchor | None:
    numbers = [order.get(key) for key in ("wall", "site", "speed")]
    wall, site, speed = (float(n) if isinstance(n, int | float) and not isinstance(n, bool) else 0.0 for n in numbers)
    right = SLOWEST <= speed <= FASTEST and all(0.0 < time < 1e11 for time in (wall, site))
    return Anchor(wall, site, speed) if right else None

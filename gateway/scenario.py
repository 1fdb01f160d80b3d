"""A field engineer's acceptance test: a scenario's faults on emulated devices, its expectations on a gateway."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from config.clock import Clock, RealClock
from config.loader import LoadedSite
from gateway.service import run
from simulators.scenario import Scenario, load_scenario
from simulators.scenario_run import Result, ScenarioRun
from simulators.scenario_watch import GatewayWatch
from simulators.serve import serve

Say = Callable[[str], None]


def emulate_scenario(
    loaded: LoadedSite,
    file: Path,
    speed: float | None,
    anchor: float | None,
    gateway: str | None,
    json_file: Path | None,
    say: Say,
) -> tuple[Coroutine[Any, Any, None], Callable[[], bool]]:
    """What the command line runs for ``--scenario``, and whether all expectations held, to be asked afterwards.

    Raises ``ConfigError`` for a scenario that is wrong or does not fit the site.
    """
    scenario = load_scenario(file, loaded)
    clock = RealClock(scenario.speed if speed is None else speed, anchor)
    results: list[Result] = []

    async def work() -> None:
        result = await run_scenario(loaded, scenario, clock, gateway, say)
        results.append(result)
        if json_file is not None:
            text = json.dumps(result.report(), indent=2)
            await asyncio.to_thread(json_file.write_text, text + "\n", encoding="utf-8")
        say(verdict(result))

    return work(), lambda: bool(results) and results[0].passed


async def run_scenario(loaded: LoadedSite, scenario: Scenario, clock: Clock, gateway: str | None, say: Say) -> Result:
    """Emulate the site, run the scenario, and hold its expectations against a gateway: the one at this URL, else one
    that is started here, with a history of its own that is thrown away.

    Raises ``ListenError``, ``StoreError`` or ``ConfigError`` where emulators or gateway cannot start.
    """
    say(f"{scenario.scenario}: {scenario.title}")
    with tempfile.TemporaryDirectory(prefix="swaptwin-", ignore_cleanup_errors=True) as scratch:
        running: list[asyncio.Future[Any]] = []
        try:
            emulation = await _started(running, lambda ready: serve(loaded, clock, on_emulation=ready))
            watch = None
            if scenario.expects:
                own = _apart(loaded, Path(scratch))
                url = gateway or await _started(running, lambda ready: run(own, clock, emulated=True, on_ready=ready))
                watch = GatewayWatch(url, (each for step in scenario.timeline for each in step.expect), clock)
                running.append(asyncio.ensure_future(watch.run()))
            work = asyncio.ensure_future(ScenarioRun(scenario, emulation, watch, clock, say).run())
            running.append(work)
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                if task.done() and task is not work:
                    task.result()
            return await work
        finally:
            # The gateway first: it would call the emulators' end a loss.
            for task in reversed(running):
                task.cancel()
                await asyncio.wait([task])


async def _started(
    running: list[asyncio.Future[Any]], start: Callable[[Callable[[Any], None]], Coroutine[Any, Any, None]]
) -> Any:
    """Start something that says when it is ready; returns what it says. Raises what it fails with."""
    ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(start(ready.set_result))
    running.append(task)
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    return ready.result()


def _apart(loaded: LoadedSite, scratch: Path) -> LoadedSite:
    """The site with a history that is thrown away: what a scenario does never happened."""
    settings = loaded.site.gateway.model_copy(update={"data": scratch / "data"})
    site = loaded.site.model_copy(update={"gateway": settings})
    return LoadedSite(loaded.file, site, loaded.profiles, loaded.shapes)


def verdict(result: Result) -> str:
    """The last line of a report."""
    count = len(result.outcomes)
    failed = sum(not outcome.passed for outcome in result.outcomes)
    if not failed:
        return f"{result.scenario}: passed, {count} expectation{'s' if count != 1 else ''} held"
    return f"{result.scenario}: FAILED, {failed} of {count} expectations did not hold"

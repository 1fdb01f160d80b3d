"""An alarm from an emulated charger's fault to the terminal view, and acknowledged there with a name."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from test_alarms import FAULT, ask, gateway, good, inject, shows, site
from textual.pilot import Pilot
from textual.widgets import Static

from config.clock import RealClock
from gateway.watch.app import WatchApp
from gateway.watch.rows import Rows
from tests.support.emulators import serving

DEADLINE_S = 20.0


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await pilot.pause(0.02)


async def test_an_alarm_is_acknowledged_by_the_name_that_was_given(tmp_path: Path) -> None:
    loaded = site(tmp_path)
    async with serving(loaded) as truth, gateway(loaded) as api:
        await good(api)
        app = WatchApp(api.removesuffix("/api/v1"), RealClock(), "ana")
        async with app.run_test(size=(80, 24)) as pilot:
            rows = lambda: [str(option.prompt) for option in app.screen.query_one("#alarms", Rows).options]  # noqa: E731
            title = lambda: str(app.screen.query_one("#alarm-title", Static).content)  # noqa: E731
            await until(pilot, lambda: bool(app.screen.query("#alarms")))
            await inject(truth, fault="charger_fault", target="S1", slots="1")
            await until(pilot, lambda: any("S1 slot 1  Charger of slot 1 has failed" in row for row in rows()))
            await until(pilot, lambda: "raised: S1 slot 1" in title())
            await pilot.press("a")
            alarms = app.screen.query_one("#alarms", Rows)
            assert alarms.has_focus
            while alarms.chosen != FAULT:
                await pilot.press("j")
            await pilot.press("a")
            await shows(api, FAULT, "acknowledged")
            await until(pilot, lambda: any(row.rstrip().endswith(" acknowledged") for row in rows()))
            _, lines = await ask(f"{api}/alarms/journal?station=S1")
            assert [line["by"] for line in lines if line["change"] == "acknowledged"] == ["ana"]

"""``swaptwin watch`` as its user sees it, on the gateway's own server, hub and stream; the test moves the time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from stream_support import Gateway, serving, start
from textual.pilot import Pilot
from textual.widgets import Static

from config.clock import ManualClock
from gateway.hub import Hub
from gateway.watch.app import WatchApp
from gateway.watch.rows import Rows
from tests.browser import world

SIZE = (80, 24)
DEADLINE_S = 10.0


@dataclass
class Desk:
    """The view, who sits before it, and the gateway that it watches."""

    app: WatchApp
    pilot: Pilot[None]
    gateway: Gateway
    clock: ManualClock

    def publish(self, index: int, **changes: Any) -> None:
        fields = world.summary(index, self.clock.now(), **changes)
        self.gateway.hub.publish("stations", {fields["id"]: fields})
        self.gateway.hub.publish(f"station/{fields['id']}", {"station": fields})

    def shown(self, selector: str) -> str:
        """The text of a part of the page that is on top."""
        part = self.app.screen.query_one(selector)
        if isinstance(part, Rows):
            return "\n".join(str(option.prompt)[1:] for option in part.options)
        assert isinstance(part, Static)
        return str(part.content)

    def row(self, station: str) -> str:
        name = world.NAMES[int(station[1:]) - 1]
        return next(line for line in self.shown("#stations").splitlines() if name in line)

    async def until(self, holds: Callable[[], bool], step_s: float = 0.0) -> None:
        """Let everything run until something is shown; time moves only where the test says so."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not holds():
                    await self.clock.advance(step_s)
                    await self.pilot.pause()
        except TimeoutError:
            raise AssertionError(self.screen()) from None

    async def shows(self, selector: str, text: str, step_s: float = 0.0) -> None:
        await self.until(lambda: text in self.shown(selector), step_s)

    def screen(self) -> str:
        """All that is drawn, for the message of a test that fails."""
        parts = self.app.screen.query("Static, Rows")
        return "\n".join(f"#{part.id}\n{self.shown('#' + part.id)}" for part in parts if part.id)


def publish_network(hub: Hub, now: float) -> None:
    for index in range(len(world.NAMES)):
        content = world.station(index, now)
        name = f"S{index + 1:03d}"
        hub.publish("stations", {name: content["station"]})
        hub.publish(f"station/{name}", content)
        hub.publish(f"forecast/{name}", {"forecast": world.forecast(index, now)})
    hub.publish("alarms", {})


@asynccontextmanager
async def watching(size: tuple[int, int] = SIZE, **health: Any) -> AsyncIterator[Desk]:
    clock = ManualClock()
    report = world.health(timezone="UTC") | health
    async with serving(clock, health=lambda: report) as gateway:
        publish_network(gateway.hub, clock.now())
        app = WatchApp(gateway.url, clock, "ana")
        async with app.run_test(size=size) as pilot:
            desk = Desk(app, pilot, gateway, clock)
            await desk.until(lambda: bool(app.screen.query("#stations")) and "Harbour" in desk.shown("#stations"))
            await desk.shows("#head", "Demo city")
            yield desk


async def test_stations_are_listed_worst_first_with_risk_and_age() -> None:
    async with watching() as desk:
        lines = desk.shown("#stations").splitlines()
        order = [next(i for i, name in enumerate(world.NAMES, start=1) if name in line) for line in lines]
        assert order == [2, 4, 5, 1, 6, 3]
        assert lines[0].startswith("■ H North Station")
        assert "6/10" in lines[0]
        assert lines[0].split()[-10:-2] == ["19", "%", "37", "%", "62", "%", "87", "%"]
        assert lines[0].rstrip().endswith("87 %  0 s")
        assert lines[1].startswith("▲ M")
        assert lines[2].startswith("◆ L")
        assert lines[3].startswith("    Harbour")


async def test_the_site_its_time_and_that_it_is_emulated_stand_on_every_page() -> None:
    async with watching(speed=10.0) as desk:
        for keys in ((), ("enter",)):
            await desk.pilot.press(*keys)
            await desk.until(lambda: "EMULATOR ×10" in desk.shown("#head"))
            assert "Demo city" in desk.shown("#head")
            assert "Fri 15 Jan 08:00:00 UTC" in desk.shown("#head")
        await desk.clock.advance(1.0)
        await desk.shows("#head", "08:00:10")
    async with watching(emulated=False) as desk:
        assert "EMULATOR" not in desk.shown("#head")


async def test_ages_are_counted_up_without_any_message() -> None:
    async with watching() as desk:
        assert desk.row("S001").endswith("  0 s")
        await desk.clock.advance(3.0)
        await desk.until(lambda: desk.row("S001").endswith("  3 s"))


async def test_what_is_not_good_is_never_shown_as_if_it_were() -> None:
    async with watching() as desk:
        then = desk.clock.now() - 42.0
        bad = {"quality": "bad", "reason": "no_communication", "data_time": then}
        desk.publish(0, **bad, ready_quality="uncertain", ready_reason="substituted", ready=7, charging=5)
        desk.publish(1, **bad, ready_quality="bad", ready_reason="no_communication", ready=None, charging=None)
        desk.publish(
            2, quality="uncertain", reason="stale", data_time=then, ready_quality="uncertain", ready_reason="stale"
        )
        await desk.until(lambda: "≈7/10" in desk.row("S001"), 0.5)
        assert "≈5" in desk.row("S001")
        assert "  no contact 4" in desk.row("S001")
        assert " – " in desk.row("S002")
        assert "5/10?" in desk.row("S003")
        assert "  no data 4" in desk.row("S003")
        await desk.pilot.press("slash", *"harbour", "enter", "enter")
        await desk.shows("#summary", "ready ≈7 of 10")


async def test_a_forecast_whose_time_has_passed_is_not_drawn_as_a_new_one() -> None:
    async with watching() as desk:
        made = desk.clock.now() - 901.0
        desk.publish(1, forecast_time=made)
        await desk.until(lambda: "62 %?" in desk.row("S002"), 0.5)
        assert "■" not in desk.row("S002")


async def test_a_station_is_opened_with_its_cabinet_and_forecast_and_left_again() -> None:
    async with watching() as desk:
        await desk.pilot.press("j", "j", "j", "enter")
        await desk.shows("#summary", "Harbour  S001")
        await desk.until(lambda: "C charging" in desk.shown("#cabinet"))
        front = desk.shown("#cabinet")
        assert " 4 empty" in front
        assert "in 12 min" in front
        assert "waiting" in front
        assert "98 %" in front
        await desk.shows("#forecast", "mean lost swaps  15 min 0.0  30 min 0.2")
        assert "━" in desk.shown("#forecast")
        await desk.pilot.press("escape")
        await desk.until(lambda: bool(desk.app.screen.query("#stations")))
        assert desk.app.live.held("station/S001") is None


async def test_a_slot_says_what_is_estimated_stale_or_at_fault() -> None:
    async with watching() as desk:
        now = desk.clock.now()
        twin = {"soc": 0.41, "temperature_c": 25.0, "quality": "uncertain", "reason": "substituted", "drift": []}
        stale = {"quality": "uncertain", "reason": "stale", "data_time": now - 70.0}
        slots = {
            "slot/01": world.slot(1, now, **stale, not_good={"soc": "uncertain/stale"}, twin=twin),
            "slot/02": world.slot(2, now, **stale, not_good={"soc": "uncertain/stale"}, twin=None, soc=0.5),
            "slot/03": world.slot(3, now, charger_state="fault"),
        }
        desk.gateway.hub.publish("station/S002", slots)
        await desk.pilot.press("enter")
        await desk.until(lambda: "≈41 %" in desk.shown("#cabinet"))
        front = desk.shown("#cabinet")
        assert "50 %?" in front
        assert "no data 70 s" in front
        assert "X fault" in front


async def test_the_tiles_stand_as_on_the_door_where_the_site_file_says_how() -> None:
    async with watching() as desk:
        desk.publish(1, layout={"rows": 5, "columns": 3, "cells": [[1, 6, 9], [2, None, 10], [3, 7, 5], [4, 8, None]]})
        await desk.pilot.press("enter")
        await desk.until(lambda: "▌ 2 " in desk.shown("#cabinet"))
        heads = [line for line in desk.shown("#cabinet").splitlines() if "▌ 1 " in line or "▌ 2 " in line]
        assert [[int(part[:2]) for part in line.split("▌")[1:]] for line in heads] == [[1, 6, 9], [2, 10]]


async def test_a_station_is_found_by_part_of_its_name() -> None:
    async with watching() as desk:
        await desk.pilot.press("slash", *"ring")
        await desk.until(lambda: desk.shown("#stations").count("\n") == 0)
        assert "Ring Road West" in desk.shown("#stations")
        await desk.pilot.press("escape")
        await desk.until(lambda: desk.shown("#stations").count("\n") == 5)


async def test_the_cursor_stays_with_its_station_when_the_order_changes() -> None:
    async with watching() as desk:
        await desk.pilot.press("j")
        rows = desk.app.screen.query_one("#stations", Rows)
        assert rows.chosen == "S004"
        desk.publish(0, stockout_probability=world.probabilities(0.9))
        await desk.until(lambda: desk.shown("#stations").startswith("■ H Harbour"), 0.5)
        assert rows.chosen == "S004"


async def test_a_lost_gateway_leaves_what_was_known_marked_as_such_and_is_found_again() -> None:
    async with watching() as desk:
        await desk.gateway.stop()
        await desk.shows("#strip", "× Disconnected")
        assert "next attempt in" in desk.shown("#strip")
        assert desk.app.screen.has_class("-offline")
        await desk.clock.advance(4.0)
        await desk.until(lambda: "was good 4 s" in desk.row("S001"))
        assert "this was known 4 s ago" in desk.shown("#strip")


ALARM = {
    "id": "S002.slot.03.charger_fault",
    "station": "S002",
    "source": "S002/slot/03",
    "condition": "charger_fault",
    "state": "unacknowledged",
    "active": True,
    "priority": 2,
    "title": "Charger fault",
    "cause": "The charger reports a fault.",
    "consequence": "The pack is not charged.",
    "action": "Swap the charger.",
    "respond_s": 3600,
    "since": 1_800_000_000.0,
}


def publish_alarms(desk: Desk) -> None:
    alarms = {
        ALARM["id"]: ALARM,
        "S001.stockout_expected": ALARM
        | {"id": "S001.stockout_expected", "station": "S001", "priority": 1, "title": "Stockout expected"}
        | {"state": "acknowledged", "acked_by": "li"},
        "S001.cabinet.device_away": ALARM | {"id": "S001.cabinet.device_away", "station": "S001", "state": "shelved"},
    }
    desk.gateway.hub.publish("alarms", alarms)


async def test_alarms_wait_at_the_bottom_and_are_read_in_full() -> None:
    async with watching() as desk:
        assert desk.shown("#alarm-title") == "Alarms  none"
        publish_alarms(desk)
        await desk.shows("#alarm-title", "2, 1 unacknowledged; 1 put aside", 0.5)
        first, second = desk.shown("#alarms").splitlines()
        assert first.startswith("▲ 2  08:00:00  S002 slot 3  Charger fault")
        assert first.endswith("unacknowledged")
        assert second.startswith("■ 1")
        assert second.rstrip().endswith(" acknowledged")
        await desk.pilot.press("a", "enter")
        await desk.shows("#details", "What to do   Swap the charger.")
        await desk.pilot.press("escape", "tab", "enter")
        await desk.until(lambda: bool(desk.app.screen.query("#cabinet")))
        await desk.shows("#alarm-title", "Alarms  1, 1 unacknowledged")


async def test_a_gateway_without_alarms_is_said_to_have_none() -> None:
    clock = ManualClock()
    async with serving(clock, health=lambda: world.health()) as gateway:
        app = WatchApp(gateway.url, clock, "ana")
        async with app.run_test(size=SIZE) as pilot:
            desk = Desk(app, pilot, gateway, clock)
            await desk.until(lambda: "keeps no alarms" in desk.shown("#alarm-title"))
            assert desk.shown("#nothing") == "Waiting for the first data …"


async def test_a_refused_acknowledgement_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching() as desk:
        publish_alarms(desk)
        await desk.shows("#alarm-title", "unacknowledged", 0.5)
        desk.app.acknowledge("S009.nothing")
        await desk.until(lambda: any("Not acknowledged" in note.message for note in desk.app._notifications))


@pytest.mark.parametrize("size", [(80, 24), (132, 43)])
async def test_nothing_is_wider_than_the_terminal(size: tuple[int, int]) -> None:
    async with watching(size) as desk:
        publish_alarms(desk)
        await desk.shows("#alarm-title", "unacknowledged", 0.5)
        for selector in ("#head", "#strip", "#figures", "#columns", "#stations", "#alarms"):
            assert max(map(len, desk.shown(selector).splitlines())) <= size[0] - 2, selector
        await desk.pilot.press("enter")
        await desk.until(lambda: "C charging" in desk.shown("#cabinet") and "━" in desk.shown("#forecast"))
        for selector in ("#cabinet", "#forecast"):
            lines = [line for line in desk.shown(selector).splitlines() if not line.startswith("What helps")]
            assert max(map(len, lines)) <= size[0] - 2, selector


async def test_the_keys_are_on_a_card() -> None:
    async with watching() as desk:
        await desk.pilot.press("question_mark")
        await desk.until(lambda: len(desk.app.screen_stack) == 3)
        await desk.pilot.press("escape")
        await desk.until(lambda: len(desk.app.screen_stack) == 2)


async def test_an_empty_site_says_so() -> None:
    clock = ManualClock()
    gateway = await start(clock, health=lambda: world.health())
    gateway.hub.publish("stations", {})
    app = WatchApp(gateway.url, clock, "ana")
    async with app.run_test(size=SIZE) as pilot:
        desk = Desk(app, pilot, gateway, clock)
        await desk.shows("#nothing", "The site file names no station.")
    await gateway.stop()

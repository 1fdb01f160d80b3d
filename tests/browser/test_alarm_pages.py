"""Alarm bar and alarm page on a scripted socket: what is shown is what the stream says, and nothing sooner."""

import itertools
import json
from typing import Any

import alarm_world
import pytest
from conftest import Bench, choose
from playwright.sync_api import Locator, Page, Route, expect
from scripted import START, Script
from test_accessibility import WIDTHS, findings

TABS = ["active", "shelved", "journal", "measures"]
SMOKE = "S002.smoke"


class Gateway:
    """The scripted gateway's REST side: keeps what it is asked, and answers that it was done."""

    def __init__(self, page: Page, script: Script) -> None:
        self.script = script
        self.orders: list[tuple[str, Any]] = []
        self.journal_asked = 0
        script.topics["alarms"] = alarm_world.some(START)
        page.route("**/api/v1/alarms/**", self._answer)

    def _answer(self, route: Route) -> None:
        path = route.request.url.partition("/api/v1/alarms/")[2]
        if path.startswith("journal"):
            self.journal_asked += 1
            route.fulfill(json=alarm_world.journal(START))
        elif path.startswith("measures"):
            route.fulfill(json=alarm_world.measures(START))
        else:
            self.orders.append((path, json.loads(route.request.post_data or "null")))
            route.fulfill(json={"acknowledged": [], "refused": []})


@pytest.fixture
def gateway(page: Page, bench: Bench) -> Gateway:
    return Gateway(page, Script(page))


def row(page: Page, alarm_id: str) -> Locator:
    return page.locator(f"tr[data-alarm='{alarm_id}']")


def opened(page: Page, bench: Bench, path: str = "/alarms") -> None:
    page.goto(bench.url + path)
    page.clock.run_for(500)
    expect(page.get_by_role("heading", level=1)).to_have_text("Alarms")


def test_the_bar_counts_by_priority_and_names_the_most_urgent(page: Page, bench: Bench, gateway: Gateway) -> None:
    page.goto(bench.url)
    page.clock.run_for(500)
    bar = page.locator(".alarmbar")
    expect(bar.locator(".counts > span:not(.said) > span[aria-hidden]")).to_have_text(["1", "3", "1", "1"])
    expect(bar.locator(".foremost")).to_contain_text("S002Smoke in the cabinet")
    bar.locator(".foremost").click()
    expect(page).to_have_url(f"{bench.url}/alarms?alarm=S002.smoke")
    details = page.get_by_role("region", name="Details of the alarm")
    expect(details).to_contain_text("Call the fire service.")
    expect(details).to_contain_text("Fire, and danger to people beside the cabinet.")


def test_the_bar_is_as_high_when_it_is_empty(page: Page, bench: Bench, gateway: Gateway) -> None:
    page.goto(bench.url)
    page.clock.run_for(500)
    top = page.locator("main").evaluate("main => main.getBoundingClientRect().top")
    script = gateway.script
    script.delta("alarms", 10, 11, delete=list(script.topics["alarms"]))
    page.clock.run_for(500)
    expect(page.locator(".alarmbar")).to_contain_text("No alarm waits for acknowledgement")
    assert page.locator("main").evaluate("main => main.getBoundingClientRect().top") == top


def test_keys_alone_acknowledge_and_shelve(page: Page, bench: Bench, gateway: Gateway) -> None:
    opened(page, bench)
    expect(page.locator("tbody tr")).to_have_count(6)
    page.keyboard.press("j")
    expect(row(page, SMOKE).get_by_role("button")).to_be_focused()
    page.keyboard.press("a")
    expect(page.get_by_role("dialog", name="Who is acting?")).to_contain_text("not verified")
    page.keyboard.type("Ana")
    with page.expect_response("**/acknowledge"):
        page.keyboard.press("Enter")
    expect(page.get_by_text("Acting as Ana (not verified)")).to_be_visible()
    assert gateway.orders == [("S002.smoke/acknowledge", {"by": "Ana"})]
    expect(row(page, SMOKE).locator(".state")).to_have_text("not acknowledged")
    gateway.script.delta("alarms", 10, 11, **{SMOKE: {"state": "acknowledged", "acked_by": "Ana", "acked_at": START}})
    page.clock.run_for(500)
    expect(row(page, SMOKE).locator(".state")).to_have_text("acknowledged")
    expect(row(page, SMOKE)).to_have_class("here")
    page.keyboard.press("s")
    expect(page.get_by_role("dialog", name="Shelve the alarm")).to_be_visible()
    page.keyboard.type("Fire drill")
    with page.expect_response("**/shelve"):
        page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert gateway.orders[1] == ("S002.smoke/shelve", {"by": "Ana", "duration_s": 3600, "reason": "Fire drill"})
    expect(row(page, SMOKE)).to_have_count(1)
    gateway.script.delta("alarms", 11, 12, **{SMOKE: {"state": "shelved", "reason": "Fire drill"}})
    page.clock.run_for(500)
    expect(row(page, SMOKE)).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Details of the alarm")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Choose an alarm to see its cause")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{bench.url}/")


def test_all_shown_are_acknowledged_at_once_and_the_name_outlives_a_reload(
    page: Page, bench: Bench, gateway: Gateway
) -> None:
    opened(page, bench)
    page.get_by_label("Find in the text").fill("slot")
    page.get_by_role("button", name="Acknowledge all 2 shown").click()
    page.get_by_label("Name").fill("Ana")
    with page.expect_response("**/acknowledge"):
        page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Acting as Ana")).to_be_visible()
    path, body = gateway.orders[0]
    assert path == "acknowledge"
    assert body == {"ids": ["S004.slot.01.pack_hot", "S005.slot.02.soc_sensor_drift"], "by": "Ana"}
    page.reload()
    page.clock.run_for(500)
    expect(page.get_by_text("Acting as Ana")).to_be_visible()


def test_the_list_is_sorted_and_filtered(page: Page, bench: Bench, gateway: Gateway) -> None:
    opened(page, bench)
    stations = page.locator("td.station")
    expect(stations).to_have_text(["S002", "S004", "S003", "S005", "S001", "S006"])
    page.get_by_role("button", name="Station").click()
    expect(stations).to_have_text(["S001", "S002", "S003", "S004", "S005", "S006"])
    expect(page.get_by_role("columnheader", name="Station")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="priority 2, act soon").click()
    expect(stations).to_have_text(["S001", "S003", "S004"])
    page.get_by_label("State").select_option("acknowledged")
    expect(stations).to_have_text(["S001"])


def test_a_flood_of_alarms_is_scrolled_and_acknowledged_without_a_stall(
    page: Page, bench: Bench, gateway: Gateway
) -> None:
    script, flood = gateway.script, alarm_world.flood(START, 1000)
    script.topics["alarms"] = flood
    choose(page, operator="Ana")
    page.add_init_script(
        """window.tasks = [];
        const note = (list) => tasks.push(...list.getEntries().map((entry) => entry.duration));
        new PerformanceObserver(note).observe({ type: 'longtask' });"""
    )
    opened(page, bench)
    rows = page.locator("tr[data-alarm]")
    expect(rows.first).to_be_visible()
    page.evaluate("tasks.length = 0")  # what opening takes is mostly the script's

    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator("tr[aria-rowindex='1001']")).to_be_in_viewport()
    assert rows.count() < 60
    page.keyboard.press("j")
    expect(page.locator("tr[aria-rowindex='2'] button")).to_be_focused()
    expect(page.locator("tr[aria-rowindex='2']")).to_be_in_viewport()

    with page.expect_response("**/acknowledge"):
        page.get_by_role("button", name="Acknowledge all 1000 shown").click()
    _, order = gateway.orders[-1]
    assert (sorted(order["ids"]), order["by"]) == (sorted(flood), "Ana")
    acknowledged = {"state": "acknowledged", "acked_at": START, "acked_by": "Ana"}
    script.delta("alarms", 10, 11, **{each: fields | acknowledged for each, fields in flood.items()})
    page.clock.run_for(500)
    expect(page.locator("tr[data-state=acknowledged]").first).to_be_visible()
    expect(page.locator("tr[data-state=unacknowledged]")).to_have_count(0)
    assert max(page.evaluate("tasks"), default=0) < 200


def test_what_was_put_aside_comes_back_by_a_button(page: Page, bench: Bench, gateway: Gateway) -> None:
    page.add_init_script("localStorage.setItem('swaptwin.operator', 'Ana')")
    opened(page, bench, "/alarms?tab=shelved")
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(row(page, "S001.slot.04.door_left_open")).to_contain_text("Hinge is ordered")
    with page.expect_response("**/unshelve"):
        row(page, "S001.slot.04.door_left_open").get_by_role("button").click()
    with page.expect_response("**/in_service"):
        row(page, "S005.humidity_high").get_by_role("button", name="Put back in service").click()
    assert gateway.orders == [
        ("S001.slot.04.door_left_open/unshelve", {"by": "Ana"}),
        ("S005.humidity_high/in_service", {"by": "Ana"}),
    ]
    expect(row(page, "S003.stockout_expected").get_by_role("button")).to_have_count(0)


def test_a_refusal_is_told_in_the_gateways_words(page: Page, bench: Bench, gateway: Gateway) -> None:
    page.add_init_script("localStorage.setItem('swaptwin.operator', 'Ana')")
    error = {"code": "wrong_state", "message": "the alarm is over", "remedy": "Look at the list."}
    page.route("**/acknowledge", lambda route: route.fulfill(status=409, json={"error": error}))
    opened(page, bench, "/alarms?alarm=S002.smoke")
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The gateway did not do it: the alarm is over Look at the list.")


def test_events_and_a_gap_in_them_lead_to_a_new_look_at_the_journal(page: Page, bench: Bench, gateway: Gateway) -> None:
    opened(page, bench, "/alarms?tab=journal")
    expect(page.locator("tbody tr")).to_have_count(10)
    expect(page.locator("tbody tr").first).to_contain_text("On my way")
    script, smoke = gateway.script, gateway.script.topics["alarms"][SMOKE]
    assert gateway.journal_asked == 1
    script.event("alarms", 60, alarm_world.line(60, smoke, "raised", START) | {"alarm": smoke})
    script.event("alarms", 64, alarm_world.line(64, smoke, "raised", START) | {"alarm": smoke})
    page.clock.run_for(1000)
    assert gateway.journal_asked == 1, "events that come together lead to one question"
    with page.expect_response("**/journal**"):
        page.clock.run_for(1500)
    assert gateway.journal_asked == 2
    script.reset("alarms", "overflow")
    page.clock.run_for(200)
    assert script.subscribed().count("alarms") == 2
    with page.expect_response("**/journal**"):
        page.clock.run_for(2500)


def test_a_flood_is_said_in_one_sentence(page: Page, bench: Bench, gateway: Gateway) -> None:
    page.goto(bench.url)
    page.clock.run_for(500)
    said = page.locator("[aria-live=polite][role=log]")
    expect(said).to_have_text("")
    for number in range(1, 41):
        hot = alarm_world.alarm(f"S001.slot.{number:02d}.pack_hot", START)
        if number == 7:
            hot = alarm_world.alarm(SMOKE, START)
        gateway.script.event("alarms", 100 + number, alarm_world.line(number, hot, "raised", START) | {"alarm": hot})
    page.clock.run_for(1000)
    expect(said).to_have_text("40 new alarms. The most urgent, priority 1, act at once: S002: Smoke in the cabinet")
    hot = alarm_world.alarm("S001.slot.50.pack_hot", START)
    gateway.script.event("alarms", 141, alarm_world.line(141, hot, "raised", START) | {"alarm": hot})
    page.clock.run_for(2000)
    expect(said).to_contain_text("40 new alarms")
    page.clock.run_for(8000)
    expect(said).to_have_text("New alarm, priority 2, act soon: S001: Pack in slot 50 hot")


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_what_is_not_acknowledged_blinks_slowly_or_not_at_all(
    page: Page, bench: Bench, gateway: Gateway, motion: Any
) -> None:
    page.emulate_media(reduced_motion=motion)
    opened(page, bench)
    mark = row(page, SMOKE).locator(".prioritymark")
    seen = []
    for _ in range(100):
        page.clock.run_for(100)
        seen.append(mark.evaluate("mark => getComputedStyle(mark).opacity"))
    changes = sum(a != b for a, b in itertools.pairwise(seen))
    assert changes == 0 if motion == "reduce" else 14 <= changes <= 20, "10 s: at most one blink a second"


def test_a_lost_connection_makes_no_alarm_louder(page: Page, bench: Bench, gateway: Gateway) -> None:
    page.goto(bench.url)
    page.clock.run_for(500)
    page.evaluate("() => { window.WebSocket = class { close() {} send() {} } }")
    page.clock.run_for(14_000)
    bar = page.locator(".alarmbar")
    expect(bar).to_contain_text("As it was when the connection was lost")
    expect(bar.locator(".prioritymark:not(.quiet)")).to_have_count(0)
    expect(bar.locator(".blink")).to_have_count(0)


@pytest.mark.parametrize("tab", TABS)
def test_a_phone_shows_everything_without_scrolling_sideways(
    page: Page, bench: Bench, gateway: Gateway, tab: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, bench, f"/alarms?tab={tab}")
    page.clock.run_for(500)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if tab == "active":
        row(page, SMOKE).click()
        expect(page.get_by_text("Call the fire service.")).to_be_visible()
        expect(page.locator("tbody tr").first).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Close").click()
        expect(page.locator("tbody tr").first).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", [*(f"/alarms?tab={tab}" for tab in TABS), "/alarms?alarm=S002.smoke"])
def test_no_finding(page: Page, bench: Bench, gateway: Gateway, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    opened(page, bench, path)
    page.clock.run_for(500)
    assert findings(page) == []
    if path.endswith("smoke"):
        page.keyboard.press("s")
        expect(page.get_by_role("dialog")).to_be_visible()
        assert findings(page) == []


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("de", "Ladegerät von Fach 3 ausgefallen"),
        ("zh", "3 号仓充电器故障"),
        ("es", "Ha fallado el cargador del hueco 3"),
    ],
)
def test_alarms_are_told_in_the_operators_language(
    page: Page, bench: Bench, gateway: Gateway, language: str, title: str
) -> None:
    choose(page, language=language)
    page.goto(f"{bench.url}/alarms")
    page.clock.run_for(500)
    expect(row(page, "S001.slot.03.charger_fault")).to_contain_text(title)

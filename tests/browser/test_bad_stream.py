"""What the page does with gaps, resets, silence and another server, on a scripted socket with its own time."""

import pytest
from conftest import Bench
from playwright.sync_api import Page, expect
from scripted import Script


@pytest.fixture
def script(page: Page, bench: Bench) -> Script:
    """The network page, just connected."""
    made = Script(page)
    page.goto(bench.url)
    expect(page.locator("tr[data-station=S001] td.ready")).to_have_text("7 of 10")
    return made


def test_a_gap_is_never_drawn_and_leads_to_a_new_snapshot(page: Page, script: Script) -> None:
    script.topics["stations"]["S001"]["ready"] = 4
    script.seq = 31
    script.delta("stations", prev=29, seq=30, S001={"ready": 0})
    page.clock.run_for(500)
    expect(page.locator("tr[data-station=S001] td.ready")).to_have_text("4 of 10")
    assert script.subscribed().count("stations") == 2
    script.delta("stations", prev=31, seq=32, S001={"ready": 5})
    page.clock.run_for(500)
    expect(page.locator("tr[data-station=S001] td.ready")).to_have_text("5 of 10")


def test_an_overflow_leads_to_a_new_snapshot(page: Page, script: Script) -> None:
    script.topics["stations"]["S001"]["ready"] = 3
    script.reset("stations", "overflow")
    page.clock.run_for(500)
    expect(page.locator("tr[data-station=S001] td.ready")).to_have_text("3 of 10")


def test_ages_grow_every_second_without_any_message(page: Page, script: Script) -> None:
    age = page.locator("tr[data-station=S001] .age")
    expect(age).to_have_text("0 s")
    page.clock.run_for(3000)
    expect(age).to_have_text("3 s")


def test_silence_of_two_and_a_half_heartbeats_is_a_lost_connection(page: Page, script: Script) -> None:
    page.clock.run_for(12_000)
    expect(page.get_by_role("status")).to_have_text("Connected to the gateway")
    before = page.locator("main").bounding_box()
    page.evaluate("() => { window.WebSocket = class { close() {} send() {} } }")
    page.clock.run_for(1500)
    expect(page.get_by_role("alert")).to_have_text("Disconnected from the gateway.")
    expect(page.locator(".strip")).to_contain_text("What you see is the last that was known, 13 s ago.")
    expect(page.locator(".app")).to_have_attribute("data-offline", "true")
    assert page.locator("main").bounding_box() == before, "the banner moved the page"
    page.clock.run_for(60_000)
    expect(page.locator("tr[data-station=S001] .age")).to_have_text("73 s")
    expect(page.locator("tr[data-station=S001] .quality")).to_have_text("was good")


def test_a_restarted_server_is_asked_for_everything_anew(page: Page, script: Script) -> None:
    script.epoch, script.seq = "e2", 1
    script.topics["stations"] = {"S001": script.topics["stations"]["S001"] | {"ready": 9}}
    script.sockets[-1].close(code=4503)
    page.clock.run_for(11_000)
    expect(page.locator("tbody tr[data-station]")).to_have_count(1)
    expect(page.locator("tr[data-station=S001] td.ready")).to_have_text("9 of 10")
    assert "resume" not in [m for m in script.heard if m.get("topic") == "stations"][-1]


def test_an_old_forecast_is_not_drawn_as_a_new_one(page: Page, script: Script) -> None:
    risk = page.locator("tr[data-station=S002] .risk").first
    expect(risk).not_to_have_class("stale")
    for _ in range(20):
        page.clock.run_for(2000)
        script.say(t="hb", ts=(1_800_000_000 + 900) * 1000)
    page.clock.run_for(2000)
    expect(page.locator("tr[data-station=S002] .risk.stale")).to_have_count(4)

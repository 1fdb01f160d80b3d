"""The pages of devices and of the gateway itself, fed by the real hub over the real stream."""

import re
from pathlib import Path

import detail_world
import pytest
import world
from conftest import Bench
from playwright.sync_api import Page, expect
from test_accessibility import WIDTHS, findings

HEALTH = world.health(
    status="degraded",
    reasons=["devices_away"],
    uptime_s=7265.0,
    loop_lateness_s={"p50": 0.0002, "p99": 0.0031, "max": 0.018},
    forecast={"state": "ready", "age_s": 12.0, "duration_s": 0.084},
    stream={"clients": 17, "conflated": 4, "evicted": 1, "refused": 0},
    store={"rows": 123_456, "bytes": 48_700_000, "dropped": 0},
)


@pytest.fixture
def devices(page: Page, bench: Bench) -> Bench:
    now = bench.clock.now()
    detail_world.answer(page, now)
    page.route("**/api/v1/health", lambda route: route.fulfill(json=HEALTH))
    away = {"state": "no_communication", "quality": "bad", "reason": "no_communication", "good": 0, "bad": 140}
    some = [
        detail_world.device(1, now),
        detail_world.device(2, now, errors=31),
        detail_world.device(3, now, **away, data_time=now - 754, round_trip_p50_ms=None, detail="refused"),
        detail_world.device(4, now, quality="uncertain", reason="stale", stale=3, good=137),
    ]
    others = [f"S{number:03d}/cabinet" for number in (5, 6)]
    bench.publish("devices", {device["id"]: device for device in some}, delete=others)
    return bench


def test_devices_stand_worst_first_with_all_that_an_engineer_asks(page: Page, devices: Bench) -> None:
    page.goto(devices.url + "/devices")
    rows = page.locator("tr[data-device]")
    expect(rows.locator("th")).to_have_text(["S003/cabinet", "S004/cabinet", "S002/cabinet", "S001/cabinet"])
    expect(rows.nth(0)).to_contain_text(re.compile(r"away.*\u2013.*0 of 140.*12 min 3\d s.*no contact 12 min"))
    expect(rows.nth(2)).to_contain_text(re.compile(r"connected.*3\.2 ms.*7\.8 ms.*31"))
    expect(page.locator(".figures dd")).to_have_text(["4", "1", "2"])


def test_search_narrows_the_list_and_says_how_many_are_left(page: Page, devices: Bench) -> None:
    page.goto(devices.url + "/devices")
    expect(page.locator("tr[data-device]")).to_have_count(4)
    page.get_by_label("Find a device").fill("s002 modbus")
    expect(page.locator("tr[data-device]")).to_have_count(1)
    expect(page.locator("section[aria-labelledby=devices]").get_by_role("status")).to_have_text("1 device")
    page.get_by_label("Find a device").fill("nothing like this")
    expect(page.get_by_text("No device matches.")).to_be_visible()


def test_of_many_devices_only_those_in_sight_are_drawn(page: Page, devices: Bench) -> None:
    now = devices.clock.now()
    many = [detail_world.device(number, now) for number in range(100, 900)]
    devices.publish("devices", {device["id"]: device for device in many})
    page.goto(devices.url + "/devices")
    table = page.get_by_role("table")
    expect(table).to_have_attribute("aria-rowcount", "805")
    expect(page.locator("tr[data-device='S003/cabinet']")).to_be_visible()
    expect(page.locator("tr[data-device='S899/cabinet']")).to_have_count(0)
    assert page.locator("tr[data-device]").count() < 150
    page.mouse.move(640, 600)
    page.evaluate("document.querySelector('table').scrollIntoView({ block: 'end' })")
    last = page.locator("tr[data-device='S899/cabinet']")
    expect(last).to_be_visible()
    expect(last).to_have_attribute("aria-rowindex", "805")
    assert page.locator("tr[data-device]").count() < 150


def test_the_gateway_tells_its_own_figures(page: Page, devices: Bench) -> None:
    page.goto(devices.url + "/devices")
    panel = page.locator("section.gateway")
    for words in (
        "degraded: devices are away",
        "0.2 ms / 3.1 ms / 18 ms",
        "84 ms",
        "17",
        "48.7 MB",
        "123,456",
        "2 h 01 min",
    ):
        expect(panel).to_contain_text(words)


def test_a_device_shows_errors_plan_and_raw_values_beside_scaled_ones(page: Page, devices: Bench) -> None:
    page.goto(devices.url + "/devices")
    page.get_by_role("link", name="S001/cabinet").click()
    expect(page).to_have_url(devices.url + "/devices/S001%2Fcabinet")
    expect(page.get_by_role("heading", level=1)).to_have_text("S001/cabinet")
    errors = page.locator("section[aria-labelledby=errors] tbody tr")
    expect(errors).to_have_text(["no answer7", "refused by the device2"])
    expect(page.locator(".plan li")).to_have_count(2)
    expect(page.locator("section[aria-labelledby=link]")).to_contain_text("52 ms")
    soc = page.locator("tr[data-point='S001/slot/03/soc']")
    expect(soc.locator("th, td")).to_have_text(["soc", "3", "holding 104", "413", "0.4130", "good", "1 s"])
    bad = page.locator("tr[data-point='S001/slot/03/temperature_c']")
    expect(bad.locator("td")).to_have_text(["3", "holding 105", "65535", "\u2013", "sensor fault", "1 s"])
    page.get_by_label("Only what is not good").check()
    expect(soc).to_have_count(0)
    expect(bad).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(devices.url + "/devices")


def test_a_device_that_cannot_be_looked_into_still_shows_its_link(page: Page, devices: Bench) -> None:
    detail_world.answer(page, devices.clock.now(), missing=frozenset({"**/devices/*/cabinet/diagnostics"}))
    page.goto(devices.url + "/devices/S003%2Fcabinet")
    expect(page.get_by_text(re.compile("The diagnostics could not be read: .*404"))).to_be_visible()
    link = page.locator("section[aria-labelledby=link]")
    expect(link).to_contain_text("away")
    expect(link).to_contain_text("refused")


def test_an_unknown_device_is_said_to_be_unknown(page: Page, devices: Bench) -> None:
    page.goto(devices.url + "/devices/S999%2Fcabinet")
    expect(page.get_by_text("The gateway knows no device S999/cabinet.")).to_be_visible()


def test_values_are_saved_raw_and_scaled(page: Page, devices: Bench) -> None:
    page.goto(devices.url + "/devices/S001%2Fcabinet")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save “Values” as CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# EMULATED"
    assert lines[1] == "source_time,path,address,raw,value,unit,quality,reason,age_s"
    assert lines[2].endswith("S001/slot/03/soc,holding 104,413,0.413,1,good,,1")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["/devices", "/devices/S001%2Fcabinet", "/devices/S003%2Fcabinet"])
def test_no_finding(page: Page, devices: Bench, width: int, path: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(devices.url + path)
    expect(page.locator("tr[data-device], tr[data-point]").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

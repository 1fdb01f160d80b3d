"""The network page in a real browser, fed by the real hub over the real stream."""

import re

import pytest
import world
from conftest import Bench
from playwright.sync_api import Page, expect

UNKNOWN = "\N{EN DASH}"


def test_stations_stand_worst_first_and_move_when_the_forecast_does(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    names = page.locator("tbody th a")
    expect(names).to_have_text(
        ["North Station", "University", "Ring Road West", "Harbour", "Old Mill", "Market Square"]
    )
    bench.publish_station(0, stockout_probability=world.probabilities(0.9))
    expect(names.first).to_have_text("Harbour")


def test_a_row_tells_numbers_with_their_units_and_the_risk_by_letter(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    row = page.locator("tr[data-station=S002]")
    expect(row.locator("td")).to_have_text(
        ["6 of 10", "5", "0", "L19 %", "M37 %", "H62 %", "H87 %", "9.0 / 20.0 kW", re.compile(r"^\d+ s$"), "good"]
    )
    expect(row.get_by_role("img", name="high risk")).to_have_count(2)


def test_a_change_reaches_the_page_within_a_second(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    ready = page.locator("tr[data-station=S001] td.ready")
    expect(ready).to_have_text("7 of 10")
    bench.publish_station(0, ready=2)
    expect(ready).to_have_text("2 of 10", timeout=1000)


def test_silent_stations_say_how_long_and_estimates_are_marked(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    row = page.locator("tr[data-station=S001]")
    expect(row.locator(".quality")).to_have_text("good")
    silent_since = bench.clock.now() - 42
    bench.publish_station(
        0,
        quality="uncertain",
        reason="stale",
        data_time=silent_since,
        ready_quality="uncertain",
        ready_reason="substituted",
        power_quality="uncertain",
    )
    expect(row.locator(".quality")).to_have_text(re.compile(r"no data 4\d s"), timeout=1000)
    expect(row.locator(".ready .value.estimated")).to_have_text("≈ 7")
    expect(row.locator(".power .value.stale")).to_have_text("8.1")


def test_a_station_without_forecast_or_data_shows_no_numbers(page: Page, bench: Bench) -> None:
    bench.publish_station(
        2,
        quality="bad",
        reason="no_communication",
        data_time=None,
        occupied=None,
        ready=None,
        ready_quality="bad",
        ready_reason="no_communication",
        charging=None,
        faulted=None,
        power_w=None,
        power_quality="bad",
        stockout_probability=None,
        forecast_time=None,
    )
    page.goto(bench.url)
    row = page.locator("tr[data-station=S003]")
    expect(row.locator("td")).to_have_text(
        [f"{UNKNOWN} of 10", *[UNKNOWN] * 6, f"{UNKNOWN} / 20.0 kW", UNKNOWN, "no contact"]
    )


def test_the_header_shows_the_sites_own_time_and_zone_and_that_it_is_emulated(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    expect(page.locator(".site")).to_have_text("Demo city")
    expect(page.locator(".clock")).to_have_text(re.compile(r"\w{3} \d+ \w{3} \d\d:\d\d:\d\d Asia/Taipei, UTC\+8"))
    expect(page.get_by_text("EMULATOR", exact=True)).to_be_visible()
    expect(page).to_have_title(f"Network {UNKNOWN} Demo city")


def test_a_server_that_comes_back_is_found_again_and_its_snapshot_shown(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    expect(page.locator("tr[data-station=S001] .quality")).to_have_text("good")
    bench.stop()
    expect(page.get_by_role("alert")).to_have_text("Disconnected from the gateway.")
    expect(page.locator("tr[data-station=S001] .quality")).to_have_text("was good")
    again = Bench(bench.port).start()
    try:
        again.publish_network()
        again.publish_station(0, ready=1)
        expect(page.get_by_role("status")).to_have_text("Connected to the gateway", timeout=30_000)
        expect(page.locator("tr[data-station=S001] td.ready")).to_have_text("1 of 10")
    finally:
        again.stop()


@pytest.mark.parametrize("path", ["/", "/station/S001"])
def test_no_request_leaves_the_origin(page: Page, bench: Bench, addresses: list[str], path: str) -> None:
    page.goto(bench.url + path)
    expect(page.get_by_role("status")).to_have_text("Connected to the gateway")
    page.wait_for_load_state("networkidle")
    assert addresses
    assert [address for address in addresses if not address.startswith(bench.url)] == []


@pytest.mark.parametrize("path", ["/", "/station/S001"])
def test_a_phone_shows_everything_without_scrolling_sideways(page: Page, bench: Bench, path: str) -> None:
    bench.publish_station(0, quality="bad", reason="no_communication", data_time=bench.clock.now() - 9999)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(bench.url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.get_by_text("no contact 2 h").first).to_be_visible()


def test_an_unknown_address_says_so(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("No such page")
    page.goto(bench.url + "/station/S999")
    expect(page.get_by_text("The gateway knows no station S999.")).to_be_visible()

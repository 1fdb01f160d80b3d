"""The bench on live emulators: what is ordered on the page happens there, and on the page is what happens there."""

import re
from collections.abc import Iterator

import pytest
import world
from conftest import Bench
from playwright.sync_api import Page, expect
from scripted import Script
from test_accessibility import WIDTHS, findings

from tests.support.demo import live_demo
from tests.support.web import get


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with live_demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


def opened(page: Page, address: str) -> None:
    page.goto(f"{address}/bench")
    expect(page.locator(".catalogue li").first).to_be_visible()


def test_every_fault_of_the_catalogue_can_be_chosen_and_has_its_own_form(page: Page, address: str) -> None:
    opened(page, address)
    catalogue = get(f"{address}/api/v1/faults")["catalogue"]
    expect(page.locator(".catalogue button")).to_have_count(len(catalogue))
    for kind in catalogue:
        page.locator(".catalogue button").nth(catalogue.index(kind)).click()
        form = page.locator(".faultform")
        expect(form.get_by_role("heading")).to_have_text(kind["fault"].replace("_", " "))
        expect(form.locator("code")).to_have_text(list(kind["parameters"]))


def test_a_fault_is_injected_seen_and_cleared(page: Page, address: str) -> None:
    opened(page, address)
    page.get_by_label("Find a fault").fill("charger failed")
    page.get_by_role("button", name="charger fault").click()
    page.get_by_label("Target").select_option("S003")
    page.get_by_role("textbox", name="Slots").fill("1, 2")
    page.get_by_label("Lasts").fill("3600")
    page.get_by_role("button", name="Inject").click()
    acting = page.locator(".acting li")
    expect(acting).to_contain_text(["charger fault"])
    expect(acting).to_contain_text(["S003 · Slots 1, 2"])
    [fault] = get(f"{address}/api/v1/faults")["active"]
    assert (fault["fault"], fault["target"], fault["slots"]) == ("charger_fault", "S003", [1, 2])
    expect(page.get_by_text(f"{fault['id']} is set.")).to_be_visible()
    acting.get_by_role("button").click()
    expect(page.get_by_text("No fault acts.")).to_be_visible()
    assert get(f"{address}/api/v1/faults")["active"] == []


def test_a_wrong_order_is_refused_in_words(page: Page, address: str) -> None:
    opened(page, address)
    page.get_by_role("button", name=re.compile("^charger fault")).click()
    page.get_by_label("Target").select_option("S004")
    page.get_by_role("textbox", name="Slots").fill("99")
    page.get_by_role("button", name="Inject").click()
    expect(page.get_by_role("alert")).to_contain_text("slot 99 is beyond the 8 slots of S004")


def test_truth_stands_beside_what_the_gateway_shows(page: Page, address: str) -> None:
    opened(page, address)
    page.locator(".truth select").select_option("S001")
    rows = page.locator(".truth tbody tr")
    expect(rows).to_have_count(12)
    expect(page.get_by_text("Every slot is shown as it is.")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name=re.compile("^bias")).click()
    page.get_by_label("Target").select_option("S001/cabinet")
    page.get_by_label("offset").fill("-0.2")
    page.get_by_role("button", name="Inject").click()
    expect(page.locator(".truth tr[data-differs=true]").first).to_contain_text("differs", timeout=15_000)
    page.get_by_label("Only slots that differ").check()
    expect(page.locator(".truth tr[data-differs=false]")).to_have_count(0)
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_text("No fault acts.")).to_be_visible()


def test_a_scenario_is_started_and_stopped(page: Page, address: str) -> None:
    opened(page, address)
    name = page.locator(".scenario .about").inner_text()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(f"{name} runs")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("No scenario runs.")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("It was stopped.")).to_be_visible()


def test_time_runs_faster_and_the_mark_says_so(page: Page, address: str) -> None:
    opened(page, address)
    page.get_by_label("\N{MULTIPLICATION SIGN} 2", exact=True).click()
    expect(page.locator(".emulated")).to_have_text("EMULATOR, time runs \N{MULTIPLICATION SIGN} 2", timeout=15_000)
    assert get(f"{address}/api/v1/health")["speed"] == 2
    page.get_by_label("\N{MULTIPLICATION SIGN} 1", exact=True).click()
    expect(page.locator(".emulated")).to_have_text("EMULATOR", timeout=15_000)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_finding(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    opened(page, address)
    page.get_by_role("button", name=re.compile("^comm loss")).click()
    expect(page.locator(".truth tbody tr").first).to_be_visible()
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_site_with_real_devices_has_no_bench(page: Page, bench: Bench) -> None:
    Script(page)
    page.route("**/api/v1/health", lambda route: route.fulfill(json=world.health(emulated=False)))
    page.goto(f"{bench.url}/bench")
    page.clock.run_for(500)
    expect(page.get_by_text("This site's devices are real.")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Bench")).to_have_count(0)
    expect(page.locator(".emulated")).to_have_count(0)

"""From a fault in an emulated device to an alarm on the page, by keys alone, and what a reload still knows."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.demo import live_demo
from tests.support.web import get

ALARM = "S003.slot.02.charger_fault"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with live_demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


def post(url: str, body: dict[str, Any]) -> Any:
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), head, method="POST")
    with urllib.request.urlopen(request, timeout=10.0) as answer:
        return json.load(answer)


def test_from_a_fault_to_an_acknowledged_and_shelved_alarm(page: Page, address: str) -> None:
    page.goto(f"{address}/alarms")
    expect(page.get_by_role("heading", level=1)).to_have_text("Alarms")
    post(f"{address}/api/v1/faults", {"fault": "charger_fault", "target": "S003", "slots": "2"})
    row = page.locator(f"tr[data-alarm='{ALARM}']")
    expect(row.locator(".state")).to_have_text("not acknowledged", timeout=20_000)
    while page.locator(f"tr.here[data-alarm='{ALARM}']").count() == 0:
        page.keyboard.press("j")
    page.keyboard.press("a")
    page.keyboard.type("Ana")
    page.keyboard.press("Enter")
    expect(row.locator(".state")).to_have_text("acknowledged", timeout=10_000)
    page.keyboard.press("s")
    page.keyboard.type("Charger is ordered")
    page.keyboard.press("Enter")
    expect(row).to_have_count(0, timeout=10_000)
    page.goto(f"{address}/alarms?tab=shelved")
    expect(row).to_contain_text("Charger is ordered")
    expect(row).to_contain_text("Ana")
    [alarm] = [each for each in get(f"{address}/api/v1/alarms") if each["id"] == ALARM]
    assert (alarm["state"], alarm["shelved_by"]) == ("shelved", "Ana")
    page.goto(f"{address}/alarms?tab=journal")
    lines = page.locator("tbody tr").filter(has_text="Charger of slot 2 has failed")
    expect(lines.locator(".change")).to_have_text(["shelved", "acknowledged", "raised"])
    page.goto(f"{address}/alarms?tab=measures")
    expect(page.get_by_text("Alarms raised", exact=True)).to_be_visible()
    page.goto(f"{address}/alarms?tab=shelved")
    row.get_by_role("button", name="Unshelve").click()
    expect(row).to_have_count(0, timeout=10_000)

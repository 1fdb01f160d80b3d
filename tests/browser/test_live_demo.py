"""The page of the real demo shows the same numbers as the API."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.demo import live_demo
from tests.support.web import get

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with live_demo(tmp_path_factory.mktemp("demo"), forecast=True) as address:
        yield address


def test_the_network_page_shows_every_station_as_the_api_tells_it(page: Page, address: str) -> None:
    page.goto(address)
    for station in get(f"{address}/api/v1/stations"):
        row = page.locator(f"tr[data-station={station['id']}]")
        # A pack may become ready between the two looks: the page may be one delta ahead or behind.
        near = "|".join(str(station["ready"] + step) for step in (-1, 0, 1))
        expect(row.locator(".ready")).to_have_text(re.compile(rf"^({near}) of {station['slots']}$"))
        expect(row.locator(".quality")).to_have_text("good")


def test_the_station_page_shows_its_slots_as_the_api_tells_them(page: Page, address: str) -> None:
    page.goto(f"{address}/station/S006")
    slots = get(f"{address}/api/v1/stations/S006")["slots"]
    for slot in slots:
        if slot["occupied"] and slot["pack_id"]:
            expect(page.get_by_text(slot["pack_id"][-4:]).first).to_be_visible()
    expect(page.get_by_role("heading", name="Aliganj")).to_be_visible()


def test_the_front_of_a_station_is_that_of_its_site_file(page: Page, address: str) -> None:
    page.goto(f"{address}/station/S001")
    expect(page.locator("button.slot")).to_have_count(12)
    layout = get(f"{address}/api/v1/stations/S001")["layout"]
    for row in layout["cells"]:
        tops = {
            (page.locator(f"button[data-slot='{slot}']").bounding_box() or {})["y"] for slot in row if slot is not None
        }
        assert len(tops) <= 1


def test_the_running_gateway_answers_a_what_if_question(page: Page, address: str) -> None:
    page.goto(f"{address}/station/S002?demand_factor=3")
    answer = page.locator("section.whatif")
    # Of which horizon it tells depends on the time of day: of the one where it makes a difference.
    told = re.compile(r"The risk of a stockout within \d+\s+min")
    expect(answer.get_by_role("status")).to_contain_text(told, timeout=30_000)
    expect(answer.get_by_text(re.compile(r"Made \d+ s ago from 500 futures that both share"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("What if: median"))).to_be_visible()

"""The page of the real demo shows the same numbers as the API."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.client import Stream, stream
from tests.support.programs import demo_site, program
from tests.support.web import address_in, get

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with program("demo", "--site", demo_site(tmp_path_factory.mktemp("demo"))) as running:
        address = address_in(running.wait_for("http://", 60.0))

        def live(client: Stream) -> bool:
            stations = client.state.get("stations", {}).values()
            return len(stations) == 6 and all(s["quality"] == "good" and s["forecast_time"] for s in stations)

        with stream(address, "stations") as client:
            client.until(live, 60.0)
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

"""The map: on WebGL, as plain graphics, and what is loaded before it is opened."""

import gzip
import re

import world
from conftest import Bench, choose
from playwright.sync_api import Page, Response, expect

FIRST_CHUNK = 120_000
"""Bytes, compressed: scripts and styles that the network page needs before its map is opened."""
NO_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith('webgl') ? null : get.call(this, kind, ...rest);
};
"""


def test_what_comes_before_the_map_is_small(page: Page, bench: Bench) -> None:
    loaded: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if re.search(r"\.(js|css)$", response.url):
            loaded[response.url] = len(gzip.compress(response.body(), 9))

    page.on("response", weigh)
    page.goto(bench.url)
    expect(page.locator("tbody th a").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert loaded
    assert sum(loaded.values()) <= FIRST_CHUNK, loaded


def test_the_map_opens_by_itself_on_a_wide_screen_and_stays_closed_once_closed(page: Page, bench: Bench) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(bench.url)
    expect(page.get_by_role("img", name="Map of the stations; the list shows the same")).to_be_visible(timeout=20_000)
    expect(page.locator(".glmap canvas")).to_be_visible()
    page.get_by_role("button", name="Close the map").click()
    expect(page.locator(".map")).to_have_count(0)
    page.reload()
    expect(page.locator("tbody th a").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".map")).to_have_count(0)


def test_without_webgl_every_station_is_a_link_on_a_plain_map(page: Page, bench: Bench) -> None:
    page.add_init_script(NO_WEBGL)
    choose(page, map="open")
    bench.publish_station(3, stockout_probability=None, forecast_time=None)
    page.goto(bench.url)
    names = page.locator(".plainmap a")
    expect(names).to_have_count(6)
    expect(page.get_by_role("link", name="North Station: 50 % or more")).to_have_text(re.compile("H.*North Station"))
    expect(page.get_by_role("link", name="University: no forecast")).to_be_visible()
    bench.publish_station(1, quality="bad", reason="no_communication")
    expect(page.get_by_role("link", name="North Station: 50 % or more, not current")).to_be_visible()
    page.get_by_role("link", name="Harbour: under 5 %").press("Enter")
    expect(page).to_have_url(f"{bench.url}/station/S001")


def test_two_hundred_stations_are_drawn_only_where_they_are_seen(page: Page, bench: Bench) -> None:
    now = bench.clock.now()
    fields = {"name": "Kiosk", "stockout_probability": None, "forecast_time": None}
    many = {f"K{n:03d}": world.summary(0, now) | fields | {"id": f"K{n:03d}", "name": f"Kiosk {n}"} for n in range(200)}
    bench.publish("stations", many)
    page.goto(bench.url)
    table = page.get_by_role("table")
    expect(table).to_have_attribute("aria-rowcount", "207")
    expect(page.locator("[data-row]").first).to_be_visible()
    assert page.locator("[data-row]").count() < 60
    page.keyboard.press("j")
    for _ in range(70):
        page.keyboard.press("j")
    expect(page.locator("tr:focus-within")).to_have_attribute("aria-rowindex", "72")
    page.mouse.wheel(0, 100_000)
    expect(page.locator("[data-row]").last).to_have_attribute("aria-rowindex", "207")

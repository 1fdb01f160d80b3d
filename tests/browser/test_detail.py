"""The pages of a slot, a pack and the cabinet, fed by the real hub over the real stream."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import detail_world
import pytest
import world
from conftest import Bench
from playwright.sync_api import Page, expect
from test_accessibility import WIDTHS, findings


@pytest.fixture
def asked(page: Page, bench: Bench) -> list[str]:
    return detail_world.answer(page, bench.clock.now())


def stored(page: Page, values: dict[str, list[float | None]], now: float, quality: dict[str, list[str | None]]) -> None:
    """Answer for the past of some signals; each list is spread evenly over the last hour."""
    buckets = max(len(points) for points in values.values())
    times = [now - 3500 + 3500 / buckets * i for i in range(buckets)]

    def reply(route: Any) -> None:
        names = parse_qs(urlsplit(route.request.url).query)["signals"][0].split(",")
        series = {}
        for name in names:
            points = values.get(name, [None] * buckets)
            marks = quality.get(name, [None if point is None else "good" for point in points])
            series[name] = {"mean": points, "last": points, "quality": marks}
        route.fulfill(json={"t": times, "series": series})

    page.route("**/stations/*/history**", reply)


def chart(page: Page, signal: str) -> Any:
    return page.locator(f"figure[data-signal={signal}]").get_by_role("img")


def test_every_signal_that_is_reported_has_a_trend_beside_its_normal_range(
    page: Page, bench: Bench, asked: list[str]
) -> None:
    page.goto(bench.url + "/station/S001/slot/1")
    expect(page.get_by_role("heading", level=1)).to_have_text("Slot 1 Harbour")
    trends = page.locator(".trendgroup figure")
    expect(trends).to_have_count(len(detail_world.NORMAL))
    temperature = page.locator("figure[data-signal=temperature_c] figcaption")
    expect(temperature).to_contain_text("Temperature25.0 °Cnormal 0.0 to 45.0 °C")
    expect(page.locator("figure[data-signal=soh] figcaption")).to_contain_text("normal from 80 %")
    expect(page.locator("figure[data-signal=charger_state] figcaption")).to_contain_text("charging")
    expect(page.locator("figure canvas")).to_have_count(len(detail_world.NORMAL) + 2)


def test_a_trend_holds_live_twin_and_truth_on_one_axis(page: Page, bench: Bench, asked: list[str]) -> None:
    now = bench.clock.now()
    stored(page, {"soc": [0.1, 0.2, 0.26], "twin_soc": [0.12, 0.2, 0.3], "occupied": [1, 1, 1]}, now, {})
    page.goto(bench.url + "/station/S001/slot/1")
    expect(chart(page, "soc")).to_have_accessible_name(
        re.compile(
            r"^Trend of State of charge from \d\d:\d\d to \d\d:\d\d \(Asia/Taipei, UTC\+8\)\. "
            r"measured: latest 27 %, between 10 % and 27 %\. twin: latest 27 %, between 12 % and 30 %\. "
            r"truth of the emulator: latest 25 %, between 25 % and 25 %\.$"
        )
    )


def test_truth_is_asked_for_on_emulated_sites_only(page: Page, bench: Bench, asked: list[str]) -> None:
    page.route("**/api/v1/health", lambda route: route.fulfill(json=world.health(emulated=False)))
    page.goto(bench.url + "/station/S001/slot/1")
    expect(page.locator("figure canvas").first).to_be_visible()
    expect(chart(page, "soc")).to_have_accessible_name(re.compile("measured: latest 27 %"))
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "truth" in url]
    expect(page.get_by_text("truth of the emulator")).to_have_count(0)


def test_stretches_that_were_not_good_are_hatched_and_told(page: Page, bench: Bench, asked: list[str]) -> None:
    now = bench.clock.now()
    marks = ["good"] * 20 + ["uncertain"] * 10 + ["good"] * 20 + ["bad"] * 5 + ["good"] * 5
    stored(page, {"voltage_v": [52.0] * 60, "power_w": [900.0] * 60}, now, {"voltage_v": marks})
    page.goto(bench.url + "/station/S001/slot/1")
    expect(chart(page, "voltage_v")).to_have_accessible_name(re.compile(r"2 stretches were not good\.$"))
    expect(chart(page, "power_w")).not_to_have_accessible_name(re.compile("not good"))
    dark = """signal => {
        const canvas = document.querySelector(`figure[data-signal=${signal}] canvas`);
        const { width, height } = canvas;
        const row = canvas.getContext("2d").getImageData(0, Math.floor(height * 0.62), width, 1).data;
        const seen = new Set();
        for (let x = Math.floor(width * 0.48); x < width * 0.58; x++) seen.add(row.slice(4 * x, 4 * x + 4).join());
        return seen.size;
    }"""
    page.wait_for_function(f"() => ({dark})('voltage_v') > 2 && ({dark})('power_w') <= 2")


def test_a_value_outside_of_its_normal_range_says_so_in_words(page: Page, bench: Bench, asked: list[str]) -> None:
    page.goto(bench.url + "/station/S001/slot/1")
    caption = page.locator("figure[data-signal=temperature_c] figcaption")
    expect(caption).to_contain_text("25.0 °C")
    expect(caption.locator(".outside")).to_have_count(0)
    bench.publish_slot(0, 1, temperature_c=51.2)
    expect(caption.locator(".outside")).to_have_text("outside of its normal range")


def test_a_stale_value_is_hatched_and_the_charge_is_the_twins(page: Page, bench: Bench, asked: list[str]) -> None:
    page.goto(bench.url + "/station/S001/slot/1")
    soc = page.locator("figure[data-signal=soc] figcaption .value")
    expect(soc).to_have_text("27 %")
    since = bench.clock.now() - 42
    twin = {"soc": 0.31, "temperature_c": 26.0, "quality": "uncertain", "reason": "substituted", "drift": []}
    bench.publish_slot(
        0, 1, quality="uncertain", reason="stale", data_time=since, not_good={"soc": "uncertain/stale"}, twin=twin
    )
    expect(soc).to_have_class("value stale")
    figures = page.locator(".figures")
    expect(figures.locator(".value.estimated")).to_have_text("≈ 31 %")
    expect(figures).to_contain_text(re.compile(r"no data 4\d s"))
    expect(chart(page, "soc")).to_have_accessible_name(re.compile(r"1 stretch was not good\.$"))


def test_an_empty_slot_is_not_said_to_have_bad_data(page: Page, bench: Bench, asked: list[str]) -> None:
    now = bench.clock.now()
    stored(
        page,
        {"soc": [0.4, 0.4, None, None], "occupied": [1, 1, 0, 0]},
        now,
        {"soc": ["good", "good", "bad", "bad"]},
    )
    page.goto(bench.url + "/station/S001/slot/4")
    expect(chart(page, "soc")).to_have_accessible_name(re.compile(r"measured: latest 40 %"))
    expect(chart(page, "soc")).not_to_have_accessible_name(re.compile("not good"))


def test_the_span_of_time_is_part_of_the_link(page: Page, bench: Bench, asked: list[str]) -> None:
    page.goto(bench.url + "/station/S001/slot/1")
    with page.expect_request(lambda request: "power_w" in request.url and span_of(request.url) == 86_400):
        page.get_by_label("24 hours").check()
    expect(page).to_have_url(bench.url + "/station/S001/slot/1?hours=24")
    page.reload()
    expect(page.get_by_label("24 hours")).to_be_checked()


def span_of(url: str) -> int:
    begin, end = (float(re.search(rf"{name}=([\d.]+)", url)[1]) for name in ("from", "to"))  # type: ignore[index]
    return round(end - begin)


def test_the_charge_is_compared_with_the_expected_one(page: Page, bench: Bench, asked: list[str]) -> None:
    page.goto(bench.url + "/station/S001/slot/1")
    panel = page.locator("section.charge")
    expect(panel).to_contain_text("5 points of SoC behind what was expected")
    expect(chart(page, "charge_soc")).to_have_accessible_name(re.compile(r"measured: 45 %\. expected: 80 %\."))


def test_no_charge_is_said_to_be_none(page: Page, bench: Bench) -> None:
    detail_world.answer(page, bench.clock.now(), missing=frozenset({"**/slots/*/charge"}))
    page.goto(bench.url + "/station/S001/slot/2")
    expect(page.get_by_text("No charge of a pack in this slot is known.")).to_be_visible()


def test_a_packs_history_leads_across_slots_and_stations(page: Page, bench: Bench, asked: list[str]) -> None:
    page.goto(bench.url + "/station/S001/slot/1")
    page.locator(".figures").get_by_role("link", name="PK-00017A1F").click()
    expect(page).to_have_url(bench.url + "/station/S001/pack/PK-00017A1F")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pack PK-00017A1F now in slot 1")
    rows = page.locator("table.stays tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("still there")
    expect(rows.last).to_contain_text("North Station, slot 7")
    expect(rows.last).to_contain_text("100 %")
    expect(page.get_by_role("img", name=re.compile("^Trend of State of charge over its stays"))).to_be_visible()
    rows.last.get_by_role("link").click()
    expect(page).to_have_url(bench.url + "/station/S002/slot/7")


def test_keys_go_to_the_neighbours_and_up(page: Page, bench: Bench, asked: list[str]) -> None:
    page.goto(bench.url + "/station/S001/slot/1")
    heading = page.locator(".slothead h1")
    expect(heading).to_contain_text("Slot 1")
    page.keyboard.press("j")
    expect(heading).to_contain_text("Slot 2")
    page.keyboard.press("k")
    expect(heading).to_contain_text("Slot 1")
    page.keyboard.press("k")
    expect(heading).to_contain_text("Slot 10")
    page.keyboard.press("Escape")
    expect(page).to_have_url(bench.url + "/station/S001")


def test_a_trend_is_saved_with_times_and_quality(page: Page, bench: Bench, asked: list[str], tmp_path: Path) -> None:
    now = bench.clock.now()
    stored(page, {"soc": [0.1, 0.2], "twin_soc": [0.12, 0.2], "occupied": [1, 1]}, now, {"soc": ["good", "uncertain"]})
    page.goto(bench.url + "/station/S001/slot/1")
    expect(chart(page, "soc")).to_have_accessible_name(re.compile("between 10 %"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Save “State of charge” as CSV").click()
    assert download.value.suggested_filename == "S001-slot-1-soc.csv"
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# EMULATED"
    assert lines[1].startswith("time,soc,quality,twin_soc")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00,0\.1,good,0\.12", lines[2])
    assert ",0.2,uncertain,0.2" in lines[3]


def test_no_such_slot_is_said(page: Page, bench: Bench, asked: list[str]) -> None:
    page.goto(bench.url + "/station/S001/slot/99")
    expect(page.get_by_text("Harbour has no slot 99.")).to_be_visible()


def drawn(page: Page) -> int:
    return int(page.locator(".stage").get_attribute("data-drawn") or 0)


def test_the_cabinet_is_drawn_when_something_changes_and_never_else(page: Page, bench: Bench, asked: list[str]) -> None:
    page.goto(bench.url + "/station/S001/cabinet")
    expect(page.locator(".stage canvas")).to_be_visible()
    page.wait_for_load_state("networkidle")
    frames = "n => new Promise(done => { const f = () => (n-- > 0 ? requestAnimationFrame(f) : done()); f(); })"
    page.evaluate(frames, 10)
    before = drawn(page)
    assert before > 0
    page.evaluate(frames, 90)
    assert drawn(page) == before
    bench.publish_slot(0, 1, soc=0.77)
    page.wait_for_function("n => Number(document.querySelector('.stage').dataset.drawn) > n", arg=before)


def test_what_draws_the_cabinet_is_loaded_with_its_page_only(
    page: Page, bench: Bench, asked: list[str], addresses: list[str]
) -> None:
    page.goto(bench.url + "/station/S001/slot/1")
    expect(page.locator("figure canvas").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert not [url for url in addresses if "cabinet3d" in url]
    page.get_by_role("link", name="Cabinet in 3D").click()
    expect(page.locator(".stage canvas")).to_be_visible()
    assert [url for url in addresses if "cabinet3d" in url]


def test_a_slot_in_the_cabinet_leads_to_its_page(page: Page, bench: Bench, asked: list[str]) -> None:
    page.goto(bench.url + "/station/S001/cabinet")
    stage = page.locator(".stage canvas")
    expect(stage).to_be_visible()
    page.wait_for_function("() => Number(document.querySelector('.stage').dataset.drawn) > 1")
    box = stage.bounding_box()
    assert box is not None
    stage.click(position={"x": box["width"] * 0.57, "y": box["height"] / 2})
    expect(page).to_have_url(re.compile(r"/station/S001/slot/\d+$"))


def test_the_list_beside_the_cabinet_says_the_same_and_works_by_keyboard(
    page: Page, bench: Bench, asked: list[str]
) -> None:
    bench.publish_slot(0, 5, door_open=True, temperature_c=52.0)
    page.goto(bench.url + "/station/S001/cabinet")
    slots = page.locator("ol.slotlist a")
    expect(slots).to_have_count(10)
    expect(slots.nth(0)).to_have_accessible_name("1 charging 27 %")
    expect(slots.nth(3)).to_have_accessible_name("4 idle empty")
    page.get_by_label("Temperature").check()
    expect(page).to_have_url(re.compile(r"by=temperature"))
    expect(slots.nth(4)).to_have_accessible_name("5 full, door open, above its normal range 52.0 °C")
    slots.nth(4).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(bench.url + "/station/S001/slot/5")


def test_without_webgl_the_front_is_drawn_flat(page: Page, bench: Bench, asked: list[str]) -> None:
    page.add_init_script(
        "const real = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return /webgl/.test(kind) ? null : real.call(this, kind, ...rest); };"
    )
    page.goto(bench.url + "/station/S001/cabinet")
    expect(page.get_by_text("This browser shows no 3D pictures")).to_be_visible()
    cells = page.locator(".stage svg g")
    expect(cells).to_have_count(10)
    expect(cells.nth(0)).to_contain_text("27 %")
    cells.nth(2).click()
    expect(page).to_have_url(bench.url + "/station/S001/slot/3")


def test_the_cabinet_follows_the_layout_of_the_site_file(page: Page, bench: Bench, asked: list[str]) -> None:
    layout = {"rows": 2, "columns": 6, "cells": [[1, 2, 3, 4, 5, None], [10, 9, 8, 7, 6, None]]}
    bench.publish_station(0, layout=layout)
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(bench.url + "/station/S001/cabinet")
    places = page.locator(".stage svg g")
    expect(places).to_have_count(10)
    tens = places.filter(has_text=re.compile("^10"))
    expect(tens).to_have_attribute("transform", "translate(0 86)")


@pytest.mark.parametrize("language", ["de", "zh", "es"])
def test_no_text_is_left_untranslated(page: Page, bench: Bench, asked: list[str], language: str) -> None:
    page.add_init_script(f"localStorage.setItem('swaptwin.language', '{language}')")
    page.goto(bench.url + "/station/S001/slot/1")
    title = {"de": "Fach 1 Harbour", "zh": "1 号仓位 Harbour", "es": "Hueco 1 Harbour"}[language]
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator("figure canvas").first).to_be_visible()
    keys = re.compile(r"\b(signal|normal|line|group|figure|window|charge|pack|cabinet|chart)\.\w+")
    assert not keys.search(page.locator("main").inner_text())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["slot/1", "slot/4", "pack/PK-00017A1F", "cabinet?by=temperature"])
def test_no_finding(page: Page, bench: Bench, asked: list[str], width: int, path: str) -> None:
    since = bench.clock.now() - 42
    bench.publish_slot(
        0, 1, quality="uncertain", reason="stale", data_time=since, not_good={"soc": "uncertain/stale"}, voltage_v=70.0
    )
    bench.publish_slot(0, 6, charger_state="fault", door_open=True, temperature_c=55.0)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{bench.url}/station/S001/{path}")
    expect(page.locator("canvas, .stays").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

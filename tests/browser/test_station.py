"""The station page in a real browser, fed by the real hub over the real stream."""

import re

import pytest
import world
from conftest import Bench, choose
from playwright.sync_api import Page, expect


def test_the_cabinet_shows_every_slot_with_a_name_that_tells_all(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S001")
    slots = page.locator("button.slot")
    expect(slots).to_have_count(10)
    expect(
        page.get_by_role("button", name="Slot 1 charging 27 % pack PK-00017A1F ready in 12 min", exact=True)
    ).to_be_visible()
    expect(page.get_by_role("button", name="Slot 2 full 98 % pack PK-00027A2F ready", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Slot 4 empty", exact=True)).to_be_visible()


def test_a_chosen_slot_shows_live_and_twin_and_becomes_part_of_the_link(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S001")
    page.get_by_role("button", name=re.compile("^Slot 3 ")).click()
    expect(page).to_have_url(bench.url + "/station/S001?slot=3")
    details = page.locator("section.details")
    expect(details.get_by_role("heading")).to_have_text("Slot 3")
    expect(details.locator("tr[data-signal=temperature_c] td")).to_have_text(["27.0 °C", "27.0 °C", ""])
    page.reload()
    expect(details.get_by_role("heading")).to_have_text("Slot 3")


def test_a_stale_charge_shows_the_twins_estimate_beside_the_last_that_was_said(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S001?slot=2")
    silent_since = bench.clock.now() - 42
    bench.publish_slot(
        0,
        2,
        quality="uncertain",
        reason="stale",
        data_time=silent_since,
        source_time=silent_since,
        not_good={"soc": "uncertain/stale"},
        twin={"soc": 0.5, "temperature_c": 26.0, "quality": "uncertain", "reason": "substituted", "drift": []},
    )
    slot = page.locator("button[data-slot='2']")
    expect(slot.locator(".level.estimated .number")).to_have_text("≈ 50 %")
    expect(slot).to_have_accessible_name(re.compile(r"≈ 50 %.*no data 4\d s"))
    row = page.locator("tr[data-signal=soc]")
    expect(row.locator(".value.stale")).to_have_text("98 %")
    expect(row.locator(".value.estimated")).to_have_text("≈ 50 %")
    expect(row.locator("td").last).to_have_text(re.compile(r"no data 4\d s"))


def test_the_forecast_says_when_it_was_made_and_how_likely_a_stockout_is(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S002")
    panel = page.locator("section.forecast")
    expect(panel.locator(".made")).to_contain_text(re.compile(r"forecast made \d+ s ago"))
    expect(panel.locator("tr[data-row=stockout] td")).to_have_text(["L19 %", "M37 %", "H62 %", "H87 %"])
    expect(panel.locator("tr[data-row=lost] td")).to_have_text(["0.0", "0.2", "1.1", "3.4"])
    expect(panel.get_by_text("Half of the futures run out within 1 h 16 min.")).to_be_visible()
    chart = panel.get_by_role("img", name=re.compile("^Chart of ready packs"))
    expect(chart).to_have_accessible_name(re.compile("In two hours: median 1, between 0 and 4 with 90 percent"))


def test_the_chart_draws_history_left_and_bands_right_of_now(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S001")
    page.wait_for_load_state("networkidle")
    expect(page.locator("section.forecast canvas")).to_be_visible()
    colours = """canvas => {
        const { width, height } = canvas, image = canvas.getContext("2d").getImageData(0, 0, width, height).data;
        const inside = (left, right) => {
            const found = new Set();
            for (let y = Math.floor(height * 0.15); y < height * 0.85; y += 1)
                for (let x = Math.floor(width * left); x < width * right; x += 2) {
                    const i = 4 * (y * width + x);
                    found.add(image.slice(i, i + 4).join());
                }
            return found.size;
        };
        return [inside(0.1, 0.35), inside(0.6, 0.9)];
    }"""
    page.wait_for_function(f"() => ({colours})(document.querySelector('canvas')).every(n => n > 2)")


def test_the_forecast_is_there_as_a_table_too(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S001")
    page.get_by_text("Forecast as a table").click()
    rows = page.locator("table.numbers tbody tr")
    expect(rows).to_have_count(9)
    expect(rows.first.locator("td")).to_have_text(["7", "7", "7", "7", "7"])


def test_a_station_whose_first_forecast_is_to_come_says_so_and_takes_it_in(page: Page, bench: Bench) -> None:
    bench.publish("forecast/S001", {}, delete=["forecast"])
    page.goto(bench.url + "/station/S001")
    expect(page.get_by_text("no forecast yet")).to_be_visible()
    bench.publish("forecast/S001", {"forecast": world.forecast(0, bench.clock.now())})
    expect(page.get_by_text(re.compile(r"forecast made \d+ s ago"))).to_be_visible()


def test_a_forecast_explains_itself_and_what_would_help(page: Page, bench: Bench) -> None:
    skill = world.skill(forecasts=412, brier_skill=0.314)
    page.route("**/stations/S002/skill", lambda route: route.fulfill(json=skill))
    page.goto(bench.url + "/station/S002")
    fact = page.locator("section.forecast [data-fact]")
    expect(fact.locator("dt")).to_have_text(["Advice", "Causes", "Model", "So far"])
    expect(fact.nth(0)).to_contain_text(
        "Bring 1 full pack: the risk of a stockout within 60 min falls from 62 % to 4 %."
    )
    expect(fact.nth(0)).to_contain_text("Also enough: raise the grid limit to 24.0 kW (5 %).")
    expect(fact.nth(1).locator("caption")).to_contain_text("Points of the 62 % within 60 min")
    expect(fact.nth(1).locator("td.right")).to_have_text(["+31", "+22", "0"])
    expect(fact.nth(2)).to_contain_text("500 futures from live data; demand learned.")
    expect(fact.nth(3)).to_contain_text("Brier skill 0.31, 412 forecasts of 60 min scored")
    silent = world.forecast(1, bench.clock.now(), model="climatology", data_age_s=852.0, drivers=None, advice=None)
    bench.publish("forecast/S002", {"forecast": silent})
    expect(fact.locator("dt")).to_have_text(["Model", "So far"])
    expect(fact.first).to_contain_text("Climatology: no data for 14 min.")


def test_a_charging_pack_says_when_it_is_ready_in_its_slot_and_in_the_details(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S001?slot=7")
    expect(page.locator("button[data-slot='1'] .soon")).to_have_text("ready in 12 min")
    expect(page.locator("button[data-slot='3'] .soon")).to_have_text("waiting")
    expect(page.locator("button[data-slot='7'] .soon")).to_have_text(re.compile(r"^ready \d\d:\d\d$"))
    expect(page.locator("button[data-slot='2'] .soon")).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile(r"^Ready at \d\d:\d\d$"))).to_be_visible()
    outdated = world.forecast(0, bench.clock.now(), valid_until=bench.clock.now() - 60)
    bench.publish("forecast/S001", {"forecast": outdated})
    expect(page.locator("button .soon")).to_have_count(0)


def test_an_alarm_of_the_twin_is_told_in_words_beside_its_slot(page: Page, bench: Bench) -> None:
    now = bench.clock.now()
    alarm = {"kind": "degraded charger", "since": now - 605, "magnitude": -0.3}
    bench.publish_slot(0, 1, twin={"soc": 0.3, "quality": "good", "reason": None, "drift": [alarm]})
    bench.publish_station(0, drifts=[alarm | {"slot": 1}])
    page.goto(bench.url + "/station/S001")
    expect(page.get_by_text("Slot 1: charger weaker than expected, \u221230 %, for 10 min")).to_be_visible()
    slot = page.locator("button[data-slot='1']")
    expect(slot).to_have_accessible_name(re.compile("^Slot 1 charger weaker than expected, \u221230 %"))


def test_the_front_is_as_on_the_door(page: Page, bench: Bench) -> None:
    cabinets = [
        {"name": "A", "column": 0, "columns": 2, "rows": 3},
        {"name": "B", "column": 2, "columns": 2, "rows": 3},
    ]
    cells = [[1, 2, 10, 9], [None, 3, 8, 7], [5, 4, 6, None]]
    bench.publish_station(0, layout={"rows": 3, "columns": 4, "cells": cells, "cabinets": cabinets})
    page.goto(bench.url + "/station/S001")
    expect(page.locator(".doors .name")).to_have_text(["A", "B"])

    def place(number: int) -> tuple[float, float]:
        box = page.locator(f"button[data-slot='{number}']").bounding_box()
        assert box is not None
        return box["x"], box["y"]

    assert place(1)[0] == place(5)[0] < place(2)[0] == place(3)[0] == place(4)[0] < place(10)[0] < place(9)[0]
    assert place(1)[1] == place(2)[1] == place(10)[1] < place(3)[1] == place(8)[1] < place(5)[1] == place(6)[1]
    # The Tab key goes by numbers within a cabinet.
    page.locator("button[data-slot='3']").press("Tab")
    expect(page.locator("button[data-slot='4']")).to_be_focused()


def test_door_and_lock_are_glyphs_with_words(page: Page, bench: Bench) -> None:
    bench.publish_slot(0, 1, door_open=True, locked=False)
    bench.publish_slot(0, 2, door_open=None, locked=True, not_good={"door_open": "bad/no_communication"})
    bench.publish_slot(0, 3, door_open=None, locked=None)
    page.goto(bench.url + "/station/S001")
    titles = page.locator("button[data-slot='1'] .glyph title")
    expect(titles).to_have_text(["door open", "unlocked"])
    expect(page.locator("button[data-slot='1']")).to_have_accessible_name(re.compile("door open.*unlocked"))
    expect(page.locator("button[data-slot='2'] .glyph.doubtful title")).to_have_text("door not known")
    expect(page.locator("button[data-slot='3'] .glyph")).to_have_count(0)


def test_swaps_are_listed_as_they_happen(page: Page, bench: Bench) -> None:
    now = bench.clock.now()
    stored = [world.swap("S001", now - 900, number=6)]
    page.route("**/stations/S001/swaps**", lambda route: route.fulfill(json=stored))
    bench.publish("swaps", {"7": world.swap("S001", now - 60), "8": world.swap("S002", now - 30)})
    page.goto(bench.url + "/station/S001")
    rows = page.locator("section.swaps tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first.locator("td")).to_have_text(["swap", "2", "…7A2F 98 %", "…0B1C 12 %"])
    unknown = {"slot": None, "pack_out": None, "pack_in": None, "soc_out": None, "soc_in": None}
    bench.publish("swaps", {"9": world.swap("S001", now, kind="lost", **unknown)})
    expect(rows).to_have_count(3)
    expect(rows.first.locator("td")).to_have_text(["lost swap", *3 * ["\u2013"]])


def test_live_and_twin_are_compared_in_every_slot(page: Page, bench: Bench) -> None:
    twin = {"soc": 0.25, "temperature_c": 25.0, "quality": "good", "reason": None, "drift": []}
    bench.publish_slot(0, 1, soc=0.27, twin=twin)
    bench.publish_slot(0, 2, soc=0.5, twin=twin | {"quality": "uncertain", "reason": "substituted"})
    page.goto(bench.url + "/station/S001")
    expect(page.get_by_role("button", name="Slot 1: live minus twin +2.0 %")).to_be_visible()
    expect(page.get_by_role("button", name="Slot 2: live minus twin \u2013")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Slot 2: live")).click()
    expect(page.get_by_role("img", name=re.compile("^Chart of live minus twin, slot 2"))).to_be_visible()


def test_power_is_told_beside_its_limit(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S001")
    chart = page.get_by_role("img", name="Chart of power. Now 8.1 kW, limit 20.0 kW.")
    expect(chart).to_be_visible()
    expect(chart.locator("canvas")).to_be_visible()


def test_charts_show_more_of_the_past_on_request(page: Page, bench: Bench) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(bench.url + "/station/S001")
    with page.expect_request(re.compile("signal=ready")):
        page.get_by_role("button", name="24 h").click()
    expect(page).to_have_url(bench.url + "/station/S001?past=24")
    expect(page.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")
    spans = {
        round((float(to) - float(start)) / 3600)
        for url in asked
        for start, to in re.findall(r"signal=ready&from=([\d.]+)&to=([\d.]+)", url)
    }
    assert spans == {1, 24}


def test_the_forecast_is_saved_with_its_bands_and_history(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S001")
    expect(page.get_by_text(re.compile(r"forecast made \d+ s ago"))).to_be_visible()
    page.wait_for_load_state("networkidle")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save “Ready packs: past and next 2 hours” as CSV").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# EMULATED"
    header = lines[1].split(",")
    assert header[:4] == ["time", "ready", "stockout_probability_3600", "ready_p50_told_3600_s_before"]
    rows = [dict(zip(header, line.split(","), strict=True)) for line in lines[2:]]
    assert {row["quality"] for row in rows} == {"good", "unknown", ""}
    assert any(row["ready_p50"] == "7" for row in rows)


@pytest.mark.parametrize("language", ["en", "de", "zh", "es"])
def test_a_fast_emulator_is_told_on_a_phone_beside_the_name_of_the_network(
    page: Page, bench: Bench, language: str
) -> None:
    choose(page, language=language)
    page.route("**/api/v1/health", lambda route: route.fulfill(json=world.health(speed=20.0)))
    page.set_viewport_size({"width": 360, "height": 812})
    page.goto(bench.url + "/station/S001")
    mark = page.locator(".emulated")
    expect(mark).to_contain_text("20")
    expect(page.locator(".site")).to_have_text("Demo city")
    inside = """(mark) => {
      const box = mark.getBoundingClientRect();
      const hit = (x) => document.elementFromPoint(x, (box.top + box.bottom) / 2);
      const logo = document.querySelector('.home').getBoundingClientRect();
      return hit(box.left + 2) === mark && hit(box.right - 2) === mark && logo.bottom <= box.top;
    }"""
    assert mark.evaluate(inside)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_paper_it_is_dark_on_white_without_controls(page: Page, bench: Bench) -> None:
    choose(page, theme="dark")
    page.goto(bench.url + "/station/S001")
    expect(page.get_by_role("heading", level=1)).to_have_text("Harbour S001")
    page.emulate_media(media="print")
    expect(page.locator("html")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(page.locator(".clock .date")).to_be_visible()
    expect(page.locator(".clock b")).to_be_visible()
    expect(page.locator(".emulated")).to_be_visible()
    expect(page.locator("button.slot")).to_have_count(10)
    for control in (".nav", ".settings", "main .button", "main input", "section.whatif"):
        expect(page.locator(control).filter(visible=True)).to_have_count(0)
    page.emulate_media(media="screen")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("language", ["en", "de", "zh"])
def test_nothing_is_wider_than_a_phone(page: Page, bench: Bench, language: str) -> None:
    choose(page, language=language)
    answer = world.whatif(0, bench.clock.now(), 0.04)
    page.route("**/stations/S001/whatif", lambda route: route.fulfill(json=answer))
    page.set_viewport_size({"width": 390, "height": 844})
    cells = [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]
    bench.publish_station(0, layout={"rows": 2, "columns": 5, "cells": cells, "cabinets": []})
    page.goto(bench.url + "/station/S001?packs_added=1")
    expect(page.locator("button.slot")).to_have_count(10)
    expect(page.locator("section.whatif table")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    first, fifth = page.locator("button[data-slot='1']"), page.locator("button[data-slot='5']")
    assert (first.bounding_box() or {})["y"] == (fifth.bounding_box() or {})["y"]


def test_a_delta_of_one_slot_draws_no_other(page: Page, bench: Bench) -> None:
    page.goto(bench.url + "/station/S001")
    expect(page.locator("button.slot")).to_have_count(10)
    page.wait_for_load_state("networkidle")
    page.evaluate("""() => {
        window.changed = new Set();
        new MutationObserver(all => all.forEach(({ target }) => {
            const slot = (target.nodeType === 1 ? target : target.parentElement)?.closest('button.slot');
            if (slot) window.changed.add(slot.dataset.slot);
        })).observe(document.querySelector('.front'), { subtree: true, childList: true, characterData: true,
            attributes: true });
    }""")
    bench.publish_slot(0, 3, soc=0.77)
    expect(page.locator("button[data-slot='3'] .number")).to_have_text("77 %")
    assert page.evaluate("[...window.changed]") == ["3"]

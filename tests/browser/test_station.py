"""The station page in a real browser, fed by the real hub over the real stream."""

import re

import world
from conftest import Bench
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
    expect(panel.locator("header")).to_contain_text(re.compile(r"forecast made \d+ s ago"))
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

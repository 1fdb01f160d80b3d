"""What-if questions on the station page: sliders, the link that carries them, and answers that come too late."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import world
from conftest import Bench, choose
from playwright.sync_api import Page, Route, expect

from tests.support.futures_cases import case_of
from twin.whatif import Change, ChangeError, apply

Asked = list[dict[str, Any]]


@pytest.fixture
def asked(page: Page, bench: Bench) -> Asked:
    """Every question to station S002; each is answered at once, with a risk of 3 % for each pack that is added."""
    questions: Asked = []

    def answer(route: Route) -> None:
        questions.append(route.request.post_data_json)
        hour = 0.03 * questions[-1].get("packs_added", 1)
        route.fulfill(json=world.whatif(1, bench.clock.now(), hour))

    page.route("**/stations/S002/whatif", answer)
    return questions


def panel(page: Page) -> Any:
    return page.locator("section.whatif")


def move(page: Page, name: str, key: str) -> None:
    page.get_by_role("slider", name=name).press(key)


def test_a_slider_asks_and_draws_the_second_fan(page: Page, bench: Bench, asked: Asked) -> None:
    bench.publish_slot(1, 4)
    page.goto(bench.url + "/station/S002")
    expect(panel(page).get_by_text("Move a slider")).to_be_visible()
    move(page, "Full packs brought", "ArrowRight")
    verdict = panel(page).get_by_role("status")
    expect(verdict).to_contain_text("The risk of a stockout within 60 min falls from 62 % to 3 %")
    expect(panel(page).locator("tr[data-row=base] td")).to_have_text(["19 %", "37 %", "62 %", "87 %"])
    expect(panel(page).locator("tr[data-row=changed] td").nth(2)).to_have_text("3 %")
    expect(panel(page).locator("tr[data-row=difference] td").nth(2)).to_have_text("\u221259")
    expect(page.get_by_role("img", name=re.compile("What if: median 6, between 5 and 8"))).to_be_visible()
    expect(page).to_have_url(bench.url + "/station/S002?packs_added=1")
    assert asked == [{"packs_added": 1}]


def test_a_slider_that_moves_asks_once_it_rests(page: Page, bench: Bench, asked: Asked) -> None:
    page.goto(bench.url + "/station/S002")
    slider = page.get_by_role("slider", name="Demand")
    expect(slider).to_be_visible()
    slider.evaluate("""slider => {
        const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
        for (const value of ['1.05', '1.1', '1.2', '1.3']) {
            set.call(slider, value);
            slider.dispatchEvent(new Event('input', { bubbles: true }));
        }
    }""")
    expect(page).to_have_url(re.compile(r"\?demand_factor=1\.3$"))
    expect(panel(page).get_by_role("status")).to_contain_text("falls")
    assert asked == [{"demand_factor": 1.3}]


def test_a_link_carries_the_whole_question(page: Page, bench: Bench, asked: Asked) -> None:
    bench.publish_slot(1, 5, charger_state="fault")
    bench.publish_station(1, charger_power_w=1500.0)
    link = "/station/S002?grid_limit_w=24000&charger_power_w=1800&packs_added=1&demand_factor=1.25&slots_repaired=5"
    page.goto(bench.url + link)
    expect(panel(page).get_by_role("status")).to_contain_text("falls from 62 % to 3 %")
    assert asked[0] == {
        "grid_limit_w": 24000,
        "charger_power_w": 1800,
        "packs_added": 1,
        "demand_factor": 1.25,
        "slots_repaired": [5],
    }
    expect(panel(page).get_by_role("slider", name="Grid limit")).to_have_attribute("aria-valuetext", "24.0 kW")
    expect(panel(page).get_by_role("checkbox", name="Slot 5")).to_be_checked()
    panel(page).get_by_role("button", name="As it is").click()
    expect(page).to_have_url(bench.url + "/station/S002")
    expect(panel(page).get_by_text("Move a slider")).to_be_visible()


def test_an_answer_that_comes_too_late_is_dropped(page: Page, bench: Bench) -> None:
    held: list[Route] = []
    page.route("**/stations/S002/whatif", lambda route: held.append(route))
    page.goto(bench.url + "/station/S002")
    move(page, "Demand", "ArrowRight")
    wait_for(page, lambda: len(held) == 1)
    move(page, "Demand", "ArrowRight")
    wait_for(page, lambda: len(held) == 2)
    assert [json.loads(route.request.post_data or "") for route in held] == [
        {"demand_factor": 1.05},
        {"demand_factor": 1.1},
    ]
    held[1].fulfill(json=world.whatif(1, bench.clock.now(), 0.4))
    expect(panel(page).get_by_role("status")).to_contain_text("from 62 % to 40 %")
    held[0].fulfill(json=world.whatif(1, bench.clock.now(), 0.9))
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    expect(panel(page).get_by_role("status")).to_contain_text("from 62 % to 40 %")


def test_what_cannot_be_is_told_in_the_gateways_words(page: Page, bench: Bench) -> None:
    error = {"code": "invalid_change", "message": "packs_added: 9 packs do not fit", "remedy": "Ask for at most 1."}
    page.route("**/stations/S002/whatif", lambda route: route.fulfill(status=422, json={"error": error}))
    page.goto(bench.url + "/station/S002?packs_added=9")
    expect(panel(page).get_by_role("status")).to_have_text(
        "The gateway cannot answer this: packs_added: 9 packs do not fit. Ask for at most 1."
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Change(packs_added=99), re.compile(r"^99 Akkus passen nicht hinein: \d+ Fächer sind frei\.")),
        (Change(slots_repaired=(1,)), "Fach 1 ist nicht gestört: Es gibt nichts zu reparieren."),
        (Change(slots_repaired=(99,)), "Die Station hat kein Fach 99."),
    ],
)
def test_what_cannot_be_is_told_in_the_operators_language(
    page: Page, bench: Bench, change: Change, told: str | re.Pattern[str]
) -> None:
    with pytest.raises(ChangeError) as refused:
        apply(case_of(), change)
    error = {
        "code": "invalid_change",
        "message": f"{refused.value.key}: {refused.value}",
        "remedy": refused.value.remedy,
    }
    page.route("**/stations/S002/whatif", lambda route: route.fulfill(status=422, json={"error": error}))
    choose(page, language="de")
    page.goto(bench.url + "/station/S002?demand_factor=2")
    expect(panel(page).get_by_role("status")).to_have_text(told)


def test_advice_can_be_looked_at_before_it_is_followed(page: Page, bench: Bench, asked: Asked) -> None:
    page.goto(bench.url + "/station/S002")
    page.get_by_role("button", name="Raise the grid limit to 24.0 kW").click()
    expect(page).to_have_url(bench.url + "/station/S002?grid_limit_w=24000")
    expect(panel(page).get_by_role("status")).to_contain_text("falls from 62 %")
    assert asked == [{"grid_limit_w": 24000}]


def test_a_change_that_is_felt_later_is_told_for_two_hours(page: Page, bench: Bench) -> None:
    answer = world.whatif(1, bench.clock.now(), 0.3)
    difference = answer["difference"]["stockout_probability"]
    for horizon in ("900", "1800", "3600"):
        difference[horizon] = {"mean": 0.0, "low": 0.0, "high": 0.0}
    page.route("**/stations/S002/whatif", lambda route: route.fulfill(json=answer))
    page.goto(bench.url + "/station/S002?packs_added=1")
    verdict = panel(page).get_by_role("status")
    expect(verdict).to_contain_text("The risk of a stockout within 120 min falls from 87 % to 42 %")


def test_another_station_is_not_asked_the_same(page: Page, bench: Bench, asked: Asked) -> None:
    page.goto(bench.url + "/station/S002?packs_added=1")
    expect(panel(page).get_by_role("status")).to_contain_text("falls")
    page.get_by_role("link", name="Network").first.click()
    page.locator("tr[data-station=S001]").get_by_role("link").first.click()
    expect(page).to_have_url(bench.url + "/station/S001")
    expect(panel(page).get_by_text("Move a slider")).to_be_visible()


def wait_for(page: Page, condition: Callable[[], bool]) -> None:
    while not condition():
        page.evaluate("() => new Promise(requestAnimationFrame)")

"""Everything by keyboard alone."""

from conftest import Bench
from playwright.sync_api import Page, expect


def opened(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    expect(page.locator("tbody th a").first).to_be_visible()


def test_j_and_k_walk_the_list_and_enter_opens_a_station(page: Page, bench: Bench) -> None:
    opened(page, bench)
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="North Station")).to_be_focused()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="University")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{bench.url}/station/S002")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Network")


def test_a_slash_searches_by_name_and_number_and_escape_shows_all_again(page: Page, bench: Bench) -> None:
    opened(page, bench)
    page.keyboard.press("/")
    page.keyboard.type("s004")
    expect(page.locator("tbody th a")).to_have_text(["University"])
    expect(page).to_have_url(f"{bench.url}/?q=s004")
    page.keyboard.press("Escape")
    expect(page.locator("tbody th a")).to_have_count(6)
    page.keyboard.press("/")
    page.keyboard.type("nothing")
    expect(page.get_by_text("No station is called “nothing”.")).to_be_visible()


def test_a_question_mark_shows_what_keys_there_are_and_they_can_be_switched_off(page: Page, bench: Bench) -> None:
    opened(page, bench)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog.locator("dt")).to_contain_text(["?", "/", "Esc"])
    dialog.get_by_label("Keys of one letter are on").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="North Station")).not_to_be_focused()


def test_tab_reaches_the_content_in_one_step_and_every_row_in_order(page: Page, bench: Bench) -> None:
    opened(page, bench)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for name in ["Search for a station", "Map", "Save “Stations, worst first” as CSV", "North Station", "University"]:
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_accessible_name(name)


def test_a_row_that_is_worked_on_does_not_move_until_it_is_left(page: Page, bench: Bench) -> None:
    opened(page, bench)
    page.keyboard.press("j")
    bench.publish_station(0, stockout_probability={"900": 0.9, "1800": 0.9, "3600": 0.9, "7200": 0.9})
    wait = page.get_by_role("button", name="Order waits while you work here: sort now")
    expect(wait).to_be_visible()
    expect(page.locator("tbody th a").first).to_have_text("North Station")
    wait.click()
    expect(page.locator("tbody th a").first).to_have_text("Harbour")

"""Whose time is shown, through the night in which the clock is set back."""

import re
from datetime import UTC, datetime

import pytest
from conftest import Bench, choose
from playwright.sync_api import Page, expect
from scripted import Script

CHANGE = datetime(2026, 10, 25, 1, 0, tzinfo=UTC).timestamp()
"""In Berlin 03:00 of summer time becomes 02:00 of winter time."""


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, object]) -> dict[str, object]:
    return browser_context_args | {"timezone_id": "America/New_York"}


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("station", "Sun 25 Oct 02:59:58 Europe/Berlin, UTC+2", "Sun 25 Oct 02:00:01 Europe/Berlin, UTC+1"),
        ("operator", "Sat 24 Oct 20:59:58 America/New_York, UTC-4", "Sat 24 Oct 21:00:01 America/New_York, UTC-4"),
        ("utc", "Sun 25 Oct 00:59:58 UTC", "Sun 25 Oct 01:00:01 UTC"),
    ],
)
def test_the_clock_names_its_zone_and_its_offset(page: Page, bench: Bench, zone: str, before: str, after: str) -> None:
    choose(page, zone=zone)
    Script(page, start=CHANGE - 2, zone="Europe/Berlin")
    page.goto(bench.url)
    expect(page.locator(".clock")).to_have_text(before)
    page.clock.run_for(3000)
    expect(page.locator(".clock")).to_have_text(after)
    # No age jumps with the wall's clock.
    expect(page.locator("tr[data-station=S001] .age")).to_have_text("3 s")


def test_the_zone_is_chosen_in_the_header_and_kept(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    page.locator(".settings summary").click()
    page.get_by_label("Times").select_option("utc")
    expect(page.locator(".clock .zone")).to_have_text("UTC")
    page.reload()
    expect(page.locator(".clock .zone")).to_have_text("UTC")


def test_a_file_carries_offsets_units_quality_and_that_it_is_emulated(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    expect(page.locator("tr[data-station=S001] .quality")).to_have_text("good")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save “Stations, worst first” as CSV").click()
    assert download.value.suggested_filename == "stations.csv"
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# EMULATED"
    header = lines[1].split(",")
    assert {"power_w", "power_quality", "stockout_probability_3600_s", "quality"} <= set(header)
    worst = dict(zip(header, lines[2].split(","), strict=True))
    assert (worst["id"], worst["power_w"], worst["quality"]) == ("S002", "9020", "good")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00", worst["data_time"])
    assert len(lines) == 2 + 6

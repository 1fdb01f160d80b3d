"""axe finds nothing against WCAG 2.2 A or AA, on any page, in any state, in every theme."""

from typing import Any

import pytest
from conftest import AXE, Bench
from playwright.sync_api import Page, expect

THEMES = ["light", "dark", "contrast"]
WIDTHS = [1280, 390]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def findings(page: Page) -> list[Any]:
    """Against every rule as the page stands, and against that of contrast in the other themes: only colours differ."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (npm ci in gateway/dashboard)")
    # By the debugger, which the page's content security policy does not bind.
    page.evaluate(AXE.read_text())
    found = _found(page, RULES)
    before = page.evaluate("document.documentElement.dataset.theme")
    for theme in {*THEMES} - {before}:
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        found += [(theme, *finding) for finding in _found(page, ["color-contrast"])]
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", before)
    return found


def _found(page: Page, rules: list[str]) -> list[Any]:
    found = page.evaluate("rules => axe.run({ runOnly: rules })", rules)
    return [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found["violations"]]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["/", "/station/S001", "/station/S002?slot=2", "/nowhere"])
def test_no_finding(page: Page, bench: Bench, width: int, path: str) -> None:
    since = bench.clock.now() - 42
    bench.publish_slot(1, 2, quality="uncertain", reason="stale", data_time=since, not_good={"soc": "uncertain/stale"})
    bench.publish_slot(1, 5, charger_state="fault", door_open=True)
    alarm = {"kind": "degraded charger", "since": since, "magnitude": -0.3}
    bench.publish_slot(1, 7, twin={"soc": 0.3, "quality": "good", "reason": None, "drift": [alarm]})
    bench.publish_station(
        1, quality="uncertain", reason="stale", data_time=since, faulted=1, drifts=[alarm | {"slot": 7}]
    )
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(bench.url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert findings(page) == []


@pytest.mark.parametrize("path", ["/", "/station/S001"])
def test_no_finding_while_disconnected(page: Page, bench: Bench, path: str) -> None:
    page.goto(bench.url + path)
    expect(page.get_by_role("status")).to_have_text("Connected to the gateway")
    page.wait_for_load_state("networkidle")
    bench.stop()
    expect(page.get_by_role("alert")).to_be_visible()
    assert findings(page) == []

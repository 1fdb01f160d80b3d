"""axe finds nothing against WCAG 2.2 A or AA, on any page, in any state, in every theme."""

from typing import Any

import pytest
from conftest import AXE, Bench, choose
from playwright.sync_api import Page, expect

THEMES = ["light", "dark", "contrast"]
LOOKS = [("light", 1280), ("dark", 1280), ("contrast", 1280), ("light", 390)]
"""Theme and width: colours hang on the one, what stands where on the other."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def findings(page: Page) -> list[Any]:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (npm ci in gateway/dashboard)")
    # By the debugger, which the page's content security policy does not bind.
    page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
    return [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found["violations"]]


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("path", ["/", "/station/S001", "/station/S002?slot=2", "/nowhere"])
def test_no_finding(page: Page, bench: Bench, theme: str, width: int, path: str) -> None:
    since = bench.clock.now() - 42
    bench.publish_slot(1, 2, quality="uncertain", reason="stale", data_time=since, not_good={"soc": "uncertain/stale"})
    bench.publish_slot(1, 5, charger_state="fault", door_open=True)
    alarm = {"kind": "degraded charger", "since": since, "magnitude": -0.3}
    bench.publish_slot(1, 7, twin={"soc": 0.3, "quality": "good", "reason": None, "drift": [alarm]})
    bench.publish_station(
        1, quality="uncertain", reason="stale", data_time=since, faulted=1, drifts=[alarm | {"slot": 7}]
    )
    choose(page, theme=theme)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(bench.url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert findings(page) == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("path", ["/", "/station/S001"])
def test_no_finding_while_disconnected(page: Page, bench: Bench, theme: str, path: str) -> None:
    choose(page, theme=theme)
    page.goto(bench.url + path)
    expect(page.get_by_role("status")).to_have_text("Connected to the gateway")
    page.wait_for_load_state("networkidle")
    bench.stop()
    expect(page.get_by_role("alert")).to_be_visible()
    assert findings(page) == []

"""``make screenshots``: the three pictures of the README, taken from the bundled demo in the browser.

The demo lives a while at sixty times the speed of time, so that there is a past to be shown; then a charger fails.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.support.programs import demo_site, program
from tests.support.web import address_in, get

HERE = Path(__file__).parent
IMAGES = HERE / "images"
SIZE: ViewportSize = {"width": 1440, "height": 900}
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
START_MS, PAST_MS = 120_000.0, 90_000.0
STATION = "S002"


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed (Debian: apt install chromium)")
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="swaptwin-") as scratch,
        program("demo", "--site", demo_site(Path(scratch)), "--speed", "60") as demo,
        sync_playwright() as playwright,
    ):
        address = address_in(demo.wait_for("http://", 60.0))
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport=SIZE, locale="en-GB", reduced_motion="reduce")
        page.add_init_script("localStorage.setItem('swaptwin.map', 'open')")
        page.goto(f"{address}/station/{STATION}")
        expect(page.locator(".risk .number").first).to_contain_text("%", timeout=START_MS)
        page.wait_for_timeout(PAST_MS)
        httpx.post(f"{address}/api/v1/emulator/speed", json={"speed": 1}, timeout=30.0).raise_for_status()
        slot = _fail_a_charger(address)
        page.wait_for_timeout(20_000.0)
        _take(page, address, "network", "/")
        _take(page, address, "station", f"/station/{STATION}")
        _take(page, address, "alarms", f"/alarms?alarm={STATION}.slot.{slot:02d}.charger_fault")
        browser.close()


def _fail_a_charger(address: str) -> int:
    slots = get(f"{address}/api/v1/stations/{STATION}")["slots"]
    slot = int(next(slot["slot"] for slot in slots if slot["charger_state"] == "charging"))
    order = {"fault": "charger_fault", "target": STATION, "slots": str(slot)}
    httpx.post(f"{address}/api/v1/faults", json=order, timeout=30.0).raise_for_status()
    return slot


def _take(page: Page, address: str, name: str, path: str) -> None:
    page.goto(address + path)
    page.wait_for_timeout(5_000.0)
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()

"""How soon an operator sees that a value has become stale: real devices that fall silent, and what Chromium shows.

A value becomes stale when it was last confirmed longer ago than it may be: three times the interval at which it is
read. Counted is from then until a picture in which the network page does not show its station as good any more.
"""

import asyncio
import random
import shutil
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright, expect

from benchmarks.browser import FLAGS, SIZE
from benchmarks.processes import free_ports, swaptwin
from benchmarks.recovery import LONGEST_S, STEADY_S, write_gateway_site
from benchmarks.report import Cell, Table, median
from benchmarks.rigs import Rig, lasting_ports, scratch
from config.clock import RealClock

PROTOCOLS = ("opcua", "modbus", "mqtt")
ROUNDS = 5
MAX_AGE_S = 3.0
"""Stations of ``benchmarks.rigs`` are read once a second."""
BOUND_S = 1.0

# A station that is not said to be good any more, and two frames for it to reach the screen.
SHOWN = """station => new Promise(done => {
  const look = () => {
    const quality = document.querySelector(`tr[data-station="${station}"] .quality`);
    if (quality === null || quality.textContent.trim() === 'good') return requestAnimationFrame(look);
    requestAnimationFrame(() => requestAnimationFrame(() => done(Date.now() / 1000)));
  };
  look();
})"""


async def run(rounds: int = ROUNDS) -> list[Table]:
    """Measure; the app must have been built."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("Chromium is not installed (Debian: apt install chromium)")
    rows: list[list[Cell]] = []
    with scratch() as name:
        folder = Path(name)
        ports = lasting_ports(2 * len(PROTOCOLS))
        rigs = [Rig(protocol, protocol, folder, (ports.pop(), ports.pop())) for protocol in PROTOCOLS]
        try:
            await asyncio.gather(*(rig.start() for rig in rigs))
            (port,) = free_ports(1)
            async with (
                swaptwin("run", write_gateway_site(folder, rigs, port), until="http"),
                async_playwright() as playwright,
            ):
                browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                page = await browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
                for rig in rigs:
                    late_s = await _rounds(page, f"http://127.0.0.1:{port}", rig, rounds)
                    rows.append([rig.protocol, len(late_s), median(late_s), max(late_s), BOUND_S])
                await browser.close()
        finally:
            await asyncio.gather(*(rig.stop() for rig in rigs))
    return [
        Table(
            "From the moment at which a station's values become stale until the page shows it, s",
            ["protocol", "rounds", "median", "worst", "bound"],
            rows,
            [
                "A device is stopped (SIGSTOP; on MQTT its broker) and read once a second: its values may be 3 s old.",
                "Below zero: the device was known to be away before its values were too old.",
            ],
        )
    ]


async def _rounds(page: Page, address: str, rig: Rig, rounds: int) -> list[float]:
    clock, rng = RealClock(), random.Random(rig.name)
    await page.goto(address)
    quality = page.locator(f"tr[data-station={rig.name}] .quality")
    late_s = []
    for _ in range(rounds):
        await expect(quality).to_have_text("good", timeout=1000.0 * LONGEST_S)
        await clock.sleep(rng.uniform(*STEADY_S))
        shown = asyncio.ensure_future(page.evaluate(SHOWN, rig.name))
        rig.freeze()
        try:
            async with clock.timeout(LONGEST_S):
                shown_at: float = await shown
            answer = await page.request.get(f"{address}/api/v1/stations/{rig.name}")
            station: dict[str, Any] = await answer.json()
        finally:
            rig.thaw()
        first = min(slot["data_time"] for slot in station["slots"] if slot["data_time"] is not None)
        late_s.append(shown_at - first - MAX_AGE_S)
    return late_s

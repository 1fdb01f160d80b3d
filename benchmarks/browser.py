"""``python -m benchmarks.browser [--minutes N] [--json FILE]``: what the web app costs the computer that shows it.

Chromium, drawing in software, shows a network of 200 stations of 12 slots that changes once a second. Measured are the
time to the first meaningful paint, the processor time of all of the browser's processes on each page, and the memory
of the page's objects over ``--minutes``.
"""

import argparse
import json
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import uvloop
from playwright.async_api import Browser, Page, async_playwright
from rich.console import Console

from benchmarks.live_network import serve
from benchmarks.processes import child
from benchmarks.report import Cell, Table, machine, median
from config.clock import RealClock

STATIONS, SLOTS = 200, 12
LOADS = 7
SETTLE_S = 8.0
"""Left out before processor time is counted: loading, compiling, the map's first picture."""
COUNT_S = 30.0
SAMPLE_S = 5.0
SIZE = {"width": 1920, "height": 1080}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PAINT_S, L1_CORES, L2_CORES, GROWTH = 2.0, 0.25, 0.15, 0.05
"""The bounds: first meaningful paint; cores on the network page with its map and on a station's; growth of memory."""

# The first row with a number in it, and two frames for it to reach the screen.
FIRST_ROW = """() => new Promise(done => {
  const look = () => {
    if (document.querySelector('[data-row] .value') === null) return requestAnimationFrame(look);
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() / 1000)));
  };
  look();
})"""
TICKS = os.sysconf("SC_CLK_TCK")


async def run(minutes: float = 1.0) -> list[Table]:
    """Measure; the app must have been built."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("Chromium is not installed (Debian: apt install chromium)")
    async with child(serve, STATIONS, SLOTS) as server, async_playwright() as playwright:
        address: str = await server.said()
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            paints = [await _first_paint(browser, address) for _ in range(LOADS)]
            network = await _cores(browser, address, map_open=True)
            listed = await _cores(browser, address, map_open=False)
            station = await _cores(browser, f"{address}/station/S001", map_open=False)
            memory = await _memory(browser, address, minutes)
        finally:
            await browser.close()
    third = len(memory) // 3
    growth = median(memory[-third:]) / median(memory[third : 2 * third]) - 1.0 if third else float("nan")
    rows: list[list[Cell]] = [
        ["first meaningful paint, median of loads, s", median(paints), PAINT_S],
        ["first meaningful paint, slowest load, s", max(paints), PAINT_S],
        ["network page with map, cores", network, L1_CORES],
        ["network page without map, cores", listed, None],
        ["station page, cores", station, L2_CORES],
        [f"objects of the network page after {minutes:g} min, MB", memory[-1] if memory else None, None],
        ["growth of these from the second third to the last", growth, GROWTH],
    ]
    return [
        Table(
            f"Chromium in software, {STATIONS} stations of {SLOTS} slots at 1 Hz, {SIZE['width']} x {SIZE['height']}",
            ["what", "measured", "bound"],
            rows,
            [
                f"Paint: {LOADS} loads with an empty cache, from navigation to a first station on the screen. Cores: "
                f"processor time of all of the browser's processes over {COUNT_S:.0f} s. Objects: after a collection.",
            ],
        )
    ]


@asynccontextmanager
async def _page(browser: Browser, address: str, map_open: bool) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": SIZE["width"], "height": SIZE["height"]})
    state = "open" if map_open else "closed"
    await context.add_init_script(f"localStorage.setItem('swaptwin.map', '{state}')")
    page = await context.new_page()
    await page.goto(address)
    try:
        yield page
    finally:
        await context.close()


async def _first_paint(browser: Browser, address: str) -> float:
    """Seconds; the map opens by itself, as for a user who comes for the first time."""
    context = await browser.new_context(viewport={"width": SIZE["width"], "height": SIZE["height"]})
    page = await context.new_page()
    await page.goto(address, wait_until="commit")
    seconds: float = await page.evaluate(FIRST_ROW)
    await context.close()
    return seconds


async def _cores(browser: Browser, address: str, map_open: bool) -> float:
    clock = RealClock()
    async with _page(browser, address, map_open) as page:
        if map_open:
            await page.wait_for_selector(".glmap canvas")
        await clock.sleep(SETTLE_S)
        before, begun = _processor_s(), time.perf_counter()
        await clock.sleep(COUNT_S)
        return (_processor_s() - before) / (time.perf_counter() - begun)


async def _memory(browser: Browser, address: str, minutes: float) -> list[float]:
    """MB of live objects, every few seconds."""
    clock = RealClock()
    async with _page(browser, address, map_open=True) as page:
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable")
        await clock.sleep(SETTLE_S)
        found = []
        until = clock.monotonic() + 60.0 * minutes
        while clock.monotonic() < until:
            await session.send("HeapProfiler.collectGarbage")
            metrics = (await session.send("Performance.getMetrics"))["metrics"]
            found.append(next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize") / 1e6)
            await clock.sleep(SAMPLE_S)
        return found


def _processor_s() -> float:
    """Processor time of every browser process that descends from this one."""
    parents: dict[int, int] = {}
    spent: dict[int, tuple[str, float]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue  # it has just ended
        fields = rest.split()
        parents[int(folder.name)] = int(fields[1])
        spent[int(folder.name)] = (name, (int(fields[11]) + int(fields[12])) / TICKS)

    def ours(process: int) -> bool:
        while process > 1:
            process = parents.get(process, 0)
            if process == os.getpid():
                return True
        return False

    return sum(seconds for process, (name, seconds) in spent.items() if name.startswith("chrom") and ours(process))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.browser", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long memory is watched")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    arguments = parser.parse_args()
    tables = uvloop.run(run(arguments.minutes))
    console = Console(width=150, highlight=False)
    for table in tables:
        table.show(console)
    if arguments.json:
        content = {"machine": machine(), "tables": [asdict(table) for table in tables]}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

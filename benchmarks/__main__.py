"""``python -m benchmarks [NAME ...] [--json FILE]``: measure and print; every benchmark ends by itself."""

import argparse
import asyncio
import json
import time
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks import (
    alarms,
    browser,
    fanout,
    forecast_service,
    kernel,
    latency,
    lateness,
    staleness,
    thingsboard,
    throughput,
    viewers,
    whatif_crn,
)
from benchmarks.report import Outcome, calibrate, machine

BENCHMARKS = {
    "latency": latency.run,
    "throughput": throughput.run,
    "lateness": lateness.run,
    "fanout": fanout.run,
    "browser": browser.run,
    "staleness": staleness.run,
    "alarms": alarms.run,
    "viewers": viewers.run,
    "kernel": kernel.run,
    "forecast": forecast_service.run,
    "what-if": whatif_crn.run,
    "thingsboard": thingsboard.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    # Wide enough for every table, also where the output goes to a file.
    console = Console(width=150, highlight=False)
    about = machine()
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    outcomes: dict[str, Outcome] = {}
    for name in arguments.names or BENCHMARKS:
        outcomes[name] = _measure(name)
        for table in outcomes[name].tables:
            table.show(console)
        before, after = outcomes[name].calibration
        console.print(f"  {name}: {outcomes[name].seconds:.0f} s; machine speed {before:,.0f} -> {after:,.0f}\n")
    if arguments.json:
        content = {"machine": about, "benchmarks": {name: outcome.as_json() for name, outcome in outcomes.items()}}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _measure(name: str) -> Outcome:
    before, begun = calibrate(), time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tables = runner.run(BENCHMARKS[name]())
    return Outcome(tables, time.perf_counter() - begun, (before, calibrate()))


if __name__ == "__main__":
    main()

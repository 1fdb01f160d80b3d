"""The table of docs/forecast.md: real riders of three networks through ``swaptwin backtest``'s own code.

    python benchmarks/backtest_table.py --data FOLDER [--write] [--json OUT]

``FOLDER`` holds ``citibike/``, ``oslo-bysykkel/`` and ``swap-day/``. Pickups of shared bikes stand for riders: no year
of a swap network is public. Counts per quarter hour are spread evenly over it. The grid limit of each station follows
from the riders of its training weeks alone, such that packs run short at times.
"""

import argparse
import csv
import gzip
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from math import log
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from config.loader import load_site
from gateway.backtest.arrivals import load_arrivals
from gateway.backtest.replay import Replayed
from gateway.backtest.run import Period, jobs, run
from gateway.backtest.scoring import MODELS, summary
from gateway.backtest.telemetry import TelemetrySpec

DOCUMENT = Path(__file__).parent.parent / "docs" / "forecast.md"
BEGIN, END = "<!-- benchmarks/backtest_table.py writes from here -->\n", "<!-- to here -->\n"
NEW_YORK, OSLO, LUCKNOW = "America/New_York", "Europe/Oslo", "Asia/Kolkata"
SEASONS = {"spring": date(2018, 4, 16), "summer": date(2018, 7, 16), "autumn": date(2018, 10, 1)}
LOADS = (60, 120, 250)
TRAIN_DAYS, TEST_DAYS, AFTER_DAYS = 28, 14, 1
TELEMETRY_S = 60.0
"""Coarser than of any live station, so that the whole table takes half an hour and not a day."""
SLOTS, CAPACITY_WH, EFFICIENCY, RETURNED_TO_FULL = 28, 1500.0, 0.94, 0.70
HORIZONS = ("900", "1800", "3600", "7200")
NAMES = {"900": "15 min", "1800": "30 min", "3600": "60 min", "7200": "120 min"}
TARGETS = {"900": (0.58, 0.010), "1800": (0.50, 0.010), "3600": (0.36, 0.015), "7200": (0.20, 0.020)}


@dataclass(frozen=True)
class Replays:
    """One backtest to run: a network's riders by station, and its days."""

    network: str
    label: str
    zone: str
    test: date
    train_days: int
    test_days: int
    riders: dict[str, np.ndarray] = field(repr=False)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    begun = time.perf_counter()
    plans = _plans(options)
    replayed: list[tuple[Replays, Replayed]] = []
    for number, plan in enumerate(plans, 1):
        replayed += [(plan, one) for one in _replay(plan, options.replicas)]
        elapsed_s = time.perf_counter() - begun
        print(f"{number} of {len(plans)}: {plan.network} {plan.label}, {elapsed_s:.0f} s so far", file=sys.stderr)
        text = _document(replayed, options.replicas)
        _keep(options, replayed, text)
    print(text)


def _keep(options: argparse.Namespace, replayed: list[tuple[Replays, Replayed]], text: str) -> None:
    """Write what there is after each plan: a run that is broken off has not been for nothing."""
    if options.json:
        everything = summary([_named(plan, one) for plan, one in replayed], options.replicas)
        options.json.write_bytes(orjson.dumps(everything, option=orjson.OPT_INDENT_2))
    if options.write:
        before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
        DOCUMENT.write_text(before + BEGIN + text + END + rest.split(END)[1], encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--stations", type=int, default=6, help="Citi Bike stations, the busiest first")
    parser.add_argument("--seasons", nargs="*", default=list(SEASONS), choices=list(SEASONS))
    parser.add_argument("--loads", nargs="*", type=int, default=list(LOADS))
    parser.add_argument("--others", action=argparse.BooleanOptionalAction, default=True, help="Oslo and the swap day")
    parser.add_argument("--replicas", type=int, default=200)
    parser.add_argument("--write", action="store_true", help="put the table into docs/forecast.md")
    parser.add_argument("--json", type=Path)
    return parser.parse_args(arguments)


def _plans(options: argparse.Namespace) -> list[Replays]:
    plans = [
        _citibike(options.data, season, load, options.stations) for season in options.seasons for load in options.loads
    ]
    if options.others:
        plans += [_oslo(options.data), _swap_day(options.data)]
    return plans


def _citibike(data: Path, season: str, load: int, stations: int) -> Replays:
    with gzip.open(data / "citibike" / "pickups_15min_2018.csv.gz", "rt") as stream:
        head, *rows = csv.reader(stream)
    test = SEASONS[season]
    first = test - timedelta(days=TRAIN_DAYS)
    days = TRAIN_DAYS + TEST_DAYS + AFTER_DAYS
    begin = (first - date(2018, 1, 1)).days * 96  # none of the chosen days changes the clock
    counts = np.array([[int(value) for value in row[1:]] for row in rows])
    busiest = np.argsort(-counts.sum(axis=0), kind="stable")[:stations]
    start = datetime.combine(first, clock_time(), ZoneInfo(NEW_YORK)).timestamp()
    riders = {}
    for column in busiest.tolist():
        rng = np.random.default_rng([load, column, test.toordinal()])
        mine = counts[begin : begin + days * 96, column]
        kept = rng.binomial(mine, min(1.0, load / (mine.sum() / days)))
        quarters = np.repeat(np.arange(len(kept)), kept)
        riders[f"C{head[1 + column]}"] = np.sort(start + 900.0 * (quarters + rng.random(len(quarters))))
    return Replays("Citi Bike", f"{season}, {load} a day", NEW_YORK, test, TRAIN_DAYS, TEST_DAYS, riders)


def _oslo(data: Path, stations: int = 4) -> Replays:
    times: dict[str, list[float]] = {}
    with gzip.open(data / "oslo-bysykkel" / "oslo_bysykkel_2021-12_2022-02.csv.gz", "rt") as stream:
        for row in csv.DictReader(stream):
            moment = datetime.fromisoformat(row["started_at_utc"]).astimezone(UTC)
            times.setdefault(row["site"].replace("_", "-"), []).append(moment.timestamp())
    busiest = sorted(times, key=lambda site: -len(times[site]))[:stations]
    riders = {site: np.unique(times[site]) for site in busiest}
    return Replays("Oslo Bysykkel", "February", OSLO, date(2022, 2, 7), TRAIN_DAYS, TEST_DAYS, riders)


def _swap_day(data: Path, days: int = 20, stations: int = 2) -> Replays:
    """One day is all there is: different stations' days are strung together, some to a day, to make weeks."""
    seconds: dict[str, list[float]] = {}
    with (data / "swap-day" / "swaps.csv").open() as stream:
        for row in csv.DictReader(stream):
            seconds.setdefault(row["station"], []).append(float(row["second_of_day"]))
    names = sorted(seconds)
    rng = np.random.default_rng(30)
    rng.shuffle(names)
    first = date(2026, 1, 5)
    start = datetime.combine(first, clock_time(), ZoneInfo(LUCKNOW)).timestamp()
    each = len(names) // (days * stations)
    riders: dict[str, list[float]] = {f"L{number + 1}": [] for number in range(stations)}
    for number, group in enumerate(names[begin : begin + each] for begin in range(0, days * stations * each, each)):
        day, station = divmod(number, stations)
        # Whole seconds coincide now and then; a fraction keeps such riders apart.
        riders[f"L{station + 1}"] += [
            start + 86_400.0 * day + second + rng.random() for name in group for second in seconds[name]
        ]
    found = {station: np.sort(times) for station, times in riders.items()}
    return Replays("Lucknow swap day", "days strung together", LUCKNOW, first + timedelta(days=14), 14, 6, found)


def _grid_limit_w(plan: Replays, times: np.ndarray) -> float:
    """Mean power that the training weeks' riders need, times what lets packs run short at times."""
    test = datetime.combine(plan.test, clock_time(), ZoneInfo(plan.zone)).timestamp()
    trained = times[(times < test) & (times >= test - plan.train_days * 86_400.0)]
    a_day = len(trained) / plan.train_days
    mean_w = a_day * RETURNED_TO_FULL * CAPACITY_WH / EFFICIENCY / 24.0
    return mean_w * max(1.15, 1.3 + 0.49 * log(a_day / 60.0)) + 150.0


def _replay(plan: Replays, replicas: int) -> list[Replayed]:
    with tempfile.TemporaryDirectory(prefix="swaptwin-") as scratch:
        site, arrivals = Path(scratch) / "site.yaml", Path(scratch) / "arrivals.csv"
        stations = "".join(
            f"  - id: {name}\n    name: {name}\n    latitude: 40.7\n    longitude: -74.0\n    slots: {SLOTS}\n"
            f"    bays: 2\n    grid_limit_w: {_grid_limit_w(plan, times):.0f}\n"
            f'    devices: [{{id: cabinet, profile: mqtt-swap-cabinet, url: "mqtt://127.0.0.1:1883"}}]\n'
            for name, times in plan.riders.items()
        )
        site.write_text(f"site: replay\nname: {plan.network}\ntimezone: {plan.zone}\nstations:\n{stations}")
        with arrivals.open("w", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["station", "time"])
            rows.writerows((name, f"{moment:.3f}") for name, times in plan.riders.items() for moment in times)
        loaded = load_site(site)
        read = load_arrivals(arrivals, loaded)
        period = Period(
            plan.test - timedelta(days=plan.train_days), plan.test, plan.test + timedelta(days=plan.test_days)
        )
        work = jobs(loaded, read, period, replicas=replicas, seed=1, telemetry=TelemetrySpec(TELEMETRY_S))
        return run(work, lambda text: None)


def _named(plan: Replays, one: Replayed) -> Replayed:
    return replace(one, station=f"{plan.network} {plan.label} {one.station}")


def _document(replayed: Sequence[tuple[Replays, Replayed]], replicas: int) -> str:
    parts = []
    networks = dict.fromkeys(plan.network for plan, _ in replayed)
    for network in networks:
        mine = [(plan, one) for plan, one in replayed if plan.network == network]
        result = summary([_named(plan, one) for plan, one in mine], replicas)
        parts.append(f"### {network}\n\n{result['forecasts']:,} forecasts at {len(mine)} replays of a station.\n")
        parts.append(_models(result["scores"], targets=network == "Citi Bike"))
        labels = dict.fromkeys(plan.label for plan, _ in mine)
        if len(labels) > 1:
            rows = [
                (label, summary([_named(plan, one) for plan, one in mine if plan.label == label], replicas)["scores"])
                for label in labels
            ]
            parts.append(_by_label(rows))
    return "\n".join(parts) + "\n"


def _models(scores: dict[str, Any], *, targets: bool) -> str:
    lines = [f"| Brier skill (ECE) | {' | '.join(NAMES.values())} |", "| --- |" + " ---: |" * len(HORIZONS)]
    for model in MODELS:
        cells = [f"{scores[model][h]['brier_skill']:.3f} ({scores[model][h]['ece']:.3f})" for h in HORIZONS]
        mark = "**" if model == "swaptwin" else ""
        lines.append(f"| {mark}{model}{mark} | " + " | ".join(f"{mark}{cell}{mark}" for cell in cells) + " |")
    ours = scores["swaptwin"]
    if targets:
        lines.append("| wanted | " + " | ".join(f"{skill:.2f} ({ece:.3f})" for skill, ece in TARGETS.values()) + " |")
    spans = [ours[h]["brier_skill_90"] for h in HORIZONS]
    lines.append("| skill, 90 % interval | " + " | ".join(f"{low:.2f} to {high:.2f}" for low, high in spans) + " |")
    for key, name, digits in (
        ("fair_brier_skill", "fair Brier skill", 3),
        ("base_rate", "how often it happened", 3),
        ("log_loss", "log loss", 3),
        ("auc", "AUC", 3),
        ("crps_ready", "CRPS of the ready count, packs", 2),
    ):
        lines.append(f"| {name} | " + " | ".join(f"{ours[h][key]:.{digits}f}" for h in HORIZONS) + " |")
    return "\n".join(lines) + "\n"


def _by_label(rows: Sequence[tuple[str, dict[str, Any]]]) -> str:
    lines = [
        "| Brier skill (ECE), how often it happened in 60 min | " + " | ".join(NAMES.values()) + " | happened |",
        "| --- |" + " ---: |" * (len(HORIZONS) + 1),
    ]
    for label, scores in rows:
        ours = scores["swaptwin"]
        cells = [f"{ours[h]['brier_skill']:.3f} ({ours[h]['ece']:.3f})" for h in HORIZONS]
        lines.append(f"| {label} | " + " | ".join(cells) + f" | {ours['3600']['base_rate']:.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

"""What ``swaptwin backtest`` does between its options and its files."""

from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from rich.console import Console
from rich.table import Table

from config.errors import ConfigError, Problem
from config.loader import LoadedSite
from gateway.backtest.arrivals import load_arrivals
from gateway.backtest.report import HORIZON_NAMES, NAMES, page
from gateway.backtest.run import WEEK, backtest, choose_period
from gateway.backtest.telemetry import TelemetrySpec


def run_backtest(
    loaded: LoadedSite,
    arrivals_file: Path,
    *,
    train_days: int,
    first: str | None,
    days: int | None,
    interval_s: float,
    replicas: int | None,
    seed: int,
    json_file: Path | None,
    report: Path | None,
    out: Console,
    err: Console,
) -> None:
    """Raises ``ConfigError`` for wrong input, before anything is replayed."""
    for key, file in (("--json", json_file), ("--report", report)):
        if file is not None and not file.parent.is_dir():
            raise ConfigError([Problem(file, 0, key, "has no folder to be written to", "Create it or choose another")])
    arrivals = load_arrivals(arrivals_file, loaded)
    zone = ZoneInfo(loaded.site.timezone)
    period = choose_period(arrivals, zone, train_days, _date(arrivals_file, first), days)
    for note in arrivals.notes:
        err.print(note, markup=False)
    if train_days < WEEK:
        note = f"less than {WEEK} training days: the references know not every kind of day, and are easy to beat"
        err.print(note, markup=False)
    err.print(
        f"{len(arrivals.times)} stations: learning from {period.train}, testing from {period.test} until {period.end}",
        markup=False,
    )
    result = backtest(
        loaded,
        arrivals,
        period,
        lambda text: err.print(text, markup=False),
        replicas=replicas or loaded.site.gateway.replicas,
        seed=seed,
        telemetry=TelemetrySpec(interval_s),
    )
    if json_file is not None:
        json_file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    if report is not None:
        report.write_text(page(result), encoding="utf-8")
    out.print(_table(result))


def _date(file: Path, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        remedy = "Write a local day such as 2026-01-30"
        raise ConfigError([Problem(file, 0, "--from", f"{text!r} is no date", remedy)]) from None


def _table(result: dict[str, Any]) -> Table:
    """Brier skill against climatology (and calibration error) by model and horizon."""
    table = Table(title=f"Brier skill (calibration error), {result['forecasts']} forecasts", title_justify="left")
    table.add_column("")
    for name in HORIZON_NAMES.values():
        table.add_column(name, justify="right")
    for model, name in NAMES.items():
        cells = (result["scores"][model][horizon] for horizon in HORIZON_NAMES)
        table.add_row(name, *(f"{_shown(cell['brier_skill'])} ({_shown(cell['ece'])})" for cell in cells))
    return table


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

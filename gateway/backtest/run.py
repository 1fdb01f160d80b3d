"""``swaptwin backtest``: from a file of arrivals and a site file to scores, station by station on all processors."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.errors import ConfigError, Problem
from config.loader import LoadedSite
from gateway.backtest.arrivals import Arrivals
from gateway.backtest.replay import Job, Replayed, replay
from gateway.backtest.scoring import summary
from gateway.backtest.telemetry import TelemetrySpec
from twin.spec import HORIZONS_S

MINIMUM_TRAIN_DAYS = 1
WEEK = 7
"""Days from which on the references have seen working days and a weekend."""
DEFAULT_TEST_DAYS = 14


@dataclass(frozen=True, slots=True)
class Period:
    """Local dates: training begins, test begins, and the day after its last."""

    train: date
    test: date
    end: date


def choose_period(arrivals: Arrivals, zone: ZoneInfo, train_days: int, test: date | None, days: int | None) -> Period:
    """The days to train and to test on. Raises ``ConfigError`` where the file does not cover them."""
    first, last = (datetime.fromtimestamp(moment, UTC).astimezone(zone) for moment in arrivals.span)
    first_day, end_day = first.date(), last.date() + timedelta(days=1)

    def refuse(key: str, message: str, remedy: str) -> ConfigError:
        return ConfigError([Problem(arrivals.file, 0, key, message, remedy)])

    whole = (end_day - first_day).days
    covered = f"the file reaches from {first_day} to {last.date()} ({whole} days)"
    if train_days < MINIMUM_TRAIN_DAYS:
        raise refuse("--train-days", f"{train_days} days are nothing to train on", f"Give {MINIMUM_TRAIN_DAYS} or more")
    if test is None:
        days = min(days or DEFAULT_TEST_DAYS, max(whole - train_days, 1))
        test = end_day - timedelta(days=days)
    elif days is None:
        days = min(DEFAULT_TEST_DAYS, max((end_day - test).days, 1))
    if days < 1:
        raise refuse("--days", f"{days} days are an empty range", "Give 1 or more")
    begin, end = test - timedelta(days=train_days), test + timedelta(days=days)
    if end > end_day or test < first_day:
        raise refuse("--from", f"the test from {test} over {days} days is not covered: {covered}", "Choose other days")
    if begin < first_day:
        left = (test - first_day).days
        raise refuse(
            "--train-days",
            f"{train_days} days before {test} are not covered: {covered}",
            f"Train on at most {left} days, or test later" if left >= MINIMUM_TRAIN_DAYS else "Test later",
        )
    return Period(begin, test, end)


def jobs(
    loaded: LoadedSite,
    arrivals: Arrivals,
    period: Period,
    *,
    replicas: int,
    seed: int,
    telemetry: TelemetrySpec,
) -> list[Job]:
    """One job a station that has arrivals."""
    zone = ZoneInfo(loaded.site.timezone)
    begin, test, end = (
        datetime.combine(day, time(), zone).timestamp() for day in (period.train, period.test, period.end)
    )
    # Beyond the file's last rider nothing is known to have happened: no forecast reaches there.
    end = min(end, max(arrivals.span[1] - HORIZONS_S[-1], test))
    return [
        Job(loaded, station, arrivals.times[station], begin, test, end, replicas, seed, telemetry)
        for station in arrivals.times
    ]


def run(work: list[Job], tell: Callable[[str], None], workers: int | None = None) -> list[Replayed]:
    """Replay all stations, as many at a time as there are processors. The order of results is that of the jobs."""
    count = min(workers or len(os.sched_getaffinity(0)), len(work))
    done: dict[str, Replayed] = {}
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        pending = {pool.submit(replay, job): job.station for job in work}
        for future in as_completed(pending):
            done[pending[future]] = future.result()
            tell(f"{len(done)} of {len(work)} stations replayed")
    return [done[job.station] for job in work]


def backtest(
    loaded: LoadedSite,
    arrivals: Arrivals,
    period: Period,
    tell: Callable[[str], None],
    *,
    replicas: int,
    seed: int,
    telemetry: TelemetrySpec,
    workers: int | None = None,
) -> dict[str, Any]:
    """All of it: the JSON object that the command writes."""
    replays = run(jobs(loaded, arrivals, period, replicas=replicas, seed=seed, telemetry=telemetry), tell, workers)
    return {
        "site": loaded.site.site,
        "arrivals": arrivals.file.name,
        "train_from": str(period.train),
        "test_from": str(period.test),
        "test_until": str(period.end),
        "timezone": loaded.site.timezone,
        "seed": seed,
        "notes": list(arrivals.notes),
    } | summary(replays, replicas)

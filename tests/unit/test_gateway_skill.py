"""The gateway scores its own forecasts when their time has passed, on what telemetry then said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.clock import ManualClock
from config.loader import LoadedSite, bundled_site, load_site
from gateway.skill import Skill, outcome
from gateway.store import Store
from twin.signals import Quality, path

NOW = 1_800_000_000.0
GOOD, UNCERTAIN = int(Quality.GOOD), int(Quality.UNCERTAIN)


@pytest.fixture(scope="module")
def site() -> LoadedSite:
    return load_site(bundled_site("demo"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    made = Store(tmp_path, clock, retention_days=30.0, retention_mb=100.0)
    made.open()
    yield made
    made.close()


def forecast(at: float, probability: float) -> dict[str, Any]:
    chances = dict.fromkeys(("900", "1800", "3600", "7200"), probability)
    head = {"station": "S001", "generated_at": at, "model": "m", "quality": "good", "replicas": 200}
    return head | {"stockout_probability": chances}


def ready(counts: dict[float, int | None], until: float, *, quality: int = GOOD) -> list[tuple[Any, ...]]:
    """Rows as the recorder writes them: each count from its second on, again every minute."""
    rows = []
    for second in np.arange(-60.0, until + 1.0, 60.0):
        since = max(time for time in counts if time <= max(second, min(counts)))
        count = counts[since]
        rows.append((path("S001", "ready"), NOW + second, None if count is None else float(count), quality, 0))
    return rows


def flushed(store: Store) -> None:
    """Wait until what was queued is on disk."""
    store.close()
    store.__init__(store.file.parent, ManualClock(NOW), 30.0, 100.0)  # type: ignore[misc]
    store.open()


async def test_a_matured_forecast_is_scored(site: LoadedSite, store: Store, clock: ManualClock) -> None:
    store.forecast(forecast(NOW + 10.0, 0.8))
    store.append(ready({-60.0: 3, 1200.0: 0, 1500.0: 2}, 2000.0))
    skill = Skill(site, clock, store)
    await clock.advance(2000.0)
    flushed(store)
    skill.score()
    flushed(store)
    skill.score()
    scores = skill.of("S001")["scores"]
    assert set(scores) == {"900", "1800"}  # the others have not matured
    assert scores["900"]["base_rate"] == 0.0
    assert scores["900"]["brier"] == pytest.approx(0.64)
    assert scores["1800"]["base_rate"] == 1.0
    assert scores["1800"]["brier"] == pytest.approx(0.04)
    assert scores["1800"]["reliability"] == [{"forecasts": 1, "said": 0.8, "happened": 1.0}]
    # Nothing is known of the station's past: the reference says one half, and the forecast is better than that.
    assert scores["1800"]["brier_skill"] == pytest.approx(1.0 - 0.04 / 0.25)
    assert skill.health()["1800"]["forecasts"] == 1


async def test_scores_survive_a_restart_and_no_forecast_counts_twice(
    site: LoadedSite, store: Store, clock: ManualClock
) -> None:
    for number in range(5):
        store.forecast(forecast(NOW + 30.0 * number, 0.1))
    store.append(ready({-60.0: 3}, 2000.0))
    await clock.advance(1000.0)
    flushed(store)
    for _ in range(2):
        again = Skill(site, clock, store)
        again.restore()
        again.score()
        flushed(store)
    again.score()
    assert again.of("S001")["scores"]["900"]["forecasts"] == 4  # the fifth has 20 s to go
    await clock.advance(100.0)
    again.score()
    flushed(store)
    again.score()
    assert again.of("S001")["scores"]["900"]["forecasts"] == 5


async def test_what_nobody_saw_is_not_scored(site: LoadedSite, store: Store, clock: ManualClock) -> None:
    store.forecast(forecast(NOW + 10.0, 0.8))
    store.append(ready({-60.0: 3}, 2000.0, quality=UNCERTAIN))
    await clock.advance(2000.0)
    flushed(store)
    skill = Skill(site, clock, store)
    skill.score()
    flushed(store)
    skill.score()
    assert skill.of("S001")["scores"] == {}


def test_an_outcome_is_known_only_where_every_moment_was_seen() -> None:
    seen = np.array([[0.0, 2.0, GOOD], [100.0, 0.0, GOOD], [150.0, 1.0, GOOD], [260.0, 1.0, GOOD]])
    assert outcome(seen, 10.0, 90.0, 150.0) == 0.0
    assert outcome(seen, 10.0, 100.0, 150.0) == 1.0
    assert outcome(seen, 120.0, 140.0, 150.0) == 1.0  # it stands from before
    assert outcome(seen, 160.0, 300.0, 150.0) == 0.0
    assert outcome(seen, 160.0, 500.0, 150.0) is None  # nothing was recorded at the end
    assert outcome(seen, -10.0, 90.0, 150.0) is None  # nor before the start
    assert outcome(np.empty((0, 3)), 0.0, 1.0, 150.0) is None


async def test_the_reference_is_the_stations_own_past(site: LoadedSite, store: Store, clock: ManualClock) -> None:
    skill = Skill(site, clock, store)
    past = skill._past["S001", 900]
    for day in range(10):
        for number in range(3):  # three forecasts in a half hour are one case
            past.add(NOW + 86_400.0 * day, 5, 1.0 if number else 0.0)
        past.add(NOW + 86_400.0 * day + 1800.0, 6, 0.0)
    base = (10 * 2 / 3 + 0.5) / 20  # the latest half hour is still open
    assert past.rate(5) == pytest.approx((10 * 2 / 3 + 2 * base) / 12)
    assert past.rate(6) == pytest.approx(2 * base / 11)
    assert past.rate(7) == pytest.approx(base)

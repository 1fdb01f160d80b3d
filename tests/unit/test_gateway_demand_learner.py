"""Demand is learned from swaps while packs were ready, survives a restart, and begins with what is stated."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from config.clock import ManualClock
from config.errors import ConfigError
from config.loader import LoadedSite, load_site
from gateway.demand_learner import KEEP_S, DemandLearner, demand_model, learn_past
from gateway.store import Store
from tests.support.twin_cases import state_of
from twin.learned_demand import DemandModel
from twin.observation import Estimate
from twin.spec import StationSpec
from twin.witness import Witness

NOW = 1_767_571_200.0
"""Monday, 5 January 2026, 00:00 UTC."""
DAY_S = 86_400.0
SITE = """\
site: s
name: S
{site}
stations:
  - id: S001
    name: Harbour
    latitude: 59.9
    longitude: 10.7
    slots: 8
    grid_limit_w: 9000
    {station}
    devices:
      - {{id: cabinet, profile: modbus-swap-cabinet, url: "modbus://127.0.0.1:50200"}}
"""
STATED = "demand: {swaps_per_day: 96, half_hourly: [" + "1, " * 47 + "1]}"
STATE = state_of(StationSpec(slots=8, grid_limit_w=9000.0))


def loaded(folder: Path, *, site: str = "", station: str = STATED) -> LoadedSite:
    file = folder / "site.yaml"
    file.write_text(SITE.format(site=site, station=station))
    return load_site(file)


def seen(time: float, *, ready: int = 3, swaps: int = 0, told: float = 1.0) -> Estimate:
    """An estimate; ``told`` is the share of slots that telemetry tells of."""
    substituted = np.arange(8) >= 8 * told
    return Estimate(time, STATE, ready, substituted, np.zeros(8), swaps)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    made = Store(tmp_path / "data", clock, retention_days=30.0, retention_mb=100.0)
    made.open()
    yield made
    made.close()


def live(learner: DemandLearner, start: float, per_hour: int, hours: int, *, ready: int = 3) -> None:
    """Evenly spread swaps, seen in steps of ten seconds."""
    before = seen(start, ready=ready)
    step_s = 3600.0 / per_hour / 10.0
    for step in range(1, hours * per_hour * 10 + 1):
        now = seen(start + step * step_s, ready=ready, swaps=step // 10)
        learner.stepped("S001", now, before)
        before = now


def test_live_swaps_raise_what_is_expected(tmp_path: Path, clock: ManualClock, store: Store) -> None:
    learner = DemandLearner(loaded(tmp_path), clock, store)
    usual = learner.intensity("S001", NOW, 3600.0).rates_per_s[0] * 3600.0
    assert usual == pytest.approx(4.0)
    live(learner, NOW, 12, 6)
    assert learner.intensity("S001", NOW + 6 * 3600.0, 3600.0).rates_per_s[0] * 3600.0 > 7.0


def test_an_empty_station_is_not_a_quiet_one(tmp_path: Path, clock: ManualClock, store: Store) -> None:
    learner = DemandLearner(loaded(tmp_path), clock, store)
    live(learner, NOW, 12, 6, ready=0)
    assert learner.intensity("S001", NOW + 6 * 3600.0, 3600.0).rates_per_s[0] * 3600.0 == pytest.approx(4.0)


async def test_what_was_learned_is_stored_within_minutes_and_found_after_a_crash(
    tmp_path: Path, clock: ManualClock, store: Store
) -> None:
    learner = DemandLearner(loaded(tmp_path), clock, store)
    live(learner, NOW, 12, 6)
    running = asyncio.create_task(learner.run())
    await clock.advance(KEEP_S)
    async with asyncio.timeout(10.0):
        while not store.demands():
            await asyncio.to_thread(threading.Event().wait, 0.02)
    again = DemandLearner(loaded(tmp_path), clock, store)
    again.restore()
    start = NOW + 6 * 3600.0
    here, there = (one.intensity("S001", start, 7200.0) for one in (learner, again))
    assert here.rates_per_s.tolist() == there.rates_per_s.tolist()
    running.cancel()


async def test_what_was_learned_last_is_stored_at_a_stop(tmp_path: Path, clock: ManualClock, store: Store) -> None:
    learner = DemandLearner(loaded(tmp_path), clock, store)
    running = asyncio.create_task(learner.run())
    await clock.settle()
    live(learner, NOW, 12, 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    store.close()
    assert set(store.demands()) == {"S001"}


def test_a_damaged_record_is_said_and_learning_begins_anew(tmp_path: Path, clock: ManualClock, store: Store) -> None:
    store.demand(NOW, "S001", {"version": 0})
    store.demand(NOW, "GONE", {})
    store.close()
    store.open()
    learner = DemandLearner(loaded(tmp_path), clock, store)
    learner.restore()
    assert learner.intensity("S001", NOW, 3600.0).rates_per_s[0] * 3600.0 == pytest.approx(4.0)


def test_a_station_without_stated_demand_gets_a_prior_by_its_size_and_wide_bands(
    tmp_path: Path, clock: ManualClock, store: Store
) -> None:
    learner = DemandLearner(loaded(tmp_path, station=""), clock, store)
    said = learner.intensity("S001", NOW, 7200.0)
    assert said.rates_per_s[0] * DAY_S == pytest.approx(48.0)
    assert said.dispersion > 1.0
    assert learner.basis("S001") == "assumed"


def test_past_swaps_are_learned_where_nothing_was_learned_before(
    tmp_path: Path, clock: ManualClock, store: Store
) -> None:
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(NOW - 28 * DAY_S, NOW, 28 * 240))
    (tmp_path / "past.csv").write_text("station,time\n" + "".join(f"S001,{time:.3f}\n" for time in times))
    site = loaded(tmp_path, site="gateway: {past_swaps: [past.csv]}")
    learner = DemandLearner(site, clock, store)
    learner.restore()
    assert learner.basis("S001") == "learned"
    per_day = learner.intensity("S001", NOW, 7 * DAY_S).rates_per_s.mean() * DAY_S
    assert per_day == pytest.approx(240.0, rel=0.06)


def test_past_swaps_that_cannot_be_read_are_refused_by_name(tmp_path: Path, clock: ManualClock, store: Store) -> None:
    (tmp_path / "past.csv").write_text(f"station,time\nS001,{NOW + DAY_S}\n")
    learner = DemandLearner(loaded(tmp_path, site="gateway: {past_swaps: [past.csv]}"), clock, store)
    with pytest.raises(ConfigError, match=r"past\.csv:2: time: .* lies in the future"):
        learner.restore()


def test_the_calendars_of_site_and_station_both_count(tmp_path: Path) -> None:
    station = STATED + "\n    calendar: [{date: 2026-01-05, multiplier: 0.5}]"
    site = "calendar:\n  - {name: fair, from: 2026-01-05, to: 2026-01-05, multiplier: 3}"
    made = loaded(tmp_path, site=site, station=station)
    model = demand_model(made, made.site.stations[0])
    assert model.intensity(NOW, DAY_S).rates_per_s.mean() * DAY_S == pytest.approx(144.0)
    assert model.intensity(NOW + DAY_S, DAY_S).rates_per_s.mean() * DAY_S == pytest.approx(96.0)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "{date: 2026-01-05, from: 2026-01-05, to: 2026-01-06, multiplier: 1}",
            "give either 'date', or 'from' and 'to'",
        ),
        ("{from: 2026-01-05, multiplier: 1}", "'from' and 'to' belong together"),
        ("{from: 2026-01-06T10:00, to: 2026-01-06T09:00, multiplier: 1}", "is not after 'from'"),
        ("{date: 2026-13-05, multiplier: 1}", "date"),
        ("{date: 2026-01-05, multiplier: -1}", "multiplier"),
        ("{from: 2026-01-05T10:00Z, to: 2026-01-06, multiplier: 1}", "leave out the zone"),
        ("{date: 2026-01-05}", "multiplier: is missing"),
    ],
)
def test_a_calendar_entry_that_makes_no_sense_is_refused(tmp_path: Path, entry: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, site=f"calendar: [{entry}]")
    assert said in str(caught.value)
    assert "calendar[0]" in str(caught.value)


def test_a_clock_that_is_set_back_does_not_stop_learning(tmp_path: Path, clock: ManualClock, store: Store) -> None:
    learner = DemandLearner(loaded(tmp_path), clock, store)
    live(learner, NOW + 9 * DAY_S, 12, 2)
    live(learner, NOW, 12, 6)
    assert learner.intensity("S001", NOW + 6 * 3600.0, 3600.0).rates_per_s[0] * 3600.0 > 7.0


def test_past_swaps_after_which_nobody_came_say_so() -> None:
    model = DemandModel("UTC")
    learn_past(model, np.array([NOW, NOW + 100.0]), until=NOW + DAY_S)
    assert model.time == NOW + DAY_S
    assert model.exposure_s == pytest.approx(DAY_S, rel=0.02)


def test_swaps_of_riders_who_had_waited_and_of_time_in_the_dark_do_not_count() -> None:
    witness = Witness(swap_s=60.0)
    assert witness.between(seen(0.0), seen(10.0, swaps=1)) == (1, 10.0, 0.0)
    assert witness.between(seen(10.0, ready=0, swaps=1), seen(70.0, swaps=2, ready=0)) == (1, 0.0, 60.0)  # came before
    assert witness.between(seen(600.0, ready=0, swaps=2), seen(610.0, swaps=3, ready=0)) == (0, 0.0, 10.0)  # had waited
    assert witness.between(seen(700.0, told=0.25, swaps=3), seen(710.0, swaps=9)) == (0, 0.0, 0.0)  # in the dark
    assert witness.between(seen(710.0, told=0.75, swaps=9), seen(720.0, swaps=9)) == (0, 10.0, 0.0)
    assert witness.between(seen(720.0, swaps=9), seen(730.0, swaps=0)) == (0, 10.0, 0.0)  # the twin began anew

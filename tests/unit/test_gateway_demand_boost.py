"""What all stations have in common is learned from all of them, used where it is known, and kept."""

import asyncio
import multiprocessing
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from config.clock import ManualClock
from config.errors import ConfigError
from config.loader import LoadedSite, load_site
from gateway.boost_model import Trees, grow, live_through, quarters_of
from gateway.demand_boost import DemandBoost, Lesson, learned, require_boost, taught
from gateway.demand_learner import DemandLearner
from gateway.quarter_log import DAY_S, QuarterLog, packed
from gateway.store import Store
from twin.calendar import QUARTER_S, Calendar
from twin.demand_features import HOURS, NAMES
from twin.learned_demand import DemandModel
from twin.spec import Floats

lightgbm = pytest.importorskip("lightgbm", reason="the extra 'boost' is not installed")

NOW = 1_767_571_200.0
"""Monday, 5 January 2026, 00:00 UTC."""
NUMBER = int(NOW // QUARTER_S)
STATIONS = [f"S{number:03}" for number in range(1, 7)]
WEEKS = 10
FIRST = NUMBER - WEEKS * 672


def riders() -> Floats:
    """Counts of all stations before now: they have their ups and downs together, hours long."""
    rng = np.random.default_rng(3)
    level = np.zeros(WEEKS * 672)
    for quarter in range(1, len(level)):
        level[quarter] = 0.95 * level[quarter - 1] + 0.2 * rng.normal()
    return rng.poisson(1.2 * np.exp(level - 0.2)[:, None], (len(level), len(STATIONS))).astype(np.float64)


COUNTS = riders()


def models() -> dict[str, DemandModel]:
    return {name: DemandModel("UTC") for name in STATIONS}


def opened(folder: Path, clock: ManualClock) -> Store:
    made = Store(folder, clock, retention_days=30.0, retention_mb=100.0)
    made.open()
    return made


def write(store: Store, *, days: int = WEEKS * 7) -> None:
    exposure = packed(np.full(96, QUARTER_S))
    for day in range(WEEKS * 7 - days, WEEKS * 7):
        part = COUNTS[day * 96 : (day + 1) * 96]
        store.past_days((name, FIRST // 96 + day, packed(part[:, i]), exposure) for i, name in enumerate(STATIONS))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    made = opened(tmp_path / "data", clock)
    yield made
    made.close()


@pytest.fixture(scope="module")
def trees() -> tuple[str, ...]:
    seen = quarters_of([Calendar("UTC")] * len(STATIONS), FIRST, COUNTS, np.ones_like(COUNTS))
    return grow(live_through(list(models().values()), "UTC", seen), NUMBER - 2 * 672)


def row(**changed: float) -> Floats:
    """Features of one station for both hours: usual demand at noon."""
    usual = [48.0, 2.0, np.log(5.0), np.log(5.0), *(1.0,) * (len(NAMES) - 4)]
    made = np.tile(usual, (1, HOURS, 1))
    for name, value in changed.items():
        made[..., [column for column, known in enumerate(NAMES) if known.startswith(name.replace("_", " "))]] = value
    return made


def site(folder: Path, settings: str) -> LoadedSite:
    file = folder / "site.yaml"
    stations = "".join(
        f"  - {{id: {name}, name: {name}, latitude: 1, longitude: 1, slots: 8, grid_limit_w: 9000, devices: "
        f"[{{id: c, profile: modbus-swap-cabinet, url: 'modbus://127.0.0.1:{50200 + number}'}}]}}\n"
        for number, name in enumerate(STATIONS)
    )
    file.write_text(f"site: s\nname: S\ngateway: {settings}\nstations:\n{stations}")
    return load_site(file)


def test_riders_everywhere_foretell_riders_here_on_weeks_that_were_not_learned_from(trees: tuple[str, ...]) -> None:
    seen = quarters_of([Calendar("UTC")] * len(STATIONS), FIRST, COUNTS, np.ones_like(COUNTS))
    examples = live_through(list(models().values()), "UTC", seen)
    unseen = examples.number >= NUMBER - 2 * 672
    factors = np.array([Trees(trees).factors(given) for given in examples.features[unseen]])
    said, came = examples.riders[unseen], examples.swaps[unseen]

    def loss(mean: Floats) -> float:
        return float((mean - came * np.log(mean)).mean())

    assert loss(said * factors) < loss(said) - 0.01
    assert Trees(trees).factors(row(all_stations=1.6))[0, 0] > 1.05 > Trees(trees).factors(row(all_stations=0.6))[0, 0]


def test_where_a_feature_is_missing_nothing_is_corrected(trees: tuple[str, ...]) -> None:
    given = np.concatenate([row(all_stations=1.6), row(all_stations=1.6)])
    given[1, 1, 7] = np.nan
    factors = Trees(trees).factors(given)
    assert factors[0, 0] != 1.0
    assert factors[1].tolist() == [1.0, 1.0]


def test_the_same_history_gives_the_same_trees_and_later_riders_none_other(store: Store) -> None:
    write(store)
    until = NUMBER - 672
    first = learned(Lesson(store.file, "UTC", models(), until))
    exposure = packed(np.full(96, QUARTER_S))
    store.past_days(
        (name, until // 96 + day, packed(np.full(96, 9.0)), exposure) for name in STATIONS for day in (0, 3)
    )
    assert first
    assert learned(Lesson(store.file, "UTC", models(), until)) == first


def test_seven_weeks_are_too_few(store: Store) -> None:
    write(store, days=55)
    assert learned(Lesson(store.file, "UTC", models(), NUMBER)) == ()


async def test_learned_in_another_process_at_the_start_used_said_and_kept(
    tmp_path: Path, clock: ManualClock, store: Store
) -> None:
    write(store)
    loaded = site(tmp_path, "{boost: true}")
    learner = DemandLearner(loaded, clock, store)
    learner.restore()
    plain = learner.intensity("S001", NOW, 4 * 3600.0)
    assert not learner.boosted("S001")
    running = asyncio.create_task(learner.run())
    async with asyncio.timeout(90.0):
        while not learner.boosted("S001"):
            await clock.advance(1.0)
            await asyncio.to_thread(threading.Event().wait, 0.05)
    start = clock.now()
    made = learner.intensity("S001", start, 4 * 3600.0)
    assert made.dispersion == pytest.approx(plain.dispersion, rel=0.1)
    assert made.rates_per_s[0] != plain.rates_per_s[0]
    assert made.rates_per_s[-1] == pytest.approx(plain.rates_per_s[-1], rel=0.1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    store.close()
    kept = store.boosted()
    assert kept is not None
    assert Trees(kept).factors(row()).shape == (1, HOURS)
    await clock.advance(1900.0)
    assert not learner.boosted("S001"), "corrections of half an hour ago are not used"


async def test_stored_corrections_are_used_before_anything_is_learned_again(
    trees: tuple[str, ...], clock: ManualClock, store: Store
) -> None:
    write(store, days=10)
    store.boost(NOW, trees)
    store.close()
    quarters = QuarterLog(STATIONS, store)
    quarters.restore(NOW)
    boost = DemandBoost("UTC", clock, store, quarters, models())
    boost.restore()
    learning = models()
    running = asyncio.create_task(boost.run(lambda: learning))
    async with asyncio.timeout(30.0):
        while not boost.corrects("S001"):
            await clock.advance(1.0)
            await asyncio.to_thread(threading.Event().wait, 0.05)
    said = learning["S001"].intensity(NOW, 4 * 3600.0)
    made = boost.corrected("S001", said)
    ratio = made.rates_per_s / said.rates_per_s
    assert ratio[:2] == pytest.approx(ratio[0])
    assert ratio[0] != 1.0
    assert ratio[-1] == 1.0
    assert made.dispersion == said.dispersion
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_damaged_corrections_are_said_and_nothing_is_corrected(clock: ManualClock, store: Store) -> None:
    store.boost(NOW, ("no tree", "at all"))
    store.close()
    boost = DemandBoost("UTC", clock, store, QuarterLog(STATIONS, store), models())
    boost.restore()
    assert not boost.corrects("S001")


async def test_what_keeps_it_from_learning_is_said_and_the_gateway_goes_on(tmp_path: Path) -> None:
    assert await taught(Lesson(tmp_path / "absent.db", "UTC", models(), NUMBER)) == ()


def test_without_the_extra_the_start_is_refused_with_what_to_install(
    tmp_path: Path, clock: ManualClock, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ConfigError, match=r"gateway\.boost: needs LightGBM.*pip install 'swaptwin\[boost\]'"):
        require_boost(tmp_path / "site.yaml")
    with pytest.raises(ConfigError):
        DemandLearner(site(tmp_path, "{boost: true}"), clock, store).restore()
    DemandLearner(site(tmp_path, "{boost: false}"), clock, store).restore()


def test_past_swaps_are_a_history_too(tmp_path: Path, clock: ManualClock, store: Store) -> None:
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(NOW - 60 * DAY_S, NOW, 3000))
    lines = "".join(f"{name},{time:.3f}\n" for name in STATIONS for time in times)
    (tmp_path / "past.csv").write_text("station,time\n" + lines)
    learner = DemandLearner(site(tmp_path, "{boost: true, past_swaps: [past.csv]}"), clock, store)
    learner.restore()
    assert learned(Lesson(store.file, "UTC", models(), NUMBER))


async def test_a_stop_does_not_wait_for_learning(store: Store) -> None:
    write(store)
    learning = asyncio.create_task(taught(Lesson(store.file, "UTC", models(), NUMBER)))
    async with asyncio.timeout(20.0):
        while not multiprocessing.active_children():
            await asyncio.to_thread(threading.Event().wait, 0.02)
        learning.cancel()
        await asyncio.gather(learning, return_exceptions=True)
        while multiprocessing.active_children():
            await asyncio.to_thread(threading.Event().wait, 0.02)
    assert learning.cancelled()

"""Known expectations make a difference of lost swaps known better, and never better than it is."""

import dataclasses

import numpy as np
import pytest

from benchmarks.stations import case_at
from tests.support.futures_cases import case_of
from twin.case import Case
from twin.controls import known_columns, lost_difference
from twin.demand import Intensity
from twin.futures import Futures, futures
from twin.spec import HORIZONS_S
from twin.whatif import Change, Interval, apply, mean_difference, plain

HOUR, TWO_HOURS = HORIZONS_S.index(3600.0), HORIZONS_S.index(7200.0)


def live(case: Case, replicas: int, seed: int) -> Futures:
    return futures(case.spec, case.state, case.intensity, replicas=replicas, seed=seed, lead_s=case.lead_s)


def half(interval: Interval) -> float:
    return (interval.high - interval.low) / 2.0


@pytest.mark.parametrize("lead_s", [0.0, 900.0])
def test_what_is_known_beforehand_is_so_on_average(lead_s: float) -> None:
    case = dataclasses.replace(plain(case_of(ready=4, per_hour=25.0)), lead_s=lead_s)
    start = case.state.time
    uneven = Intensity(start - 1000.0, 1800.0, np.array([10.0, 30.0, 20.0, 5.0, 40.0, 15.0]) / 3600.0, 0.3)
    case = dataclasses.replace(case, intensity=uneven)
    made = live(case, 20_000, seed=4)
    for horizon in (HOUR, TWO_HOURS):
        columns = known_columns(case, made, horizon)
        assert len(columns) == 3
        for column in columns:
            assert abs(column.mean()) < 4.0 * column.std() / np.sqrt(len(column))


def test_riders_whose_patience_is_known_do_not_leave_at_the_average_rate() -> None:
    case = plain(case_of(ready=4))
    known = dataclasses.replace(case.state, queue=1, patience_until=(case.state.time + 5.0,))
    case = dataclasses.replace(case, state=known)
    assert len(known_columns(case, live(case, 10, seed=1), HOUR)) == 2


def test_the_interval_is_narrower_and_still_holds_the_truth() -> None:
    case = plain(case_at(12.0))
    after, _ = apply(case, Change(grid_limit_w=0.9 * case.spec.grid_limit_w))
    truth = lost_difference(case, live(case, 40_000, 99), after, live(after, 40_000, 99), TWO_HOURS).mean
    held, narrower = 0, []
    for seed in range(40):
        base, changed = live(case, 500, seed), live(after, 500, seed)
        found = lost_difference(case, base, after, changed, TWO_HOURS)
        held += found.low <= truth <= found.high
        narrower.append(half(mean_difference(base.lost[:, TWO_HOURS], changed.lost[:, TWO_HOURS])) / half(found))
    assert held >= 34
    assert np.mean(narrower) > 1.3


def test_where_few_futures_differ_nothing_is_certain() -> None:
    case = plain(case_at(8.0))
    after, _ = apply(case, Change(packs_added=1))
    found = lost_difference(case, live(case, 500, 1), after, live(after, 500, 1), HORIZONS_S.index(1800.0))
    assert found.mean == 0.0
    assert 0.003 < half(found) < 0.005


def test_a_station_without_riders_loses_none() -> None:
    case = plain(case_of(per_hour=0.0))
    after, _ = apply(case, Change(packs_removed=1))
    assert lost_difference(case, live(case, 200, 1), after, live(after, 200, 1), HOUR).mean == 0.0

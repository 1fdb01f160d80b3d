"""A forecast is reproducible, says what its futures say, and is right for stations where nothing can happen."""

import dataclasses
import pickle
from math import exp, inf

import numpy as np
import pytest

from tests.support.twin_cases import EPOCH, REFERENCE, state_of, station_of, steady
from twin.forecast import forecast
from twin.spec import HORIZONS_S, Forecast, SlotPhase

STATE = state_of(REFERENCE, ready=6, time=EPOCH)
DEMAND = steady(18.0, start=EPOCH, dispersion=0.2)


def made(**changes: object) -> Forecast:
    arguments = {"spec": REFERENCE, "state": STATE, "intensity": DEMAND, "replicas": 100, "seed": 7} | changes
    return forecast(**arguments)


def test_the_same_seed_gives_the_same_forecast() -> None:
    first, second = pickle.dumps(made()), pickle.dumps(made())
    assert first == second
    assert first != pickle.dumps(made(seed=8))


def test_a_replica_does_not_depend_on_how_many_there_are() -> None:
    few, many = made(replicas=1), made(replicas=2)
    only = many.lost_swaps * 2.0 - few.lost_swaps
    assert (only >= 0.0).all()
    assert (only == np.round(only)).all()


def test_arguments_and_result_travel_between_processes() -> None:
    spec, state, intensity = pickle.loads(pickle.dumps((REFERENCE, STATE, DEMAND)))
    again = pickle.loads(pickle.dumps(forecast(spec, state, intensity, replicas=100, seed=7)))
    np.testing.assert_array_equal(again.ready_quantiles, made().ready_quantiles)


def test_probabilities_and_losses_grow_with_the_horizon() -> None:
    result = made()
    assert (np.diff(result.stockout_probability) >= 0.0).all()
    assert (np.diff(result.lost_swaps) >= 0.0).all()
    assert 0.0 < result.stockout_probability[-1] <= 1.0
    low, middle, high = result.time_to_stockout_s
    assert low <= middle <= high
    assert result.ready_t[0] == EPOCH
    assert result.ready_t[-1] == EPOCH + HORIZONS_S[-1]
    assert result.ready_quantiles.shape == (5, len(result.ready_t))
    assert (np.diff(result.ready_quantiles, axis=0) >= 0.0).all()
    assert (result.ready_quantiles[:, 0] == 6.0).all()


def test_one_pack_lasts_until_the_first_rider() -> None:
    """P(stockout) is that of at least one Poisson arrival; the time to it is exponential."""
    spec = dataclasses.replace(REFERENCE, slots=1)
    result = forecast(spec, state_of(spec), steady(1.0), replicas=2000, seed=3)
    expected = [1.0 - exp(-horizon / 3600.0) for horizon in HORIZONS_S]
    assert result.stockout_probability == pytest.approx(expected, abs=0.035)
    assert result.time_to_stockout_s[0] == pytest.approx(-np.log(0.9) * 3600.0, rel=0.15)
    assert result.time_to_stockout_s[2] == inf


def test_levels_of_demand_differ_between_futures() -> None:
    """Gamma-mixed Poisson counts have the variance mean + (dispersion x mean)^2."""
    spec = dataclasses.replace(REFERENCE, slots=200, bays=200, grid_limit_w=1e6)
    calm = forecast(spec, state_of(spec), steady(30.0), replicas=200, seed=3)
    varied = forecast(spec, state_of(spec), steady(30.0, dispersion=0.5), replicas=200, seed=3)
    spread = [result.ready_quantiles[4, 12] - result.ready_quantiles[0, 12] for result in (calm, varied)]
    assert spread[1] > 1.5 * spread[0]


def test_a_station_where_nobody_comes_never_runs_out() -> None:
    result = made(intensity=steady(0.0, start=EPOCH))
    assert not result.stockout_probability.any()
    assert not result.lost_swaps.any()
    assert result.time_to_stockout_s == (inf, inf, inf)


@pytest.mark.parametrize("phase", [SlotPhase.OUT, SlotPhase.EMPTY])
def test_a_station_without_a_pack_to_give_is_out_of_stock_now(phase: SlotPhase) -> None:
    state = dataclasses.replace(STATE, phase=np.full(20, phase, dtype=np.int8))
    result = made(state=state)
    assert (result.stockout_probability == 1.0).all()
    assert result.time_to_stockout_s == (0.0, 0.0, 0.0)
    assert not result.ready_quantiles.any()


def test_without_power_what_is_ready_is_all_there_is() -> None:
    result = made(spec=dataclasses.replace(REFERENCE, grid_limit_w=0.0))
    assert (np.diff(result.ready_quantiles, axis=1) <= 0.0).all()


def test_a_swap_under_way_brings_its_pack() -> None:
    state = dataclasses.replace(
        STATE,
        phase=np.array([0, *STATE.phase[1:]], dtype=np.int8),
        bay_until=np.array([EPOCH + 30.0, inf]),
    )
    station = station_of(REFERENCE, state)
    station.env.run(until=EPOCH + 31.0)
    assert station.slots[0].phase == SlotPhase.COOLING


@pytest.mark.parametrize("changes", [{"replicas": 0}, {"horizon_s": 60.0}, {"step_s": 0.0}])
def test_senseless_requests_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        made(**changes)

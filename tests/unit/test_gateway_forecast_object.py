"""A forecast object is whole and finite JSON, also for stations that could not be worse off."""

import dataclasses
from typing import Any

import numpy as np
import orjson
import pytest

from gateway import schema
from gateway.forecast_object import Basis, Job, make
from tests.support.futures_cases import case_of, emptied, full_of, out_of_order, with_state
from tests.support.twin_cases import REFERENCE, steady
from twin.case import Case
from twin.spec import SlotPhase


def made(case: Case, target: float = 0.1, replicas: int = 100) -> dict[str, Any]:
    basis = Basis(case, "ensemble/learned-demand", "good", None, case.now - 3.0, 10.0 / 3600.0)
    found = make(Job("S001", basis, replicas, 11, 60.0, target))
    schema.ForecastAnswer.model_validate(found)
    return dict(orjson.loads(orjson.dumps(found)))


def changed(case: Case, **spec: Any) -> Case:
    return dataclasses.replace(case, spec=dataclasses.replace(case.spec, **spec))


def test_a_risky_station_is_explained_and_advised_and_its_packs_have_etas() -> None:
    case = case_of(ready=4, per_hour=14.0)
    forecast = made(with_state(case, out_of_order(emptied(case.state, 15, 16, 17, 18), 19)))
    assert forecast["stockout_probability"]["3600"] > 0.1
    assert set(forecast["drivers"]) == {"demand", "charging", "faults"}
    assert forecast["advice"]["probability"] == forecast["stockout_probability"]["3600"]
    assert forecast["advice"]["text"]
    assert [eta["slot"] for eta in forecast["eta"]] == list(range(5, 16))
    assert all(0.0 < eta["ready_s"] < eta["full_s"] for eta in forecast["eta"])


def test_a_safe_station_is_neither_explained_nor_advised() -> None:
    forecast = made(case_of(ready=20, per_hour=3.0))
    assert forecast["stockout_probability"] == {"900": 0.0, "1800": 0.0, "3600": 0.0, "7200": 0.0}
    assert (forecast["drivers"], forecast["advice"]) == (None, None)
    assert forecast["time_to_stockout_s"] == {"p10": None, "p50": None, "p90": None}


def test_without_demand_the_risk_is_that_of_what_stands_there() -> None:
    for ready, risk in ((3, 0.0), (0, 1.0)):
        case = dataclasses.replace(case_of(ready=ready), intensity=steady(0.0))
        forecast = made(case)
        assert set(forecast["stockout_probability"].values()) == {risk}
        assert set(forecast["lost_swaps"].values()) == {0.0}


@pytest.mark.parametrize("phase", [SlotPhase.OUT, SlotPhase.EMPTY])
def test_all_slots_faulted_or_empty_is_a_stockout_now(phase: SlotPhase) -> None:
    forecast = made(with_state(case_of(per_hour=20.0), full_of(phase)))
    assert set(forecast["stockout_probability"].values()) == {1.0}
    assert forecast["time_to_stockout_s"] == {"p10": 0.0, "p50": 0.0, "p90": 0.0}
    assert forecast["eta"] == []
    assert 25.0 < forecast["lost_swaps"]["7200"] < 45.0


def test_with_a_grid_limit_of_zero_no_pack_is_ever_ready() -> None:
    forecast = made(changed(case_of(ready=2), grid_limit_w=0.0))
    assert {eta["ready_s"] for eta in forecast["eta"]} == {None}
    assert forecast["stockout_probability"]["7200"] == 1.0
    assert max(forecast["ready"]["p95"]) == 2.0


def test_futures_from_a_stale_state_live_through_the_silence_and_count_from_now() -> None:
    case = case_of(ready=6, per_hour=12.0)
    stale = dataclasses.replace(case, lead_s=540.0)
    forecast, fresh = made(stale, replicas=400), made(case, replicas=400)
    assert forecast["generated_at"] == case.state.time + 540.0
    assert forecast["ready"]["t"][0] == forecast["generated_at"]
    assert forecast["ready"]["p05"][0] < forecast["ready"]["p95"][0]  # nobody knows any more how many stand there
    assert fresh["ready"]["p05"][0] == fresh["ready"]["p95"][0] == 6.0
    assert 0.0 <= forecast["lost_swaps"]["900"] < 3.0


def test_a_stockout_that_is_over_does_not_count() -> None:
    spec = dataclasses.replace(REFERENCE, grid_limit_w=50_000.0)
    case = case_of(ready=0, per_hour=0.0, spec=spec)
    state = dataclasses.replace(case.state, soc=np.full(20, 0.9))
    now, later = with_state(case, state), dataclasses.replace(with_state(case, state), lead_s=1200.0)
    assert made(now)["stockout_probability"]["900"] == 1.0
    assert made(later)["stockout_probability"]["7200"] == 0.0

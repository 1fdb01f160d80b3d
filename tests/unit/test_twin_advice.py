"""Advice is the smallest single action that is enough; drivers say what the risk is made of."""

import dataclasses

import numpy as np
import pytest

from tests.support.futures_cases import case_of, emptied, out_of_order, with_state
from twin.advice import Advice, advise, sentence
from twin.case import Case
from twin.drivers import drivers
from twin.futures import futures
from twin.spec import SlotPhase
from twin.whatif import Change, apply


def risk(case: Case) -> float:
    lived = futures(case.spec, case.state, case.intensity, replicas=100, seed=5)
    return float(np.mean(lived.wait_s <= 3600.0))


def test_the_least_number_of_packs_is_found_and_one_fewer_is_not_enough() -> None:
    case = case_of(ready=5, per_hour=9.0)
    case = with_state(case, emptied(case.state, *range(10, 20)))
    advice = advise(case, 0.1, risk)
    packs = next(option for option in advice.options if option.action == "packs_added")
    enough = apply(case, Change(packs_added=int(packs.amount)))[0]
    assert risk(enough) == packs.probability <= 0.1
    assert packs.amount == 1 or risk(apply(case, Change(packs_added=int(packs.amount) - 1))[0]) > 0.1
    assert advice.probability == risk(case) > 0.1
    assert [option.size for option in advice.options] == sorted(option.size for option in advice.options)


def test_repairing_the_slot_with_the_fullest_pack_comes_first() -> None:
    def by_faults(case: Case) -> float:
        return 0.3 if len(case.faulted) > 1 else 0.05

    case = case_of()
    soc = case.state.soc.copy()
    soc[[7, 9]] = 0.5, 0.9
    case = with_state(case, out_of_order(dataclasses.replace(case.state, soc=soc), 7, 9))
    advice = advise(case, 0.1, by_faults)
    assert [(option.action, option.slots) for option in advice.options] == [("slots_repaired", (10,))]
    assert sentence(advice) == "Repair slot 10: the risk of a stockout within 60 min falls from 30 % to 5 %."


def test_the_grid_limit_is_raised_no_further_than_the_chargers_can_use() -> None:
    case = case_of()
    spec = dataclasses.replace(case.spec, grid_limit_w=5000.0)
    most_w = spec.slots * spec.charger.power_w / spec.charger.efficiency

    def by_limit(case: Case) -> float:
        return 0.5 if case.spec.grid_limit_w < most_w else 0.1

    (option,) = advise(dataclasses.replace(case, spec=spec), 0.1, by_limit).options
    assert option.action == "grid_limit_w"
    assert option.amount == pytest.approx(most_w)


def test_where_no_single_action_is_enough_it_says_so() -> None:
    advice = advise(case_of(), 0.1, lambda _: 0.9)
    assert advice.options == ()
    assert sentence(advice).startswith("No single action")


def test_where_the_target_is_met_nothing_is_advised() -> None:
    assert advise(case_of(), 0.5, lambda _: 0.5) == Advice(0.5, 0.5, ())


def test_faults_drive_the_risk_where_slots_are_out_and_only_there() -> None:
    case = case_of(ready=8, per_hour=14.0)
    assert drivers(case, 14.0 / 3600.0, risk).faults == 0.0
    broken = with_state(case, out_of_order(case.state, *range(7)))
    found = drivers(broken, 14.0 / 3600.0, risk)
    assert found.faults > 0.2
    assert found.charging > 0.0


def test_a_rush_hour_is_a_driver_and_a_quiet_hour_lowers_the_risk() -> None:
    case = case_of(ready=6, per_hour=16.0)
    assert drivers(case, 8.0 / 3600.0, risk).demand > 0.1
    assert drivers(case, 24.0 / 3600.0, risk).demand < -0.1


def test_a_station_without_packs_can_only_be_helped_by_packs() -> None:
    case = case_of(per_hour=6.0)
    case = with_state(case, emptied(case.state, *range(20)))
    advice = advise(case, 0.1, risk)
    assert advice.probability == 1.0
    assert [option.action for option in advice.options] == ["packs_added"]
    assert not (apply(case, Change(packs_added=20))[0].state.phase == SlotPhase.EMPTY).any()

"""A change makes exactly the difference it should in the same futures, and one that cannot be made says why."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.stations import case_at
from tests.support.futures_cases import case_of, emptied, in_use, out_of_order, with_state
from tests.support.twin_cases import EPOCH, REFERENCE
from twin.case import Case
from twin.futures import Futures, futures
from twin.spec import HORIZONS_S, SlotPhase
from twin.whatif import Change, ChangeError, apply, mean_difference, plain, share_difference

REPLICAS = 200


def live(case: Case, replicas: int = REPLICAS, seed: int = 7) -> Futures:
    return futures(case.spec, case.state, case.intensity, replicas=replicas, seed=seed, lead_s=case.lead_s)


def risks(case: Case) -> list[float]:
    lived = live(case)
    return [float(np.mean(lived.wait_s <= horizon_s)) for horizon_s in HORIZONS_S]


def test_no_change_is_no_effect_and_no_difference() -> None:
    case = case_of()
    changed, effects = apply(case, Change(grid_limit_w=REFERENCE.grid_limit_w, demand_factor=1.0, bays=REFERENCE.bays))
    assert effects == ()
    assert changed is plain(case)
    base, again = live(case), live(changed)
    assert share_difference(base.wait_s <= 3600.0, again.wait_s <= 3600.0).mean == 0.0
    assert mean_difference(base.lost[:, 2], again.lost[:, 2]).mean == 0.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), ready=st.integers(0, 8), per_hour=st.floats(2.0, 40.0), more=st.integers(1, 5))
def test_more_packs_never_raise_the_risk_beyond_noise(seed: int, ready: int, per_hour: float, more: int) -> None:
    case = case_of(ready=ready, per_hour=per_hour, seed=seed)
    case = with_state(case, emptied(case.state, *range(15, 20)))
    for before, after in zip(risks(case), risks(apply(case, Change(packs_added=more))[0]), strict=True):
        assert after <= before + 1.5 / REPLICAS


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (Change(grid_limit_w=4000.0), Change(grid_limit_w=20_000.0)),
        (Change(charger_power_w=400.0), Change(charger_power_w=2000.0)),
        (Change(packs_removed=3), Change()),
        (Change(slots_faulted=(1, 2, 3, 4)), Change()),
        (Change(demand_factor=2.0), Change(demand_factor=0.5)),
    ],
)
def test_the_risk_moves_the_way_it_should(less: Change, more: Change) -> None:
    case = case_of(ready=6)
    assert risks(apply(case, less)[0])[2] > risks(apply(case, more)[0])[2]


def test_demands_that_rounding_moves_across_the_level_do_not_keep_the_futures_for_ever() -> None:
    case, _ = apply(case_at(8.0), Change(charger_power_w=1320.0))  # future 2800 has such a moment
    assert live(case, replicas=3000, seed=1).arrivals.min() >= 0


def test_nobody_is_served_where_every_bay_is_closed() -> None:
    lived = live(apply(case_of(per_hour=30.0), Change(bays=0))[0])
    assert lived.lost[:, 3].mean() > 40.0
    assert not (lived.wait_s <= 7200.0).any()


def test_a_bay_that_closes_ends_its_swap_first_and_an_idle_one_closes_before_it() -> None:
    case = case_of()
    case = with_state(case, in_use(case.state, EPOCH + 30.0, slot=10))
    one, _ = apply(case, Change(bays=1))
    assert one.state.bay_until.tolist() == [EPOCH + 30.0]
    none, _ = apply(case, Change(bays=0))
    assert none.state.phase[10] == SlotPhase.COOLING
    assert none.state.cooling_until[10] == EPOCH + 30.0 + REFERENCE.cooldown_s


def test_bays_are_added_idle() -> None:
    case, effects = apply(case_of(), Change(bays=4))
    assert (case.spec.bays, np.isinf(case.state.bay_until).all()) == (4, True)
    assert (effects[0].before, effects[0].after) == (2, 4)


def test_added_packs_go_to_free_slots_and_not_where_a_returned_pack_is_awaited() -> None:
    case = case_of()
    case = with_state(case, in_use(emptied(case.state, 4, 12), EPOCH + 30.0, slot=6))
    changed, (effect,) = apply(case, Change(packs_added=2, added_soc=0.5))
    assert effect.slots == (5, 13)
    assert (effect.before, effect.after) == (18, 20)
    assert changed.state.phase[[4, 12]].tolist() == [SlotPhase.CHARGING] * 2
    assert changed.state.soc[[4, 12]].tolist() == [0.5, 0.5]
    with pytest.raises(ChangeError, match="3 packs do not fit: 2 slots are free") as refused:
        apply(case, Change(packs_added=3))
    assert (refused.value.key, refused.value.remedy) == ("packs_added", "Ask for at most 2.")


def test_the_fullest_packs_are_removed_first() -> None:
    changed, (effect,) = apply(case_of(ready=2), Change(packs_removed=2))
    assert effect.slots == (1, 2)
    assert not changed.state.soc[:2].any()
    with pytest.raises(ChangeError, match="21 packs cannot be removed: 20"):
        apply(case_of(), Change(packs_removed=21))


def test_a_repaired_slot_charges_its_pack_and_an_empty_one_is_empty() -> None:
    case = case_of()
    case = with_state(case, out_of_order(emptied(case.state, 9), 5, 9))
    assert case.packs() == 19
    changed, (effect,) = apply(case, Change(slots_repaired=(6, 10)))
    assert changed.state.phase[[5, 9]].tolist() == [SlotPhase.CHARGING, SlotPhase.EMPTY]
    assert (effect.before, effect.after, effect.slots) == (2, 0, (6, 10))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Change(slots_repaired=(3,)), "slot 3 is not out of order"),
        (Change(slots_repaired=(99,)), "there is no slot 99"),
        (Change(slots_faulted=(6,)), "slot 6 is out of order already"),
        (Change(slots_faulted=(1, 1)), "a slot is named twice"),
    ],
)
def test_a_change_that_cannot_be_made_says_why(change: Change, says: str) -> None:
    case = case_of()
    with pytest.raises(ChangeError, match=says):
        apply(with_state(case, out_of_order(case.state, 5)), change)


def test_weak_chargers_stay_weak_when_all_get_stronger() -> None:
    case = case_of(charger_power_w=np.full(20, 600.0))
    changed, _ = apply(case, Change(charger_power_w=2400.0))
    assert changed.state.charger_power_w is not None
    assert changed.state.charger_power_w.tolist() == [1200.0] * 20


def test_the_interval_of_a_paired_share_holds_the_truth_19_times_in_20() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(2000):
        kind = rng.choice(3, size=100, p=[0.03, 0.01, 0.96])
        common = rng.random(100) < 0.3
        base, changed = np.where(kind == 2, common, kind == 1), np.where(kind == 2, common, kind == 0)
        interval = share_difference(base, changed)
        held += interval.low <= 0.02 <= interval.high
    assert 0.93 <= held / 2000 <= 0.99

"""The compiled kernel lives the same futures as the SimPy reference, to the last integer."""

import dataclasses
from math import factorial, inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.twin_cases import EPOCH, REFERENCE, state_of, station_of, steady
from tests.unit.test_twin_station import impatient, stations
from twin import charging
from twin.demand import Intensity
from twin.futures import Futures, futures
from twin.riders import Stream, stream_states
from twin.spec import PackSpec, SlotPhase, StationSpec, StationState, ThermalSpec

HOUR_S = 3600.0
DAY = Intensity(0.0, HOUR_S, np.array([8.0, 12.0, 20.0, 24.0, 16.0, 10.0]) / HOUR_S, 0.2)
LARGE = PackSpec(2000.0, 1.03, 900.0, ((0.05, 0.4), (0.2, 1.2), (0.5, 0.8), (0.9, 0.3)))
OTHER = PackSpec(1000.0, 1.01, 300.0)


def changed(**changes: object) -> StationSpec:
    return dataclasses.replace(REFERENCE, **changes)


def mixed() -> tuple[StationSpec, StationState]:
    """Three classes of packs, two of them capped over SoC, and chargers that differ."""
    spec = changed(more_packs=(LARGE, OTHER), returned_shares=(0.5, 0.2, 0.3))
    rng = np.random.default_rng(4)
    state = dataclasses.replace(
        state_of(spec, ready=8),
        pack_class=np.arange(20, dtype=np.int8) % 3,
        charger_power_w=rng.uniform(700.0, 1300.0, 20),
        charger_efficiency=np.where(np.arange(20) % 4 == 0, np.nan, rng.uniform(0.85, 0.97, 20)),
        tau_scale=rng.choice([0.8, 1.0, 1.2], 20),
    )
    return spec, state


def midway(spec: StationSpec) -> StationState:
    """A snapshot in the middle of things: swaps under way, riders waiting, chargers on their segments."""
    station = station_of(spec, state_of(spec, ready=3, time=EPOCH), steady(45.0, start=EPOCH), seed=8)
    station.env.run(until=EPOCH + 1_800.0)
    while not (len(station.queue) >= 2 and min(station.bay_until) < inf):
        station.env.step()
    station.env.run(until=station.env.now + 1.0)
    return station.snapshot()


def cases() -> dict[str, tuple[StationSpec, StationState]]:
    wide = changed(slots=40, bays=4, grid_limit_w=20_000.0)
    small = changed(slots=4, bays=1, grid_limit_w=2_500.0)
    loose = changed(grid_limit_w=60_000.0, thermal=ThermalSpec(ambient_c=36.0, rise_k_per_c2=30.0))
    tight = changed(grid_limit_w=5_000.0, base_load_w=400.0)
    few_chargers = changed(chargers=6, more_packs=(OTHER,), returned_shares=(1.0, 1.0))
    ticking = changed(share_tick_s=10.0)
    capped = changed(pack=LARGE, grid_limit_w=14_000.0)
    return {
        "reference": (REFERENCE, state_of(REFERENCE, ready=12)),
        "many slots, four bays": (wide, state_of(wide, ready=13)),
        "few slots, one bay": (small, state_of(small, ready=2)),
        "loose limit, hot": (loose, state_of(loose, ready=6)),
        "tight limit, base load": (tight, state_of(tight, ready=6)),
        "three classes, chargers that differ": mixed(),
        "rate over SoC": (capped, state_of(capped, ready=6)),
        "fewer chargers than slots": (few_chargers, state_of(few_chargers, ready=8)),
        "a controller's tick": (ticking, state_of(ticking, ready=6)),
        "in the middle of swaps": (REFERENCE, midway(REFERENCE)),
        "in the middle, three classes": (mixed()[0], midway(mixed()[0])),
        "no swap time, no rest, no patience": (
            changed(swap_s=0.0, cooldown_s=0.0, patience_s=0.0),
            state_of(REFERENCE, ready=3),
        ),
    }


def assert_same_futures(first: Futures, second: Futures) -> None:
    for name in ("lost", "came", "swaps", "arrivals", "ready", "wait_s", "stockout_s", "waited_s"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), name)


FEWER = {"three classes, chargers that differ", "rate over SoC", "a controller's tick", "in the middle of swaps"}
"""A quarter of the thousand futures that the others live: it spares the gate a minute. Eight stations live them all."""


@pytest.mark.parametrize("name", cases())
def test_futures_are_the_same_by_both_engines(name: str) -> None:
    spec, state = cases()[name]
    demand = dataclasses.replace(DAY, start=state.time, rates_per_s=DAY.rates_per_s * spec.slots / 20.0, step_s=1_200.0)
    replicas = 250 if name in FEWER else 1_000
    kernel, reference = (
        futures(spec, state, demand, replicas=replicas, seed=3, engine=engine) for engine in ("kernel", "simpy")
    )
    assert_same_futures(kernel, reference)
    assert kernel.swaps.sum() > replicas


def test_a_future_of_many_hours_is_the_same_by_both_engines() -> None:
    kernel, reference = (
        futures(REFERENCE, state_of(REFERENCE), DAY, replicas=50, seed=5, horizon_s=48 * HOUR_S, engine=engine)
        for engine in ("kernel", "simpy")
    )
    assert_same_futures(kernel, reference)


@settings(max_examples=120, deadline=None)
@given(
    stations(),
    st.sampled_from([0.0, 6.0, 60.0]),
    st.sampled_from([None, 0, 1, 3]),
    st.sampled_from([0.0, 30.0]),
    st.sampled_from([0.0, 700.0]),
)
def test_whatever_the_station_both_engines_live_the_same_futures(
    case: tuple[StationSpec, StationState], per_hour: float, chargers: int | None, tick_s: float, lead_s: float
) -> None:
    spec, state = case
    spec = dataclasses.replace(spec, chargers=chargers, share_tick_s=tick_s)
    kernel, reference = (
        futures(spec, state, steady(per_hour, start=state.time), replicas=3, seed=1, lead_s=lead_s, engine=engine)
        for engine in ("kernel", "simpy")
    )
    assert_same_futures(kernel, reference)


def test_a_long_queue_is_given_room() -> None:
    spec = changed(patience_s=1e9)
    state = dataclasses.replace(state_of(spec), phase=np.zeros(20, dtype=np.int8))
    made = futures(spec, state, steady(400.0), replicas=2, seed=1)
    assert (made.arrivals > 256).all()
    assert not made.lost.any()
    assert_same_futures(made, futures(spec, state, steady(400.0), replicas=2, seed=1, engine="simpy"))


@pytest.mark.parametrize("phase", [SlotPhase.EMPTY, SlotPhase.OUT])
def test_without_a_pack_to_give_every_rider_is_lost_in_the_end(phase: SlotPhase) -> None:
    state = dataclasses.replace(state_of(REFERENCE), phase=np.full(20, phase, dtype=np.int8))
    made = futures(changed(patience_s=1.0), state, steady(20.0), replicas=20, seed=1)
    assert not made.swaps.any()
    assert not made.ready.any()
    assert (made.stockout_s[:, -1] == 7_200.0).all()
    assert (made.arrivals - made.lost[:, -1] <= 1).all()


def lost_share(spec: StationSpec, per_hour: float) -> tuple[float, float]:
    """Lost riders over riders in 40 hours, the first three left out, and its standard error over futures."""
    demand = steady(per_hour)
    ends = [
        futures(spec, state_of(spec), demand, replicas=400, seed=11, horizon_s=h * HOUR_S, horizons=(h * HOUR_S,))
        for h in (3.0, 40.0)
    ]
    lost, arrivals = ends[1].lost[:, 0] - ends[0].lost[:, 0], ends[1].arrivals - ends[0].arrivals
    share = lost / arrivals
    return float(lost.sum() / arrivals.sum()), float(np.std(share, ddof=1)) / sqrt(len(share))


def test_without_a_limit_losses_follow_erlang_b() -> None:
    spec = impatient()
    limit = spec.charger.power_w / (spec.pack.capacity_wh * HOUR_S)
    low, high = spec.returned_soc
    socs = low + (high - low) * (np.arange(1000) + 0.5) / 1000
    charge_s = np.mean([charging.seconds_to_soc(spec.pack, float(s), spec.ready_soc, limit) for s in socs])
    offered = 6.0 / HOUR_S * (spec.swap_s + spec.cooldown_s + float(charge_s))
    terms = [offered**k / factorial(k) for k in range(spec.slots + 1)]
    measured, error = lost_share(spec, 6.0)
    assert abs(measured - terms[-1] / sum(terms)) < 3.0 * error
    assert error < 0.004


@pytest.mark.parametrize("chargers", [3.0, 5.5])
def test_with_a_limit_losses_follow_the_shared_power_formula(chargers: float) -> None:
    spec = impatient(full_soc=0.95, grid_limit_w=chargers * 1200.0 / 0.94, pack=PackSpec(soc_infinity=1.02, tau_s=1e-6))
    arrivals = 5.0 / HOUR_S
    energy_s = (spec.ready_soc - sum(spec.returned_soc) / 2.0) * spec.pack.capacity_wh / 1200.0 * HOUR_S
    away, charge = arrivals * (spec.swap_s + spec.cooldown_s), arrivals * energy_s
    total = full = 0.0
    for first in range(spec.slots + 1):
        for second in range(spec.slots + 1 - first):
            weight = away**first / factorial(first)
            for k in range(1, second + 1):
                weight *= charge / min(k, chargers)
            total += weight
            full += weight if first + second == spec.slots else 0.0
    measured, error = lost_share(spec, 5.0)
    assert abs(measured - full / total) < 3.0 * error
    assert error < 0.005


@pytest.mark.parametrize("limit_w", [11_000.0, 16_000.0 / 0.94])
def test_sharing_loses_as_many_riders_as_sharing_every_second(limit_w: float) -> None:
    """Within one percent, on the same riders: between events, nothing that tapering packs leave over is wasted."""
    spec = changed(grid_limit_w=limit_w)
    continuous, every_second, at_events = (
        futures(
            dataclasses.replace(spec, share_tick_s=tick_s),
            state_of(spec, ready=12),
            steady(16.0),
            replicas=600,
            seed=2,
            horizon_s=6 * HOUR_S,
            horizons=(6 * HOUR_S,),
        ).lost.sum()
        for tick_s in (0.0, 1.0, 1e9)
    )
    assert continuous == pytest.approx(every_second, rel=0.01)
    assert at_events > continuous


def test_the_streams_of_an_ensemble_are_those_of_its_replicas() -> None:
    for seed in (0, 7, 2**63 + 11, -3):
        expected = [Stream(seed, replica, 2).state for replica in range(5)]
        assert stream_states(seed, 5, 2).tolist() == expected


def test_a_model_that_stands_still_says_so_and_does_not_hang() -> None:
    # Ticks that are shorter than what a time of today can be told apart by.
    spec = changed(share_tick_s=1e-9, grid_limit_w=5_000.0)
    with pytest.raises(RuntimeError, match="stands still"):
        futures(spec, state_of(spec, ready=6, time=EPOCH), steady(6.0, start=EPOCH), replicas=2, seed=1)

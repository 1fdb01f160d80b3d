"""The simulated station agrees with theory and with small steps, goes on exactly, and never runs in circles."""

import dataclasses
from math import factorial, inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.twin_cases import EPOCH, REFERENCE, assert_same, state_of, station_of, steady
from twin import charging
from twin.riders import Riders
from twin.spec import PackSpec, SlotPhase, StationSpec, StationState, ThermalSpec
from twin.station import Station

HOUR_S = 3600.0
COLD = ThermalSpec(ambient_c=20.0, rise_k_per_c2=0.0)


def impatient(**changes: object) -> StationSpec:
    """Eight slots, a bay each, riders who leave at once: a loss system."""
    spec = StationSpec(
        slots=8, bays=8, grid_limit_w=1e6, patience_s=0.0, thermal=COLD, returned_temperature_c=(20.0, 20.0)
    )
    return dataclasses.replace(spec, **changes)


def lost_share(spec: StationSpec, per_hour: float, replicas: int = 150, hours: float = 40.0) -> tuple[float, float]:
    """Lost riders over riders after a warm-up of three hours, and its standard error over replicas."""
    shares = []
    for replica in range(replicas):
        station = station_of(spec, state_of(spec), steady(per_hour), seed=11, replica=replica)
        station.env.run(until=3.0 * HOUR_S)
        lost, arrivals = station.lost, station.arrivals
        station.env.run(until=hours * HOUR_S)
        shares.append((station.lost - lost) / (station.arrivals - arrivals))
    return float(np.mean(shares)), float(np.std(shares, ddof=1)) / sqrt(replicas)


def test_without_a_limit_losses_follow_erlang_b() -> None:
    """A swap holds a pack for swap, rest and charge to ready; Erlang's loss formula does not ask for their law."""
    spec = impatient()
    limit = spec.charger.power_w / (spec.pack.capacity_wh * HOUR_S)
    low, high = spec.returned_soc
    socs = low + (high - low) * (np.arange(1000) + 0.5) / 1000
    charge_s = np.mean([charging.seconds_to_soc(spec.pack, float(s), spec.ready_soc, limit) for s in socs])
    per_hour = 6.0
    offered = per_hour / HOUR_S * (spec.swap_s + spec.cooldown_s + float(charge_s))
    terms = [offered**k / factorial(k) for k in range(spec.slots + 1)]
    measured, error = lost_share(spec, per_hour)
    assert abs(measured - terms[-1] / sum(terms)) < 3.0 * error
    assert error < 0.005


@pytest.mark.parametrize("chargers", [3.0, 5.5])
def test_with_a_limit_losses_follow_the_shared_power_formula(chargers: float) -> None:
    """Swap and rest: infinite servers; charging: processor sharing. Their product form (BCMP 1975) is exact."""
    spec = impatient(
        full_soc=0.95,
        grid_limit_w=chargers * 1200.0 / 0.94,
        pack=PackSpec(soc_infinity=1.02, tau_s=1e-6),
    )
    per_hour = 5.0
    arrivals = per_hour / HOUR_S
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
    measured, error = lost_share(spec, per_hour)
    assert abs(measured - full / total) < 3.0 * error
    assert error < 0.006


def test_sharing_at_events_loses_hardly_more_than_sharing_every_few_seconds() -> None:
    """Between events nobody takes what tapering packs leave over. Same riders: only that differs."""
    lost = {0.0: 0, 15.0: 0}
    for tick_s in lost:
        for replica in range(240):
            station = station_of(REFERENCE, state_of(REFERENCE, ready=12), steady(15.0), replica=replica)
            now = 0.0
            while tick_s and now < 4 * HOUR_S:
                station.env.run(until=(now := now + tick_s))
                station.share()
            station.env.run(until=4 * HOUR_S + 1.0)
            lost[tick_s] += station.lost
    assert 1.0 <= lost[0.0] / lost[15.0] < 1.025, lost


def test_charging_under_a_limit_agrees_with_steps_of_a_second() -> None:
    spec = dataclasses.replace(REFERENCE, thermal=COLD)
    state = state_of(spec, ready=2, seed=5)
    station = station_of(spec, state)
    rate = 1.0 / (spec.pack.capacity_wh * HOUR_S)
    soc = state.soc[2:].copy()
    times = np.zeros(len(soc))
    for second in range(3 * 3600):
        taper = (spec.pack.soc_infinity - soc) / spec.pack.tau_s / rate
        demand = np.where(soc < spec.full_soc, np.minimum(spec.charger.power_w, taper), 0.0)
        soc += np.minimum(demand, charging.water_level(demand.tolist(), 16_000.0)) * rate
        times[(times == 0.0) & (soc >= spec.ready_soc)] = second + 1.0
    became_ready = np.zeros(len(soc))
    while station.env.peek() < inf:
        station.env.step()
        for index, slot in enumerate(station.slots[2:]):
            if slot.ready and not became_ready[index]:
                became_ready[index] = station.env.now
    assert became_ready == pytest.approx(times, rel=0.015, abs=1.0)


STATIONS = st.builds(
    StationSpec,
    slots=st.integers(1, 12),
    bays=st.integers(1, 3),
    grid_limit_w=st.sampled_from([0.0, 1.0, 900.0, 4000.0, 50_000.0]),
    base_load_w=st.sampled_from([0.0, 150.0]),
    cooldown_s=st.sampled_from([0.0, 60.0]),
    patience_s=st.sampled_from([0.0, 300.0]),
    pack=st.builds(PackSpec, soc_infinity=st.floats(0.9951, 1.1), tau_s=st.floats(1.0, 2400.0)),
    thermal=st.builds(ThermalSpec, ambient_c=st.floats(10.0, 50.0), rise_k_per_c2=st.floats(0.0, 60.0)),
    returned_soc=st.sampled_from([(0.0, 0.3), (0.9, 1.0), (0.995, 0.995)]),
    returned_temperature_c=st.sampled_from([(30.0, 42.0), (44.0, 46.0)]),
)


@st.composite
def stations(draw: st.DrawFn) -> tuple[StationSpec, StationState]:
    spec = draw(STATIONS)
    per_slot = {"min_size": spec.slots, "max_size": spec.slots}
    phase = np.array(draw(st.lists(st.sampled_from([*SlotPhase]), **per_slot)), dtype=np.int8)
    soc = np.array(draw(st.lists(st.floats(0.0, 1.0), **per_slot)))
    start = draw(st.sampled_from([0.0, EPOCH]))
    state = dataclasses.replace(
        state_of(spec, time=start),
        phase=phase,
        soc=np.where(phase == SlotPhase.EMPTY, 0.0, soc),
        temperature_c=np.array(draw(st.lists(st.floats(10.0, 60.0), **per_slot))),
        cooling_until=np.where(phase == SlotPhase.COOLING, start + 30.0, np.inf),
        queue=draw(st.integers(0, 3)),
    )
    return spec, state


@settings(max_examples=150, deadline=None)
@given(stations(), st.sampled_from([0.0, 6.0, 60.0]))
def test_whatever_the_station_its_books_balance(case: tuple[StationSpec, StationState], per_hour: float) -> None:
    spec, state = case
    station = station_of(spec, state, steady(per_hour, start=state.time))
    packs = sum(slot.phase != SlotPhase.EMPTY for slot in station.slots) + sum(u < inf for u in station.bay_until)
    events, before = 0, station.snapshot()
    for minute in range(1, 61):
        while station.env.peek() < state.time + 60.0 * minute:
            station.env.step()
            events += 1
        station.env.run(until=state.time + 60.0 * minute)
        now = station.snapshot()
        swapping = station.bay_until.count(inf) - spec.bays
        assert packs == np.sum(now.phase != SlotPhase.EMPTY) - swapping
        assert station.power_w() <= max(spec.grid_limit_w, spec.base_load_w) * (1.0 + 1e-9)
        ready = [slot.phase in (SlotPhase.CHARGING, SlotPhase.DONE) and slot.ready for slot in station.slots]
        assert station.ready == sum(ready) == sum(slot.ready for slot in station.slots)
        stays = (before.phase == SlotPhase.CHARGING) & (now.phase == SlotPhase.CHARGING)
        if per_hour == 0.0 and not state.queue:
            assert (now.soc[stays] >= before.soc[stays] - 1e-12).all()
        assert ((now.soc >= 0.0) & (now.soc <= 1.0 + 1e-12)).all()
        assert np.isfinite(now.temperature_c).all()
        assert station.arrivals + state.queue == station.swaps + station.lost + len(station.queue) + sum(
            until < inf for until in station.bay_until
        )
        before = now
    assert events < 200 + 40 * (station.arrivals + spec.slots)


@settings(max_examples=60, deadline=None)
@given(stations(), st.lists(st.floats(1.0, 1800.0), min_size=1, max_size=5), st.sampled_from([0.0, 30.0]))
def test_a_station_rebuilt_from_its_snapshot_lives_the_same_future(
    case: tuple[StationSpec, StationState], stops: list[float], per_hour: float
) -> None:
    spec, state = case
    end = state.time + sum(stops) + 1800.0
    whole = station_of(spec, state, steady(per_hour, start=state.time))
    whole.env.run(until=end)
    parts = station_of(spec, state, steady(per_hour, start=state.time))
    counts = np.zeros(3, dtype=np.int64)
    for stop in (*stops, end - parts.env.now):
        parts.env.run(until=min(parts.env.now + stop, end))
        counts += (parts.swaps, parts.lost, parts.arrivals)
        snapshot = parts.snapshot()
        parts = Station(type(parts.env)(initial_time=snapshot.time), spec, snapshot, parts.riders)
    if parts.env.now < end:
        parts.env.run(until=end)
        counts += (parts.swaps, parts.lost, parts.arrivals)
    assert_same(whole.snapshot(), parts.snapshot())
    assert counts.tolist() == [whole.swaps, whole.lost, whole.arrivals]


def test_without_power_there_is_no_charging_event() -> None:
    spec = dataclasses.replace(REFERENCE, grid_limit_w=0.0)
    station = station_of(spec, state_of(spec, ready=0))
    assert station.env.peek() == inf
    station.env.run(until=7200.0)
    assert station.ready == 0
    assert station.first_stockout == 0.0
    assert station.stockout_s == 7200.0


def test_the_limit_counts_base_load_and_the_chargers_losses() -> None:
    spec = dataclasses.replace(REFERENCE, grid_limit_w=5000.0, base_load_w=500.0)
    station = station_of(spec, state_of(spec, ready=0))
    packs_w = sum(slot.rate * slot.pack.capacity_wh * HOUR_S for slot in station.slots)
    assert packs_w == pytest.approx(4500.0 * spec.charger.efficiency)
    assert station.power_w() == pytest.approx(5000.0)


def test_a_slot_out_of_service_keeps_its_pack() -> None:
    spec = dataclasses.replace(REFERENCE, slots=1)
    state = dataclasses.replace(state_of(spec), phase=np.array([SlotPhase.OUT], dtype=np.int8))
    station = station_of(spec, state, steady(30.0))
    station.env.run(until=2 * HOUR_S)
    assert (station.swaps, station.ready) == (0, 0)
    assert station.lost > 0


def test_a_station_without_packs_loses_every_rider() -> None:
    state = dataclasses.replace(state_of(REFERENCE), phase=np.zeros(20, dtype=np.int8))
    station = station_of(REFERENCE, state, steady(30.0))
    station.env.run(until=2 * HOUR_S)
    assert station.swaps == 0
    assert station.lost == station.arrivals - len(station.queue)
    assert station.first_stockout == 0.0


def test_the_fullest_ready_pack_leaves_when_the_swap_begins_and_another_takes_its_place_at_the_end() -> None:
    spec = dataclasses.replace(REFERENCE, slots=3)
    state = dataclasses.replace(
        state_of(spec), phase=np.full(3, 3, dtype=np.int8), soc=np.array([0.96, 0.98, 0.97]), queue=1
    )
    station = station_of(spec, state, steady(0.0))
    assert [slot.phase for slot in station.slots] == [3, 0, 3]
    station.env.run(until=spec.swap_s + 1.0)
    assert station.slots[1].phase == SlotPhase.COOLING
    assert station.swaps == 1
    station.env.run(until=spec.swap_s + spec.cooldown_s + 1.0)
    assert station.slots[1].phase == SlotPhase.CHARGING


def test_a_hot_pack_is_derated_until_it_has_cooled() -> None:
    spec = dataclasses.replace(REFERENCE, slots=1, thermal=ThermalSpec(ambient_c=30.0, rise_k_per_c2=40.0))
    state = dataclasses.replace(state_of(spec, ready=0), soc=np.array([0.1]), temperature_c=np.array([44.0]))
    station = station_of(spec, state)
    slot = station.slots[0]
    rates = []
    while slot.phase == SlotPhase.CHARGING:
        rates.append((station.env.now, slot.rate, slot.derated))
        station.env.step()
    full = spec.charger.power_w / slot.energy_ws
    assert [derated for _, _, derated in rates[:3]] == [False, True, False]
    assert [rate for _, rate, _ in rates[:3]] == pytest.approx([full, full / 2.0, full])


def test_impossible_stations_are_refused_with_the_reason() -> None:
    state = state_of(REFERENCE)
    with pytest.raises(ValueError, match="soc_infinity"):
        station_of(dataclasses.replace(REFERENCE, pack=PackSpec(soc_infinity=0.9)), state)
    with pytest.raises(ValueError, match="restore_below_c"):
        station_of(dataclasses.replace(REFERENCE, thermal=ThermalSpec(restore_below_c=45.0)), state)
    with pytest.raises(ValueError, match="20 slots"):
        station_of(dataclasses.replace(REFERENCE, slots=3), state)
    with pytest.raises(ValueError, match="not a number"):
        station_of(REFERENCE, dataclasses.replace(state, soc=np.full(20, np.nan)))


def test_riders_come_at_the_intensity() -> None:
    riders = Riders(REFERENCE, steady(100.0), 0.0, seed=5)
    count = 0
    while riders.next_arrival < 100 * HOUR_S:
        riders.arrive()
        count += 1
    assert count == pytest.approx(10_000, abs=3 * 100)


def test_nobody_comes_where_the_intensity_has_fallen_to_zero() -> None:
    intensity = dataclasses.replace(steady(0.0), rates_per_s=np.array([0.0, 0.01, 0.0]))
    riders = Riders(REFERENCE, intensity, 0.0, seed=5)
    times = []
    while riders.next_arrival < inf:
        times.append(riders.next_arrival)
        riders.arrive()
    assert times
    assert all(HOUR_S <= time <= 2 * HOUR_S for time in times)

"""The live twin keeps in step with telemetry, goes on without it, and says which is which."""

import dataclasses
from math import nan

import numpy as np
import pytest

from benchmarks.twin_accuracy import Case, Rig
from gateway.observe import observe
from tests.support.twin_cases import EPOCH, REFERENCE, assert_same, observation_of, state_of, station_of, steady
from twin.live import LiveTwin
from twin.spec import ChargerSpec, SlotPhase, StationState

START = state_of(REFERENCE, ready=10, time=EPOCH)


def test_before_any_telemetry_nothing_is_known() -> None:
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.advance(EPOCH + 3600.0)
    estimate = twin.estimate()
    assert estimate.time == EPOCH + 3600.0
    assert estimate.ready == 0
    assert estimate.substituted.all()
    assert np.isnan(estimate.residual_soc).all()


def test_it_counts_what_is_ready_as_the_station_does() -> None:
    """Riders come and go at the station; telemetry each second; the twin has no riders of its own."""
    truth = station_of(REFERENCE, START, steady(20.0, start=EPOCH))
    twin = LiveTwin(REFERENCE, EPOCH)
    right = 0
    for second in range(1, 2 * 3600):
        truth.env.run(until=EPOCH + second)
        twin.observe(observation_of(truth, swap_count=float(truth.swaps)))
        right += twin.estimate().ready == truth.ready
    estimate = twin.estimate()
    assert right >= 0.995 * (2 * 3600 - 1)  # a pack may count as ready a second earlier or later
    assert estimate.swaps == truth.swaps > 20
    assert not estimate.substituted.any()
    assert np.nanmax(np.abs(estimate.residual_soc)) < 5e-4


def test_it_goes_on_by_the_model_when_telemetry_stops() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth))
    truth.env.run(until=EPOCH + 600.0)
    twin.observe(observation_of(truth, known=np.zeros(20, dtype=np.bool_), soc=np.full(20, nan)))
    estimate = twin.estimate()
    assert estimate.substituted.all()
    assert estimate.ready == truth.ready
    assert estimate.state.soc == pytest.approx(truth.snapshot().soc, abs=1e-6)


def test_a_model_that_charges_too_fast_is_held_to_the_readings() -> None:
    truth = station_of(dataclasses.replace(REFERENCE, charger=ChargerSpec(power_w=900.0)), START)
    twin = LiveTwin(REFERENCE, EPOCH)
    residuals: list[float] = []
    for second in range(0, 1800, 5):
        truth.env.run(until=EPOCH + second + 0.5)
        twin.observe(observation_of(truth))
        estimate = twin.estimate()
        residuals.append(float(np.nanmax(np.abs(np.append(estimate.residual_soc, 0.0)))))
    charging = estimate.state.phase == SlotPhase.CHARGING
    assert charging.any()
    assert estimate.state.soc == pytest.approx(truth.snapshot().soc, abs=0.002)
    assert max(residuals) > 2e-4
    assert max(residuals[-60:]) < 1e-4
    assert estimate.state.charger_power_w is not None
    assert np.median(estimate.state.charger_power_w[charging]) == pytest.approx(900.0, rel=0.03)


def test_an_old_reading_is_carried_forward_to_now() -> None:
    spec = dataclasses.replace(REFERENCE, grid_limit_w=1e6)
    truth = station_of(spec, START)
    twin = LiveTwin(spec, EPOCH)
    twin.observe(observation_of(truth))
    truth.env.run(until=EPOCH + 100.0)
    old = observation_of(truth)
    truth.env.run(until=EPOCH + 160.0)
    twin.observe(observation_of(truth, soc=old.soc, soc_time=old.soc_time))
    assert twin.estimate().state.soc == pytest.approx(truth.snapshot().soc, abs=1e-6)
    assert np.nanmax(np.abs(twin.estimate().residual_soc)) < 1e-6


def test_a_correction_leaves_other_slots_exactly_as_they_were() -> None:
    spec = dataclasses.replace(REFERENCE, grid_limit_w=1e6)
    truth = station_of(spec, START)
    corrected, alone = LiveTwin(spec, EPOCH, START), LiveTwin(spec, EPOCH, START)
    for twin in (corrected, alone):
        twin.observe(observation_of(truth))
    soc = START.soc.copy()
    soc[15] -= 0.02
    one = np.arange(20) == 15
    corrected.observe(
        observation_of(
            truth, known=one, time=EPOCH + 60.0, soc=np.where(one, soc, nan), soc_time=START.soc * 0 + EPOCH + 60.0
        )
    )
    for twin in (corrected, alone):
        twin.advance(EPOCH + 700.0)
    first, second = corrected.estimate().state, alone.estimate().state
    assert first.soc[15] < second.soc[15]
    np.testing.assert_array_equal(first.soc[~one], second.soc[~one])
    np.testing.assert_array_equal(first.temperature_c[~one], second.temperature_c[~one])


def test_it_goes_on_from_an_earlier_state() -> None:
    whole = LiveTwin(REFERENCE, EPOCH, START)
    whole.advance(EPOCH + 1000.0)
    first = LiveTwin(REFERENCE, EPOCH, START)
    first.advance(EPOCH + 400.0)
    second = LiveTwin(REFERENCE, EPOCH + 400.0, first.estimate().state)
    second.advance(EPOCH + 1000.0)
    assert_same(whole.estimate().state, second.estimate().state)


def test_long_stretches_can_be_taken_in_slices() -> None:
    whole, sliced = LiveTwin(REFERENCE, EPOCH, START), LiveTwin(REFERENCE, EPOCH, START)
    whole.advance(EPOCH + 7200.0)
    slices = 1
    while not sliced.advance_slice(EPOCH + 7200.0, max_events=3):
        slices += 1
    assert slices > 3
    assert_same(whole.estimate().state, sliced.estimate().state)


def test_readings_that_are_no_numbers_never_enter() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    unknown = np.full(20, nan)
    for second in (0.0, 1.0):
        twin.observe(observation_of(truth, time=EPOCH + second, soc=unknown, soc_time=unknown, temperature_c=unknown))
    estimate = twin.estimate()
    assert np.isfinite(estimate.state.soc).all()
    assert np.isfinite(estimate.state.temperature_c).all()
    assert estimate.ready == 0
    assert estimate.substituted.all()


def test_without_a_counter_exchanged_packs_are_counted() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    packs = np.arange(20)
    twin.observe(observation_of(truth, pack=packs))
    other = packs.copy()
    other[4] = 99
    twin.observe(observation_of(truth, time=EPOCH + 10.0, pack=other))
    assert twin.estimate().swaps == 1
    gone = np.arange(20) != 7
    twin.observe(observation_of(truth, time=EPOCH + 20.0, pack=other, occupied=gone))
    assert twin.estimate().swaps == 2


@pytest.mark.parametrize("after", [3.0, 1e9])
def test_a_counter_that_is_reset_or_replaced_makes_no_swaps(after: float) -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    for second, counter in enumerate((500.0, 501.0, after, after + 1.0)):
        twin.observe(observation_of(truth, time=EPOCH + second, swap_count=counter))
    assert twin.estimate().swaps == 2


def test_an_emptied_slot_awaits_the_riders_pack() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth))
    gone = np.arange(20) != 3
    twin.observe(observation_of(truth, time=EPOCH + 10.0, occupied=gone))
    state = twin.estimate().state
    assert state.phase[3] == SlotPhase.EMPTY
    assert EPOCH + 10.0 + REFERENCE.swap_s in state.bay_until
    twin.observe(observation_of(truth, time=EPOCH + 40.0, cooling=~gone))
    state = twin.estimate().state
    assert state.phase[3] == SlotPhase.COOLING
    assert np.isinf(state.bay_until).all()
    assert twin.estimate().swaps == 1


def test_a_spare_slot_that_takes_the_riders_pack_first_leaves_no_swap_open() -> None:
    spare = dataclasses.replace(START, phase=np.array([0, *START.phase[1:]], dtype=np.int8))
    truth = station_of(REFERENCE, spare)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth))
    everywhere = np.ones(20, dtype=np.bool_)
    twin.observe(observation_of(truth, time=EPOCH + 20.0, occupied=everywhere, cooling=np.arange(20) == 0))
    twin.observe(observation_of(truth, time=EPOCH + 60.0, occupied=np.arange(20) != 5, cooling=np.arange(20) == 0))
    state = twin.estimate().state
    assert np.isinf(state.bay_until).all()
    assert state.phase[0] == SlotPhase.COOLING
    assert state.phase[5] == SlotPhase.EMPTY
    assert twin.estimate().swaps == 1


def test_a_pack_taken_out_for_good_is_not_awaited_for_ever() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    gone = np.arange(20) != 3
    twin.observe(observation_of(truth))
    for second in range(10, 600, 10):
        twin.observe(observation_of(truth, time=EPOCH + second, occupied=gone))
    state = twin.estimate().state
    assert np.isinf(state.bay_until).all()
    assert state.phase[3] == SlotPhase.EMPTY


def test_a_charger_that_does_not_charge_is_believed_now_and_expected_to_charge_later() -> None:
    truth = station_of(REFERENCE, START)
    idle = np.zeros(20, dtype=np.bool_)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth, charging=idle))
    twin.advance(EPOCH + 600.0)
    estimate = twin.estimate()
    assert estimate.state.soc == pytest.approx(START.soc)
    future = station_of(REFERENCE, estimate.state)
    future.env.run(until=EPOCH + 1200.0)
    assert (future.snapshot().soc[10:] > START.soc[10:] + 0.05).all()


def test_a_slot_out_of_service_is_not_ready_and_comes_back() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth, out=np.arange(20) == 0))
    assert twin.estimate().ready == 9
    twin.observe(observation_of(truth, time=EPOCH + 5.0))
    assert twin.estimate().ready == 10


def test_a_rest_that_lasts_longer_than_the_model_says_is_believed() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    for second in range(0, 300, 10):
        twin.observe(
            observation_of(truth, time=EPOCH + second, cooling=np.arange(20) == 12, charging=np.arange(20) > 12)
        )
        assert twin.estimate().state.phase[12] == SlotPhase.COOLING


def test_a_grid_limit_that_telemetry_reports_is_in_force() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth, grid_limit_w=0.0))
    assert twin.spec.grid_limit_w == 0.0
    twin.advance(EPOCH + 3600.0)
    assert twin.estimate().state.soc == pytest.approx(START.soc)


ALL = np.ones(20, dtype=np.bool_)


def only(slot: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.arange(20) == slot


def packs_in(state: StationState) -> int:
    """Packs that a forecast from here will have once the swaps under way have ended."""
    future = station_of(REFERENCE, state)
    future.env.run(until=state.time + 600.0)
    return int(np.count_nonzero(future.snapshot().phase != SlotPhase.EMPTY))


def test_a_promised_pack_leaves_and_the_riders_pack_comes_in_every_forecast() -> None:
    """A cabinet with a spare slot: unlocked, then BatteryIn elsewhere, then BatteryOut."""
    spare = dataclasses.replace(START, phase=np.array([0, *START.phase[1:]], dtype=np.int8))
    truth = station_of(REFERENCE, spare)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth))
    assert twin.estimate().ready == 9
    twin.observe(observation_of(truth, time=EPOCH + 10.0, promised=only(5)))
    promised = twin.estimate()
    assert promised.ready == 8
    assert promised.state.phase[5] == SlotPhase.EMPTY
    assert EPOCH + 10.0 + REFERENCE.swap_s in promised.state.bay_until
    assert packs_in(promised.state) == 19
    twin.observe(observation_of(truth, time=EPOCH + 40.0, promised=only(5), occupied=ALL, cooling=only(0)))
    half_way = twin.estimate()
    assert EPOCH + 10.0 + REFERENCE.swap_s in half_way.state.bay_until
    assert packs_in(half_way.state) == 19
    assert half_way.swaps == 0
    twin.observe(observation_of(truth, time=EPOCH + 95.0, occupied=~only(5), cooling=only(0)))
    over = twin.estimate()
    assert np.isinf(over.state.bay_until).all()
    assert packs_in(over.state) == 19
    assert over.swaps == 1


def test_without_a_spare_slot_the_promised_packs_slot_takes_the_riders_pack() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth))
    twin.observe(observation_of(truth, time=EPOCH + 10.0, promised=only(5)))
    twin.observe(observation_of(truth, time=EPOCH + 40.0, occupied=~only(5)))
    assert packs_in(twin.estimate().state) == 20
    assert twin.estimate().swaps == 1
    twin.observe(observation_of(truth, time=EPOCH + 100.0, cooling=only(5)))
    over = twin.estimate()
    assert over.swaps == 1
    assert np.isinf(over.state.bay_until).all()
    assert over.state.phase[5] == SlotPhase.COOLING


def test_a_promise_that_is_taken_back_is_no_swap() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth))
    twin.observe(observation_of(truth, time=EPOCH + 10.0, promised=only(5)))
    twin.observe(observation_of(truth, time=EPOCH + 20.0))
    estimate = twin.estimate()
    assert (estimate.ready, estimate.swaps) == (10, 0)
    assert np.isinf(estimate.state.bay_until).all()


def test_a_pack_that_nobody_fetches_is_out_of_use_and_holds_no_bay() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    for second in range(0, 600, 10):
        twin.observe(observation_of(truth, time=EPOCH + second, promised=only(5)))
    state = twin.estimate().state
    assert state.phase[5] == SlotPhase.OUT
    assert np.isinf(state.bay_until).all()


def test_a_swap_that_began_and_ended_between_two_reads_is_counted_by_the_pack_ids() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    packs = np.arange(20)
    twin.observe(observation_of(truth, pack=packs))
    twin.observe(observation_of(truth, time=EPOCH + 20.0, pack=packs, promised=only(5)))
    new = np.where(only(5), 99, packs)
    twin.observe(observation_of(truth, time=EPOCH + 120.0, pack=new, cooling=only(5)))
    twin.observe(observation_of(truth, time=EPOCH + 120.0, pack=new, cooling=only(5)))
    estimate = twin.estimate()
    assert estimate.swaps == 1
    assert np.isinf(estimate.state.bay_until).all()


def test_without_ids_a_pack_that_rests_or_has_lost_charge_is_another_one() -> None:
    truth = station_of(REFERENCE, START)
    twin = LiveTwin(REFERENCE, EPOCH)
    twin.observe(observation_of(truth))
    twin.observe(observation_of(truth, time=EPOCH + 60.0, cooling=only(3)))
    assert twin.estimate().swaps == 1
    drained = np.where(only(7), 0.2, truth.snapshot().soc)
    later = np.full(20, EPOCH + 120.0)
    twin.observe(observation_of(truth, time=EPOCH + 120.0, soc=drained, soc_time=later, charging=only(7)))
    estimate = twin.estimate()
    assert estimate.swaps == 2
    assert estimate.state.soc[7] == pytest.approx(0.2, abs=0.01)
    assert estimate.ready == 9


@pytest.mark.parametrize("way", ["counter", "ids", "slots"])
@pytest.mark.parametrize("every_s", [5, 15, 60])
def test_swaps_are_counted_whatever_a_device_offers_however_seldom_it_is_read(way: str, every_s: int) -> None:
    """The emulator's own swaps, told apart by its counter, by pack ids, or by the slots alone."""
    rig = Rig(Case("traffic", 12, 20_000.0, 600.0, bays=2), 4, [])
    twin = LiveTwin(rig.spec, rig.clock.now())
    rng = np.random.default_rng(1)
    for _ in range(2 * 3600 // every_s):
        rig.clock.jump(every_s)
        rig.physical.advance(rig.clock.now())
        if rng.random() < 0.05:
            continue
        rig.image.push(rig._batch(rig.clock.now()))
        seen = observe(rig.image, rig.layout, rig.clock.now())
        if way != "counter":
            seen = dataclasses.replace(seen, swap_count=nan)
        if way == "slots":
            seen = dataclasses.replace(seen, pack=np.full(12, -1))
        twin.observe(seen)
        if rng.random() < 0.05:
            twin.observe(seen)
    swaps = rig.physical.swaps
    assert swaps > 10
    # Of swaps between two reads a minute apart, those that end as they began cannot all be told without a counter.
    assert abs(twin.estimate().swaps - swaps) <= (2 if way != "slots" else 2 + swaps * every_s // 600)

"""What the twin learns from telemetry, and the alarms it raises: on the emulator's physics, in virtual time."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.twin_accuracy import CASES, START, Case, Rig, coast
from simulators.slot import Slot
from twin.drift import DEGRADED_CHARGER, SOC_SENSOR, STATION_POWER, Cusum
from twin.filtering import Efficiencies, SlotFilter
from twin.observation import Estimate

CASE = CASES[0]
NO_RIDERS = [(START, START + 86_400.0)]


def charging_from(rig: Rig, soc: float) -> list[Slot]:
    """Set every pack of the physical station to a low charge."""
    slots = [slot for slot in rig.physical.slots if slot.pack is not None]
    for slot in slots:
        assert slot.pack is not None
        slot.pack.soc = soc
        slot.charger.release()
    return slots


def run(rig: Rig, minutes: float, each: Callable[[Estimate], None] | None = None) -> Estimate:
    for _ in range(int(minutes * 12)):
        estimate = rig.step()
        if each:
            each(estimate)
    return estimate


def test_after_ten_minutes_without_telemetry_it_still_knows_every_pack() -> None:
    found = coast(CASE, 11, 1.2, riders_stay_away=True)
    assert np.percentile(found.soc_errors, 95.0) <= 0.02
    assert set(found.ready_errors) == {0}


def test_the_last_known_state_stands_still_while_telemetry_is_away() -> None:
    rig = Rig(CASE, 3, NO_RIDERS)
    known = run(rig, 10.0)
    assert known.known_time == known.time
    for _ in range(60):
        away = rig.step(speaks=False)
    assert away.substituted.all()
    assert known.known_time <= away.known_time <= known.known_time + 20.0
    assert away.known_state is not None
    assert away.known_state.time == away.known_time
    assert run(rig, 1.0).known_time == rig.clock.now()


@pytest.mark.parametrize("without", [(), ("power_w", "capacity_wh")])
def test_a_charger_that_gives_less_is_learned_and_named(without: tuple[str, ...]) -> None:
    rig = Rig(Case("weak", 8, 20_000.0, 0.0, without=without), 5, NO_RIDERS)
    rig.physical.slots[2].charger.health *= 0.7
    weak = charging_from(rig, 0.2)
    assert rig.physical.slots[2] in weak
    estimate = run(rig, 35.0)
    assert [(drift.kind, drift.slot) for drift in estimate.drifts] == [(DEGRADED_CHARGER, 2)]
    # Without its power, one pack's charge does not tell the charger's weakness from the pack's own.
    assert estimate.drifts[0].magnitude == pytest.approx(-0.3, abs=0.1 if without else 0.06)
    power_w = estimate.state.charger_power_w
    assert power_w is not None
    assert power_w[2] / np.median(power_w) == pytest.approx(0.7, abs=0.07)


def test_an_alarm_goes_when_its_cause_has_gone() -> None:
    rig = Rig(Case("weak", 4, 20_000.0, 0.0), 5, NO_RIDERS)
    charger = rig.physical.slots[1].charger
    charger.health *= 0.7
    charging_from(rig, 0.1)
    assert run(rig, 15.0).drifts
    charger.health /= 0.7
    states: list[int] = []
    run(rig, 15.0, lambda estimate: states.append(len(estimate.drifts)))
    assert states[0] == 1
    assert states[-1] == 0
    assert sum(abs(np.diff(states))) == 1


def test_healthy_stations_raise_no_alarm() -> None:
    for case in (CASES[1], CASES[2]):
        rig = Rig(case, 8, [])
        raised: set[str] = set()
        run(rig, 90.0, lambda estimate: raised.update(drift.kind for drift in estimate.drifts))  # noqa: B023
        assert not raised


def test_a_soc_sensor_that_stands_still_is_named() -> None:
    rig = Rig(Case("stuck", 4, 20_000.0, 0.0), 5, NO_RIDERS)
    charging_from(rig, 0.2)
    run(rig, 6.0)
    row = int(rig.layout.slot["soc"][0])
    shown = rig._shown
    stuck = float(rig.image.value[row])
    rig._shown = lambda bound: stuck if bound.number == row else shown(bound)  # type: ignore[method-assign]
    named: list[tuple[str, int | None]] = []
    run(rig, 25.0, lambda estimate: named.extend((drift.kind, drift.slot) for drift in estimate.drifts))
    assert set(named) == {(SOC_SENSOR, 0)}


def test_a_meter_that_shows_more_than_the_chargers_take_is_named() -> None:
    rig = Rig(Case("meter", 6, 20_000.0, 0.0), 5, NO_RIDERS)
    charging_from(rig, 0.1)
    row = rig.layout.own["power_w"]
    shown = rig._shown
    rig._shown = lambda bound: shown(bound) * 1.3 if bound.number == row else shown(bound)  # type: ignore[method-assign, operator]
    estimate = run(rig, 15.0)
    assert [(drift.kind, drift.slot) for drift in estimate.drifts] == [(STATION_POWER, None)]
    assert estimate.drifts[0].magnitude == pytest.approx(0.3, abs=0.06)


def test_the_scatter_of_readings_is_estimated() -> None:
    rng = np.random.default_rng(1)
    known = SlotFilter(2)
    every = np.ones(2, dtype=np.bool_)
    true, believed = np.zeros(2), np.zeros(2)
    for _ in range(400):
        known.predict(5.0, np.zeros((2, 3)), np.zeros(2))
        believed += known.correct(every, ~every, true + rng.normal(0.0, [0.001, 0.01]) - believed)
    assert known.soc_sigma == pytest.approx([0.001, 0.01], rel=0.35)
    assert np.abs(believed).max() < 0.003


def test_one_wild_reading_teaches_nothing() -> None:
    known = SlotFilter(1)
    one = np.ones(1, dtype=np.bool_)
    for _ in range(50):
        known.predict(5.0, np.array([[0.001, 0.001, 0.0]]), np.zeros(1))
        known.correct(one, ~one, np.zeros(1))
    before = known.log.copy()
    known.predict(5.0, np.array([[0.001, 0.001, 0.0]]), np.zeros(1))
    known.correct(one, ~one, np.array([0.5]))
    np.testing.assert_array_equal(known.log, before)


def test_what_is_learned_stays_within_bounds() -> None:
    known = SlotFilter(1)
    one = np.ones(1, dtype=np.bool_)
    for ratio in (0.01, 5.0):
        for _ in range(2000):
            known.predict(30.0, np.zeros((1, 3)), np.zeros(1))
            known.learn_power(one, np.log([ratio]))
        assert 0.2 <= np.exp(known.log[0, 1]) <= 1.2


def test_efficiencies_are_told_apart_by_the_meter() -> None:
    rng = np.random.default_rng(2)
    truth = np.array([0.94, 0.94, 0.85, 0.97])
    learned = Efficiencies(4, 150.0, 0.94)
    for _ in range(3000):
        power_w = rng.uniform(200.0, 1200.0, 4) * (rng.random(4) < 0.7)
        learned.learn(30.0, power_w, 150.0 + float((power_w / truth).sum()) + rng.normal(0.0, 15.0))
    assert learned.value == pytest.approx(truth, abs=0.02)


def test_cusum_forgives_noise_and_single_readings() -> None:
    rng = np.random.default_rng(3)
    sums = Cusum(1)
    told, sigma = np.ones(1, dtype=np.bool_), np.ones(1)
    for second in range(20_000):
        sums.add(told, rng.normal(0.0, 1.0, 1) + 100.0 * (second % 500 == 0), sigma, float(second))
        assert not sums.on[0]
    for second in range(20_000, 20_010):
        sums.add(told, np.array([-3.0]), sigma, float(second))
    assert sums.on[0]
    assert sums.since[0] >= 19_990.0

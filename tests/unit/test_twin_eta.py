"""When a charging pack will be ready: what the reference station does with it if power stays shared as it is."""

import dataclasses
from math import inf

import numpy as np
import pytest

from tests.support.twin_cases import REFERENCE, state_of, station_of
from twin.eta import etas
from twin.spec import SlotPhase, StationSpec

ROOMY = dataclasses.replace(REFERENCE, grid_limit_w=50_000.0)


def test_each_pack_is_ready_and_full_when_the_station_has_it_so() -> None:
    state = state_of(ROOMY, ready=3, seed=4)
    found = {eta.slot: eta for eta in etas(ROOMY, state)}
    assert sorted(found) == list(range(3, 20))
    for slot, eta in found.items():
        station = station_of(ROOMY, state)
        for due, target in ((eta.ready_s, ROOMY.ready_soc), (eta.full_s, ROOMY.full_soc)):
            station.env.run(until=due + 1e-6)
            assert station.slots[slot].soc_at(station.env.now) == pytest.approx(target, abs=1e-5)


def test_a_snapshot_on_its_way_tells_the_same_time_of_day() -> None:
    state = state_of(ROOMY, ready=3, seed=4)
    station = station_of(ROOMY, state)
    station.env.run(until=120.0)
    later = {eta.slot: eta.ready_s for eta in etas(ROOMY, station.snapshot())}
    for eta in etas(ROOMY, state):
        assert later[eta.slot] == pytest.approx(max(eta.ready_s - 120.0, 0.0), abs=0.01)


def test_without_power_a_pack_is_never_ready() -> None:
    dark = dataclasses.replace(REFERENCE, grid_limit_w=0.0)
    assert {(eta.ready_s, eta.full_s) for eta in etas(dark, state_of(dark, ready=0))} == {(inf, inf)}


def test_a_pack_that_waits_for_a_charger_has_no_time_yet() -> None:
    spec = dataclasses.replace(ROOMY, slots=3, chargers=1)
    state = dataclasses.replace(
        state_of(spec, ready=0), soc=np.array([0.5, 0.6, 0.7]), charging_since=np.array([-10.0, -20.0, -5.0])
    )
    assert [eta.ready_s < inf for eta in etas(spec, state)] == [False, True, False]


def test_a_weak_charger_takes_longer_and_a_slow_taper_too() -> None:
    spec = StationSpec(slots=2, grid_limit_w=50_000.0)
    state = dataclasses.replace(state_of(spec, ready=0), soc=np.array([0.5, 0.5]))
    weak, strong = etas(spec, dataclasses.replace(state, charger_power_w=np.array([840.0, 1200.0])))
    assert 1.2 * strong.ready_s < weak.ready_s < 1.43 * strong.ready_s
    slow, usual = etas(spec, dataclasses.replace(state, tau_scale=np.array([1.3, 1.0])))
    assert slow.full_s > usual.full_s


def test_a_station_without_charging_packs_has_none() -> None:
    for phase in (SlotPhase.EMPTY, SlotPhase.OUT, SlotPhase.DONE):
        state = dataclasses.replace(state_of(REFERENCE), phase=np.full(20, phase, dtype=np.int8))
        assert etas(REFERENCE, state) == []

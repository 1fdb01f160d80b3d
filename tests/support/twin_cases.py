"""Stations for the tests of the twin: the reference station of 20 slots, and observations of a simulated one."""

import dataclasses
from typing import Any

import numpy as np
from simpy import Environment

from twin.demand import Intensity
from twin.observation import Observation
from twin.riders import Riders
from twin.spec import SlotPhase, StationSpec, StationState, ThermalSpec
from twin.station import Station

EPOCH = 1_750_000_000.0

REFERENCE = StationSpec(
    slots=20,
    bays=2,
    grid_limit_w=16_000.0 / 0.94,
    swap_s=90.0,
    thermal=ThermalSpec(ambient_c=30.0),
    returned_temperature_c=(36.0, 46.0),
)


def state_of(spec: StationSpec, *, ready: int | None = None, time: float = 0.0, seed: int = 0) -> StationState:
    """So many full packs (all of them unless said otherwise); the other slots charge from 20 to 95 %."""
    ready = spec.slots if ready is None else ready
    rng = np.random.default_rng(seed)
    charging = spec.slots - ready
    return StationState(
        time=time,
        phase=np.array([SlotPhase.DONE] * ready + [SlotPhase.CHARGING] * charging, dtype=np.int8),
        soc=np.concatenate([np.full(ready, spec.full_soc), 0.2 + 0.75 * rng.random(charging)]),
        temperature_c=np.full(spec.slots, spec.thermal.ambient_c),
        derated=np.zeros(spec.slots, dtype=np.bool_),
        cooling_until=np.full(spec.slots, np.inf),
        bay_until=np.full(spec.bays, np.inf),
        bay_slot=np.zeros(spec.bays, dtype=np.int64),
    )


def steady(per_hour: float, *, start: float = 0.0, dispersion: float = 0.0) -> Intensity:
    return Intensity(start, 3600.0, np.array([per_hour / 3600.0]), dispersion)


def station_of(
    spec: StationSpec, state: StationState, intensity: Intensity | None = None, *, seed: int = 1, replica: int = 0
) -> Station:
    riders = None
    if intensity is not None:
        riders = Riders(spec, intensity, state.time, seed=seed, replica=replica)
    return Station(Environment(initial_time=state.time), spec, state, riders)


def observation_of(station: Station, **changes: Any) -> Observation:
    """What perfect telemetry says of a simulated station now."""
    state = station.snapshot()
    occupied = state.phase != SlotPhase.EMPTY
    seen = Observation(
        time=state.time,
        known=np.ones(len(occupied), dtype=np.bool_),
        occupied=occupied,
        out=state.phase == SlotPhase.OUT,
        cooling=state.phase == SlotPhase.COOLING,
        charging=state.phase == SlotPhase.CHARGING,
        soc=np.where(occupied, state.soc, np.nan),
        soc_time=np.where(occupied, state.time, np.nan),
        temperature_c=np.where(occupied, state.temperature_c, np.nan),
        pack=np.full(len(occupied), -1, dtype=np.int64),
    )
    return dataclasses.replace(seen, **changes)


def assert_same(first: StationState, second: StationState) -> None:
    """To the last bit, segments included."""
    for one, other in ((first, second), (first.segments, second.segments)):
        assert one is not None
        assert other is not None
        for field in dataclasses.fields(one):
            if field.name != "segments":
                np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)

"""Stations in the middle of their day, for measurements of the model alone."""

from dataclasses import replace

import numpy as np
from simpy import Environment

from twin.case import Case
from twin.demand import Intensity
from twin.riders import Riders
from twin.spec import SlotPhase, StationSpec, StationState, ThermalSpec
from twin.station import Station

REFERENCE = StationSpec(
    slots=20,
    bays=2,
    grid_limit_w=16_000.0 / 0.94,
    swap_s=90.0,
    thermal=ThermalSpec(ambient_c=30.0),
    returned_temperature_c=(36.0, 46.0),
)
"""BSS-20: 20 packs of 1.5 kWh, chargers of 1.2 kW, 16 kW for all of them."""
WARM_S = 6.0 * 3600.0


def full(spec: StationSpec, empty: int = 0) -> StationState:
    """Full packs in all slots but the last ``empty`` ones."""
    there = np.arange(spec.slots) < spec.slots - empty
    return StationState(
        time=0.0,
        phase=np.where(there, SlotPhase.DONE, SlotPhase.EMPTY).astype(np.int8),
        soc=np.where(there, spec.full_soc, 0.0),
        temperature_c=np.full(spec.slots, spec.thermal.ambient_c),
        derated=np.zeros(spec.slots, dtype=np.bool_),
        cooling_until=np.full(spec.slots, np.inf),
        bay_until=np.full(spec.bays, np.inf),
        bay_slot=np.zeros(spec.bays, dtype=np.int64),
    )


def case_at(per_hour: float, *, spec: StationSpec = REFERENCE, seed: int = 1, empty: int = 1) -> Case:
    """A station after six hours with so many riders an hour, who go on coming."""
    intensity = Intensity(0.0, 3600.0, np.array([per_hour / 3600.0]), 0.2)
    env = Environment()
    station = Station(env, spec, full(spec, empty), Riders(spec, intensity, 0.0, seed=seed))
    env.run(until=WARM_S)
    state = replace(station.snapshot(), queue=0, patience_until=())
    return Case(spec, state, Intensity(WARM_S, 3600.0, intensity.rates_per_s, 0.2))

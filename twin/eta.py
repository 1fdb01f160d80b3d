"""When each pack that charges will be ready and full, in closed form, if power stays shared as it is now."""

from dataclasses import dataclass
from math import inf

from simpy import Environment

from twin import charging
from twin.slot import CHARGING
from twin.spec import StationSpec, StationState
from twin.station import Station


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds from the state's time until a pack is ready, and until it is full; ``inf``: never as things are."""

    slot: int
    """Index of the slot, from 0."""
    ready_s: float
    full_s: float


def etas(spec: StationSpec, state: StationState) -> list[Eta]:
    """One for each pack that charges.

    Each pack keeps the share of power that it has now until its taper asks for less; that others finish and leave
    more to it, or that new packs come and take some, is for the forecast. A pack that waits for a charger, or has no
    power, has none of the two times.
    """
    # The reference station shares power exactly as the futures do; without riders, nothing else happens to it here.
    station = Station(Environment(initial_time=state.time), spec, state)
    found = []
    for slot in station.slots:
        if slot.phase != CHARGING:
            continue
        soc = slot.soc_at(state.time)
        limit_per_s = slot.most_w() / slot.energy_ws if slot.tapering else slot.rate_at(state.time)
        ready_s, full_s = (
            charging.seconds_to_soc(slot.pack, soc, target, limit_per_s, slot.tau_scale) if limit_per_s > 0.0 else inf
            for target in (spec.ready_soc, spec.full_soc)
        )
        found.append(Eta(slot.index, 0.0 if slot.ready else ready_s, full_s))
    return found

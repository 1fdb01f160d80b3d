"""What drives the risk of a stockout: how much of its probability goes away without each cause."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from twin.case import Case
from twin.charging import HOUR_S
from twin.demand import Intensity
from twin.whatif import Change, apply, plain

Probability = Callable[[Case], float]
"""P(stockout within 60 min) of a case, always over the same futures (common random numbers)."""


@dataclass(frozen=True, slots=True)
class Drivers:
    """P(stockout, 60 min) minus what it would be without one cause; below zero where a cause lowers the risk.

    ``demand``: riders came at ``mean_rate_per_s``, without uncertainty, instead of as expected for these hours.
    ``charging``: no grid limit, a charger at every slot, and chargers limited by nothing but the pack's taper.
    ``faults``: every faulted slot were in order. The three overlap: they do not add up to the probability.
    """

    demand: float
    charging: float
    faults: float


def drivers(case: Case, mean_rate_per_s: float, probability: Probability) -> Drivers:
    """The drivers of a case. ``mean_rate_per_s`` is the station's usual rate of riders (its mean over a day)."""
    case = plain(case)
    before = probability(case)
    repaired = apply(case, Change(slots_repaired=tuple(index + 1 for index in case.faulted)))[0]
    return Drivers(
        demand=before - probability(_usual_demand(case, mean_rate_per_s)),
        charging=before - probability(_free_charging(case)),
        faults=before - probability(repaired) if case.faulted else 0.0,
    )


def _usual_demand(case: Case, rate_per_s: float) -> Case:
    riders = case.intensity
    return replace(case, intensity=Intensity(riders.start, riders.step_s, np.full_like(riders.rates_per_s, rate_per_s)))


def _free_charging(case: Case) -> Case:
    """Power with which every pack is in its taper from 0 % on: more of it would change nothing."""
    spec = case.spec
    power_w = max(pack.soc_infinity * pack.capacity_wh * HOUR_S / pack.tau_s for pack in spec.packs)
    charger = replace(spec.charger, power_w=power_w)
    limit_w = spec.base_load_w + spec.slots * power_w / charger.efficiency
    free = replace(
        spec,
        charger=charger,
        grid_limit_w=limit_w,
        chargers=None,
        thermal=replace(spec.thermal, derate_factor=1.0),
    )
    return replace(case, spec=free, state=replace(case.state, charger_power_w=None, charger_efficiency=None))

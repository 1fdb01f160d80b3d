"""The smallest single action that brings the risk of a stockout under a target."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Literal

from twin.case import Case
from twin.drivers import Probability
from twin.whatif import Change, apply, plain

Action = Literal["packs_added", "slots_repaired", "grid_limit_w", "demand_reduced"]

LIMIT_STEPS = 16
"""Into how many steps the way from the present grid limit to the chargers' most is cut."""
LIMIT_ROUND_W = 100.0
DEMAND_STEP = 0.05


@dataclass(frozen=True, slots=True)
class Option:
    """An action, how much of it is needed at least, and the probability with it.

    ``amount``: packs, slots, W of the new grid limit, or the share of riders who go elsewhere. ``size`` is that
    amount relative to the station (its slots, its highest limit, its riders), by which actions are compared.
    """

    action: Action
    amount: float
    size: float
    probability: float
    slots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """``options`` reach the target, the smallest first; none where no single action does."""

    target: float
    probability: float
    options: tuple[Option, ...]


def advise(case: Case, target: float, probability: Probability) -> Advice:
    """Look for the least of each action by halving: more of any of them never raises the risk in the same futures.

    ``probability`` is P(stockout, 60 min) over the same futures each time (common random numbers), so that it falls
    as evenly as the action grows. Where the target is met already, there are no options.
    """
    case = plain(case)
    before = probability(case)
    if before <= target:
        return Advice(target, before, ())
    found = [_packs(case, target, probability), _repairs(case, target, probability)]
    found += [_limit(case, target, probability), _demand(case, target, probability)]
    options = sorted((option for option in found if option is not None), key=lambda option: option.size)
    return Advice(target, before, tuple(options))


def _packs(case: Case, target: float, probability: Probability) -> Option | None:
    most = len(case.free_slots())
    found = _least(most, target, lambda count: probability(apply(case, Change(packs_added=count))[0]))
    return found and Option("packs_added", found[0], found[0] / case.spec.slots, found[1])


def _repairs(case: Case, target: float, probability: Probability) -> Option | None:
    """The fullest packs behind faults first: they help soonest."""
    soc = case.state.soc
    order = tuple(index + 1 for index in sorted(case.faulted, key=lambda index: (-soc[index], index)))
    found = _least(len(order), target, lambda count: probability(apply(case, Change(slots_repaired=order[:count]))[0]))
    return found and Option("slots_repaired", found[0], found[0] / case.spec.slots, found[1], order[: found[0]])


def _limit(case: Case, target: float, probability: Probability) -> Option | None:
    spec = case.spec
    chargers = spec.slots if spec.chargers is None else min(spec.chargers, spec.slots)
    most_w = spec.base_load_w + chargers * spec.charger.power_w / spec.charger.efficiency
    room_w = most_w - spec.grid_limit_w
    if room_w <= 0.0:
        return None
    step_w = max(ceil(room_w / LIMIT_STEPS / LIMIT_ROUND_W), 1) * LIMIT_ROUND_W

    def limit_w(steps: int) -> float:
        return min(spec.grid_limit_w + steps * step_w, most_w)

    found = _least(
        ceil(room_w / step_w), target, lambda steps: probability(apply(case, Change(grid_limit_w=limit_w(steps)))[0])
    )
    if found is None:
        return None
    amount_w = limit_w(found[0])
    return Option("grid_limit_w", amount_w, (amount_w - spec.grid_limit_w) / most_w, found[1])


def _demand(case: Case, target: float, probability: Probability) -> Option | None:
    steps = round(1.0 / DEMAND_STEP)
    found = _least(steps, target, lambda count: probability(apply(case, Change(demand_factor=1.0 - count / steps))[0]))
    return found and Option("demand_reduced", found[0] / steps, found[0] / steps, found[1])


def _least(most: int, target: float, probability: Callable[[int], float]) -> tuple[int, float] | None:
    """The least count from 1 to ``most`` that brings the probability to the target, and that probability."""
    if most < 1:
        return None
    low, high, reached = 0, most, probability(most)
    if reached > target:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        risk = probability(middle)
        if risk <= target:
            high, reached = middle, risk
        else:
            low = middle
    return high, reached


def sentence(advice: Advice) -> str:
    """The advice in words, its smallest action first."""
    before = _percent(advice.probability)
    if advice.probability <= advice.target:
        return f"The risk of a stockout within 60 min is {before}, within the target of {_percent(advice.target)}."
    if not advice.options:
        return (
            f"No single action brings the risk of a stockout within 60 min ({before}) "
            f"under the target of {_percent(advice.target)}."
        )
    best = advice.options[0]
    return f"{_words(best)}: the risk of a stockout within 60 min falls from {before} to {_percent(best.probability)}."


def _words(option: Option) -> str:
    count = round(option.amount)
    if option.action == "packs_added":
        return f"Bring {count} full pack{'s' if count > 1 else ''}"
    if option.action == "slots_repaired":
        return f"Repair slot{'s' if count > 1 else ''} {', '.join(map(str, option.slots))}"
    if option.action == "grid_limit_w":
        return f"Raise the grid limit to {option.amount / 1000.0:.1f} kW"
    return f"Send {_percent(option.amount)} of the riders to other stations"


def _percent(share: float) -> str:
    return "under 1 %" if 0.0 < share < 0.005 else f"{100.0 * share:.0f} %"

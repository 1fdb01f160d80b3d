"""What if: a case with something changed, and the difference that it makes to the same futures.

Both cases live the same riders (common random numbers: the same seed gives replica ``r`` the same arrivals, patience
and returned packs), so that chance cancels in the difference and few replicas tell it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from twin.case import Case
from twin.demand import Intensity
from twin.spec import Floats, SlotPhase, StationState

Z95 = 1.959964
"""Normal quantile of a two-sided 95 % interval."""


class ChangeError(ValueError):
    """A change that cannot be made to this station: ``key`` says which, ``remedy`` what could be asked instead."""

    def __init__(self, key: str, message: str, remedy: str) -> None:
        self.key, self.remedy = key, remedy
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different from now on. Slots by their number, from 1; power in W; nothing given: no change.

    ``added_soc`` is the charge of added packs (none given: full). ``demand_factor`` multiplies the expected riders.
    ``bays`` is how many serve.
    """

    grid_limit_w: float | None = None
    charger_power_w: float | None = None
    packs_added: int = 0
    added_soc: float | None = None
    packs_removed: int = 0
    slots_repaired: tuple[int, ...] = ()
    slots_faulted: tuple[int, ...] = ()
    demand_factor: float = 1.0
    bays: int | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a change made different: from which value to which, and in which slots (numbers from 1)."""

    key: str
    before: float
    after: float
    slots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % confidence interval."""

    mean: float
    low: float
    high: float


ZERO = Interval(0.0, 0.0, 0.0)


def plain(case: Case) -> Case:
    """The case with power shared anew at its start: what every changed case is compared with."""
    return case if case.state.segments is None else replace(case, state=replace(case.state, segments=None))


def apply(case: Case, change: Change) -> tuple[Case, tuple[Effect, ...]]:
    """The changed case and what is different in it; without any effect, the case is ``plain(case)``.

    Repairs come first, then faults, removals and additions. Removed packs are the fullest (those that another
    station would want), added ones go to the free slots in order. A bay that closes does so at the end of its swap,
    idle ones first. Raises ``ChangeError`` for what cannot be done.
    """
    effects: list[Effect] = []
    case = plain(case)
    case = _repair(case, change.slots_repaired, effects)
    case = _fail(case, change.slots_faulted, effects)
    case = _remove(case, change.packs_removed, effects)
    case = _add(case, change.packs_added, change.added_soc, effects)
    case = _limit(case, change.grid_limit_w, effects)
    case = _power(case, change.charger_power_w, effects)
    case = _bays(case, change.bays, effects)
    return _demand(case, change.demand_factor, effects), tuple(effects)


def share_difference(base: NDArray[np.bool_], changed: NDArray[np.bool_]) -> Interval:
    """The difference of two shares of the same futures.

    The interval is Wald's for paired shares with half an observation added to each cell (Agresti and Min, 2005),
    which stays honest where few futures differ.
    """
    count = len(base)
    fewer, more = int(np.count_nonzero(base & ~changed)), int(np.count_nonzero(changed & ~base))
    total, moved, net = count + 2.0, fewer + more + 1.0, float(more - fewer)
    half = Z95 * sqrt(moved - net * net / total) / total
    return Interval(net / count, max(net / total - half, -1.0), min(net / total + half, 1.0))


def mean_difference(base: Floats | NDArray[np.int32], changed: Floats | NDArray[np.int32]) -> Interval:
    """The mean difference of a number of riders over the same futures.

    The interval is the normal one of paired differences, with one future added that differs by one rider: where few
    futures differ, or none, another one might have.
    """
    differences = (changed - base).astype(np.float64)
    mean = float(differences.mean())
    half = Z95 * sqrt(float(np.sum((differences - mean) ** 2)) + 1.0) / len(differences)
    return Interval(mean, mean - half, mean + half)


def _repair(case: Case, numbers: tuple[int, ...], effects: list[Effect]) -> Case:
    if not numbers:
        return case
    indices = _indices(case, "slots_repaired", numbers)
    phase = case.state.phase.copy()
    for index in indices:
        if phase[index] != SlotPhase.OUT:
            raise ChangeError("slots_repaired", f"slot {index + 1} is not out of order", _named_out(case))
        soc = float(case.state.soc[index])
        if soc <= 0.0:
            phase[index] = SlotPhase.EMPTY
        else:
            phase[index] = SlotPhase.DONE if soc >= case.spec.full_soc else SlotPhase.CHARGING
    out = len(case.faulted)
    effects.append(Effect("slots_repaired", out, out - len(indices), numbers))
    return replace(case, state=replace(case.state, phase=phase))


def _fail(case: Case, numbers: tuple[int, ...], effects: list[Effect]) -> Case:
    if not numbers:
        return case
    indices = _indices(case, "slots_faulted", numbers)
    phase, soc = case.state.phase.copy(), case.state.soc.copy()
    for index in indices:
        if phase[index] == SlotPhase.OUT:
            raise ChangeError("slots_faulted", f"slot {index + 1} is out of order already", _named_out(case))
        if phase[index] == SlotPhase.EMPTY:
            soc[index] = 0.0
        phase[index] = SlotPhase.OUT
    out = len(case.faulted)
    effects.append(Effect("slots_faulted", out, out + len(indices), numbers))
    return replace(case, state=replace(case.state, phase=phase, soc=soc))


def _remove(case: Case, count: int, effects: list[Effect]) -> Case:
    if not count:
        return case
    state = case.state
    movable = np.isin(state.phase, (SlotPhase.COOLING, SlotPhase.CHARGING, SlotPhase.DONE))
    candidates = sorted(np.flatnonzero(movable).tolist(), key=lambda index: (-state.soc[index], index))
    if count > len(candidates):
        raise ChangeError(
            "packs_removed",
            f"{count} packs cannot be removed: {len(candidates)} are in slots that are in order",
            f"Ask for at most {len(candidates)}.",
        )
    taken = candidates[:count]
    phase, soc = state.phase.copy(), state.soc.copy()
    phase[taken], soc[taken] = SlotPhase.EMPTY, 0.0
    packs = case.packs()
    effects.append(Effect("packs_removed", packs, packs - count, _numbers(taken)))
    return replace(case, state=replace(state, phase=phase, soc=soc))


def _add(case: Case, count: int, added_soc: float | None, effects: list[Effect]) -> Case:
    if not count:
        return case
    free = case.free_slots()
    if count > len(free):
        raise ChangeError(
            "packs_added",
            f"{count} packs do not fit: {len(free)} slots are free (those that await a returned pack are not)",
            f"Ask for at most {len(free)}." if free else "Remove packs first.",
        )
    spec, state, taken = case.spec, case.state, free[:count]
    level = spec.full_soc if added_soc is None else min(added_soc, spec.full_soc)
    phase, soc, temperature_c = state.phase.copy(), state.soc.copy(), state.temperature_c.copy()
    phase[taken] = SlotPhase.DONE if level >= spec.full_soc else SlotPhase.CHARGING
    soc[taken], temperature_c[taken] = level, spec.thermal.ambient_c
    derated = state.derated.copy()
    derated[taken] = False
    pack_class = state.pack_class
    if pack_class is not None:
        pack_class = pack_class.copy()
        pack_class[taken] = 0
    tau_scale = state.tau_scale
    if tau_scale is not None:
        tau_scale = tau_scale.copy()
        tau_scale[taken] = 1.0
    packs = case.packs()
    effects.append(Effect("packs_added", packs, packs + count, _numbers(taken)))
    changed = replace(
        state,
        phase=phase,
        soc=soc,
        temperature_c=temperature_c,
        derated=derated,
        pack_class=pack_class,
        tau_scale=tau_scale,
    )
    return replace(case, state=changed)


def _limit(case: Case, limit_w: float | None, effects: list[Effect]) -> Case:
    before = case.spec.grid_limit_w
    if limit_w is None or limit_w == before:
        return case
    effects.append(Effect("grid_limit_w", before, limit_w))
    return replace(case, spec=replace(case.spec, grid_limit_w=limit_w))


def _power(case: Case, power_w: float | None, effects: list[Effect]) -> Case:
    """Chargers that were found weaker than they should be stay so in proportion."""
    before = case.spec.charger.power_w
    if power_w is None or power_w == before:
        return case
    effects.append(Effect("charger_power_w", before, power_w))
    state = case.state
    if state.charger_power_w is not None:
        state = replace(state, charger_power_w=state.charger_power_w * (power_w / before))
    charger = replace(case.spec.charger, power_w=power_w)
    return replace(case, spec=replace(case.spec, charger=charger), state=state)


def _bays(case: Case, bays: int | None, effects: list[Effect]) -> Case:
    before = case.spec.bays
    if bays is None or bays == before:
        return case
    effects.append(Effect("bays", before, bays))
    state = case.state
    if bays > before:
        new = bays - before
        until = np.concatenate([state.bay_until, np.full(new, np.inf)])
        state = replace(state, bay_until=until, bay_slot=np.concatenate([state.bay_slot, np.zeros(new, np.int64)]))
    else:
        # Bays that go on serve the swaps that end last; of the others, each pack is as good as returned.
        order = sorted(range(before), key=lambda bay: (not np.isfinite(state.bay_until[bay]), -state.bay_until[bay]))
        for bay in order[bays:]:
            state = _end_swap(case, state, bay)
        kept = sorted(order[:bays])
        state = replace(state, bay_until=state.bay_until[kept], bay_slot=state.bay_slot[kept])
    return replace(case, spec=replace(case.spec, bays=bays), state=state)


def _end_swap(case: Case, state: StationState, bay: int) -> StationState:
    """The pack of a swap under way rests in its slot from the swap's end on, like any returned pack."""
    spec, until, index = case.spec, float(state.bay_until[bay]), int(state.bay_slot[bay])
    if not np.isfinite(until) or state.phase[index] != SlotPhase.EMPTY:
        return state
    phase, soc, temperature_c = state.phase.copy(), state.soc.copy(), state.temperature_c.copy()
    cooling_until = state.cooling_until.copy()
    phase[index] = SlotPhase.COOLING
    soc[index], temperature_c[index] = sum(spec.returned_soc) / 2.0, sum(spec.returned_temperature_c) / 2.0
    cooling_until[index] = until + spec.cooldown_s
    return replace(state, phase=phase, soc=soc, temperature_c=temperature_c, cooling_until=cooling_until)


def _demand(case: Case, factor: float, effects: list[Effect]) -> Case:
    if factor == 1.0:
        return case
    effects.append(Effect("demand_factor", 1.0, factor))
    riders = case.intensity
    return replace(
        case, intensity=Intensity(riders.start, riders.step_s, riders.rates_per_s * factor, riders.dispersion)
    )


def _indices(case: Case, key: str, numbers: tuple[int, ...]) -> list[int]:
    for number in numbers:
        if not 1 <= number <= case.spec.slots:
            raise ChangeError(key, f"there is no slot {number}", f"The slots are 1 to {case.spec.slots}.")
    if len(set(numbers)) != len(numbers):
        raise ChangeError(key, "a slot is named twice", "Name each slot once.")
    return [number - 1 for number in numbers]


def _numbers(indices: Sequence[int]) -> tuple[int, ...]:
    return tuple(index + 1 for index in indices)


def _named_out(case: Case) -> str:
    out = _numbers(case.faulted)
    return f"Out of order: {', '.join(map(str, out))}." if out else "No slot is out of order."

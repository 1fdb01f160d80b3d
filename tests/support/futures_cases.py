"""Cases of the reference station for questions about its future."""

import dataclasses
from typing import Any

import numpy as np

from tests.support.twin_cases import EPOCH, REFERENCE, state_of, steady
from twin.case import Case
from twin.spec import SlotPhase, StationSpec, StationState


def case_of(
    *, ready: int = 4, per_hour: float = 15.0, spec: StationSpec = REFERENCE, seed: int = 3, **changes: Any
) -> Case:
    """So many ready packs, the others charging; ``changes`` are fields of the state."""
    state = dataclasses.replace(state_of(spec, ready=ready, time=EPOCH, seed=seed), **changes)
    return Case(spec, state, steady(per_hour, start=EPOCH, dispersion=0.2))


def emptied(state: StationState, *slots: int) -> StationState:
    """The same without the packs of some slots (indices)."""
    phase, soc = state.phase.copy(), state.soc.copy()
    phase[list(slots)], soc[list(slots)] = SlotPhase.EMPTY, 0.0
    return dataclasses.replace(state, phase=phase, soc=soc)


def out_of_order(state: StationState, *slots: int) -> StationState:
    """The same with some slots (indices) out of order, packs inside."""
    phase = state.phase.copy()
    phase[list(slots)] = SlotPhase.OUT
    return dataclasses.replace(state, phase=phase)


def with_state(case: Case, state: StationState) -> Case:
    return dataclasses.replace(case, state=state)


def in_use(state: StationState, until: float, slot: int) -> StationState:
    """The same with the first bay busy with a swap that brings a pack into a slot."""
    bay_until, bay_slot = state.bay_until.copy(), state.bay_slot.copy()
    bay_until[0], bay_slot[0] = until, slot
    return dataclasses.replace(emptied(state, slot), bay_until=bay_until, bay_slot=bay_slot)


def full_of(phase: SlotPhase, spec: StationSpec = REFERENCE, soc: float = 0.5) -> StationState:
    """Every slot in the same phase."""
    state = state_of(spec, time=EPOCH)
    return dataclasses.replace(
        state,
        phase=np.full(spec.slots, phase, dtype=np.int8),
        soc=np.full(spec.slots, 0.0 if phase == SlotPhase.EMPTY else soc),
    )

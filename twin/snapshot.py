"""Slots to and from a snapshot, to the last bit."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from twin.slot import CHARGING, COOLING, DONE, Slot
from twin.spec import Floats, Segments, StationSpec, StationState


class Columns(TypedDict):
    """The part of a station's state that its slots hold."""

    phase: NDArray[np.int8]
    soc: Floats
    temperature_c: Floats
    derated: NDArray[np.bool_]
    cooling_until: Floats
    segments: Segments | None


def columns(slots: Sequence[Slot], now: float) -> Columns:
    """The slots as they stand now. Where a device holds a charger back, power has to be shared anew."""
    segments = None
    if not any(slot.held for slot in slots):
        segments = Segments(
            since=np.array([slot.since for slot in slots]),
            soc=np.array([slot.soc for slot in slots]),
            temperature_c=np.array([slot.temperature_c for slot in slots]),
            rate_per_s=np.array([slot.rate for slot in slots]),
            tapering=np.array([slot.tapering for slot in slots]),
            due=np.array([slot.due for slot in slots]),
            event=np.array([slot.event for slot in slots], dtype=np.int8),
        )
    return Columns(
        phase=np.array([slot.phase for slot in slots], dtype=np.int8),
        soc=np.array([slot.soc_at(now) for slot in slots]),
        temperature_c=np.array([slot.temperature_at(now) for slot in slots]),
        derated=np.array([slot.derated for slot in slots]),
        cooling_until=np.array([slot.cooling_until for slot in slots]),
        segments=segments,
    )


def restore(spec: StationSpec, state: StationState, now: float) -> list[Slot]:
    """The slots of a snapshot. Without segments, packs that charge await their share of power."""
    slots = [Slot(index, spec, spec.pack) for index in range(spec.slots)]
    for slot, phase, soc, temperature_c, derated, cooling_until in zip(
        slots,
        state.phase.tolist(),
        state.soc.tolist(),
        state.temperature_c.tolist(),
        state.derated.tolist(),
        state.cooling_until.tolist(),
        strict=True,
    ):
        slot.derated = derated
        slot.place(now, phase, soc, temperature_c)
        if phase == COOLING:
            slot.cooling_until = cooling_until
    if state.segments is not None:
        _run_on(slots, state, state.segments)
    return slots


def _run_on(slots: Sequence[Slot], state: StationState, segments: Segments) -> None:
    for slot, phase, derated, since, soc, temperature_c, rate, tapering, due, event in zip(
        slots,
        state.phase.tolist(),
        state.derated.tolist(),
        segments.since.tolist(),
        segments.soc.tolist(),
        segments.temperature_c.tolist(),
        segments.rate_per_s.tolist(),
        segments.tapering.tolist(),
        segments.due.tolist(),
        segments.event.tolist(),
        strict=True,
    ):
        slot.phase, slot.derated = phase, derated
        slot.since, slot.soc, slot.temperature_c = since, soc, temperature_c
        slot.rate, slot.tapering, slot.due, slot.event = rate, tapering, due, event
        slot.ready = phase in (CHARGING, DONE) and soc >= slot.spec.ready_soc


def check(spec: StationSpec, state: StationState) -> None:
    """Raise ``ValueError`` where a station cannot be simulated, before it goes wrong quietly."""
    if spec.pack.soc_infinity <= spec.full_soc:
        raise ValueError(
            f"pack.soc_infinity {spec.pack.soc_infinity} is not above full_soc {spec.full_soc}: no charge would end"
        )
    if spec.thermal.restore_below_c >= spec.thermal.derate_above_c:
        raise ValueError(
            f"thermal.restore_below_c {spec.thermal.restore_below_c} is not below derate_above_c "
            f"{spec.thermal.derate_above_c}: derating would switch without end"
        )
    if not len(state.phase) == len(state.soc) == spec.slots or len(state.bay_until) != spec.bays:
        raise ValueError(
            f"the state has {len(state.phase)} slots and {len(state.bay_until)} bays, "
            f"the station {spec.slots} and {spec.bays}"
        )
    if not (np.isfinite(state.soc).all() and np.isfinite(state.temperature_c).all()):
        raise ValueError("the state has a SoC or a temperature that is not a number")

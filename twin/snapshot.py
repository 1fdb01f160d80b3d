"""Slots to and from a snapshot, to the last bit."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from twin.charging import piece_at
from twin.slot import CHARGING, COOLING, DONE, Slot
from twin.spec import Floats, PackSpec, Segments, StationSpec, StationState


class Columns(TypedDict):
    """The part of a station's state that its slots hold."""

    phase: NDArray[np.int8]
    soc: Floats
    temperature_c: Floats
    derated: NDArray[np.bool_]
    cooling_until: Floats
    segments: Segments | None
    pack_class: NDArray[np.int8] | None
    charger_power_w: Floats | None
    charger_efficiency: Floats | None
    tau_scale: Floats | None
    charging_since: Floats | None


def columns(spec: StationSpec, slots: Sequence[Slot], now: float, reshare_at: float) -> Columns:
    """The slots as they stand now. Where a device holds a charger back, power has to be shared anew."""
    segments = None
    if not any(slot.held for slot in slots):
        segments = Segments(
            since=np.array([slot.since for slot in slots]),
            soc=np.array([slot.soc for slot in slots]),
            temperature_c=np.array([slot.temperature_c for slot in slots]),
            rate_per_s=np.array([slot.rate for slot in slots]),
            ramp_per_s2=np.array([slot.ramp for slot in slots]),
            tapering=np.array([slot.tapering for slot in slots]),
            due=np.array([slot.due for slot in slots]),
            event=np.array([slot.event for slot in slots], dtype=np.int8),
            reshare_at=reshare_at,
        )
    charger = spec.charger
    return Columns(
        phase=np.array([slot.phase for slot in slots], dtype=np.int8),
        soc=np.array([slot.soc_at(now) for slot in slots]),
        temperature_c=np.array([slot.temperature_at(now) for slot in slots]),
        derated=np.array([slot.derated for slot in slots]),
        cooling_until=np.array([slot.cooling_until for slot in slots]),
        segments=segments,
        pack_class=np.array([slot.pack_class for slot in slots], dtype=np.int8) if spec.more_packs else None,
        charger_power_w=_unless([slot.power_w for slot in slots], charger.power_w),
        charger_efficiency=_unless([slot.efficiency for slot in slots], charger.efficiency),
        tau_scale=_unless([slot.tau_scale for slot in slots], 1.0),
        charging_since=np.array([slot.charging_since for slot in slots]),
    )


def _unless(values: Sequence[float], usual: float) -> Floats | None:
    return None if all(value == usual for value in values) else np.array(values)


def restore(spec: StationSpec, state: StationState, now: float) -> list[Slot]:
    """The slots of a snapshot. Without segments, packs that charge await their share of power."""
    slots = [Slot(index, spec) for index in range(spec.slots)]
    _set("power_w", slots, state.charger_power_w)
    _set("efficiency", slots, state.charger_efficiency)
    _set("tau_scale", slots, state.tau_scale)
    classes = [0] * spec.slots if state.pack_class is None else state.pack_class.tolist()
    for slot, pack_class, phase, soc, temperature_c, derated, cooling_until in zip(
        slots,
        classes,
        state.phase.tolist(),
        state.soc.tolist(),
        state.temperature_c.tolist(),
        state.derated.tolist(),
        state.cooling_until.tolist(),
        strict=True,
    ):
        slot.derated = derated
        slot.take(pack_class)
        slot.place(now, phase, soc, temperature_c)
        if phase == COOLING:
            slot.cooling_until = cooling_until
    if state.segments is not None:
        _run_on(slots, state, state.segments)
    if state.charging_since is not None:
        for slot, since in zip(slots, state.charging_since.tolist(), strict=True):
            if slot.phase == CHARGING and since <= now:
                slot.charging_since = since
    return slots


def _set(name: str, slots: Sequence[Slot], values: Floats | None) -> None:
    if values is not None:
        for slot, value in zip(slots, values.tolist(), strict=True):
            if isfinite(value):
                setattr(slot, name, value)


def _run_on(slots: Sequence[Slot], state: StationState, segments: Segments) -> None:
    for slot, phase, derated, since, soc, temperature_c, rate, ramp, tapering, due, event in zip(
        slots,
        state.phase.tolist(),
        state.derated.tolist(),
        segments.since.tolist(),
        segments.soc.tolist(),
        segments.temperature_c.tolist(),
        segments.rate_per_s.tolist(),
        segments.ramp_per_s2.tolist(),
        segments.tapering.tolist(),
        segments.due.tolist(),
        segments.event.tolist(),
        strict=True,
    ):
        slot.phase, slot.derated = phase, derated
        slot.since, slot.soc, slot.temperature_c = since, soc, temperature_c
        slot.rate, slot.ramp, slot.tapering, slot.due, slot.event = rate, ramp, tapering, due, event
        slot.piece = piece_at(slot.pieces, soc)
        slot.ready = phase in (CHARGING, DONE) and soc >= slot.spec.ready_soc


def check(spec: StationSpec, state: StationState) -> None:
    """Raise ``ValueError`` where a station cannot be simulated, before it goes wrong quietly."""
    for number, pack in enumerate(spec.packs):
        _check_pack("pack" if number == 0 else f"more_packs[{number - 1}]", pack, spec)
    if spec.returned_shares and (len(spec.returned_shares) > len(spec.packs) or not sum(spec.returned_shares) > 0.0):
        raise ValueError(f"returned_shares {spec.returned_shares} do not fit the {len(spec.packs)} classes of packs")
    if spec.chargers is not None and spec.chargers < 0:
        raise ValueError(f"chargers is {spec.chargers}: give none or more")
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
    if state.pack_class is not None and not (state.pack_class >= 0).all() & (state.pack_class < len(spec.packs)).all():
        raise ValueError(f"the state has a pack of a class that the station's {len(spec.packs)} do not include")
    for name in ("pack_class", "charger_power_w", "charger_efficiency", "tau_scale", "charging_since"):
        column = getattr(state, name)
        if column is not None and len(column) != spec.slots:
            raise ValueError(f"the state's {name} has {len(column)} entries, the station {spec.slots} slots")
    if not (np.isfinite(state.soc).all() and np.isfinite(state.temperature_c).all()):
        raise ValueError("the state has a SoC or a temperature that is not a number")


def _check_pack(name: str, pack: PackSpec, spec: StationSpec) -> None:
    if pack.soc_infinity <= spec.full_soc:
        raise ValueError(
            f"{name}.soc_infinity {pack.soc_infinity} is not above full_soc {spec.full_soc}: no charge would end"
        )
    if pack.capacity_wh <= 0.0 or pack.tau_s <= 0.0:
        raise ValueError(f"{name}: capacity_wh {pack.capacity_wh} and tau_s {pack.tau_s} must be above zero")
    socs = [soc for soc, _ in pack.rate_cap]
    if any(after <= before for before, after in pairwise(socs)) or any(rate <= 0.0 for _, rate in pack.rate_cap):
        raise ValueError(f"{name}.rate_cap {pack.rate_cap}: give points with rising SoC and rates above zero")

"""What clients see, built from image, twin and forecast: plain dictionaries of finite numbers, texts and nulls.

Pure. Fields that differ only by noise are rounded away here, so that they make no deltas.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.base import LinkState
from config.site import Station
from gateway.image import Image
from gateway.layout import Layout, Rows
from gateway.observe import Presence, presence
from gateway.sink import DeviceSink
from twin.drift import Drift
from twin.observation import Estimate
from twin.signals import PACK_SIGNALS, SIGNALS, ChargerState, Kind, Quality, Reason
from twin.spec import SlotPhase

Fields = dict[str, Any]

DIGITS = {"1": 4, "C": 1, "V": 2, "A": 2, "W": 1, "Wh": 1}
"""By unit."""
CELL_DIGITS = 3
ALWAYS = (
    "occupied",
    "enabled",
    "door_open",
    "locked",
    "charger_state",
    "power_w",
    "voltage_v",
    "current_a",
    "pack_id",
    "soc",
    "soh",
    "temperature_c",
    "cycle_count",
    "capacity_wh",
)
"""Slot signals that clients find at every station; the others only where a device reports them."""
SLOT_SIGNALS = tuple(name for entity, name in SIGNALS if entity == "slot")
_STATES = {float(state): state.name.lower() for state in ChargerState}
_INFERRED = "uncertain/substituted"
# NumPy converts members of an enumeration slowly.
_CHARGING, _DONE = int(SlotPhase.CHARGING), int(SlotPhase.DONE)
_BLOCKED_FROM = float(ChargerState.COOLING)
"""Cooling, fault and disabled: states in which a pack cannot be handed out."""


@dataclass(frozen=True, slots=True)
class StationView:
    """A station's summary and its slots, and what the store and the forecast want to know beyond them."""

    summary: Fields
    slots: dict[str, Fields]


@dataclass(frozen=True, slots=True)
class Live:
    """What is known of every slot: from telemetry where that is good, else from the twin. Arrays by slot.

    ``from_twin`` marks slots whose readiness telemetry does not tell, ``present`` those not last said to be empty.
    ``heard``: the station reported at least once.
    """

    heard: bool
    occupied: NDArray[np.bool_]
    charging: NDArray[np.bool_]
    faulted: NDArray[np.bool_]
    ready: NDArray[np.bool_]
    from_twin: NDArray[np.bool_]
    present: NDArray[np.bool_]
    seen: Presence
    matters: Rows
    """Rows of the values that the station's quality hangs on."""


def heard(image: Image, layout: Layout) -> bool:
    """Whether anything was ever known of a station."""
    return bool(np.isfinite(image.source_time[layout.rows]).any())


def live(image: Image, layout: Layout, estimate: Estimate | None) -> Live:
    """Join telemetry and twin, slot by slot."""
    seen = presence(image, layout)
    occupied_good, state, state_good = seen.occupied_good, seen.state, seen.state_good
    soc, soc_good = _values(image, layout.slot["soc"])
    enabled, enabled_good = _values(image, layout.slot["enabled"])
    locked, locked_good = _values(image, layout.slot["locked"])
    # An unlocked pack is promised to a rider: nobody else can have it.
    closed = (
        (enabled_good & (enabled == 0.0)) | (locked_good & (locked == 0.0)) | (state_good & (state >= _BLOCKED_FROM))
    )
    empty = occupied_good & ~seen.occupied
    full = soc_good & (soc >= layout.station.ready_soc)
    # Readiness is known where all of its parts are good, or where one good part alone rules it out.
    known = empty | (closed & occupied_good) | (occupied_good & state_good & soc_good)
    ready = occupied_good & ~empty & ~closed & state_good & full
    is_occupied = occupied_good & ~empty
    charging = state_good & (state == ChargerState.CHARGING)
    faulted = state_good & (state == ChargerState.FAULT)
    if estimate is not None:
        phase, twin_soc = estimate.state.phase, estimate.state.soc
        believed = (phase == _CHARGING) | (phase == _DONE)
        believed &= twin_soc >= layout.station.ready_soc
        ready = np.where(known, ready, believed)
        is_occupied = np.where(occupied_good, is_occupied, phase != SlotPhase.EMPTY)
        charging = np.where(state_good, charging, phase == SlotPhase.CHARGING)
        faulted = np.where(state_good, faulted, phase == SlotPhase.OUT)
    present = seen.present
    matters = np.concatenate([layout.slot["occupied"], layout.slot["charger_state"], layout.slot["soc"][present]])
    # What a device type does not report cannot be bad, unless it reports nothing of what matters.
    matters = matters[matters >= 0] if (matters >= 0).any() else matters
    return Live(heard(image, layout), is_occupied, charging, faulted, ready, ~known, present, seen, matters)


def station_view(
    image: Image, layout: Layout, estimate: Estimate | None, forecast: Fields | None, now: float
) -> StationView:
    """The summary and slot objects of a station. ``forecast`` is its latest forecast object, if there is one."""
    current = live(image, layout, estimate)
    return StationView(
        _summary(image, layout, current, estimate, forecast, now),
        _slots(image, layout, current, estimate),
    )


def data_time(image: Image, rows: Rows) -> float | None:
    """When the oldest of these values was last known to hold; ``None`` where none was ever received."""
    times = image.as_of(rows)
    times = times[np.isfinite(times)]
    return round(float(times.min()), 3) if len(times) else None


def _summary(
    image: Image, layout: Layout, current: Live, estimate: Estimate | None, forecast: Fields | None, now: float
) -> Fields:
    station = layout.station
    quality, reason = _worst(image, current.matters)
    known = current.heard and not (current.from_twin.any() and estimate is None)
    substituted = bool(current.from_twin.any())
    if not known:
        ready_quality, ready_reason = Quality.BAD, Reason.NO_COMMUNICATION
    elif substituted:
        ready_quality, ready_reason = Quality.UNCERTAIN, Reason.SUBSTITUTED
    else:
        ready_quality, ready_reason = Quality.GOOD, Reason.NONE
    limit_w = _own(image, layout, "grid_limit_w")
    time = data_time(image, current.matters)
    drifts = estimate.drifts if estimate else ()
    return {
        "id": station.id,
        "name": station.name,
        "latitude": station.latitude,
        "longitude": station.longitude,
        "quality": quality_name(quality),
        "reason": reason_name(reason),
        "data_time": time,
        "data_age_s": _age(time, now),
        "slots": station.slots,
        "bays": station.bays,
        "occupied": _count(current.occupied, known),
        "ready": _count(current.ready, known),
        "ready_quality": quality_name(ready_quality),
        "ready_reason": reason_name(ready_reason),
        "charging": _count(current.charging, known),
        "faulted": _count(current.faulted, known),
        "power_w": _own(image, layout, "power_w"),
        "power_quality": quality_name(int(image.quality[layout.own["power_w"]])),
        "grid_limit_w": station.grid_limit_w if limit_w is None else limit_w,
        "stockout_probability": forecast["stockout_probability"] if forecast else None,
        "forecast_time": forecast["generated_at"] if forecast else None,
        "protocols": sorted({device.profile.protocol for device in layout.devices}),
        "drifts": [{"slot": None if drift.slot is None else drift.slot + 1} | _drift(drift) for drift in drifts],
    }


def _slots(image: Image, layout: Layout, current: Live, estimate: Estimate | None) -> dict[str, Fields]:
    shown = [name for name in SLOT_SIGNALS if name in ALWAYS or (layout.slot[name] >= 0).any()]
    columns = {name: _column(image, layout.slot[name], name) for name in shown}
    marks = {name: image.quality[layout.slot[name]].tolist() for name in shown}
    reasons = {name: image.reason[layout.slot[name]].tolist() for name in shown}
    configured = {name: (layout.slot[name] >= 0).tolist() for name in shown}
    stacked = np.stack([layout.slot[name] for name in shown])
    source_times = np.fmax.reduce(image.source_time[stacked], axis=0)
    times = np.fmin(image.as_of(layout.slot["occupied"]), image.as_of(layout.slot["charger_state"]))
    times = np.fmin(times, np.where(current.present, image.as_of(layout.slot["soc"]), np.nan))
    beliefs = _beliefs(estimate, layout.station.slots)
    inferred = _inferred(current.seen)
    slots: dict[str, Fields] = {}
    for index in range(layout.station.slots):
        empty = columns["occupied"][index] is False
        fields: Fields = {"slot": index + 1}
        not_good: dict[str, str] = {}
        for name in shown:
            absent = empty and name in PACK_SIGNALS
            fields[name] = None if absent else columns[name][index]
            quality = marks[name][index]
            if fields[name] is None and name in inferred and not configured[name][index]:
                fields[name] = inferred[name][index]
                if fields[name] is not None:
                    not_good[name] = _INFERRED
            if quality != Quality.GOOD and configured[name][index] and not absent:
                not_good[name] = f"{quality_name(quality)}/{reason_name(reasons[name][index])}"
        needed = ["occupied", "charger_state"]
        if not empty:
            needed.append("soc")
        needed = [name for name in needed if configured[name][index]] or needed
        worst = max(needed, key=lambda name: marks[name][index])
        unknown = not current.heard or (bool(current.from_twin[index]) and estimate is None)
        fields |= {
            "quality": quality_name(marks[worst][index]),
            "reason": reason_name(reasons[worst][index]),
            "source_time": _number(source_times[index], 3),
            "data_time": _number(times[index], 3),
            "ready": None if unknown else bool(current.ready[index]),
            "not_good": not_good,
            "twin": beliefs[index],
        }
        slots[f"slot/{index + 1:02d}"] = fields
    return slots


def fixed_view(station: Station) -> Fields:
    """What the site file says of a station and no device changes."""
    return {"layout": front_view(station), "charger_power_w": station.charger.power_w}


def front_view(station: Station) -> Fields:
    """The station's doors, row by row from the top, and which columns belong to which cabinet."""
    front = station.front()
    return {
        "rows": len(front.cells),
        "columns": len(front.cells[0]),
        "cells": [list(row) for row in front.cells],
        "cabinets": [asdict(cabinet) for cabinet in front.cabinets],
    }


def device_view(image: Image, layout: Layout, sink: DeviceSink, now: float) -> Fields:
    """The health of one device and of its link. Pack signals of a slot said to be empty do not count."""
    device, link = sink.device, sink.link
    occupied = layout.slot["occupied"]
    empty = image.value[occupied] == 0.0
    absent = np.concatenate([layout.slot[name][empty] for name in PACK_SIGNALS])
    numbers = np.arange(sink.rows.start, sink.rows.stop, dtype=np.int32)
    counted = numbers[~np.isin(numbers, absent)]
    quality, reasons = image.quality[counted], image.reason[counted]
    worst, reason = _worst(image, counted) if len(counted) else (int(Quality.GOOD), int(Reason.NONE))
    reported = counted[reasons != Reason.NO_COMMUNICATION]
    time = data_time(image, reported)
    p50, p95 = _round_trips_ms(link.round_trips_s)
    return {
        "id": device.id,
        "station": device.station.id,
        "protocol": device.profile.protocol,
        "profile": device.profile.profile,
        "url": device.device.url,
        "state": link.state.value,
        "detail": "; ".join(filter(None, (link.detail, link.clock_detail))),
        "since": _number(link.since, 3),
        "quality": quality_name(Quality.BAD if link.state is LinkState.AWAY else worst),
        "reason": reason_name(Reason.NO_COMMUNICATION if link.state is LinkState.AWAY else reason),
        "points": len(numbers),
        "good": int(np.count_nonzero(quality == Quality.GOOD)),
        "stale": int(np.count_nonzero(reasons == Reason.STALE)),
        "frozen": sink.frozen,
        "bad": int(np.count_nonzero(quality == Quality.BAD)),
        "data_time": time,
        "data_age_s": _age(time, now),
        "reconnects": link.reconnects,
        "errors": link.errors,
        "missed_cycles": link.missed_cycles,
        "dropped": link.dropped + sink.late,
        "gaps": link.gaps,
        "repeats": link.repeats,
        "clock_skew_s": _number(link.clock_skew_s, 1) if link.clock_skew_s is not None else None,
        "round_trip_p50_ms": p50,
        "round_trip_p95_ms": p95,
    }


def quality_name(quality: int) -> str:
    return Quality(quality).name.lower()


def reason_name(reason: int) -> str | None:
    return None if reason == Reason.NONE else Reason(reason).name.lower()


def _values(image: Image, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return image.value[rows], image.quality[rows] == Quality.GOOD


def _worst(image: Image, rows: Rows) -> tuple[int, int]:
    """The worst quality of some rows, and the most frequent reason for it."""
    qualities = image.quality[rows]
    worst = int(qualities.max())
    return worst, int(np.bincount(image.reason[rows][qualities == worst]).argmax())


def _column(image: Image, rows: Rows, signal: str) -> list[Any]:
    """Values of a slot signal as clients read them; a bad value is ``None``."""
    values = image.value[rows].tolist()
    kind = SIGNALS["slot", signal].kind
    if kind is Kind.BOOL:
        return [None if math.isnan(value) else value != 0.0 for value in values]
    if kind is Kind.ENUM:
        return [_STATES.get(value) for value in values]
    if kind is Kind.TEXT:
        return [None if math.isnan(value) else image.text(value) or None for value in values]
    if kind is Kind.COUNTER:
        return [None if math.isnan(value) else int(value) for value in values]
    digits = CELL_DIGITS if signal.startswith("cell_") else DIGITS[SIGNALS["slot", signal].unit]
    return [_number(value, digits) for value in values]


def _beliefs(estimate: Estimate | None, slots: int) -> Sequence[Fields | None]:
    if estimate is None:
        return [None] * slots
    state = estimate.state
    return [
        {
            "soc": None if phase == SlotPhase.EMPTY else _number(soc, 4),
            "temperature_c": None if phase == SlotPhase.EMPTY else _number(temperature, 1),
            "quality": "uncertain" if alone else "good",
            "reason": "substituted" if alone else None,
            "drift": [_drift(drift) for drift in estimate.drifts if drift.slot == index],
        }
        for index, (phase, soc, temperature, alone) in enumerate(
            zip(
                state.phase.tolist(),
                state.soc.tolist(),
                state.temperature_c.tolist(),
                estimate.substituted.tolist(),
                strict=True,
            )
        )
    ]


def _drift(drift: Drift) -> Fields:
    return {"kind": drift.kind, "since": _number(drift.since, 3), "magnitude": _number(drift.magnitude, 2)}


def _inferred(seen: Presence) -> dict[str, list[Any]]:
    """Occupancy and charger states as the twin takes them, for slots whose devices do not report them."""
    occupied = [bool(value) if good else None for value, good in zip(seen.occupied, seen.occupied_good, strict=True)]
    return {"occupied": occupied, "charger_state": [_STATES.get(value) for value in seen.state.tolist()]}


def _own(image: Image, layout: Layout, signal: str) -> float | None:
    return _number(image.value[layout.own[signal]], 1)


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def _age(time: float | None, now: float) -> float | None:
    return None if time is None else round(max(now - time, 0.0), 1)


def _count(flags: NDArray[np.bool_], known: bool) -> int | None:
    return int(np.count_nonzero(flags)) if known else None


def _round_trips_ms(seconds: list[float]) -> tuple[float | None, float | None]:
    if not seconds:
        return None, None
    p50, p95 = np.percentile(seconds, [50.0, 95.0])
    return round(float(p50) * 1000.0, 2), round(float(p95) * 1000.0, 2)

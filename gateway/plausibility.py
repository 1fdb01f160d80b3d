"""What looks wrong with the values of a device, and which usual mistake would explain it. Pure.

A profile that is a little wrong reads numbers all the same: the other word order, a scale that is ten times off, the
neighbour's register, a current with the other sign. Each check compares what is read with what can be true of this
station, and names a mistake only where undoing it makes the values true.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from config.binding import BoundDevice
from gateway.plausibility_map import explain, find_shift, integer_order, refused_points, shift_finding, unfit
from gateway.plausibility_values import TINY, Finding, Observed, Registers, in_unit, is_absurd, name_of
from twin.signals import PACK_SIGNALS, ChargerState, Kind

SKEW_S = 3.0
"""A device whose stamps differ more than this from the time of arrival has another clock, or sends late."""
STILL_S = 5.0
"""Values that stand still for less than this say nothing."""
SMALLEST_CURRENT_A = 0.2


def findings(
    device: BoundDevice,
    observed: Sequence[Observed],
    *,
    seconds: float,
    empty: frozenset[int] = frozenset(),
    errors: int = 0,
    registers: Registers | None = None,
) -> list[Finding]:
    """Everything that looks wrong with a device that was watched for ``seconds``.

    ``empty``: slots without a pack. ``registers``: what stands in and around the addresses of a Modbus device.
    ``errors``: of its link.
    """
    found: list[Finding] = []
    if not any(each.came for each in observed):
        return found
    empty = empty | packless(observed)
    groups: dict[tuple[str, str], list[Observed]] = defaultdict(list)
    for each in observed:
        groups[each.bound.point.entity, each.bound.point.signal].append(each)
    absurd = {key for key, group in groups.items() if is_absurd(device.station, group)}
    words = registers or {}
    shift, shifted = find_shift(device.station, groups, words)
    if shift:
        found.append(shift_finding(device, shift, shifted))
    for key, group in groups.items():
        found += unfit(group) if key not in shifted else ()
        found += refused_points(group, empty, words) if not shift else ()
        if key in shifted:
            continue
        if key in absurd:
            found += explain(device.station, group, words)
        else:
            found += integer_order(group)
    if not any(finding.kind in {"scale", "word_order", "address"} for finding in found):
        found += _power(groups)
    found += _sign(groups)
    found += _still(device, observed, seconds)
    found += _clock(device, observed, errors)
    return found


def packless(observed: Sequence[Observed]) -> frozenset[int]:
    """Slots of which the device gives none of the pack's values, where it gives those of other slots."""
    told: dict[int, bool] = defaultdict(bool)
    for each in observed:
        if each.bound.slot is not None and each.bound.signal.name in PACK_SIGNALS and each.came:
            told[each.bound.slot] |= each.value is not None
    return frozenset(slot for slot, any_value in told.items() if not any_value) if any(told.values()) else frozenset()


def _power(groups: Mapping[tuple[str, str], Sequence[Observed]]) -> Iterator[Finding]:
    """Power is voltage times current: where it is ten or a hundred times that, one of them is scaled wrong."""
    by_slot = {
        name: {each.bound.slot: each.value for each in groups.get(("slot", name), ())}
        for name in ("power_w", "voltage_v", "current_a")
    }
    ratios = []
    for slot, watts in by_slot["power_w"].items():
        volts, amps = by_slot["voltage_v"].get(slot), by_slot["current_a"].get(slot)
        if all(isinstance(value, float) and abs(value) > TINY for value in (watts, volts, amps)):
            ratios.append(abs(float(watts or 0.0) / (float(volts or 1.0) * float(amps or 1.0))))
    if not ratios:
        return
    ratio = median(ratios)
    decades = round(math.log10(ratio)) if ratio > 0.0 else 0
    if decades and abs(ratio / 10.0**decades - 1.0) < 0.25:
        yield Finding(
            "scale",
            "slot power_w, voltage_v, current_a",
            f"power is {10.0**decades:g} times voltage times current",
            "Correct the scale of the one that is off",
        )


def _sign(groups: Mapping[tuple[str, str], Sequence[Observed]]) -> Iterator[Finding]:
    """A pack that charges takes current in: positive, whatever the device's own convention."""
    states = {each.bound.slot: each.value for each in groups.get(("slot", "charger_state"), ())}
    rising = {
        each.bound.slot
        for each in groups.get(("slot", "soc"), ())
        if len(each.history) > 1 and each.history[-1][1] > each.history[0][1]
    }
    charging = {slot for slot, state in states.items() if state == float(ChargerState.CHARGING)} | rising
    for name, least in (("current_a", SMALLEST_CURRENT_A), ("power_w", 10.0)):
        group = [each for each in groups.get(("slot", name), ()) if each.bound.slot in charging]
        values = [each.value for each in group if isinstance(each.value, float) and abs(each.value) > least]
        if values and median(values) < 0.0:
            why = "while the state of charge rises" if rising else "while the charger says that it charges"
            yield Finding(
                "sign",
                name_of(group),
                f"{in_unit(group, median(values))} {why}; into the pack is positive",
                f"Set sign: {-group[0].bound.point.sign} in the profile",
            )


def _still(device: BoundDevice, observed: Sequence[Observed], seconds: float) -> Iterator[Finding]:
    """Values that stand still, or are all zero."""
    numeric = [each for each in observed if each.bound.signal.kind in {Kind.ANALOG, Kind.COUNTER}]
    values = [each.value for each in numeric if isinstance(each.value, float)]
    if len(values) >= 3 and not any(values):
        yield Finding(
            "zero",
            device.id,
            f"all {len(values)} numbers are zero",
            "Check unit id and table, and that the device is on",
        )
        return
    if seconds < STILL_S:
        return
    heartbeat = next((each for each in observed if each.bound.signal.name == "heartbeat"), None)
    beats = [value for _, value in heartbeat.history] if heartbeat is not None else []
    if heartbeat is not None and beats and len(set(beats)) == 1 and seconds > 3.0 * heartbeat.bound.interval_s:
        yield Finding(
            "constant",
            heartbeat.bound.path,
            f"the heartbeat stood at {beats[0]:g} for {seconds:.0f} s",
            "The controller hangs, or this is not its heartbeat",
        )
    elif len(values) >= 3 and all(len({value for _, value in each.history}) <= 1 for each in numeric):
        yield Finding(
            "constant",
            device.id,
            f"no number changed in {seconds:.0f} s",
            "Watch longer (--seconds), or see whether the device's data are frozen",
            is_wrong=False,
        )


def _clock(device: BoundDevice, observed: Sequence[Observed], errors: int) -> Iterator[Finding]:
    """Another clock: only stamps of values that changed tell, since others may be old and right."""
    lags = [lag for each in observed for lag in each.lags_s]
    if device.profile.protocol == "modbus" or len(lags) < 3:
        return
    lag = median(lags)
    slack = max(SKEW_S, 2.0 * min(each.bound.interval_s for each in observed))
    if lag > slack or lag < -1.0:
        word = "behind" if lag > 0.0 else "ahead"
        yield Finding(
            "clock",
            device.id,
            f"its time stamps are {abs(lag):.1f} s {word} of this machine's clock",
            "Set both clocks by NTP; values whose stamps are too old are shown as stale",
        )
    elif errors and all(each == 0.0 for each in lags):
        yield Finding(
            "clock",
            device.id,
            "its time stamps lie so far ahead that the time of arrival was taken instead",
            "Set both clocks by NTP",
        )

"""Commissioning: what was watched, held step by step against what the site file promises. Pure."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from adapters.base import LinkState
from gateway.check_connect import shown_value, unit_of
from gateway.commission_acceptance import Result, Step
from gateway.image import Image
from gateway.plausibility import packless
from gateway.plausibility_values import Observed
from gateway.watching import Watch, Watched
from twin.signals import PACK_SIGNALS, Kind, Quality, Reason

LARGEST_SHARE = 0.5
"""Of its interval that a poll's round trip may take at the 95th percentile."""
LARGEST_JITTER = 0.25
"""Of its interval that a poll may be early or late at the 95th percentile."""


def reachability(watch: Watch, image: Image, begun: float) -> Step:
    """Whether every device answers, and how long it took."""
    step = Step("Reachability", Result.PASS, "", head=("device", "address", "link", "first value after"))
    for watched in watch.devices:
        link = image.sink(watched.device).link
        took = "never" if watched.came_at is None else f"{watched.came_at - begun:.1f} s"
        state = "connected" if link.state is LinkState.CONNECTED else "away"
        step.rows.append((watched.device.id, watched.device.device.url, state, took))
        if watched.came_at is None or link.state is not LinkState.CONNECTED:
            step.details.append(f"{watched.device.id}: {link.detail}")
        if link.reconnects:
            step.details.append(f"{watched.device.id}: the connection broke {link.reconnects} times")
    return _judged(
        step,
        _count(len(watch.devices), "device answers", "devices answer"),
        "Some devices do not answer, or not all the time",
    )


def points(watch: Watch) -> Step:
    """Whether all configured points were seen, and in what quality."""
    step = Step("Points", Result.PASS, "", head=("device", "configured", "good", "uncertain", "bad", "of empty slots"))
    total = 0
    for watched in watch.devices:
        absent, bad = _absent(watch, watched)
        counts = Counter(each.quality for each in watched.observed)
        total += len(watched.observed)
        step.rows.append(
            (
                watched.device.id,
                str(len(watched.observed)),
                str(counts[Quality.GOOD]),
                str(counts[Quality.UNCERTAIN]),
                str(counts[Quality.BAD] - absent),
                str(absent),
            )
        )
        step.details += [f"{each.bound.path}: {_reason(each)}" for each in bad[:20]]
        if len(bad) > 20:
            step.details.append(f"{watched.device.id}: and {len(bad) - 20} more")
    return _judged(
        step, f"All {total} points are good, but for those of packs that are not there", "Points are missing"
    )


def _absent(watch: Watch, watched: Watched) -> tuple[int, list[Observed]]:
    """How many points belong to packs that are not there, and which of the others are not good."""
    empty = watch.empty(watched.device.station.id) | packless(watched.observed)
    missing = [each for each in watched.observed if each.quality is not Quality.GOOD]
    absent = [each for each in missing if each.bound.slot in empty and each.bound.signal.name in PACK_SIGNALS]
    return len(absent), [each for each in missing if each not in absent]


def _reason(each: Observed) -> str:
    if not each.came:
        return "no value came"
    return f"{each.quality.name.lower()}, {each.reason.name.lower().replace('_', ' ')}"


def ranges(watch: Watch) -> Step:
    """Units, and between what values each signal moved."""
    step = Step("Units and ranges", Result.PASS, "", head=("signal", "unit", "points", "least", "most", "possible"))
    groups: dict[str, list[Observed]] = {}
    for watched in watch.devices:
        for each in watched.observed:
            if each.bound.signal.kind in {Kind.ANALOG, Kind.COUNTER}:
                key = f"{each.bound.station} {each.bound.point.entity} {each.bound.signal.name}"
                groups.setdefault(key, []).append(each)
    for name, group in groups.items():
        values = [value for each in group for _, value in each.history]
        signal = group[0].bound.signal
        low, high = (f"{min(values):.6g}", f"{max(values):.6g}") if values else ("-", "-")
        limits = f"{signal.minimum:g} to {signal.maximum:g}"
        step.rows.append((name, unit_of(group[0]), str(len(group)), low, high, limits))
        outside = [each for each in group if each.came and each.reason is Reason.OUT_OF_RANGE]
        if outside:
            raws = ", ".join(sorted({str(each.raw) for each in outside})[:3])
            step.details.append(f"{name}: raw {raws} is outside of {limits} {unit_of(group[0])}".rstrip())
    return _judged(step, "All values lie in their ranges", "Values lie outside of their ranges")


def plausibility(watch: Watch) -> Step:
    """What the checks of ``swaptwin check --connect`` say."""
    found = [finding for watched in watch.devices for finding in watched.found]
    step = Step("Scales, signs, word orders and clocks", Result.PASS, "")
    step.details = [str(finding) for finding in found if finding.is_wrong]
    notes = [f"note: {finding}" for finding in found if not finding.is_wrong]
    if step.details:
        step.result = Result.FAIL
    step.summary = (
        _count(len(step.details), "thing looks wrong", "things look wrong") if step.details else "Nothing looks wrong"
    )
    step.details += notes
    return step


def timing(watch: Watch, image: Image) -> Step:
    """Round trips, missed deadlines, and how punctually values come."""
    head = ("device", "interval", "deliveries", "round trip median", "p95", "longest", "jitter p95", "missed")
    step = Step("Timing", Result.PASS, "", head=head)
    for watched in watch.devices:
        link = image.sink(watched.device).link
        interval_s = min(point.interval_s for point in watched.device.points)
        trips, jitter_s = sorted(link.round_trips_s), _jitter_s(watched, interval_s)
        typical = (f"{1000.0 * median(trips):.1f} ms", _ms(trips, 0.95), _ms(trips, 1.0)) if trips else ("-", "-", "-")
        jitter = "-" if jitter_s is None else f"{1000.0 * jitter_s:.0f} ms"
        step.rows.append(
            (
                watched.device.id,
                f"{interval_s:g} s",
                str(len(watched.arrivals)),
                *typical,
                jitter,
                str(link.missed_cycles),
            )
        )
        if trips:
            step.curves.append((f"{watched.device.id} round trip, ms", [1000.0 * each for each in link.round_trips_s]))
            if trips[min(len(trips) - 1, int(0.95 * len(trips)))] > LARGEST_SHARE * interval_s:
                step.details.append(
                    f"{watched.device.id}: round trips of {typical[1]} fill its {interval_s:g} s interval"
                )
        if link.missed_cycles:
            step.details.append(f"{watched.device.id}: {link.missed_cycles} deadlines were missed")
        if jitter_s is not None and jitter_s > LARGEST_JITTER * interval_s:
            step.details.append(f"{watched.device.id}: values come {jitter} early or late")
    return _judged(step, "All devices keep their intervals", "Some devices do not keep their intervals")


def _jitter_s(watched: Watched, interval_s: float) -> float | None:
    """How far polls were from their interval, at the 95th percentile; only polls have one."""
    if watched.device.profile.protocol != "modbus" or len(watched.arrivals) < 4:
        return None
    if len({point.interval_s for point in watched.device.points}) > 1:
        return None
    return _rank(sorted(abs(later - earlier - interval_s) for earlier, later in pairwise(watched.arrivals)), 0.95)


def _rank(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, math.floor(share * len(values)))]


def _ms(values: Sequence[float], share: float) -> str:
    return f"{1000.0 * _rank(values, share):.1f} ms"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _judged(step: Step, right: str, wrong: str) -> Step:
    step.result = Result.FAIL if step.details else Result.PASS
    step.summary = wrong if step.details else right
    return step


def state_of(watch: Watch, station: str, slot: int) -> dict[str, str]:
    """What all devices together show of a slot, by signal, in words; only good values."""
    return {
        each.bound.signal.name: shown_value(each)
        for watched in watch.devices
        for each in watched.observed
        if each.bound.station == station and each.bound.slot == slot and each.quality is Quality.GOOD
    }

"""Commissioning: whether the devices and the model of the station agree."""

import math
from collections.abc import Iterator

from config.clock import Clock
from config.loader import LoadedSite
from config.site import Station
from gateway.commission_acceptance import Result, Step
from gateway.plausibility_values import Observed
from gateway.watching import Watch
from twin.observation import Estimate

SETTLE_S = 10.0
"""What the twin says in its first seconds is not held against anybody: it has just learned what stands where."""
LARGEST_RESIDUAL = 0.03
"""SoC by which telemetry and model may differ between two readings."""
LEAST_RISE = 0.004
"""SoC that a pack must have been given before its rise is held against the charger's energy."""
RISE_BOUNDS = (0.5, 1.6)


class TwinRecord:
    """What the twins said while the devices were watched."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = clock.monotonic()
        self.residuals: dict[str, list[float]] = {}
        """The largest SoC residual of each step, by station."""
        self.latest: dict[str, Estimate] = {}

    def take(self, station: str, estimate: Estimate, _before: Estimate | None) -> None:
        self.latest[station] = estimate
        if self._clock.monotonic() - self._begun < SETTLE_S:
            return
        sizes = [abs(each) for each in estimate.residual_soc.tolist() if not math.isnan(each)]
        if sizes:
            self.residuals.setdefault(station, []).append(max(sizes))
            del self.residuals[station][:-1000]


def twin_agrees(loaded: LoadedSite, watch: Watch, twin: TwinRecord, seconds: float) -> Step:
    """Residuals of the live twin, its drift alarms, and the energy balance of packs that charge."""
    step = Step("Plausibility against the twin", Result.PASS, "")
    step.head = ("station", "ready by twin", "slots told", "largest residual", "energy balance")
    for station in loaded.site.stations:
        estimate = twin.latest.get(station.id)
        if estimate is None:
            step.details.append(f"{station.id}: the twin made no estimate")
            continue
        residuals = twin.residuals.get(station.id, [])
        told = station.slots - int(estimate.substituted.sum())
        balances = list(_balances(station, watch))
        shown = ", ".join(f"{ratio:.2f}" for _, ratio in balances[:4]) or "no pack charged enough"
        largest = max(residuals, default=math.nan)
        size = "none" if math.isnan(largest) else f"{100.0 * largest:.2f} % SoC"
        step.rows.append((station.id, str(estimate.ready), f"{told} of {station.slots}", size, shown))
        if residuals:
            step.curves.append((f"{station.id} residual, % SoC", [100.0 * each for each in residuals]))
        if largest > LARGEST_RESIDUAL:
            step.details.append(f"{station.id}: SoC differs from the model by {100.0 * largest:.1f} % between readings")
        if told == 0:
            step.details.append(f"{station.id}: telemetry tells of no slot, so the twin runs on its own")
        step.details += [f"{station.id}: {drift.kind}" for drift in estimate.drifts]
        step.details += [
            f"{station.id} slot {slot}: SoC rose by {ratio:.2f} of what its charger's power brings; check power, "
            "capacity and SoC"
            for slot, ratio in balances
            if not RISE_BOUNDS[0] <= ratio <= RISE_BOUNDS[1]
        ]
    if not any(twin.residuals.values()):
        step.result = Result.SKIPPED
        step.summary = f"No SoC was corrected in {seconds:.0f} s: no pack charges, or the time is too short"
        return step
    if step.details:
        step.result = Result.FAIL
    step.summary = "Devices and model agree" if not step.details else "Devices and model disagree"
    step.summary += f"; watched for {seconds:.0f} s, the first {min(seconds, SETTLE_S):.0f} s not counted"
    return step


def _balances(station: Station, watch: Watch) -> Iterator[tuple[int, float]]:
    """Of slots that charge: by how much SoC rose, over what the charger's energy should bring."""
    points: dict[tuple[str, int], Observed] = {}
    for watched in watch.devices:
        for each in watched.observed:
            if each.bound.station == station.id and each.bound.slot is not None:
                points[each.bound.signal.name, each.bound.slot] = each
    for slot in range(1, station.slots + 1):
        soc, power = points.get(("soc", slot)), points.get(("power_w", slot))
        if soc is None or power is None or len(soc.history) < 2 or not power.history:
            continue
        capacity = points.get(("capacity_wh", slot))
        known = capacity.value if capacity is not None else None
        capacity_wh = known if isinstance(known, float) and known > 0.0 else station.pack.capacity_wh
        begin, end = soc.history[0][0], soc.history[-1][0]
        given = _energy_wh(power.history, begin, end) / capacity_wh
        rise = soc.history[-1][1] - soc.history[0][1]
        if given >= LEAST_RISE and rise > -LEAST_RISE:
            yield slot, rise / given


def _energy_wh(history: list[tuple[float, float]], begin: float, end: float) -> float:
    """Energy of a power (W) that holds from each entry to the next, between two times (s)."""
    total = 0.0
    for number, (time, watts) in enumerate(history):
        until = history[number + 1][0] if number + 1 < len(history) else end
        total += watts * max(0.0, min(until, end) - max(time, begin))
    return total / 3600.0

"""How well the live twin coasts, and how soon it notices a weak charger: ``python -m benchmarks.twin_accuracy``.

The emulator's physical station is driven directly in virtual time. Its telemetry, noisy, rounded, with losses and
repeats, goes the way of the live gateway: process image, staleness, observation, twin. The emulator knows nothing of
the twin's model, and its packs differ in age.
"""

import argparse
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import numpy as np
from simpy import Environment

from adapters.base import Batch
from config.binding import BoundPoint, bind
from config.clock import ManualClock
from config.loader import LoadedSite, bundled_site, load_site
from config.site import Device, Station
from gateway.image import Image
from gateway.layout import layouts
from gateway.observe import observe
from simulators.encode import raw_value
from simulators.riders import DrawnRiders, ListedRiders
from simulators.station import PhysicalStation
from twin.drift import DEGRADED_CHARGER
from twin.live import LiveTwin
from twin.observation import Estimate
from twin.signals import Kind, Quality, Reason
from twin.spec import StationSpec, StationState
from twin.station import Station as Model

START = 1_782_691_200.0
"""A midnight, UTC."""
BLACKOUT_S = 600.0
INTERVAL_S = 5.0
LOST_SHARE = 0.02
REPEATED_SHARE = 0.02
NOISE = {"soc": 0.005, "temperature_c": 0.5}
"""Standard deviations; SoC is rounded to a tenth of a percent besides, which is what most packs report."""
POWER_NOISE = 0.01
DEGRADED_TO = 0.7


class VirtualClock(ManualClock):
    """A clock that jumps."""

    def jump(self, seconds: float) -> None:
        self._elapsed += seconds


@dataclass
class Case:
    """A station to measure on: shape, demand, and which signals its devices leave out."""

    name: str
    slots: int
    grid_limit_w: float
    swaps_per_day: float
    bays: int = 1
    without: tuple[str, ...] = ()
    weak: tuple[int, ...] = field(default=())


CASES = (
    Case("ample grid", 12, 16_000.0, 130.0),
    Case("tight grid", 20, 11_000.0, 220.0, bays=2),
    Case("no slot power", 12, 16_000.0, 130.0, without=("power_w", "capacity_wh")),
    Case("SoC and occupancy only", 12, 16_000.0, 130.0, without=(
        "power_w", "capacity_wh", "charger_state", "pack_id", "locked", "swap_count", "temperature_c")),
)  # fmt: skip


class Rig:
    """One physical station, its telemetry, and the twin that follows it."""

    def __init__(self, case: Case, seed: int, quiet: list[tuple[float, float]]) -> None:
        """``quiet``: spans in which no rider comes."""
        loaded = load_site(bundled_site("demo"))
        self.clock = VirtualClock(START)
        self.rng = np.random.default_rng(seed)
        self.station = _station(loaded, case, seed)
        site = loaded.site.model_copy(update={"stations": (self.station,)})
        (device,) = bind(site, loaded.profiles)
        kept = [point for point in device.points if point.point.signal not in case.without]
        points = tuple(_renumbered(point, number) for number, point in enumerate(kept))
        self.device = replace(device, number=0, points=points)
        self.image = Image([self.device], self.clock)
        self.layout = layouts([self.device])[self.station.id]
        drawn = DrawnRiders(_hours(), case.swaps_per_day, ZoneInfo("UTC"), START, np.random.default_rng(seed + 1))
        times = [time for time in drawn.until(START + 10 * 86_400.0) if not any(a < time < b for a, b in quiet)]
        self.physical = PhysicalStation(self.station, ListedRiders(times, START), START)
        self.twin = LiveTwin(self.station.spec(), START)

    @property
    def spec(self) -> StationSpec:
        return self.station.spec()

    def step(self, *, speaks: bool = True) -> Estimate:
        """Five seconds of the site: physics, telemetry (unless the line is cut), twin."""
        self.clock.jump(INTERVAL_S)
        now = self.clock.now()
        self.physical.advance(now)
        if speaks and self.rng.random() >= LOST_SHARE:
            batch = self._batch(now)
            self.image.push(batch)
            if self.rng.random() < REPEATED_SHARE:
                self.image.push(batch)
        self.image.sweep()
        self.twin.observe(observe(self.image, self.layout, now))
        return self.twin.estimate()

    def _batch(self, now: float) -> Batch:
        values, qualities, reasons = [], [], []
        for bound in self.device.points:
            value = self._shown(bound)
            values.append(float("nan") if value is None else value)
            qualities.append(Quality.BAD if value is None else Quality.GOOD)
            reasons.append(Reason.SENSOR_FAILURE if value is None else Reason.NONE)
        count = len(values)
        return Batch(
            np.arange(count, dtype=np.int32),
            np.array(values),
            np.array(qualities, dtype=np.uint8),
            np.array(reasons, dtype=np.uint8),
            np.full(count, now),
            now,
        )

    def _shown(self, bound: BoundPoint) -> float | None:
        signal = bound.point.signal
        value = self.physical.value(signal, bound.slot)
        if value is None:
            return None
        if bound.signal.kind is Kind.TEXT:
            return float(self.image.intern(str(value)))
        if bound.signal.kind is Kind.ENUM:
            return None if raw_value(bound.point, value) is None else float(value)
        shown = float(value) + NOISE.get(signal, 0.0) * float(self.rng.normal())
        if signal == "power_w":
            shown *= 1.0 + POWER_NOISE * float(self.rng.normal())
        if signal == "soc":
            return min(max(round(shown, 3), 0.0), 1.0)
        return shown


@dataclass
class Coasting:
    """What was found at the ends of the blackouts."""

    soc_errors: list[float] = field(default_factory=list)
    ready_errors: list[int] = field(default_factory=list)
    swaps: int = 0


def coast(case: Case, seed: int, hours: float, *, riders_stay_away: bool) -> Coasting:
    """Blackouts of ten minutes every 35 minutes after four hours of warming up."""
    cuts = [START + 4 * 3600.0 + 2100.0 * count for count in range(int(hours * 3600.0 / 2100.0))]
    margin_s = 180.0
    quiet = [(cut - margin_s, cut + BLACKOUT_S) for cut in cuts] if riders_stay_away else []
    rig, found = Rig(case, seed, quiet), Coasting()
    for cut in cuts:
        while rig.clock.now() < cut:
            rig.step()
        packs = [slot.pack for slot in rig.physical.slots]
        swaps = rig.physical.swaps
        while rig.clock.now() < cut + BLACKOUT_S:
            estimate = rig.step(speaks=False)
        for index, slot in enumerate(rig.physical.slots):
            if slot.pack is not None and slot.pack is packs[index]:
                found.soc_errors.append(abs(float(estimate.state.soc[index]) - slot.pack.soc))
        found.ready_errors.append(estimate.ready - rig.physical.ready)
        found.swaps += rig.physical.swaps - swaps
    return found


@dataclass
class Weak:
    """One weak charger: when it was noticed, and how wrong the time to ready was at the start of each charge."""

    noticed_after_s: float = float("nan")
    charged_s: float = 0.0
    """Seconds that the charger had been at work, weak, when it was noticed."""
    eta_errors_s: list[float] = field(default_factory=list)


def weaken(case: Case, seed: int, hours: float) -> tuple[list[Weak], int]:
    """Weak chargers of a station after six hours, and false alarms of the healthy ones."""
    rig = Rig(case, seed, [])
    while rig.clock.now() < START + 6 * 3600.0:
        rig.step()
    slots = case.weak
    for slot in slots:
        charger = rig.physical.slots[slot].charger
        charger.health *= DEGRADED_TO
    begun = rig.clock.now()
    found = {slot: Weak() for slot in slots}
    foretold: dict[int, tuple[object, float]] = {}
    was_new: dict[int, object] = {slot: rig.physical.slots[slot].pack for slot in slots}
    false_alarms: set[int] = set()
    while rig.clock.now() < begun + hours * 3600.0:
        estimate = rig.step()
        now = rig.clock.now()
        noticed = {drift.slot for drift in estimate.drifts if drift.kind == DEGRADED_CHARGER}
        false_alarms |= {slot for slot in noticed if slot is not None and slot not in slots}
        for slot in slots:
            weak, physical = found[slot], rig.physical.slots[slot]
            if np.isnan(weak.noticed_after_s):
                weak.charged_s += INTERVAL_S * (physical.power_w > 0.0)
                if slot in noticed:
                    weak.noticed_after_s = now - begun
            pack = physical.pack
            if pack is not None and pack is not was_new[slot] and physical.power_w > 0.0:
                was_new[slot] = pack
                foretold[slot] = (pack, now + _eta_s(rig.spec, estimate.state, slot))
            if slot in foretold and pack is foretold[slot][0] and pack.soc >= rig.spec.ready_soc:  # type: ignore[union-attr]
                weak.eta_errors_s.append(now - foretold.pop(slot)[1])
    return list(found.values()), len(false_alarms)


def _eta_s(spec: StationSpec, state: StationState, slot: int) -> float:
    """Seconds until the pack of a slot is ready if the station goes on by itself."""
    model = Model(Environment(initial_time=state.time), spec, state)
    while not model.slots[slot].ready and model.env.peek() < float("inf"):
        model.env.step()
    return model.env.now - state.time


def _station(loaded: LoadedSite, case: Case, seed: int) -> Station:
    usual = loaded.site.stations[0]
    device = Device(id="cabinet", profile="modbus-swap-cabinet", url="modbus://127.0.0.1:50200", interval_s=INTERVAL_S)
    emulation = usual.emulation.model_copy(update={"seed": seed, "packs": None}) if usual.emulation else None
    return usual.model_copy(
        update={
            "id": "T001",
            "slots": case.slots,
            "bays": case.bays,
            "grid_limit_w": case.grid_limit_w,
            "demand": None,
            "devices": (device,),
            "emulation": emulation,
        }
    )


def _renumbered(point: BoundPoint, number: int) -> BoundPoint:
    return replace(point, number=number)


def _hours() -> list[float]:
    """A day with a night, two peaks, and a steady afternoon."""
    return [0.5] * 12 + [1.0, 1.5, 2.5, 3.0, 3.0, 2.5, 2.0, 1.5] + [1.5] * 14 + [2.5, 3.0, 3.0, 2.5] + [1.5] * 10


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hours", type=float, default=16.0, help="site hours of each run after warming up")
    parser.add_argument("--seeds", type=int, default=1, help="stations of each kind")
    arguments = parser.parse_args()
    print(
        f"Telemetry every {INTERVAL_S:g} s, {LOST_SHARE:.0%} lost, SoC noise {NOISE['soc']:.1%} rounded to 0.1 %, "
        f"power noise {POWER_NOISE:.0%}.\n\nAfter {BLACKOUT_S / 60:g} min without telemetry:\n"
    )
    print(
        "| station | riders meanwhile | blackouts | swaps in them | "
        "SoC error p50 / p95 / max, points | ready right | within 1 |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        for away in (True, False):
            runs = [coast(case, 100 + seed, arguments.hours, riders_stay_away=away) for seed in range(arguments.seeds)]
            errors = 100.0 * np.concatenate([run.soc_errors for run in runs])
            ready = np.abs(np.concatenate([run.ready_errors for run in runs]))
            p50, p95 = np.percentile(errors, [50.0, 95.0])
            print(
                f"| {case.name} | {'none' if away else 'as usual'} | {len(ready)} | {sum(run.swaps for run in runs)} | "
                f"{p50:.2f} / {p95:.2f} / {errors.max():.2f} | {np.mean(ready == 0):.1%} | {np.mean(ready <= 1):.1%} |",
                flush=True,
            )
    print(f"\nChargers that give {DEGRADED_TO:.0%} from one moment on:\n")
    print(
        "| station | chargers | noticed | charging time until noticed, min | "
        "ETA error at start of charge 1 / 2 / 3 / 4 after, min | false alarms |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for case in CASES[:3]:
        weak_case = Case(**{**case.__dict__, "weak": tuple(range(1, case.slots, 3))})
        found, false_alarms = weaken(weak_case, 200, arguments.hours)
        seen = [weak.charged_s / 60.0 for weak in found if np.isfinite(weak.noticed_after_s)]
        by_charge = [
            [abs(weak.eta_errors_s[charge]) / 60.0 for weak in found if len(weak.eta_errors_s) > charge]
            for charge in range(4)
        ]
        etas = " / ".join(f"{np.mean(errors):.1f} (n={len(errors)})" if errors else "-" for errors in by_charge)
        print(
            f"| {case.name} | {len(found)} | {len(seen)} | {np.median(seen) if seen else float('nan'):.1f} "
            f"(most {max(seen, default=float('nan')):.1f}) | {etas} | {false_alarms} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

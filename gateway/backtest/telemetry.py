"""What an emulated station's devices report in virtual time: noisy, at intervals, with gaps, into the process image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.base import Batch
from config.clock import ManualClock
from gateway.image import Image
from gateway.layout import Layout
from simulators.strides import StridingStation
from twin.signals import PACK_SIGNALS, Quality, Reason
from twin.spec import Floats

SLOT_SIGNALS = (
    "occupied",
    "enabled",
    "locked",
    "charger_state",
    "soc",
    "temperature_c",
    "pack_id",
    "capacity_wh",
    "power_w",
)
OWN_SIGNALS = ("swap_count", "grid_limit_w", "power_w")
"""Signals that are sent: those that the twin looks at. Sending the others as well would only cost time."""


@dataclass(frozen=True, slots=True)
class TelemetrySpec:
    """How good the reporting is. Standard deviations are of one reading; gaps are of the whole station."""

    interval_s: float = 30.0
    soc_noise: float = 0.004
    soc_step: float = 0.001
    temperature_noise_c: float = 0.3
    gaps_per_day: float = 0.5
    gap_s: tuple[float, float] = (60.0, 900.0)


class VirtualClock(ManualClock):
    """Site time is what the replay sets it to; nobody waits on it."""

    def __init__(self, start: float) -> None:
        super().__init__(start)
        self.time = start

    def now(self) -> float:
        return self.time


class Telemeter:
    """Sends what a station's devices would report, one batch a device, through the sinks that adapters use."""

    def __init__(
        self,
        station: StridingStation,
        image: Image,
        layout: Layout,
        spec: TelemetrySpec,
        rng: np.random.Generator,
        end: float,
    ) -> None:
        self._station, self._image, self._spec, self._rng = station, image, spec, rng
        self._gaps = _gaps(spec, rng, station.time, end)
        self._next_gap = 0
        self.missed = 0
        """Reports that fell into a gap."""
        self._devices: list[tuple[int, NDArray[np.int32], NDArray[np.intp]]] = []
        """Of each device: its sink, the rows of its reported points, and where their values stand in all values."""
        slots = len(station.slots)
        columns = [(name, number) for name in SLOT_SIGNALS for number in range(slots)]
        columns += [(name, -1) for name in OWN_SIGNALS]
        rows = np.array([layout.own[name] if slot < 0 else layout.slot[name][slot] for name, slot in columns])
        self._is_pack = np.array([slot >= 0 and name in PACK_SIGNALS for name, slot in columns])
        self._slot = np.array([slot for _, slot in columns])
        for sink_number, sink in enumerate(image.sinks):
            mine = np.flatnonzero((rows >= sink.rows.start) & (rows < sink.rows.stop))
            if len(mine):
                self._devices.append((sink_number, rows[mine].astype(np.int32), mine))
        self._packs = np.zeros(slots)
        self._known: list[str] = [""] * slots

    def send(self, time: float) -> None:
        """Report the station as it is, unless the line is down."""
        while self._next_gap < len(self._gaps) and self._gaps[self._next_gap][1] < time:
            self._next_gap += 1
        if self._next_gap < len(self._gaps) and self._gaps[self._next_gap][0] <= time:
            self.missed += 1
            return
        values = self._values()
        absent = self._is_pack & ~self._station.occupied[self._slot]
        values[absent] = np.nan
        qualities = np.where(absent, int(Quality.BAD), int(Quality.GOOD)).astype(np.uint8)
        reasons = np.where(absent, int(Reason.SENSOR_FAILURE), int(Reason.NONE)).astype(np.uint8)
        for number, rows, places in self._devices:
            self._image.sinks[number].push(
                Batch(rows, values[places], qualities[places], reasons[places], np.full(len(rows), time), time)
            )

    def _values(self) -> Floats:
        station, spec, rng = self._station, self._spec, self._rng
        slots = len(station.slots)
        soc = station.soc + rng.normal(0.0, spec.soc_noise, slots)
        soc = np.clip(np.round(soc / spec.soc_step) * spec.soc_step, 0.0, 1.0)
        warm = np.round(station.temperature_c + rng.normal(0.0, spec.temperature_noise_c, slots), 1)
        for index, slot in enumerate(station.slots):
            serial = slot.pack.serial if slot.pack else ""
            if serial != self._known[index]:
                self._known[index], self._packs[index] = serial, self._image.intern(serial)
        columns = {
            "occupied": station.occupied,
            "enabled": station.enabled,
            "locked": station.locked,
            "charger_state": station.state,
            "soc": soc,
            "temperature_c": warm,
            "pack_id": self._packs,
            "capacity_wh": station.capacity_wh,
            "power_w": station.power_w,
        }
        own = [float(station.value(name) or 0.0) for name in OWN_SIGNALS]
        return np.concatenate([*(columns[name] for name in SLOT_SIGNALS), own]).astype(np.float64)


def _gaps(spec: TelemetrySpec, rng: np.random.Generator, start: float, end: float) -> list[tuple[float, float]]:
    """Begin and end of every time without reports, in order."""
    count = rng.poisson(spec.gaps_per_day * (end - start) / 86_400.0)
    begins = np.sort(rng.uniform(start, end, count))
    return list(zip(begins.tolist(), (begins + rng.uniform(*spec.gap_s, count)).tolist(), strict=True))

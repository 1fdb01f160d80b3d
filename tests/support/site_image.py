"""A process image of the bundled demo site, and batches as an adapter would hand them over."""

import numpy as np

from adapters.base import Batch
from config.binding import BoundDevice
from config.clock import ManualClock
from config.loader import bundled_site, load_site
from gateway.image import Image
from gateway.layout import Layout, layouts
from twin.signals import Quality, Reason

LOADED = load_site(bundled_site("demo"))


class Telemetry:
    """An image, its clock, and one station of it that reports what a test says."""

    def __init__(self, station: str = "S003", speed: float = 1.0) -> None:
        self.clock = ManualClock(speed=speed)
        bound = LOADED.bind()
        self.image = Image(bound, self.clock)
        self.layouts = layouts(bound)
        self.layout: Layout = self.layouts[station]
        self.device: BoundDevice = self.layout.devices[0]
        self.sink = self.image.sink(self.device)

    def row(self, signal: str, slot: int | None = None) -> int:
        return self.layout.own[signal] if slot is None else int(self.layout.slot[signal][slot - 1])

    def say(
        self,
        values: dict[tuple[str, int | None], float],
        quality: Quality = Quality.GOOD,
        reason: Reason = Reason.NONE,
        source_time: float | None = None,
    ) -> None:
        """Push one batch; ``values`` by signal and slot. The source time is now unless given."""
        rows = np.array([self.row(*key) for key in values], dtype=np.int32)
        count = len(rows)
        now = self.clock.now()
        self.image.sink(self.device).push(
            Batch(
                rows,
                np.array(list(values.values()), dtype=np.float64),
                np.full(count, quality, dtype=np.uint8),
                np.full(count, reason, dtype=np.uint8),
                np.full(count, now if source_time is None else source_time),
                now,
            )
        )

    def say_all_well(self, soc: float = 0.98, empty: int = 1) -> None:
        """Every slot holds a charged pack, but the last ``empty`` ones."""
        values: dict[tuple[str, int | None], float] = {("power_w", None): 4200.0, ("grid_limit_w", None): 8000.0}
        slots = self.layout.station.slots
        for slot in range(1, slots + 1):
            present = slot <= slots - empty
            values |= {
                ("occupied", slot): float(present),
                ("enabled", slot): 1.0,
                ("charger_state", slot): 2.0 * present,
            }
            if present:
                values |= {("soc", slot): soc, ("temperature_c", slot): 30.0}
                values |= {("pack_id", slot): float(self.sink.intern(f"PACK-{slot}"))}
        self.say(values)

    def quality(self, signal: str, slot: int | None = None) -> tuple[Quality, Reason]:
        row = self.row(signal, slot)
        return Quality(int(self.image.quality[row])), Reason(int(self.image.reason[row]))

"""Raw values gathered between two drains, and made one batch: arrays are cheap only when they are long."""

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np

from adapters.base import Batch
from adapters.convert import Converter
from config.binding import BoundDevice
from config.clock import Clock
from twin.signals import Quality, Reason

GOOD = (int(Quality.GOOD), int(Reason.NONE))
STALE = (int(Quality.UNCERTAIN), int(Reason.STALE))
UNREADABLE = (int(Quality.BAD), int(Reason.SENSOR_FAILURE))

FULL = 2048
"""Messages that are gathered at most before they must be handed over."""


class Intake:
    """What a device said since the last batch, in its order. Rows count the device's points from zero."""

    def __init__(self, device: BoundDevice, clock: Clock) -> None:
        self._clock = clock
        self._converter = Converter(device.points)
        self._notes: list[tuple[Sequence[int], Sequence[object], float, tuple[int, int]]] = []

    @property
    def is_full(self) -> bool:
        return len(self._notes) >= FULL

    def note(self, rows: Sequence[int], raws: Sequence[object], time: float, limit: tuple[int, int]) -> None:
        """Raw values of one time (epoch s), no better than ``limit``: quality and reason as numbers."""
        self._notes.append((rows, raws, time, limit))

    def batch(self, intern: Callable[[str], int]) -> Batch | None:
        """All that was noted since the last call, converted; ``None`` where that is nothing."""
        if not self._notes:
            return None
        rows, raws, times, limits = zip(*self._notes, strict=True)
        self._notes = []
        counts = list(map(len, rows))
        samples = self._converter.objects(list(chain.from_iterable(rows)), list(chain.from_iterable(raws)), intern)
        if limits.count(GOOD) != len(limits):
            column = np.repeat(np.array(limits, dtype=np.uint8), counts, axis=0)
            samples = samples.limited_by(column[:, 0], column[:, 1])
        return self._converter.batch(samples, np.repeat(np.array(times), counts), self._clock.now())

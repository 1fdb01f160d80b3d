"""Counters that a device raises with every report: they prove that nothing was lost or doubled on the way."""

import numpy as np

from adapters.base import Batch, Link
from config.binding import BoundDevice
from twin.signals import Quality

_GOOD = int(Quality.GOOD)


class SequenceCheck:
    """Counts what is missing and what came twice, by the points that the profile marks with ``sequence``.

    What passed while the link was down is known to be lost and is not counted; nor is a device that starts anew.
    """

    def __init__(self, device: BoundDevice, link: Link) -> None:
        self._link = link
        self._rules = {
            bound.number: (bound.point.sequence.step, bound.point.sequence.wraps_at)
            for bound in device.points
            if bound.point.sequence is not None
        }
        self._numbers = np.array(sorted(self._rules), dtype=np.int32)
        self._last: dict[int, tuple[float, float]] = {}

    def restart(self) -> None:
        """The link broke: the next value of each counter is its first."""
        self._last.clear()

    def see(self, batch: Batch) -> None:
        """Count the steps in a batch, whose samples of one point stand in the order in which they were made."""
        if not self._rules:
            return
        for at in np.flatnonzero(np.isin(batch.points, self._numbers) & (batch.qualities == _GOOD)).tolist():
            number, value, time = int(batch.points[at]), float(batch.values[at]), float(batch.source_times[at])
            if number in self._last:
                self._step(self._rules[number], self._last[number], value, time)
            self._last[number] = (value, time)

    def _step(self, rule: tuple[int, int | None], last: tuple[float, float], value: float, time: float) -> None:
        step, wraps_at = rule
        risen = value - last[0]
        if risen < 0.0 and wraps_at is not None:
            risen += wraps_at
        if risen == 0.0 or (risen < 0.0 and time <= last[1]):
            # A poll that comes before the next report sees the last one again; it is the stamp that tells.
            self._link.repeats += time <= last[1]
        elif risen > step:
            self._link.gaps += round(risen / step) - 1

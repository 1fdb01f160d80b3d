"""Values that must move: one that is delivered as fresh but has not changed for longer than it may is not trusted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from config.binding import BoundPoint
from config.clock import Clock, site_period_s

Rows = NDArray[np.int32] | slice


class Movement:
    """When each value last changed, where the profile gives it a time (``max_unchanged_s``), in rows of the image.

    A value that stands still becomes ``frozen`` and stays so, also through reconnects, until it changes: a frozen
    sensor has the same value in every session. Time without a value does not count.
    """

    def __init__(self, points: Sequence[BoundPoint], rows: int, clock: Clock) -> None:
        self._clock = clock
        self.frozen = np.zeros(rows, dtype=np.bool_)
        self._limit_s = np.full(rows, np.inf)
        """Wall seconds; longer where the clock runs too fast to read at the point's interval."""
        for point in points:
            limit_s = point.point.max_unchanged_s
            if limit_s is not None:
                stretch = site_period_s(clock, point.interval_s) / point.interval_s
                self._limit_s[point.number] = limit_s * stretch / clock.speed
        self._held = np.full(rows, np.nan)
        self._changed_at = np.full(rows, np.nan)
        self.watches = bool(np.isfinite(self._limit_s).any())

    def take_over(self, other: "Movement", rows: Rows) -> None:
        """What is known of some rows, from another layout of the image."""
        for ours, theirs in (
            (self.frozen, other.frozen),
            (self._held, other._held),
            (self._changed_at, other._changed_at),
        ):
            ours[rows] = theirs[rows]

    def see(self, rows: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Values came; NaN of those that are bad."""
        watched = np.isfinite(self._limit_s[rows]) & np.isfinite(values)
        rows, values = rows[watched], values[watched]
        now = self._clock.monotonic()
        moved = values != self._held[rows]
        begins = np.isnan(self._changed_at[rows])
        self._changed_at[rows[moved | begins]] = now
        self.frozen[rows[moved]] = False
        self._held[rows] = values

    def lose(self, rows: Rows) -> None:
        """Nothing comes any more."""
        self._changed_at[rows] = np.nan

    def sweep(self) -> None:
        """Look at the time."""
        self.frozen |= self._clock.monotonic() - self._changed_at > self._limit_s

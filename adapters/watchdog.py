"""The device's own sign of life: a heartbeat that stands still means a frozen controller behind a living server."""

import numpy as np

from adapters.base import Batch
from config.binding import BoundDevice
from config.clock import Clock
from twin.signals import Quality

# NumPy converts members of an enumeration slowly.
_GOOD = int(Quality.GOOD)


class Standstill:
    """Watches the profile's watchdog signal over all sessions of a device; without one it never trips.

    Once tripped it stays so, through reconnects, until the signal moves: a frozen controller serves its last
    values to every new session, and they must not pass as live.
    """

    def __init__(self, device: BoundDevice, clock: Clock) -> None:
        self._clock = clock
        watchdog = device.profile.watchdog
        self._number: int | None = None
        self._limit_s = 0.0
        self._signal = ""
        if watchdog:
            self._signal = watchdog.signal
            self._limit_s = watchdog.timeout_s
            self._number = next(p.number for p in device.points if p.slot is None and p.point.signal == watchdog.signal)
        self._value: float | None = None
        self._moved_at = clock.monotonic()
        self.tripped = False

    def begin(self) -> None:
        """A session starts: time without one does not count as standing still."""
        self._moved_at = self._clock.monotonic()

    def see(self, batch: Batch) -> bool:
        """Look for the signal in a batch; true if it moved, which releases a tripped watchdog."""
        if self._number is None:
            return False
        rows = np.flatnonzero((batch.points == self._number) & (batch.qualities == _GOOD))
        if rows.size == 0:
            return False
        value = float(batch.values[rows[-1]])
        moved = self._value is not None and value != self._value
        if moved or self._value is None:
            self._moved_at = self._clock.monotonic()
        self._value = value
        if moved:
            self.tripped = False
        return moved

    def check(self) -> str | None:
        """What is wrong if the signal has just stood still for too long; it trips once."""
        if self._number is None or self.tripped or self._clock.monotonic() - self._moved_at <= self._limit_s:
            return None
        self.tripped = True
        stands = f"stands still at {self._value:g}" if self._value is not None else "never came"
        return f"{self._signal} {stands} for {self._limit_s:g} s: the controller may be frozen"

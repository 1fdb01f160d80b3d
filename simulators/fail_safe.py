"""A device's own watchdog: when nobody feeds it in time, it falls back to its safe value by itself."""

import math

from config.profile import FailSafe
from simulators.face import Shown
from simulators.station import Value


class Guard:
    """The watchdog of one unit. It counts from the first time that it is fed: nobody can be missed who never came."""

    def __init__(self, safe: FailSafe, station: Shown, slots: tuple[int, ...]) -> None:
        self.safe = safe
        self.timeout_s = safe.timeout_s
        self.fallback = safe.fallback
        self.fallen = False
        self._station = station
        self._slots = slots
        self._fed_at = math.nan

    def feed(self) -> None:
        """Somebody is there. What has fallen back stays so until it is set again."""
        self._fed_at = self._station.now
        self.fallen = False

    def feed_by(self, number: float) -> None:
        """A sign of life was written."""
        self.feed()

    def set_timeout(self, seconds: float) -> None:
        self.timeout_s = max(seconds, 1.0)

    def set_fallback(self, value: float) -> None:
        self.fallback = value

    @property
    def remaining_s(self) -> float:
        """Until it falls back; all of the time-out before it was fed for the first time."""
        if math.isnan(self._fed_at):
            return self.timeout_s
        return max(self._fed_at + self.timeout_s - self._station.now, 0.0)

    def check(self) -> None:
        """Fall back if it is time to."""
        if not self.fallen and self.remaining_s <= 0.0:
            self.fallen = True
            for slot in self._slots:
                self._station.command(self.safe.signal, slot, self.fallback)

    def value(self, signal: str, slot: int | None = None) -> Value:
        """The station as the device shows it: with a fault of its own while it has fallen back."""
        value = self._station.value(signal, slot)
        if signal == "fault_bits" and slot is not None and self.fallen and self.safe.fault_bit is not None:
            return int(value or 0) | 1 << self.safe.fault_bit
        return value

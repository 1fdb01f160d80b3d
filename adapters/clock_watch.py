"""A device's own clock: how far it is from ours, whether it moves, and what its stamps become where the site says so.

What can be seen is the time from stamp to arrival: the clock's error and the delay of the way together. A device that
always delivers ten seconds late looks like one whose clock is ten seconds behind; only the engineer can tell them
apart, so stamps are corrected where the site file says so (``correct_clock``), and only then.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import structlog

from adapters.base import Batch, Link
from config.binding import BoundDevice
from config.clock import Clock
from config.profile import Profile

WINDOW = 60
"""Arrivals that are looked at."""
ENOUGH = 5
"""Arrivals from which on anything is said of the clock."""
STEP = 3
"""Arrivals in a row that are far from all others: the clock was set, or its skew has gone."""
LOOK_S = 1.0
"""Wall seconds between two looks."""
SKEW_S = 2.0
"""From this error on a clock is wrong; under half of it, it is right again."""
SPREAD_S = 2.0
"""Arrivals that spread further than this tell of the network, not of the clock: nothing is corrected by them."""
STILL_S = 10.0
"""Wall seconds for which values may change without a newer stamp."""

_log = structlog.get_logger()


def has_clock(profile: Profile) -> bool:
    """Whether devices of this type stamp their values themselves."""
    return profile.protocol != "modbus" and (profile.protocol != "mqtt" or profile.time_field is not None)


class ClockWatch:
    """One device's clock, over all its sessions. Writes ``clock_skew_s`` and ``clock_detail`` of the link."""

    def __init__(self, device: BoundDevice, link: Link, clock: Clock) -> None:
        self._device, self._link, self._clock = device, link, clock
        self._has_clock = has_clock(device.profile)
        self._corrects = device.device.correct_clock
        # On an accelerated site all delays are longer in site time.
        self._lags_s: deque[float] = deque(maxlen=WINDOW)
        self._odd_s: list[float] = []
        self._median_s: float | None = None
        self._newest = -np.inf
        self._moved_at = clock.monotonic()
        self._still = 0
        self._look_at = -np.inf
        self._wrong = self._stopped = False
        self.correction_s = 0.0
        """What is added to the device's stamps, site seconds."""
        self.set_back_to: float | None = None
        """Set for one call where the device's clock was just set back: no stamp held may be later than this."""

    def restart(self) -> None:
        """The link broke: what a new session tells first may be old, and says nothing of the clock."""
        self._moved_at, self._still = self._clock.monotonic(), 0

    def see(self, batch: Batch, differs: Callable[[Batch], bool]) -> Batch:
        """Look at the stamps of a batch, and give it back as it is to be taken.

        ``differs`` tells whether a batch brings other values than are held.
        """
        self.set_back_to = None
        if not self._has_clock:
            return batch
        newest = float(np.fmax.reduce(batch.source_times))
        if not np.isfinite(newest):
            return batch
        if newest == self._newest:
            self._still += differs(batch)
        else:
            self._note(newest, batch.received_time)
        now = self._clock.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_S
            self._look(now)
        if self.correction_s == 0.0:
            return batch
        return replace(batch, source_times=batch.source_times + self.correction_s)

    def _note(self, newest: float, received_time: float) -> None:
        now = self._clock.monotonic()
        lag_s = received_time - newest
        if (
            newest > self._newest
            or self._median_s is None
            or lag_s <= self._median_s + SKEW_S * max(self._clock.speed, 1.0)
        ):
            self._newest, self._moved_at, self._still = max(newest, self._newest), now, 0
        if self._median_s is not None and abs(lag_s - self._median_s) > SKEW_S * max(self._clock.speed, 1.0):
            self._odd_s.append(lag_s)
            if len(self._odd_s) < STEP or max(self._odd_s) - min(self._odd_s) > SPREAD_S * max(self._clock.speed, 1.0):
                del self._odd_s[:-STEP]
                return
            # Several in a row agree with each other and with none before: the clock was set.
            self._lags_s.clear()
            self._lags_s.extend(self._odd_s)
            self._odd_s.clear()
            self.correction_s = 0.0
            self._look_at = -np.inf
            if newest < self._newest:
                self.set_back_to = newest
            self._newest, self._moved_at, self._still = newest, now, 0
        else:
            self._odd_s.clear()
            self._lags_s.append(lag_s)
        self._median_s = float(np.median(self._lags_s))

    def _look(self, now: float) -> None:
        if len(self._lags_s) >= STEP:
            ordered = sorted(self._lags_s)
            # A low quantile: what came fastest tells most of the clock and least of the way.
            ahead_s = -ordered[len(ordered) // 10]
            steady = ordered[-1 - len(ordered) // 10] + ahead_s <= SPREAD_S * max(self._clock.speed, 1.0)
            self._link.clock_skew_s = round(ahead_s, 3)
            self._judge(ahead_s, steady)
        stopped = self._still >= ENOUGH and now - self._moved_at > STILL_S
        if stopped != self._stopped:
            self._stopped = stopped
            if stopped:
                _log.warning("device clock stands still", device=self._device.id, at=round(self._newest, 3))
            else:
                _log.info("device clock moves again", device=self._device.id)
        self._link.clock_detail = self._words()

    def _judge(self, ahead_s: float, steady: bool) -> None:
        if len(self._lags_s) < ENOUGH and not self._wrong:
            return
        wrong = abs(ahead_s) > (
            0.5 * SKEW_S * max(self._clock.speed, 1.0) if self._wrong else SKEW_S * max(self._clock.speed, 1.0)
        )
        if wrong != self._wrong:
            self._wrong = wrong
            if wrong:
                _log.warning(
                    "device clock is wrong",
                    device=self._device.id,
                    ahead_s=round(ahead_s, 1),
                    remedy="set the device's clock, or correct_clock: true for it in the site file",
                )
            else:
                _log.info("device clock is right again", device=self._device.id)
        if not (self._corrects and wrong and steady):
            self.correction_s = 0.0
        elif abs(self.correction_s + ahead_s) > 0.5 * SKEW_S * max(self._clock.speed, 1.0):
            # Kept as it is while it fits: stamps that move to and fro would come out of order.
            self.correction_s = -ahead_s

    def _words(self) -> str:
        if self._stopped:
            return "the device's clock stands still"
        if not self._wrong or self._link.clock_skew_s is None:
            return ""
        ahead_s = self._link.clock_skew_s
        where = "ahead" if ahead_s > 0.0 else "behind"
        corrected = "; its stamps are corrected" if self.correction_s else ""
        return f"the device's clock is {abs(ahead_s):.1f} s {where}{corrected}"

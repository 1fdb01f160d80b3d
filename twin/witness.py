"""What a live twin's estimates tell of demand: riders served who came while a pack was ready, and for how long."""

from math import inf
from typing import NamedTuple

from twin.observation import Estimate

SEEN_SHARE = 0.5
"""Share of the slots that telemetry must tell of: a slot that does not answer hands out nothing either."""
SETTLE_SWAPS = 2.0
"""A swap may be reported so many swap times after its rider came."""


class Seen(NamedTuple):
    """Of some time: riders served who found a pack ready, seconds in which they could, and seconds in which none was
    ready for whoever came. Time of which telemetry does not tell is neither.
    """

    swaps: int = 0
    exposure_s: float = 0.0
    stockout_s: float = 0.0


class Witness:
    """Swaps and exposure of one station between estimates.

    A rider who waited for a pack says nothing of how many come: swaps count only where a pack was ready shortly
    before.
    """

    def __init__(self, swap_s: float) -> None:
        self._settle_s = SETTLE_SWAPS * swap_s
        self._exposed = -inf

    def between(self, before: Estimate, now: Estimate) -> Seen:
        """What was seen from one estimate to the next one."""
        if now.time <= before.time or not (_tells(before) and _tells(now)):
            return Seen()
        exposure_s = now.time - before.time if before.ready > 0 else 0.0
        swaps = max(now.swaps - before.swaps, 0)
        if swaps and not exposure_s and before.time - self._exposed > self._settle_s:
            swaps = 0
        if exposure_s:
            self._exposed = now.time
        return Seen(swaps, exposure_s, now.time - before.time - exposure_s)


def _tells(estimate: Estimate) -> bool:
    return bool((~estimate.substituted).mean() >= SEEN_SHARE)

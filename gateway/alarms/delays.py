"""On- and off-delays of many conditions at once: what flickers within them changes nothing. Pure."""

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Delays:
    """One entry a source. ``active``: the condition counts as holding.

    What is not known changes nothing: the absence of a value is never a return to normal. A delay that runs stands
    still meanwhile, so that values which come and go do not put an alarm off for ever.
    """

    def __init__(self, on_delay_s: Floats, off_delay_s: Floats) -> None:
        self._on_delay_s, self._off_delay_s = on_delay_s, off_delay_s
        self.active = np.zeros(len(on_delay_s), dtype=np.bool_)
        self._differs_since = np.full(len(on_delay_s), np.nan)
        """Later by the time during which nothing was known since."""
        self._looked_at = np.inf

    @property
    def waiting(self) -> bool:
        """Whether a delay runs, so that time alone may change something."""
        return bool(np.isfinite(self._differs_since).any())

    def set(self, entry: int, active: bool) -> None:
        """How an entry stood before, as it was stored."""
        self.active[entry] = active

    def step(self, holds: Flags, known: Flags, now: float) -> NDArray[np.intp]:
        """Take in what is seen now; returns the entries whose ``active`` has changed."""
        passed_s, self._looked_at = max(now - self._looked_at, 0.0), now
        differs = known & (holds != self.active)
        unsure = ~known & np.isfinite(self._differs_since)
        if not differs.any() and not unsure.any():
            self._differs_since.fill(np.nan)
            return _NOTHING
        begun = np.where(np.isnan(self._differs_since), now, np.minimum(self._differs_since, now))
        self._differs_since = np.where(differs, begun, np.where(unsure, self._differs_since + passed_s, np.nan))
        delay_s = np.where(self.active, self._off_delay_s, self._on_delay_s)
        due = differs & (now - self._differs_since >= delay_s)
        self.active ^= due
        self._differs_since[due] = np.nan
        return np.flatnonzero(due)


_NOTHING = np.zeros(0, dtype=np.intp)

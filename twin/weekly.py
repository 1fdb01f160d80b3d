"""Demand by quarter hour of the local week, learned from counts with exposure (Gamma-Poisson with shrinkage)."""

from typing import Any

import numpy as np

from twin.calendar import QUARTERS_A_DAY, QUARTERS_A_WEEK
from twin.spec import Floats

HALF_LIFE_S = 4.0 * 7.0 * 86_400.0
"""What was seen so long ago counts half."""
CELL_WEEKS = 8.0
"""Weight of the day type's rate against a quarter hour of the week's own, in weeks of exposure."""
DAY_WEIGHT = 0.3
"""Weight of the prior's rate against a quarter hour of the day's own, in days of exposure."""
CELL_WIDTH, DAY_WIDTH = 7, 2
"""Half widths in quarter hours of the triangles that smooth counts over the week and over a day type."""

_WORKING_DAYS = 5


class WeeklyRates:
    """Riders per quarter hour, 672 of them from Monday midnight.

    A quarter hour of the week is shrunk towards that of its day type (working day or weekend), this one towards the
    prior's day, and the prior's total towards what was seen: every stage is the mean of a Gamma posterior whose prior
    has the weight of so much exposure at the rate of the stage before.
    """

    def __init__(self, prior: Floats, prior_cv: float) -> None:
        """``prior``: 96 expected riders per quarter hour of a day; ``prior_cv``: how uncertain their total is (cv)."""
        self._prior = prior
        self._prior_count = prior_cv**-2
        self._counts = np.zeros(QUARTERS_A_WEEK)
        self._exposure = np.zeros(QUARTERS_A_WEEK)
        self.rates = np.tile(prior, 7)

    def add(self, quarter: int, count: float, exposure: float) -> None:
        """``exposure``: quarter hours of ordinary demand in which riders could be seen."""
        self._counts[quarter] += count
        self._exposure[quarter] += exposure

    @property
    def exposure(self) -> float:
        """Quarter hours of exposure that are remembered."""
        return float(self._exposure.sum())

    @property
    def uncertainty(self) -> float:
        """Squared coefficient of variation of the total that is still left."""
        return 1.0 / (self._prior_count + float(self._counts.sum()))

    def renew(self, elapsed_s: float) -> float:
        """Forget what ``elapsed_s`` more seconds make less relevant and learn ``rates`` anew.

        Returns the ratio of the new week's total to the one before (1 where either is nothing).
        """
        keep = 0.5 ** (elapsed_s / HALF_LIFE_S)
        self._counts *= keep
        self._exposure *= keep
        before = float(self.rates.sum())
        counts = self._counts.reshape(7, QUARTERS_A_DAY)
        exposure = self._exposure.reshape(7, QUARTERS_A_DAY)
        expected = float((exposure * self._prior).sum())
        prior = self._prior * ((self._prior_count + counts.sum()) / (self._prior_count + expected))
        by_day = np.empty((7, QUARTERS_A_DAY))
        for days in (slice(0, _WORKING_DAYS), slice(_WORKING_DAYS, 7)):
            seen, could = _smooth(np.stack([counts[days].sum(0), exposure[days].sum(0)]), DAY_WIDTH)
            by_day[days] = (seen + DAY_WEIGHT * prior) / (could + DAY_WEIGHT)
        seen, could = _smooth(np.stack([self._counts, self._exposure]), CELL_WIDTH)
        self.rates = (seen + CELL_WEEKS * by_day.ravel()) / (could + CELL_WEEKS)
        after = float(self.rates.sum())
        return after / before if before > 0.0 and after > 0.0 else 1.0

    def state(self) -> dict[str, Any]:
        return {
            "counts": self._counts.tolist(),
            "exposure": self._exposure.tolist(),
            "rates": self.rates.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is no state of a week."""
        week = [np.array(state[name], dtype=np.float64) for name in ("counts", "exposure", "rates")]
        if any(part.shape != (QUARTERS_A_WEEK,) or not (part >= 0.0).all() for part in week):
            raise ValueError("a week has 672 quarter hours, none below zero")
        self._counts, self._exposure, self.rates = week


def _smooth(rows: Floats, width: int) -> Floats:
    """Rows with each number spread over its neighbours with the weights of a triangle; the ends meet."""
    weights = width - np.abs(np.arange(1 - width, width, dtype=np.float64))
    weights /= weights.sum()
    reach = width - 1
    wrapped = np.concatenate([rows[:, -reach:], rows, rows[:, :reach]], axis=1) if reach else rows
    return np.stack([np.convolve(row, weights, mode="valid") for row in wrapped])

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
CELL_WIDTH, DAY_WIDTH = 4, 2
"""Half widths in quarter hours of the triangles that smooth over the week and over a day type."""
ROUNDS = 20
"""Of expectation maximisation."""
MOST_UNSEEN = 0.5
"""Riders beyond the usual that are assumed in stockouts: at most so many as were seen in this share of the exposure."""

_WORKING_DAYS = 5
_STATE = ("counts", "exposure", "stockout", "levels", "rates")


class WeeklyRates:
    """Riders per quarter hour, 672 of them from Monday midnight.

    A quarter hour of the week is shrunk towards that of its day type (working day or weekend), this one towards the
    prior's day, and the prior's total towards what was seen: every stage is the mean of a Gamma posterior whose prior
    has the weight of so much exposure at the rate of the stage before. What a week's quarter hours have in common with
    their neighbours is how far they differ from their day type, not how many riders come: a peak stays a peak.
    """

    def __init__(self, prior: Floats, prior_cv: float) -> None:
        """``prior``: 96 expected riders per quarter hour of a day; ``prior_cv``: how uncertain their total is (cv)."""
        self._prior = prior
        self._prior_count = prior_cv**-2
        self._counts = np.zeros(QUARTERS_A_WEEK)
        self._exposure = np.zeros(QUARTERS_A_WEEK)
        self._stockout = np.zeros(QUARTERS_A_WEEK)
        self._levels = np.zeros(QUARTERS_A_WEEK)
        self.rates = np.tile(prior, 7)

    def add(self, quarter: int, count: float, exposure: float) -> None:
        """``exposure``: quarter hours of ordinary demand in which riders could be seen."""
        self._counts[quarter] += count
        self._exposure[quarter] += exposure

    def add_stockout(self, quarter: int, duration: float, level: float) -> None:
        """``duration``: quarter hours of ordinary demand in which no pack was ready, on a day of this level.

        Busy days have more of them than quiet ones. Were they left out, a peak would be learned from quiet days.
        """
        self._stockout[quarter] += duration
        self._levels[quarter] += duration * level

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
        for week in (self._counts, self._exposure, self._stockout, self._levels):
            week *= keep
        before = float(self.rates.sum())
        could_see = float(self._exposure.reshape(7, QUARTERS_A_DAY).sum(0) @ self._prior)
        prior = self._prior * ((self._prior_count + self._counts.sum()) / (self._prior_count + could_see))
        levels = np.minimum(self._levels, self._stockout + MOST_UNSEEN * self._exposure)
        by_day = np.empty((7, QUARTERS_A_DAY))
        for days in (slice(0, _WORKING_DAYS), slice(_WORKING_DAYS, 7)):
            weeks = (self._counts, self._exposure, self._stockout, levels)
            parts = np.stack([week.reshape(7, QUARTERS_A_DAY)[days].sum(0) for week in weeks])
            by_day[days] = _day_rates(parts, prior)
        ordinary = by_day.ravel()
        counts, exposure = self._counts + levels * ordinary, self._exposure + self._stockout
        seen, expected, weight = _smooth(np.stack([counts, exposure * ordinary, ordinary]), CELL_WIDTH)
        weight *= CELL_WEEKS
        self.rates = ordinary * np.divide(seen + weight, expected + weight, out=np.ones_like(seen), where=weight > 0.0)
        after = float(self.rates.sum())
        return after / before if before > 0.0 and after > 0.0 else 1.0

    def state(self) -> dict[str, Any]:
        return {
            "counts": self._counts.tolist(),
            "exposure": self._exposure.tolist(),
            "stockout": self._stockout.tolist(),
            "levels": self._levels.tolist(),
            "rates": self.rates.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is no state of a week."""
        week = [np.array(state[name], dtype=np.float64) for name in _STATE]
        if any(part.shape != (QUARTERS_A_WEEK,) or not (part >= 0.0).all() for part in week):
            raise ValueError("a week has 672 quarter hours, none below zero")
        self._counts, self._exposure, self._stockout, self._levels, self.rates = week


def _day_rates(parts: Floats, prior: Floats) -> Floats:
    """Riders per quarter hour of a day type; those of stockouts are assumed by what comes of it, until both agree.

    ``parts``: rows of counts, exposure, stockouts and stockouts times their level.
    """
    counts, exposure, stockout, levels = parts
    could = _smooth((exposure + stockout)[None], DAY_WIDTH)[0] + DAY_WEIGHT
    rates = prior
    for _ in range(ROUNDS):
        rates = (_smooth((counts + levels * rates)[None], DAY_WIDTH)[0] + DAY_WEIGHT * prior) / could
    return rates


def _smooth(rows: Floats, width: int) -> Floats:
    """Rows with each number spread over its neighbours with the weights of a triangle; the ends meet."""
    weights = width - np.abs(np.arange(1 - width, width, dtype=np.float64))
    weights /= weights.sum()
    reach = width - 1
    wrapped = np.concatenate([rows[:, -reach:], rows, rows[:, :reach]], axis=1) if reach else rows
    return np.stack([np.convolve(row, weights, mode="valid") for row in wrapped])

"""How riders come: an intensity over time, in swaps per second."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

HALF_HOUR_S = 1800.0


@dataclass(frozen=True, slots=True)
class Intensity:
    """Expected riders per second, constant within steps: step ``k`` covers ``start + k * step_s`` onwards.

    ``dispersion`` is the coefficient of variation of the day's level: futures differ in it (Gamma-distributed
    around one), because real demand varies more than a Poisson process with a known rate.
    """

    start: float
    step_s: float
    rates_per_s: NDArray[np.float64]
    dispersion: float = 0.0

    def at(self, time: float) -> float:
        """The intensity at a time; the last step holds on after the end, the first one before the start."""
        step = int((time - self.start) // self.step_s)
        return float(self.rates_per_s[min(max(step, 0), len(self.rates_per_s) - 1)])

    def riders(self, start: float, end: float) -> float:
        """How many riders are expected between two times.

        >>> Intensity(0.0, 60.0, np.array([0.5, 1.0])).riders(30.0, 90.0)
        45.0
        """
        inner = self.start + self.step_s * np.arange(1, len(self.rates_per_s))
        edges = np.concatenate([[start], inner[(inner > start) & (inner < end)], [end]])
        steps: list[tuple[float, float]] = list(pairwise(edges.tolist()))
        return sum(self.at(0.5 * (low + high)) * (high - low) for low, high in steps)


def day_rates_per_s(half_hourly: tuple[float, ...], swaps_per_day: float) -> NDArray[np.float64]:
    """The 48 rates of a day with the given shape and total.

    >>> float(day_rates_per_s((1.0,) * 48, 86_400.0)[0])
    1.0
    """
    shape = np.asarray(half_hourly, dtype=np.float64)
    total = shape.sum()
    if total <= 0.0:
        return np.zeros(len(shape))
    rates: NDArray[np.float64] = shape / total * (swaps_per_day / HALF_HOUR_S)
    return rates

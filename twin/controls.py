"""What is known of the futures beforehand, and makes a difference of lost swaps known better: control variates.

Some of what happens in the futures has an expectation that needs no simulation. How far the futures at hand are from
it, by chance, tells how far their lost swaps are from what they should be: a regression on the known quantities gives
the difference at their expectations (Lavenberg and Welch, 1981). Known are

- the riders who come, and their square: a Poisson number whose mean is itself Gamma-distributed;
- riders lost less the seconds waited over the mean patience: patience is exponential, so that everybody who waits
  leaves at one rate, and on average as many leave as that rate says.
"""

from math import inf, sqrt

import numpy as np

from twin.case import Case
from twin.futures import Futures
from twin.spec import HORIZONS_S, Floats
from twin.whatif import Z95, Interval, mean_difference

FEWEST, FEWEST_APART = 100, 20
"""With fewer futures, or fewer in which the lost swaps differ, a regression would say more than it can know."""


def lost_difference(before: Case, base: Futures, after: Case, changed: Futures, horizon: int) -> Interval:
    """The difference of lost swaps up to ``HORIZONS_S[horizon]`` between two cases that lived the same futures.

    The interval adds a difference of one to what the regression leaves, as ``mean_difference`` does.
    """
    replicas = len(base.wait_s)
    difference = (changed.lost[:, horizon] - base.lost[:, horizon]).astype(np.float64)
    known = [*known_columns(before, base, horizon), *known_columns(after, changed, horizon)]
    varying = [column for column in known if np.ptp(column) > 0.0]
    if replicas < FEWEST or np.count_nonzero(difference) < FEWEST_APART or not varying:
        return mean_difference(base.lost[:, horizon], changed.lost[:, horizon])
    table = np.column_stack([np.ones(replicas), *varying])
    fitted, _, rank, _ = np.linalg.lstsq(table, difference, rcond=None)
    error = difference - table @ fitted
    variance = (float(error @ error) + 1.0) / (replicas - int(rank)) * float(np.linalg.pinv(table.T @ table)[0, 0])
    mean, half = float(fitted[0]), Z95 * sqrt(variance)
    return Interval(mean, mean - half, mean + half)


def known_columns(case: Case, made: Futures, horizon: int) -> list[Floats]:
    """Quantities with an expectation of zero, one row a future."""
    expected = case.intensity.riders(case.now, case.now + HORIZONS_S[horizon])
    squared = expected + expected**2 * (1.0 + case.intensity.dispersion**2)
    came = made.came[:, horizon].astype(np.float64)
    columns = [came - expected, came**2 - squared]
    if 0.0 < case.spec.patience_s < inf and not case.state.patience_until:
        columns.append(made.lost[:, horizon] - made.waited_s[:, horizon] / case.spec.patience_s)
    return columns

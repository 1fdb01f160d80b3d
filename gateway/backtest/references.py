"""What a forecast has to beat: forecasts that know less, trained on the same observed days."""

import numpy as np

from gateway.backtest.replay import Replayed
from twin.spec import Floats

DAYS_OF_BASE_RATE = 2.0
"""Weight of a station's base rate against its own half hour, in days."""
SOFTENED = 0.02
"""Persistence says 0.98 and 0.02: nothing is certain."""
MOST_READY = 12
HOURS_A_BLOCK = 4
CASES_OF_COUNT = 8.0
"""Weight of a ready count's rate over the whole day against that in a block of hours."""


def references(replayed: Replayed) -> dict[str, Floats]:
    """Probabilities at the test origins, by model and horizon."""
    return {
        "climatology": climatology(replayed),
        "persistence": persistence(replayed),
        "ready_only": ready_only(replayed),
    }


def climatology(replayed: Replayed) -> Floats:
    """How often it happened at this half hour of a working day or weekend, shrunk towards the station's base rate."""
    cell = replayed.half_hour + 48 * replayed.weekend
    return _table(cell, replayed, np.tile(_trained(replayed).mean(axis=0), (len(cell), 1)), DAYS_OF_BASE_RATE)


def persistence(replayed: Replayed) -> Floats:
    """As now, so at all horizons."""
    empty = replayed.seen_ready[replayed.test] == 0
    return np.repeat(np.where(empty, 1.0 - SOFTENED, SOFTENED)[:, None], replayed.happened.shape[1], axis=1)


def ready_only(replayed: Replayed) -> Floats:
    """How often it happened with so many packs ready, at these hours: knows nothing of charges under way."""
    count = np.minimum(replayed.seen_ready, MOST_READY)
    base = np.tile(_trained(replayed).mean(axis=0), (len(count), 1))
    by_count = _table(count, replayed, base, 1.0, everywhere=True)
    block = replayed.half_hour // (2 * HOURS_A_BLOCK)
    return _table(count + (MOST_READY + 1) * block, replayed, by_count, CASES_OF_COUNT)


def _trained(replayed: Replayed) -> Floats:
    trained: Floats = replayed.happened[~replayed.test].astype(np.float64)
    return trained


def _table(cell: np.ndarray, replayed: Replayed, towards: Floats, weight: float, *, everywhere: bool = False) -> Floats:
    """Frequency per cell over the training, shrunk towards a rate of each origin with the weight of so many cases."""
    training = ~replayed.test
    size = int(cell.max()) + 1
    cases = np.bincount(cell[training], minlength=size)
    rates = np.empty_like(towards)
    for horizon in range(towards.shape[1]):
        seen = np.bincount(cell[training], replayed.happened[training, horizon], minlength=size)
        rates[:, horizon] = (seen[cell] + weight * towards[:, horizon]) / (cases[cell] + weight)
    return rates if everywhere else rates[replayed.test]

"""How good probability forecasts were: proper scores, calibration, and how sure one can be of them.

``probability`` and ``outcome`` are arrays of one length; an outcome is 0 or 1. Sources: Brier (1950); fair scores of
finite ensembles: Ferro (2014, doi 10.1002/qj.2270); reliability: Murphy (1973); ensemble CRPS: Gneiting and Raftery
(2007, doi 10.1198/016214506000001437); randomised PIT for counts: Czado, Gneiting and Held (2009,
doi 10.1111/j.1541-0420.2009.01191.x). Functions raise ``ValueError`` where there is nothing to score.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.spec import Floats

BINS = 10


def brier(probability: ArrayLike, outcome: ArrayLike) -> float:
    """Mean squared error of the probabilities: 0 is perfect, always saying one half scores 0.25.

    >>> round(brier([0.9, 0.2], [1, 0]), 6)
    0.025
    """
    p, y = _pairs(probability, outcome)
    return float(np.mean((p - y) ** 2))


def fair_brier(probability: ArrayLike, outcome: ArrayLike, members: int) -> float:
    """What the Brier score would be with infinitely many members: ``p(1-p)/(K-1)`` is noise of the ensemble's size."""
    if members < 2:
        raise ValueError(f"an ensemble of {members} has no spread to correct for; give at least 2 members")
    p, y = _pairs(probability, outcome)
    return float(np.mean((p - y) ** 2 - p * (1.0 - p) / (members - 1)))


def skill(score: float, reference: float) -> float:
    """The part of a reference's loss that a forecast avoids; NaN where the reference has none to avoid."""
    return 1.0 - score / reference if reference > 0.0 else float("nan")


@dataclass(frozen=True, slots=True)
class Reliability:
    """By bin of probability: how many forecasts, what they said on average, and how often it happened (else NaN)."""

    count: NDArray[np.int64]
    said: Floats
    happened: Floats


def reliability(probability: ArrayLike, outcome: ArrayLike, bins: int = BINS) -> Reliability:
    """Bins of equal width; a probability of one belongs to the last."""
    p, y = _pairs(probability, outcome)
    which = np.minimum((p * bins).astype(np.int64), bins - 1)
    count = np.bincount(which, minlength=bins)
    filled = np.where(count > 0, count, np.nan)
    return Reliability(
        count, np.bincount(which, p, minlength=bins) / filled, np.bincount(which, y, minlength=bins) / filled
    )


def expected_calibration_error(probability: ArrayLike, outcome: ArrayLike, bins: int = BINS) -> float:
    """Mean distance of said and happened over the bins, weighted by their counts. Never below zero: noise adds up."""
    table = reliability(probability, outcome, bins)
    return float(np.nansum(table.count * np.abs(table.said - table.happened)) / table.count.sum())


def log_loss(probability: ArrayLike, outcome: ArrayLike, members: int) -> float:
    """Mean negative logarithm of the probability given to what happened.

    An ensemble of K members cannot tell a chance below 1/K from none: probabilities are held within 0.5/K of 0 and 1.
    """
    p, y = _pairs(probability, outcome)
    held = np.clip(p, 0.5 / members, 1.0 - 0.5 / members)
    return float(-np.mean(np.where(y > 0.5, np.log(held), np.log1p(-held))))


def auc(probability: ArrayLike, outcome: ArrayLike) -> float:
    """Chance that a case that happened was given more than one that did not (ties count half); NaN without both."""
    p, y = _pairs(probability, outcome)
    happened = int(y.sum())
    others = len(y) - happened
    if not happened or not others:
        return float("nan")
    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    mid_rank = np.cumsum(count) - 0.5 * (count - 1)
    ranks = mid_rank[place][y > 0.5].sum()
    return float((ranks - happened * (happened + 1) / 2.0) / (happened * others))


def crps(ensemble: ArrayLike, outcome: ArrayLike) -> Floats:
    """Fair continuous ranked probability score of each row of ``ensemble`` (forecasts, members), in its own unit.

    ``E|X - y| - E|X - X'|/2`` with the pairs of different members only, so that it does not depend on their number.
    """
    members = np.sort(np.atleast_2d(np.asarray(ensemble, dtype=np.float64)), axis=1)
    y = np.atleast_1d(np.asarray(outcome, dtype=np.float64))
    size = members.shape[1]
    if size < 2 or len(members) != len(y):
        raise ValueError(f"ensemble {members.shape} for {len(y)} outcomes: give a row of two or more for each outcome")
    weight = 2.0 * np.arange(1, size + 1) - size - 1.0
    spread = members @ weight / (size * (size - 1.0))
    scored: Floats = np.abs(members - y[:, None]).mean(axis=1) - spread
    return scored


def pit(ensemble: ArrayLike, outcome: ArrayLike, rng: np.random.Generator) -> Floats:
    """Randomised probability integral transform: uniform on [0, 1] where outcome and members are alike, counts too."""
    members = np.atleast_2d(np.asarray(ensemble, dtype=np.float64))
    y = np.atleast_1d(np.asarray(outcome, dtype=np.float64))[:, None]
    below = (members < y).sum(axis=1)
    equal = (members == y).sum(axis=1)
    placed: Floats = (below + rng.random(len(members)) * (equal + 1)) / (members.shape[1] + 1)
    return placed


def bootstrap(
    block: ArrayLike,
    statistic: Callable[[NDArray[np.intp]], float],
    *,
    resamples: int = 500,
    seed: int = 0,
    level: float = 0.9,
) -> tuple[float, float]:
    """An interval for a statistic, by drawing whole blocks with replacement: neighbours in time share outcomes.

    ``block`` numbers the block of each case (the day); ``statistic`` gets the numbers of the cases drawn.
    """
    blocks = np.asarray(block)
    if not len(blocks):
        raise ValueError("there is no case to draw from")
    order = np.argsort(blocks, kind="stable")
    _, first = np.unique(blocks[order], return_index=True)
    groups = np.split(order, first[1:])
    rng = np.random.default_rng(seed)
    drawn = [
        statistic(np.concatenate([groups[index] for index in rng.integers(len(groups), size=len(groups))]))
        for _ in range(resamples)
    ]
    tail = 50.0 * (1.0 - level)
    low, high = np.nanpercentile(drawn, [tail, 100.0 - tail]) if np.isfinite(drawn).any() else (np.nan, np.nan)
    return float(low), float(high)


def _pairs(probability: ArrayLike, outcome: ArrayLike) -> tuple[Floats, Floats]:
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if p.shape != y.shape or p.ndim != 1 or not len(p):
        raise ValueError(f"{p.shape} probabilities for {y.shape} outcomes: give one of each, and at least one")
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise ValueError("a probability lies outside 0 to 1")
    return p, y

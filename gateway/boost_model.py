"""Corrections to the expected riders of all stations, learned by gradient-boosted trees from all of them together.

The trees are given what each station's own model would have said at the time (its history is lived through anew) and
``twin.demand_features``, and learn by which factor to multiply it: one model for the first hour ahead, one for the
second. Needs LightGBM (the extra ``boost``), which is imported only here and only when used.
"""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from twin.calendar import QUARTER_S, QUARTERS_A_WEEK, Calendar
from twin.demand_features import HOUR, HOURS, MEMORY, NAMES, Quarters, features
from twin.learned_demand import DemandModel
from twin.spec import Floats

SETTLE = 2 * QUARTERS_A_WEEK
"""So many quarter hours a station's model learns before what it says is taken for an example."""
ORIGIN = 2
"""Quarter hours between two examples of a station."""
LEAST_EXPOSURE = 0.5
ROUNDS = 60
PARAMETERS: dict[str, Any] = {
    "objective": "poisson",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "lambda_l2": 5.0,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
LARGEST_LOG = 1.0
"""No correction is larger than by the factor e."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Stations' features at many times: times by stations by hours (by features), and what came of it.

    ``number``: quarter hour of each time; ``riders``: what the station's model said for each hour; ``swaps`` and
    ``exposure`` (share) of that hour.
    """

    number: NDArray[np.int64]
    features: Floats
    riders: Floats
    swaps: Floats
    exposure: Floats


class Trees:
    """The learned corrections; ``text`` is LightGBM's own format, one a hour ahead."""

    def __init__(self, text: tuple[str, ...]) -> None:
        """Raises ``ImportError`` where the extra ``boost`` is not installed, ``ValueError`` for what are no trees."""
        import lightgbm

        try:
            self._hours = [lightgbm.Booster(model_str=one) for one in text]
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"no trees: {error}") from error
        features_known = [booster.num_feature() for booster in self._hours]
        if features_known != [len(NAMES)] * HOURS:
            raise ValueError(f"trees of {features_known} features, not {HOURS} times {len(NAMES)}")

    def factors(self, given: Floats) -> Floats:
        """Factors by stations and hours for features of that shape; one wherever a feature of a station is missing.

        They are half of the trees' own: the mean of what the trees and the station's model expect.
        """
        made = np.ones(given.shape[:2])
        whole = ~np.isnan(given).any(axis=(1, 2))
        if whole.any():
            for hour, booster in enumerate(self._hours):
                said = np.asarray(booster.predict(given[whole, hour], raw_score=True, num_threads=1))
                made[whole, hour] = 0.5 + 0.5 * np.exp(np.clip(said, -LARGEST_LOG, LARGEST_LOG))
        return made


def ahead(model: DemandModel, number: int) -> tuple[Floats, Floats]:
    """Riders in each of the hours from quarter hour ``number`` on: as a model has them, and its week alone."""
    start = number * QUARTER_S
    said = model.intensity(start, HOURS * HOUR * QUARTER_S)
    riders: Floats = said.rates_per_s.reshape(HOURS, HOUR).sum(axis=1) * QUARTER_S
    usual = model.ordinary(start + QUARTER_S * (np.arange(HOURS * HOUR, dtype=np.float64) + 0.5))
    return riders, usual.reshape(HOURS, HOUR).sum(axis=1)


def live_through(models: list[DemandModel], zone: str, seen: Quarters) -> Examples:
    """Let models that have learned nothing learn what was seen, and note on the way what they say."""
    place = ZoneInfo(zone)
    rows: list[tuple[int, Floats, Floats, Floats, Floats]] = []
    stations = len(models)
    riders, usual = np.empty((stations, HOURS)), np.empty((stations, HOURS))
    last = len(seen.swaps) - HOURS * HOUR
    for row in range(len(seen.swaps)):
        number = seen.first + row
        if row >= max(SETTLE, MEMORY) and row % ORIGIN == 0 and row <= last:
            for station, model in enumerate(models):
                riders[station], usual[station] = ahead(model, number)
            weekly = np.stack([model.weekly_rates for model in models])
            given = features(seen, place, number, weekly, riders, usual)
            came, told = (
                part[row : row + HOURS * HOUR].reshape(HOURS, HOUR, stations) for part in (seen.swaps, seen.exposure)
            )
            rows.append((number, given, riders.copy(), came.sum(axis=1).T, told.mean(axis=1).T))
        begin = number * QUARTER_S
        for model, swaps, share in zip(models, seen.swaps[row].tolist(), seen.exposure[row].tolist(), strict=True):
            if share > 0.0:
                model.observe(begin, begin + QUARTER_S, swaps, share * QUARTER_S)
    return Examples(*(np.array(column) for column in zip(*rows, strict=True)))


def grow(examples: Examples, before: int) -> tuple[str, ...]:
    """Learn from examples whose two hours were over at quarter hour ``before``: the text of ``Trees``.

    The same examples give the same trees. Raises ``ImportError`` where the extra ``boost`` is not installed, and
    ``ValueError`` where there is no example.
    """
    import lightgbm

    known = examples.number + HOURS * HOUR <= before
    texts = []
    for hour in range(HOURS):
        given = examples.features[known, :, hour].reshape(-1, examples.features.shape[-1])
        share = examples.exposure[known, :, hour].ravel()
        usable = ~np.isnan(given).any(axis=1) & (share >= LEAST_EXPOSURE)
        if not usable.any():
            raise ValueError("no two hours from which to learn: too little of the history was seen")
        riders = np.maximum(examples.riders[known, :, hour].ravel() * share, 0.01)
        swaps = examples.swaps[known, :, hour].ravel()
        data = lightgbm.Dataset(given[usable], swaps[usable], init_score=np.log(riders[usable]))
        texts.append(lightgbm.train(PARAMETERS, data, ROUNDS).model_to_string())
    return tuple(texts)


def quarters_of(calendars: list[Calendar], first: int, swaps: Floats, exposure: Floats) -> Quarters:
    """Counts and exposure (quarter hours by stations) with what the stations' calendars say of them."""
    middles = ((first + np.arange(len(swaps)) + 0.5) * QUARTER_S).tolist()
    cell = np.array([calendars[0].quarter(time) for time in middles], dtype=np.int64)
    multiplier = np.array([[calendar.multiplier(time) for calendar in calendars] for time in middles])
    return Quarters(first, swaps, exposure, multiplier.reshape(swaps.shape), cell)

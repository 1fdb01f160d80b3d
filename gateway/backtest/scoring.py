"""Scores of replayed forecasts, pooled over stations and for each, as plain data: what ``--json`` writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.backtest.references import references
from gateway.backtest.replay import Replayed
from twin import scores
from twin.spec import HORIZONS_S, Floats

MODELS = ("swaptwin", "climatology", "persistence", "ready_only", "oracle")
PIT_BINS = 10
LOADS = ("quiet", "middle", "busy")
"""Thirds of the test origins by riders in the hour before, station by station."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Scored forecasts of one station or of many. Rows are origins, columns horizons."""

    probability: dict[str, Floats]
    happened: Floats
    crps: Floats
    pit: Floats
    block: NDArray[np.int64]
    """Which station's which day: what is drawn together in the bootstrap."""
    hour: NDArray[np.int64]
    load: NDArray[np.int64]

    @property
    def count(self) -> int:
        return len(self.happened)

    def select(self, rows: NDArray[Any]) -> "Cases":
        return Cases(
            {model: said[rows] for model, said in self.probability.items()},
            self.happened[rows],
            self.crps[rows],
            self.pit[rows],
            self.block[rows],
            self.hour[rows],
            self.load[rows],
        )


def cases_of(replayed: Replayed) -> Cases:
    """A station's test forecasts beside its references. Hours beside a clock change are left out."""
    test = replayed.test
    probability = replayed.probability | references(replayed)
    riders = replayed.riders[test]
    low, high = np.quantile(riders, [1 / 3, 2 / 3])
    return Cases(
        {model: probability[model] for model in MODELS},
        replayed.happened[test].astype(np.float64),
        replayed.crps,
        replayed.pit,
        replayed.day[test],
        replayed.half_hour[test] // 2,
        (riders > low).astype(np.int64) + (riders > high),
    ).select(~replayed.folded[test])


def pooled(parts: Sequence[Cases]) -> Cases:
    """All stations' forecasts together. Days stay whole over stations: their weather is the same."""
    return Cases(
        {model: np.concatenate([part.probability[model] for part in parts]) for model in MODELS},
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("happened", "crps", "pit", "block", "hour", "load")
        ),
    )


def summary(replays: Sequence[Replayed], replicas: int) -> dict[str, Any]:
    """The whole result. ``scores`` is over all stations, ``stations`` has the same for each."""
    parts = {replayed.station: cases_of(replayed) for replayed in replays}
    everything = pooled(list(parts.values()))
    return {
        "forecasts": everything.count,
        "replicas": replicas,
        "scores": scored(everything, replicas),
        "by_hour": _skills(everything, everything.hour, range(24)),
        "by_load": dict(zip(LOADS, _skills(everything, everything.load, range(len(LOADS))), strict=True)),
        "stations": {station: scored(cases, replicas) for station, cases in parts.items()},
        "replays": {
            replayed.station: {
                "arrivals": replayed.arrivals,
                "swaps": replayed.swaps,
                "lost": replayed.lost,
                "missed_reports": replayed.missed_reports,
            }
            for replayed in replays
        },
    }


def scored(cases: Cases, replicas: int) -> dict[str, dict[str, Any]]:
    """Scores by model and horizon. The forecast's own also say how sure they are and how good its ready counts were."""
    result: dict[str, dict[str, Any]] = {}
    for model in MODELS:
        result[model] = {}
        for column, horizon in enumerate(HORIZONS_S):
            said, happened = cases.probability[model][:, column], cases.happened[:, column]
            reference = cases.probability["climatology"][:, column]
            fields = _of_model(said, happened, reference, replicas)
            if model == "swaptwin":
                fields |= _of_ours(cases, column, said, happened, reference, replicas)
            result[model][f"{horizon:.0f}"] = fields
    return result


def _of_model(said: Floats, happened: Floats, reference: Floats, replicas: int) -> dict[str, Any]:
    table = scores.reliability(said, happened)
    loss = scores.brier(said, happened)
    return {
        "brier": _number(loss),
        "brier_skill": _number(scores.skill(loss, scores.brier(reference, happened))),
        "ece": _number(scores.expected_calibration_error(said, happened)),
        "log_loss": _number(scores.log_loss(said, happened, replicas)),
        "auc": _number(scores.auc(said, happened)),
        "base_rate": _number(happened.mean()),
        "reliability": {
            "count": table.count.tolist(),
            "said": [_number(value) for value in table.said],
            "happened": [_number(value) for value in table.happened],
        },
    }


def _of_ours(
    cases: Cases, column: int, said: Floats, happened: Floats, reference: Floats, replicas: int
) -> dict[str, Any]:
    ours, theirs = (said - happened) ** 2, (reference - happened) ** 2
    fair = scores.fair_brier(said, happened, replicas)
    low, high = scores.bootstrap(cases.block, lambda rows: scores.skill(ours[rows].mean(), theirs[rows].mean()))
    histogram, _ = np.histogram(cases.pit[:, column], bins=PIT_BINS, range=(0.0, 1.0))
    return {
        "fair_brier": _number(fair),
        "fair_brier_skill": _number(scores.skill(fair, float(theirs.mean()))),
        "brier_skill_90": [_number(low), _number(high)],
        "crps_ready": _number(cases.crps[:, column].mean()),
        "pit": histogram.tolist(),
    }


def _skills(cases: Cases, group: NDArray[np.int64], groups: range) -> list[dict[str, Any]]:
    """Skill against climatology, base rate and number of forecasts, by group and horizon."""
    rows = []
    for number in groups:
        mine = cases.select(np.flatnonzero(group == number))
        fields: dict[str, Any] = {"forecasts": mine.count}
        for column, horizon in enumerate(HORIZONS_S):
            if not mine.count:
                break
            happened = mine.happened[:, column]
            losses: Mapping[str, float] = {
                model: scores.brier(mine.probability[model][:, column], happened)
                for model in ("swaptwin", "climatology")
            }
            fields[f"{horizon:.0f}"] = {
                "brier": _number(losses["swaptwin"]),
                "brier_skill": _number(scores.skill(losses["swaptwin"], losses["climatology"])),
                "base_rate": _number(happened.mean()),
            }
        rows.append(fields)
    return rows


def _number(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None

"""Computes a station's forecast and shapes it as clients see it. Pure; runs in a worker thread."""

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.advice import Advice, advise, sentence
from twin.case import Case
from twin.drivers import Probability, drivers
from twin.eta import etas
from twin.spec import HORIZONS_S, Floats, Forecast

if TYPE_CHECKING:
    from twin.futures import Futures

Fields = dict[str, Any]

STEP_S = 120.0
"""Spacing of the forecast's ready bands, site seconds."""
RISK_HORIZON_S = 3600.0
"""Drivers and advice are about a stockout within this time."""
EXPLAINED_FROM = 0.02
"""From this risk on its drivers are worth the computing."""
DRIVER_REPLICAS = 100
BANDS = ("p05", "p25", "p50", "p75", "p95")


@dataclass(frozen=True, slots=True)
class Basis:
    """What a forecast starts from, and how good that is.

    ``data_time``: when the oldest value that matters was last known to hold. ``usual_rate_per_s``: the station's mean
    rate of riders over a day.
    """

    case: Case
    model: str
    quality: str
    reason: str | None
    data_time: float | None
    usual_rate_per_s: float


@dataclass(frozen=True, slots=True)
class Job:
    """One forecast to make."""

    station: str
    basis: Basis
    replicas: int
    seed: int
    valid_s: float
    target: float


def prepare() -> None:
    """Load the compiled model, and compile what is not in its cache yet: the first thing that a worker thread does."""
    from twin import kernel

    kernel.warm()


def make(job: Job) -> Fields:
    """A station's forecast object. Takes milliseconds, or a tenth of a second where the risk asks for advice."""
    case = job.basis.case
    made = summed(live(case, job.replicas, job.seed), job.seed)
    risk = made.stockout_probability[HORIZONS_S.index(RISK_HORIZON_S)]
    explained = None
    if risk >= EXPLAINED_FROM:
        ask = risk_of(min(job.replicas, DRIVER_REPLICAS), job.seed)
        found = drivers(case, job.basis.usual_rate_per_s, ask)
        explained = {name: round(getattr(found, name), 3) for name in ("demand", "charging", "faults")}
    advice = None
    if risk > job.target:
        advice = advice_fields(advise(case, job.target, risk_of(job.replicas, job.seed)))
    return (
        {
            "station": job.station,
            "generated_at": round(case.now, 3),
            "valid_until": round(case.now + job.valid_s, 3),
            "model": job.basis.model,
            "quality": job.basis.quality,
            "reason": job.basis.reason,
            "data_age_s": _age(job.basis.data_time, case.now),
        }
        | ensemble_fields(made)
        | {"eta": eta_fields(case), "drivers": explained, "advice": advice}
    )


def live(case: Case, replicas: int, seed: int, horizons: tuple[float, ...] = HORIZONS_S) -> "Futures":
    """Futures of a case. The compiled model takes a second to import, so the worker thread does it when it needs it."""
    from twin.futures import futures

    return futures(
        case.spec,
        case.state,
        case.intensity,
        replicas=replicas,
        seed=seed,
        horizon_s=horizons[-1],
        step_s=STEP_S,
        horizons=horizons,
        lead_s=case.lead_s,
    )


def summed(lived: "Futures", seed: int) -> Forecast:
    """What futures have in common."""
    from twin.futures import summarise

    return summarise(lived, seed)


def risk_of(replicas: int, seed: int) -> Probability:
    """P(stockout, 60 min) of any case over the same futures."""
    return lambda case: float(np.mean(live(case, replicas, seed, (RISK_HORIZON_S,)).wait_s <= RISK_HORIZON_S))


def ensemble_fields(made: Forecast) -> Fields:
    """What an ensemble says: nulls where a quantile lies beyond the last horizon."""
    return {
        "replicas": made.replicas,
        "seed": made.seed,
        "stockout_probability": by_horizon(made.stockout_probability, 4),
        "lost_swaps": by_horizon(made.lost_swaps, 3),
        "time_to_stockout_s": {
            name: _seconds(seconds)
            for name, seconds in zip(("p10", "p50", "p90"), made.time_to_stockout_s, strict=True)
        },
        "ready": {"t": np.round(made.ready_t, 1).tolist()}
        | {band: np.round(row, 2).tolist() for band, row in zip(BANDS, made.ready_quantiles, strict=True)},
    }


def eta_fields(case: Case) -> list[Fields]:
    """Seconds from now until each charging pack is ready and full; null: not as things are."""
    return [
        {
            "slot": eta.slot + 1,
            "ready_s": _seconds(max(eta.ready_s - case.lead_s, 0.0)),
            "full_s": _seconds(max(eta.full_s - case.lead_s, 0.0)),
        }
        for eta in etas(case.spec, case.state)
    ]


def advice_fields(advice: Advice) -> Fields:
    """Advice as clients see it; ``options`` is empty where no single action is enough."""
    return {
        "target": advice.target,
        "probability": round(advice.probability, 4),
        "text": sentence(advice),
        "options": [
            {
                "action": option.action,
                "amount": round(option.amount, 3),
                "slots": list(option.slots),
                "probability": round(option.probability, 4),
            }
            for option in advice.options
        ],
    }


def by_horizon(values: Floats, digits: int) -> dict[str, float]:
    """Values of the horizons under their names in seconds."""
    pairs = zip(HORIZONS_S, values.tolist(), strict=True)
    return {f"{horizon_s:.0f}": round(value, digits) for horizon_s, value in pairs}


def _seconds(seconds: float) -> float | None:
    return round(seconds, 1) if isfinite(seconds) else None


def _age(time: float | None, now: float) -> float | None:
    return None if time is None else round(max(now - time, 0.0), 1)

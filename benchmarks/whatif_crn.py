"""What-if: how many replicas common random numbers save."""

from collections.abc import Callable

import numpy as np

from benchmarks.report import Cell, Table
from benchmarks.stations import case_at
from twin.case import Case
from twin.controls import lost_difference
from twin.futures import Futures, futures
from twin.spec import HORIZONS_S, Floats
from twin.whatif import Z95, Change, Interval, apply, plain, share_difference

REPLICAS = 20_000
PER_HOUR = (8.0, 12.0)
SHOWN_S = (3600.0, 7200.0)


async def run() -> list[Table]:
    """The interval that an answer gives beside that of independent futures; replicas go with its square."""
    return [_table(per_hour) for per_hour in PER_HOUR]


def _table(per_hour: float) -> Table:
    case = plain(case_at(per_hour))
    limit_w, power_w = case.spec.grid_limit_w, case.spec.charger.power_w
    asked = {
        "one pack more": Change(packs_added=1),
        "one pack fewer": Change(packs_removed=1),
        "grid limit +10 %": Change(grid_limit_w=1.1 * limit_w),
        "grid limit -10 %": Change(grid_limit_w=0.9 * limit_w),
        "charger power +10 %": Change(charger_power_w=1.1 * power_w),
        "demand -5 %": Change(demand_factor=0.95),
        "a slot faulted": Change(slots_faulted=(7,)),
        "one bay closed": Change(bays=1),
    }
    base, other = _live(case, seed=1), _live(case, seed=2)
    rows: list[list[Cell]] = []
    for name, change in asked.items():
        after, _ = apply(case, change)
        changed = _live(after, seed=1)
        row: list[Cell] = [name]
        for horizon_s in SHOWN_S:
            found = lost_difference(case, base, after, changed, HORIZONS_S.index(horizon_s))
            row += [found.mean, _apart(_lost, changed, other, horizon_s) / _variance(found)]
        for horizon_s in SHOWN_S:
            found = share_difference(*(made.wait_s <= horizon_s for made in (base, changed)))
            apart, share = _apart(_stockout, changed, other, horizon_s), abs(found.mean)
            most = apart * REPLICAS / (share * (1.0 - share)) if share else None
            row += [found.mean, apart / _variance(found), most]
        rows.append(row)
    risk = ", ".join(f"{float(np.mean(_stockout(base, each))):.2f} within {each / 60:.0f} min" for each in SHOWN_S)
    return Table(
        f"What-if with common random numbers, {per_hour:.0f} riders an hour (P(stockout) {risk})",
        [
            "change",
            *("lost 60 min", "saves", "lost 120 min", "saves"),
            *("P(stockout, 60)", "saves", "at most", "P(stockout, 120)", "saves", "at most"),
        ],
        rows,
        [
            f"Reference station of 20 slots, {REPLICAS:,} futures each: the difference that the change makes, and how",
            "many times fewer replicas than with independent futures give it with the same confidence interval.",
            "'At most' is what no coupling of futures could exceed: either a future runs out of packs or it does",
            "not, so that a share of them as large as the difference itself must differ ('-': there is no difference).",
        ],
    )


def _apart(measure: Callable[[Futures, float], Floats], changed: Futures, other: Futures, horizon_s: float) -> float:
    """The variance of the mean difference of independent futures."""
    return float(np.var(measure(changed, horizon_s)) + np.var(measure(other, horizon_s))) / REPLICAS


def _variance(found: Interval) -> float:
    return ((found.high - found.low) / (2.0 * Z95)) ** 2


def _live(case: Case, seed: int) -> Futures:
    return futures(case.spec, case.state, case.intensity, replicas=REPLICAS, seed=seed)


def _lost(made: Futures, horizon_s: float) -> Floats:
    return made.lost[:, HORIZONS_S.index(horizon_s)].astype(np.float64)


def _stockout(made: Futures, horizon_s: float) -> Floats:
    return (made.wait_s <= horizon_s).astype(np.float64)

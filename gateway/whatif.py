"""What-if questions from the live state: a bounded number at a time, answered in a worker thread."""

from collections.abc import Callable
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from config.clock import Clock
from gateway.ensembles import Ensembles
from gateway.forecast_object import (
    Basis,
    Fields,
    advice_fields,
    ensemble_fields,
    live,
    risk_of,
    summed,
)
from gateway.forecast_runner import seed_of
from twin.advice import advise
from twin.case import Case
from twin.controls import lost_difference
from twin.spec import HORIZONS_S
from twin.whatif import ZERO, Change, Effect, Interval, apply, plain, share_difference

MOST_AT_ONCE = 4
"""Questions that may be under way; more are refused, so that forecasts are never crowded out."""
DEFAULT_REPLICAS, MOST_REPLICAS = 500, 5000

Count = Annotated[int, Field(ge=0, le=999)]
SlotNumbers = Annotated[tuple[Annotated[int, Field(ge=1, le=999)], ...], Field(max_length=999)]


T = TypeVar("T")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Packs(_Body):
    n: Annotated[int, Field(ge=1, le=999)]
    soc: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Charge of each; default: full."""


class Question(_Body):
    """What is to be different from now on; power in W, slots by number. What is not named stays as it is."""

    grid_limit_w: Annotated[float, Field(ge=0.0, le=1e9)] | None = None
    charger_power_w: Annotated[float, Field(gt=0.0, le=1e7)] | None = None
    packs_added: Count | Packs = 0
    packs_removed: Count = 0
    slots_repaired: SlotNumbers = ()
    slots_faulted: SlotNumbers = ()
    demand_factor: Annotated[float, Field(ge=0.0, le=100.0)] = 1.0
    bays: Annotated[int, Field(ge=0, le=99)] | None = None
    bay_closed: bool = False
    """One bay less than there are."""
    replicas: Annotated[int, Field(ge=10, le=MOST_REPLICAS)] = DEFAULT_REPLICAS
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None

    @model_validator(mode="after")
    def _one_word_on_bays(self) -> Self:
        if self.bays is not None and self.bay_closed:
            raise ValueError("give either 'bays' or 'bay_closed'")
        return self

    def change(self, bays: int) -> Change:
        """The question as the model understands it; ``bays`` are those that there are."""
        asked = self.packs_added
        packs, soc = (asked.n, asked.soc) if isinstance(asked, Packs) else (asked, None)
        return Change(
            grid_limit_w=self.grid_limit_w,
            charger_power_w=self.charger_power_w,
            packs_added=packs,
            added_soc=soc,
            packs_removed=self.packs_removed,
            slots_repaired=self.slots_repaired,
            slots_faulted=self.slots_faulted,
            demand_factor=self.demand_factor,
            bays=max(bays - 1, 0) if self.bay_closed else self.bays,
        )


class NothingKnownError(Exception):
    """Nothing was ever known of the station: there is no state to ask from."""


class PreparingError(Exception):
    """The model is still being loaded."""


class BusyError(Exception):
    """As many questions as may be are under way."""


class WhatIf:
    """Answers questions about the stations that ``basis`` knows."""

    def __init__(
        self, clock: Clock, ensembles: Ensembles, basis: Callable[[str], Basis | None], targets: dict[str, float]
    ) -> None:
        """``targets``: the risk of a stockout within 60 min that each station is to stay under."""
        self._clock, self._ensembles, self._basis, self._targets = clock, ensembles, basis, targets
        self._under_way = 0

    async def ask(self, station: str, question: Question) -> Fields:
        """The difference that a change makes. Raises ``ChangeError`` and this module's own errors."""
        basis = self._known(station)
        seed = seed_of(station, basis.case.now) if question.seed is None else question.seed
        change, replicas = question.change(basis.case.spec.bays), question.replicas
        found: Fields = await self._work(lambda: answer(basis.case, change, replicas, seed))
        return self._head(station, basis) | found

    async def advice(self, station: str) -> Fields:
        """The smallest single action that brings the risk under the station's target."""
        basis = self._known(station)
        seed, target = seed_of(station, basis.case.now), self._targets[station]
        found = await self._work(lambda: advise(basis.case, target, risk_of(DEFAULT_REPLICAS, seed)))
        return self._head(station, basis) | {"seed": seed, "replicas": DEFAULT_REPLICAS} | advice_fields(found)

    def _known(self, station: str) -> Basis:
        if self._ensembles.preparing:
            raise PreparingError
        basis = self._basis(station)
        if basis is None:
            raise NothingKnownError
        return basis

    def _head(self, station: str, basis: Basis) -> Fields:
        return {
            "station": station,
            "generated_at": round(basis.case.now, 3),
            "model": basis.model,
            "quality": basis.quality,
            "reason": basis.reason,
        }

    async def _work(self, work: Callable[[], T]) -> T:
        if self._under_way >= MOST_AT_ONCE:
            raise BusyError
        self._under_way += 1
        try:
            return await self._ensembles.run(work)
        finally:
            self._under_way -= 1


def answer(case: Case, change: Change, replicas: int, seed: int) -> Fields:
    """Both ensembles and their difference. Raises ``ChangeError`` for what cannot be done at this station."""
    changed_case, effects = apply(case, change)
    case = plain(case)
    base = live(case, replicas, seed)
    changed = live(changed_case, replicas, seed) if effects else base
    stockout, lost = {}, {}
    for column, horizon_s in enumerate(HORIZONS_S):
        name = f"{horizon_s:.0f}"
        stockout[name] = _interval(
            share_difference(base.wait_s <= horizon_s, changed.wait_s <= horizon_s) if effects else ZERO, 4
        )
        lost[name] = _interval(lost_difference(case, base, changed_case, changed, column) if effects else ZERO, 3)
    return {
        "seed": seed,
        "replicas": replicas,
        "base": ensemble_fields(summed(base, seed)),
        "changed": ensemble_fields(summed(changed, seed)),
        "difference": {"stockout_probability": stockout, "lost_swaps": lost},
        "changes": [_effect(effect) for effect in effects],
    }


def _interval(interval: Interval, digits: int) -> dict[str, float]:
    # Adding zero turns a rounded -0.0 into 0.0.
    return {
        "mean": round(interval.mean, digits) + 0.0,
        "low": round(interval.low, digits) + 0.0,
        "high": round(interval.high, digits) + 0.0,
    }


def _effect(effect: Effect) -> Fields:
    return {"what": effect.key, "before": effect.before, "after": effect.after, "slots": list(effect.slots)}

"""Demand of one station, learned from the riders it was seen to serve. docs/explanation/demand.md has the figures."""

from collections.abc import Sequence
from math import isfinite, sqrt
from typing import Any, Self

import numpy as np

from twin.calendar import QUARTER_S, Calendar, Occasion
from twin.demand import Intensity
from twin.level import Level
from twin.spec import Floats
from twin.weekly import WeeklyRates

UNKNOWN_SWAPS_PER_DAY = 100.0
"""Where nothing at all is known."""
UNKNOWN_CV, STATED_CV = 1.0, 0.3
"""How uncertain the daily total is: where nothing is known, and where somebody has stated it."""
RENEW_SHARE, RENEW_S = 0.05, 86_400.0
"""Weekly rates are learned anew when exposure has grown by this share or this many seconds."""
STATE_VERSION = 2


class DemandModel:
    """Expected riders per second at any time, and how uncertain they are.

    Weekly rates (``twin.weekly``) times the calendar's multiplier times today's level (``twin.level``). Give it what
    was seen in order of time with ``observe``; ask it with ``intensity``. ``prior_rates_per_s`` are the 48 half hours
    of a day that hold until something is seen; ``None``: an even day of 100 swaps. ``prior_cv`` says how sure their
    total is (coefficient of variation).
    """

    name = "gamma-poisson-level"

    def __init__(
        self,
        zone: str,
        prior_rates_per_s: Sequence[float] | Floats | None = None,
        *,
        prior_cv: float | None = None,
        occasions: Sequence[Occasion] = (),
    ) -> None:
        if prior_rates_per_s is None:
            rates = np.full(48, UNKNOWN_SWAPS_PER_DAY / 86_400.0)
        else:
            rates = np.asarray(prior_rates_per_s, dtype=np.float64)
        if rates.shape != (48,) or not (np.isfinite(rates) & (rates >= 0.0)).all():
            raise ValueError("prior_rates_per_s needs 48 numbers, none below zero: one a half hour of the day")
        if prior_cv is None:
            prior_cv = UNKNOWN_CV if prior_rates_per_s is None else STATED_CV
        if not 0.01 <= prior_cv <= 10.0:
            raise ValueError(f"prior_cv is {prior_cv}: give a number from 0.01 to 10")
        self._calendar = Calendar(zone, occasions)
        self._weekly = WeeklyRates(np.repeat(rates * QUARTER_S, 2), prior_cv)
        self._level = Level()
        self._time: float | None = None
        self._open = -1
        """Number (since 1970) of the quarter hour that is not over yet, and what was seen in it so far:"""
        self._count = self._exposure = self._expected = self._stockout = 0.0
        self._fresh = 0.0
        """Exposure since the weekly rates were learned, in quarter hours, and when that was:"""
        self._renewed: float | None = None

    @property
    def time(self) -> float | None:
        """Up to when (epoch s) anything was observed."""
        return self._time

    @property
    def exposure_s(self) -> float:
        """Seconds of exposure that are remembered; 0: nothing was learned yet."""
        return (self._weekly.exposure + self._exposure) * QUARTER_S

    @property
    def calendar(self) -> Calendar:
        return self._calendar

    @property
    def weekly_rates(self) -> Floats:
        """Riders per quarter hour of the local week at an ordinary level and multiplier; not to be changed."""
        return self._weekly.rates

    def ordinary(self, times: Floats) -> Floats:
        """Riders per quarter hour at times (epoch s), without today's level."""
        weekly, calendar = self._weekly.rates, self._calendar
        return np.array([weekly[calendar.quarter(time)] * calendar.multiplier(time) for time in times.tolist()])

    def observe(self, start: float, end: float, swaps: float, exposure_s: float, stockout_s: float = 0.0) -> None:
        """Between ``start`` and ``end`` (epoch s) so many riders were served who came while a pack was ready.

        ``exposure_s``: seconds of it with a pack ready and this being known. ``stockout_s``: seconds of it known to
        be without; busy days have more of them, so that the peaks of quiet days alone would be learned if they were
        left out. In them as many riders are assumed as the weekly rates and the day's level expect (expectation
        maximisation). Swaps of a longer time are spread evenly over it. Raises ``ValueError`` for times
        that are not in order and numbers that make no sense.
        """
        if not (isfinite(start) and isfinite(end) and end > start):
            raise ValueError(f"observed from {start} to {end}: the end must lie after the start")
        if self._time is not None and start < self._time - 1e-6:
            raise ValueError(f"observed from {start}, but already up to {self._time}: observe in order of time")
        known_s = exposure_s + stockout_s
        if not (0.0 <= swaps < float("inf") and 0.0 <= exposure_s <= known_s <= (end - start) * (1.0 + 1e-9)):
            raise ValueError(
                f"{swaps} swaps with {exposure_s} s of exposure and {stockout_s} s of stockout in {end - start} s"
            )
        if self._renewed is None:
            self._renewed = start
        first, last = int(start // QUARTER_S), int(np.ceil(end / QUARTER_S)) - 1
        for number in range(first, last + 1):
            if number != self._open:
                self._close()
                self._open = number
            begin, finish = max(start, number * QUARTER_S), min(end, (number + 1) * QUARTER_S)
            share = 1.0 if first == last else (finish - begin) / (end - start)
            if exposure_s > 0.0:
                self._take(0.5 * (begin + finish), swaps * share, exposure_s * share / QUARTER_S)
            self._stockout += stockout_s * share / QUARTER_S
        self._time = end
        if end >= (last + 1) * QUARTER_S:
            self._close()

    def intensity(self, start: float, horizon_s: float, step_s: float = QUARTER_S) -> Intensity:
        """Riders per second from ``start`` (epoch s) on: each step has the rate of its middle."""
        if not (isfinite(start) and horizon_s > 0.0 and step_s > 0.0):
            raise ValueError(f"an intensity from {start} over {horizon_s} s in steps of {step_s} s makes no sense")
        begin = start - start % step_s
        steps = int(np.ceil((start + horizon_s - begin) / step_s))
        middles: Floats = begin + step_s * (np.arange(steps, dtype=np.float64) + 0.5)
        level = self._level_now()
        factors, variances = level.ahead(middles)
        weights = level.weights()
        rates = self.ordinary(middles) * (weights @ factors)
        # One number has to do for all horizons. Later the level is less sure, but it also wanders about within a
        # future: the spread of the first step served all horizons best (benchmarks/demand.py).
        dispersion = self._dispersion(weights, factors[:, 0], variances[:, 0])
        return Intensity(begin, step_s, rates / QUARTER_S, dispersion)

    def forget_today(self, time: float) -> None:
        """The clock was set back to ``time``: the weekly rates stay, the level of the day is forgotten."""
        self._level.forget()
        self._time, self._open = time, -1
        self._renewed = time
        self._count = self._exposure = self._expected = self._stockout = 0.0

    def state(self) -> dict[str, Any]:
        """All that was learned, as plain data."""
        return {
            "version": STATE_VERSION,
            "weekly": self._weekly.state(),
            "level": self._level.state(),
            "time": self._time,
            "open": [self._open, self._count, self._exposure, self._expected, self._stockout],
            "fresh": self._fresh,
            "renewed": self._renewed,
        }

    def restore(self, state: dict[str, Any]) -> Self:
        """Go on from a state of a model with the same prior. Raises ``ValueError`` for anything else."""
        try:
            if state["version"] != STATE_VERSION:
                raise ValueError(f"of version {state['version']}, not {STATE_VERSION}")
            self._weekly.restore(state["weekly"])
            self._level.restore(state["level"])
            number, self._count, self._exposure, self._expected, self._stockout = state["open"]
            self._open = int(number)
            self._fresh = float(state["fresh"])
            self._time, self._renewed = state["time"], state["renewed"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no state of a demand model: {error}") from error
        return self

    def _take(self, time: float, count: float, exposure: float) -> None:
        quarter = self._calendar.quarter(time)
        ordinary = exposure * self._calendar.multiplier(time)
        self._count += count
        self._exposure += exposure
        self._expected += ordinary * float(self._weekly.rates[quarter])
        if ordinary > 0.0:
            self._weekly.add(quarter, count, ordinary)
            self._fresh += ordinary

    def _middle(self) -> float:
        return (self._open + 0.5) * QUARTER_S

    def _close(self) -> None:
        """The open quarter hour is over: it corrects the level, and from time to time the weekly rates."""
        if self._stockout > 0.0:
            self._note_stockout()
        if self._exposure > 0.0:
            self._level.learn(self._middle(), self._count, self._expected)
            self._count = self._exposure = self._expected = 0.0
            now = self._middle()
            elapsed_s = now - (now if self._renewed is None else self._renewed)
            if elapsed_s >= RENEW_S or self._fresh >= RENEW_SHARE * self._weekly.exposure:
                self._level.shift(self._weekly.renew(elapsed_s))
                self._renewed, self._fresh = now, 0.0
        self._open = -1

    def _note_stockout(self) -> None:
        """What part of the open quarter hour had no pack ready, and how busy the day is."""
        middle, level = self._middle(), self._level_now()
        quarter, ordinary = self._calendar.quarter(middle), self._stockout * self._calendar.multiplier(middle)
        factors, _ = level.ahead(np.array([middle]))
        self._weekly.add_stockout(quarter, ordinary, float(level.weights() @ factors[:, 0]))
        self._stockout = 0.0

    def _level_now(self) -> Level:
        """With what was seen in the open quarter hour so far."""
        if self._exposure <= 0.0:
            return self._level
        level = self._level.copy()
        level.learn(self._middle(), self._count, self._expected)
        return level

    def _dispersion(self, weights: Floats, levels: Floats, variances: Floats) -> float:
        """Coefficient of variation of the level: within models, between them, and of the weekly total."""
        between = levels / float(weights @ levels)
        squared = float(weights @ (between * between * (1.0 + variances)))
        return sqrt(max(squared * (1.0 + self._weekly.uncertainty) - 1.0, 0.0))

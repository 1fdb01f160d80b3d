"""Today's level of demand: how far it lies above or below the weekly rates, how long that will last, how sure it is.

The logarithm of the level is the sum of a slow and a fast Ornstein-Uhlenbeck process around zero. Counts correct it by
the linear Bayes rule for Poisson counts (West, Harrison and Migon, 1985): the level now is taken as Gamma-distributed
with the mean and variance of the prediction, a count updates that exactly, and the change is shared out by covariance.
Several models, which differ in how much the level varies, run side by side and are weighted by how well they predicted.
"""

from collections.abc import Iterable
from math import exp, lgamma, log
from typing import Any

import numpy as np

from twin.spec import Floats

SLOW_S, FAST_S = 16.0 * 3600.0, 2.5 * 3600.0
"""Time constants: a day like this one; the hours like these."""
VARIANCE = 0.1
"""Of the logarithm, of each of the two processes, at scale one."""
BURST_VARIANCE = 0.05
"""Of each quarter hour's own level at scale one: riders come in groups. It says nothing of the next quarter hour."""
SCALES = (0.03, 0.2, 0.6, 1.2, 2.4)
_PRIOR = (0.1, 0.1, 0.3, 0.4, 0.1)
"""How likely each scale is before anything is seen."""
EVIDENCE_S = 28.0 * 86_400.0
"""After this time evidence for or against a scale counts half."""


class _Model:
    """One scale: means and covariance of the slow and the fast log level. On average the level is one."""

    __slots__ = ("both", "burst", "fast", "fast_var", "slow", "slow_var", "variance")

    def __init__(self, scale: float) -> None:
        self.variance, self.burst = VARIANCE * scale, BURST_VARIANCE * scale
        self.slow = self.fast = -0.5 * self.variance
        self.slow_var = self.fast_var = self.variance
        self.both = 0.0

    def run_on(self, seconds: float) -> None:
        slow, fast = exp(-seconds / SLOW_S), exp(-seconds / FAST_S)
        rest = -0.5 * self.variance
        self.slow = rest + slow * (self.slow - rest)
        self.fast = rest + fast * (self.fast - rest)
        self.slow_var = self.variance + slow * slow * (self.slow_var - self.variance)
        self.fast_var = self.variance + fast * fast * (self.fast_var - self.variance)
        self.both *= slow * fast

    def learn(self, count: float, expected: float) -> float:
        """Correct the level by a count where the weekly rates expected so many; returns the count's log-likelihood."""
        known = self.slow_var + self.fast_var + 2.0 * self.both
        variance = known + self.burst
        shape = 1.0 / variance
        mean = max(expected * exp(self.slow + self.fast + 0.5 * known), 1e-9)
        left = 1.0 / (shape + count)
        # The mean of the logarithm rises by more than the logarithm of the mean: its variance falls.
        change = (log((shape + count) / (shape + mean)) + 0.5 * (variance - left)) / variance
        shrink = (1.0 - left / variance) / variance
        slow, fast = self.slow_var + self.both, self.fast_var + self.both
        self.slow += slow * change
        self.fast += fast * change
        self.slow_var -= slow * slow * shrink
        self.fast_var -= fast * fast * shrink
        self.both -= slow * fast * shrink
        return (
            lgamma(shape + count)
            - lgamma(shape)
            + shape * log(shape / (shape + mean))
            + (count * log(mean / (shape + mean)) if count else 0.0)
        )

    def numbers(self) -> tuple[float, ...]:
        return self.slow, self.fast, self.slow_var, self.fast_var, self.both

    def set(self, numbers: Iterable[float]) -> None:
        self.slow, self.fast, self.slow_var, self.fast_var, self.both = numbers


class Level:
    """The level of one station. ``time``: epoch seconds of its latest correction."""

    def __init__(self) -> None:
        self.time: float | None = None
        self._models = [_Model(scale) for scale in SCALES]
        self._evidence = [0.0] * len(SCALES)

    def learn(self, time: float, count: float, expected: float) -> None:
        """At ``time``, ``count`` riders came where the weekly rates expected ``expected``."""
        elapsed_s = 0.0 if self.time is None else max(time - self.time, 0.0)
        forget = 0.5 ** (elapsed_s / EVIDENCE_S)
        for number, model in enumerate(self._models):
            model.run_on(elapsed_s)
            self._evidence[number] = forget * self._evidence[number] + model.learn(count, expected)
        best = max(self._evidence)
        self._evidence = [evidence - best for evidence in self._evidence]
        self.time = time

    def shift(self, ratio: float) -> None:
        """The weekly rates became ``ratio`` times what they were: what the level said of that is said already."""
        change = log(ratio)
        for model in self._models:
            above = model.slow + 0.5 * model.variance
            model.slow -= min(max(change, 0.0), above) if above > 0.0 else max(min(change, 0.0), above)

    def ahead(self, times: Floats) -> tuple[Floats, Floats]:
        """Mean level at times (epoch s) and variance of its logarithm, both of them models by times."""
        seconds = np.zeros(len(times)) if self.time is None else np.maximum(times - self.time, 0.0)
        numbers = np.array([(*model.numbers(), model.variance) for model in self._models])
        slow, fast, slow_var, fast_var, both, s = numbers.T[:, :, None]
        a, b = np.exp(-seconds / SLOW_S), np.exp(-seconds / FAST_S)
        variance = 2.0 * s + a * a * (slow_var - s) + b * b * (fast_var - s) + 2.0 * a * b * both
        return np.exp(a * (slow + 0.5 * s) + b * (fast + 0.5 * s) - s + 0.5 * variance), variance

    def forget(self) -> None:
        """Nothing is known of the level any more; how much it varies is."""
        self.time = None
        self._models = [_Model(scale) for scale in SCALES]

    def weights(self) -> Floats:
        """How likely each model is now."""
        raw = np.array(_PRIOR) * np.exp(self._evidence)
        weights: Floats = raw / raw.sum()
        return weights

    def copy(self) -> "Level":
        made = Level()
        for model, mine in zip(made._models, self._models, strict=True):
            model.set(mine.numbers())
        made._evidence = self._evidence.copy()
        made.time = self.time
        return made

    def state(self) -> dict[str, Any]:
        return {
            "time": self.time,
            "models": [list(model.numbers()) for model in self._models],
            "evidence": list(self._evidence),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is no state of a level."""
        rows, evidence = state["models"], [float(number) for number in state["evidence"]]
        if len(rows) != len(SCALES) or len(evidence) != len(SCALES):
            raise ValueError(f"a level has {len(SCALES)} models")
        for model, row in zip(self._models, rows, strict=True):
            model.set(float(number) for number in row)
        self._evidence = evidence
        self.time = None if state["time"] is None else float(state["time"])

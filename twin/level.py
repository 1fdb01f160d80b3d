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
    """One scale: means and covariance of (slow, fast) log levels. ``exp(slow + fast)`` is the mean level."""

    __slots__ = ("both", "burst", "fast", "fast_var", "slow", "slow_var", "variance")

    def __init__(self, scale: float) -> None:
        self.variance, self.burst = VARIANCE * scale, BURST_VARIANCE * scale
        self.slow = self.fast = self.both = 0.0
        self.slow_var = self.fast_var = self.variance

    def run_on(self, seconds: float) -> None:
        slow, fast = exp(-seconds / SLOW_S), exp(-seconds / FAST_S)
        s = self.variance
        # The last terms keep the mean level, not the mean logarithm, on its way back to one.
        self.slow = slow * self.slow + 0.5 * slow * (1.0 - slow) * (s - self.slow_var)
        self.fast = fast * self.fast + 0.5 * fast * (1.0 - fast) * (s - self.fast_var)
        self.slow_var = slow * slow * self.slow_var + (1.0 - slow * slow) * s
        self.fast_var = fast * fast * self.fast_var + (1.0 - fast * fast) * s
        self.both *= slow * fast

    def learn(self, count: float, expected: float) -> float:
        """Correct the level by a count where the weekly rates expected so many; returns the count's log-likelihood."""
        variance = self.slow_var + self.fast_var + 2.0 * self.both + self.burst
        shape = 1.0 / variance
        mean = max(expected * exp(self.slow + self.fast), 1e-9)
        change = log((shape + count) / (shape + mean)) / variance
        shrink = (1.0 - 1.0 / ((shape + count) * variance)) / variance
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
            taken = min(max(change, 0.0), model.slow) if model.slow > 0.0 else max(min(change, 0.0), model.slow)
            model.slow -= taken

    def ahead(self, times: Floats) -> tuple[Floats, Floats]:
        """Mean level at times (epoch s) and variance of its logarithm, both of them models by times."""
        seconds = np.zeros(len(times)) if self.time is None else np.maximum(times - self.time, 0.0)
        numbers = np.array([(*model.numbers(), model.variance) for model in self._models])
        slow, fast, slow_var, fast_var, both, s = numbers.T[:, :, None]
        slow_left, fast_left = slow_var - s, fast_var - s
        a, b = np.exp(-seconds / SLOW_S), np.exp(-seconds / FAST_S)
        mean = np.exp(a * slow + b * fast - 0.5 * (a * (1.0 - a) * slow_left + b * (1.0 - b) * fast_left))
        return mean, a * a * slow_left + b * b * fast_left + 2.0 * (s + a * b * both)

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

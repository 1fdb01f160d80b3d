"""Today's level of demand: how far it lies above or below the weekly rates, how long that will last, how sure it is.

The logarithm of the level is the sum of three Ornstein-Uhlenbeck processes. Counts correct it by the linear Bayes rule
for Poisson counts (West, Harrison and Migon, 1985): the level now is taken as Gamma-distributed with the mean and
variance of the prediction, a count updates that exactly, and the change is shared out by covariance. Several models,
which differ in how much the level varies, run side by side and are weighted by how well they predicted.
"""

from math import lgamma, log
from typing import Any

import numpy as np

from twin.spec import Floats

TIME_CONSTANTS_S = np.array([7.0 * 86_400.0, 16.0 * 3600.0, 2.5 * 3600.0])
"""Weeks like this one, a day like this one, hours like these."""
VARIANCES = np.array([0.02, 0.1, 0.1])
"""Of the logarithm, of each of the three processes, at scale one."""
BURST_VARIANCE = 0.05
"""Of each quarter hour's own level at scale one: riders come in groups. It says nothing of the next quarter hour."""
SCALES = np.array([0.03, 0.2, 0.6, 1.2, 2.4])
_PRIOR = np.array([0.1, 0.1, 0.3, 0.4, 0.1])
"""How likely each scale is before anything is seen."""
EVIDENCE_S = 28.0 * 86_400.0
"""After this time evidence for or against a scale counts half."""
LEAST_EXPECTED = 1e-9

_STATIONARY = SCALES[:, None, None] * np.diag(VARIANCES)
_REST = -0.5 * SCALES[:, None] * VARIANCES
"""The mean logarithm at which the mean level is one."""
_BURST = BURST_VARIANCE * SCALES


class Level:
    """The level of one station. ``time``: epoch seconds of its latest correction."""

    def __init__(self) -> None:
        self.time: float | None = None
        self._mean = _REST.copy()
        self._covariance = _STATIONARY.copy()
        self._evidence = np.zeros(len(SCALES))

    def learn(self, time: float, count: float, expected: float) -> None:
        """At ``time``, ``count`` riders came where the weekly rates expected ``expected``."""
        if self.time is not None and time > self.time:
            elapsed_s = time - self.time
            keep = np.exp(-elapsed_s / TIME_CONSTANTS_S)
            self._mean = _REST + keep * (self._mean - _REST)
            self._covariance = _STATIONARY + np.outer(keep, keep) * (self._covariance - _STATIONARY)
            self._evidence *= 0.5 ** (elapsed_s / EVIDENCE_S)
        shares = self._covariance.sum(axis=2)
        known = shares.sum(axis=1)
        variance = known + _BURST
        shape = 1.0 / variance
        mean = np.maximum(expected * np.exp(self._mean.sum(axis=1) + 0.5 * known), LEAST_EXPECTED)
        left = 1.0 / (shape + count)
        # The mean of the logarithm rises by more than the logarithm of the mean: its variance falls.
        change = np.log((shape + count) / (shape + mean)) + 0.5 * (variance - left)
        shares /= variance[:, None]
        self._mean += shares * change[:, None]
        self._covariance -= shares[:, :, None] * shares[:, None, :] * (variance - left)[:, None, None]
        self._evidence += np.array([lgamma(a + count) - lgamma(a) for a in shape.tolist()])
        self._evidence += shape * np.log(shape / (shape + mean)) + count * np.log(mean / (shape + mean))
        self._evidence -= self._evidence.max()
        self.time = time

    def shift(self, ratio: float) -> None:
        """The weekly rates became ``ratio`` times what they were: what the level said of that is said already."""
        change = np.full(len(SCALES), log(ratio))
        for slow in (0, 1):
            above = self._mean[:, slow] - _REST[:, slow]
            taken = np.clip(change, np.minimum(above, 0.0), np.maximum(above, 0.0))
            self._mean[:, slow] -= taken
            change -= taken

    def ahead(self, times: Floats) -> tuple[Floats, Floats]:
        """Mean level at times (epoch s) and variance of its logarithm, both of them models by times."""
        seconds = np.zeros(len(times)) if self.time is None else np.maximum(times - self.time, 0.0)
        keep = np.exp(-seconds[:, None] / TIME_CONSTANTS_S)
        known = ((keep @ (self._covariance - _STATIONARY)) * keep).sum(axis=2)
        variance = known + (SCALES * VARIANCES.sum())[:, None]
        # At rest, mean and variance of the logarithm make a mean level of one.
        return np.exp((self._mean - _REST) @ keep.T + 0.5 * known), variance

    def forget(self) -> None:
        """Nothing is known of the level any more; how much it varies is."""
        self.time = None
        self._mean, self._covariance = _REST.copy(), _STATIONARY.copy()

    def weights(self) -> Floats:
        """How likely each model is now."""
        raw = _PRIOR * np.exp(self._evidence)
        weights: Floats = raw / raw.sum()
        return weights

    def copy(self) -> "Level":
        made = Level()
        made.time = self.time
        made._mean, made._covariance = self._mean.copy(), self._covariance.copy()
        made._evidence = self._evidence.copy()
        return made

    def state(self) -> dict[str, Any]:
        return {
            "time": self.time,
            "mean": self._mean.tolist(),
            "covariance": self._covariance.tolist(),
            "evidence": self._evidence.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is no state of a level."""
        parts = [np.array(state[name], dtype=np.float64) for name in ("mean", "covariance", "evidence")]
        shapes = [part.shape for part in (self._mean, self._covariance, self._evidence)]
        if [part.shape for part in parts] != shapes or not all(np.isfinite(part).all() for part in parts):
            raise ValueError(f"a level has {len(SCALES)} models of {len(VARIANCES)} processes")
        self._mean, self._covariance, self._evidence = parts
        self.time = None if state["time"] is None else float(state["time"])

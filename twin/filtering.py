"""What telemetry teaches of packs and chargers: a Kalman filter per slot, and the chargers' efficiencies.

A slot's SoC runs on by the model (twin.slot). The filter keeps how uncertain that is, together with three constants
of the slot, as natural logarithms of their ratio to the site file's:

- ``PACK``: SoC that a watt-hour brings (a worn pack holds less, so that it rises faster); new with every pack;
- ``CHARGER``: the most that the charger gives; stays with the slot;
- ``TAPER``: time constant of the constant-voltage phase; new with every pack.

Over a stretch in which the model's SoC grew by ``a``, its derivative by ``PACK`` is ``a`` at constant current, by
``CHARGER`` ``a`` where neither grid limit nor heat holds the charger back, by ``TAPER`` ``-a`` in the taper. That
makes the covariances through which a residual of SoC corrects the constants (an extended Kalman filter with a scalar
measurement). What packs had in common is the expectation for the next one.
"""

import numpy as np
from numpy.typing import NDArray

from twin.spec import Floats

Flags = NDArray[np.bool_]

PACK, CHARGER, TAPER = range(3)

SOC_SIGMA = 0.002
"""Standard deviation of a SoC reading, until its scatter has shown it."""
SOC_SIGMA_LEAST = 3e-4
SOC_SIGMA_MOST = 0.03
SOC_WALK = 2e-9
"""Variance a second by which the model's SoC goes astray: 0.27 points in an hour."""
JUMP_SOC = 0.03
"""A larger residual is no noise: the reading is taken as it is."""
PRIOR_SIGMA = np.array([0.07, 0.15, 0.25])
WALK = np.array([0.03, 0.03, 0.03]) ** 2 / 3600.0
"""Variance a second by which the constants change: the forgetting. 3 % in an hour."""
LOW, HIGH = np.log([0.6, 0.2, 0.3]), np.log([1.6, 1.2, 3.0])
POWER_SIGMA = 0.03
"""Relative standard deviation of a charger's measured power around what it can give."""
KNOWN_SIGMA = 0.08
NOISE_GAIN = 0.02
LEARNED_PACKS = 30.0
"""So many packs back reaches the memory of what packs have in common."""
_GATE = 3.0
_NO_LESSON = 4.0


class SlotFilter:
    """All slots of a station. ``log`` has shape (slots, 3): the constants' logarithms."""

    def __init__(self, slots: int) -> None:
        self.log = np.zeros((slots, 3))
        self._expected = np.zeros(slots)
        self._p = np.zeros((slots, 4, 4))
        self._p[:, [1, 2, 3], [1, 2, 3]] = PRIOR_SIGMA**2
        self._noise = np.full(slots, SOC_SIGMA**2)
        self._left = np.full(slots, np.nan)
        self._resolution = 0.0
        self._common = np.zeros(3)
        self._prior = np.zeros((slots, 3))
        self._packs = np.ones(3)

    @property
    def soc_sigma(self) -> Floats:
        """Standard deviation of each slot's SoC readings: from their scatter, and at least that of their steps."""
        sigma: Floats = np.sqrt(self._noise)
        return sigma

    @property
    def expected_pack(self) -> Floats:
        """``PACK`` of each slot's pack as it was expected before its readings."""
        expected: Floats = self._common[PACK] + self._expected
        return expected

    @property
    def charger_is_known(self) -> Flags:
        """Chargers whose power is known well enough to judge them."""
        known: Flags = self._p[:, 1 + CHARGER, 1 + CHARGER] < KNOWN_SIGMA**2
        return known

    def predict(self, seconds: float, growth: Floats, rough: Floats) -> None:
        """The model ran on. ``growth`` (slots, 3): derivatives of SoC; ``rough``: variance that it adds besides."""
        p = self._p
        carried = np.einsum("ni,nij->nj", growth, p[:, 1:, :])
        p[:, 0, 0] += 2.0 * carried[:, 0] + (carried[:, 1:] * growth).sum(axis=1) + rough + SOC_WALK * seconds
        p[:, 0, 1:] += carried[:, 1:]
        p[:, 1:, 0] = p[:, 0, 1:]
        for constant in range(3):
            variance = p[:, constant + 1, constant + 1]
            np.minimum(variance + WALK[constant] * seconds, 2.0 * PRIOR_SIGMA[constant] ** 2, out=variance)

    def resolve(self, change: float) -> None:
        """A reading differs from the one before by this much: no step of the sensor is larger."""
        if change > 1e-9:
            self._resolution = min(self._resolution or change, change)

    def correct(self, read: Flags, first: Flags, residual: Floats) -> Floats:
        """Readings less model, where ``read``; ``first`` readings of a pack are taken as they are.

        Returns the corrections of SoC.
        """
        self._learn_noise(read & ~first, residual)
        p, noise = self._p, self._noise
        spread = np.sqrt(p[:, 0, 0] + noise)
        as_it_is = read & (first | (np.abs(residual) > np.maximum(JUMP_SOC, 5.0 * np.sqrt(noise))))
        filtered = read & ~as_it_is
        within = np.clip(np.where(filtered, residual, 0.0), -_GATE * spread, _GATE * spread)
        gain = p[:, :, 0] / (spread**2)[:, None]
        # A residual beyond any noise is something that happened, not something to learn a constant from.
        gain[filtered & (np.abs(residual) > _NO_LESSON * spread), 1:] = 0.0
        change = np.where(as_it_is, residual, gain[:, 0] * within)
        self.log = np.clip(self.log + gain[:, 1:] * within[:, None], LOW, HIGH)
        shrunk = p - gain[:, :, None] * p[:, None, 0, :]
        shrunk = 0.5 * (shrunk + shrunk.transpose(0, 2, 1))
        p[filtered] = shrunk[filtered]
        p[as_it_is, 0, :] = p[as_it_is, :, 0] = 0.0
        p[as_it_is, 0, 0] = noise[as_it_is]
        self._left = np.where(read, residual - change, self._left)
        return change

    def learn_power(self, told: Flags, log_ratio: Floats) -> None:
        """Chargers that gave all they can gave this much, as logarithm of the ratio to the site file's power."""
        p = self._p
        variance = p[:, 1 + CHARGER, 1 + CHARGER].copy()
        spread = np.sqrt(variance + POWER_SIGMA**2)
        gain = np.where(told, variance / spread**2, 0.0)
        missed = np.clip(np.where(told, log_ratio - self.log[:, CHARGER], 0.0), -_GATE * spread, _GATE * spread)
        self.log[:, CHARGER] = np.clip(self.log[:, CHARGER] + gain * missed, LOW[CHARGER], HIGH[CHARGER])
        p[told, 1 + CHARGER, :] = p[told, :, 1 + CHARGER] = 0.0
        p[:, 1 + CHARGER, 1 + CHARGER] = np.where(told, variance * (1.0 - gain), variance)

    def doubt_charger(self, slot: int) -> None:
        """A charger is not what it was: learn its power quickly."""
        self._p[slot, 1 + CHARGER, 1 + CHARGER] = PRIOR_SIGMA[CHARGER] ** 2

    def new_pack(self, slot: int, log_pack: float = 0.0) -> None:
        """Another pack stands in a slot. ``log_pack``: what is known of its ``PACK`` beforehand, from its capacity."""
        for constant in (PACK, TAPER):
            self._remember(slot, constant)
        self._expected[slot] = log_pack
        self.log[slot, PACK] = self._common[PACK] + log_pack
        self.log[slot, TAPER] = self._common[TAPER]
        self._prior[slot] = self.log[slot]
        p = self._p[slot]
        charger = p[1 + CHARGER, 1 + CHARGER]
        p[:] = 0.0
        p[[1, 2, 3], [1, 2, 3]] = PRIOR_SIGMA**2
        p[1 + CHARGER, 1 + CHARGER] = charger
        p[0, 0] = JUMP_SOC**2
        self._left[slot] = np.nan

    def _remember(self, slot: int, constant: int) -> None:
        """A pack leaves: what it taught, by how much it taught, becomes expectation of the next ones."""
        variance = self._p[slot, 1 + constant, 1 + constant]
        taught = 1.0 - variance / PRIOR_SIGMA[constant] ** 2
        if taught <= 0.2:
            return
        # The estimate is drawn towards what was expected by ``1 - taught``: what the pack itself said lies further off.
        moved = (self.log[slot, constant] - self._prior[slot, constant]) / taught
        self._packs[constant] = min(self._packs[constant] + taught, LEARNED_PACKS)
        self._common[constant] += taught / self._packs[constant] * moved

    def _learn_noise(self, read: Flags, residual: Floats) -> None:
        """Half the mean square of how a reading's distance from the model differs from the one before."""
        squared = 0.5 * (residual - self._left) ** 2
        usable = read & np.isfinite(squared)
        seen = np.minimum(np.where(usable, squared, 0.0), 9.0 * self._noise)
        learned = self._noise + NOISE_GAIN * (seen - self._noise)
        least = max(SOC_SIGMA_LEAST**2, self._resolution**2 / 12.0)  # variance of rounding to steps
        self._noise = np.where(usable, np.clip(learned, least, SOC_SIGMA_MOST**2), self._noise)


class TemperatureFilter:
    """A scalar Kalman filter of each slot's pack temperature; the model between readings is twin.charging's."""

    SIGMA_C = 0.3
    WALK = 0.4**2 / 60.0
    """Variance a second: the model knows neither the cabinet's air nor its neighbours' heat."""
    JUMP_C = 5.0

    def __init__(self, slots: int) -> None:
        self._variance = np.full(slots, np.inf)

    def new_pack(self, slot: int) -> None:
        self._variance[slot] = np.inf

    def predict(self, seconds: float) -> None:
        self._variance += self.WALK * seconds

    def correct(self, read: Flags, residual: Floats) -> Floats:
        """Corrections in K, for readings less model in K where ``read``."""
        noise = self.SIGMA_C**2
        with np.errstate(invalid="ignore"):
            gain = np.where(np.isinf(self._variance), 1.0, self._variance / (self._variance + noise))
        gain = np.where(np.abs(residual) > self.JUMP_C, 1.0, gain)
        self._variance = np.where(read, gain * noise, self._variance)
        change: Floats = np.where(read, gain * residual, 0.0)
        return change


class Efficiencies:
    """What each charger gives of what it draws, from the station's meter: recursive least squares with forgetting.

    The meter shows ``base + sum(power_i / efficiency_i)``. Only what varies between the powers tells chargers
    apart; what does not is put down to all of them alike. The state is the base load and each ``1/efficiency``.
    """

    LOWEST = 0.6
    SIGMA = 0.05
    WALK = 0.01**2 / 3600.0
    METER_SIGMA = 0.01

    def __init__(self, slots: int, base_load_w: float, efficiency: float) -> None:
        self._x = np.array([base_load_w] + [1.0 / efficiency] * slots)
        self._base_sigma_w = 20.0 + 0.2 * base_load_w
        self._p = np.diag([self._base_sigma_w**2] + [(self.SIGMA / efficiency) ** 2] * slots)
        self._most = self._p.diagonal().copy()

    @property
    def value(self) -> Floats:
        """Efficiency of each charger, 0-1."""
        value: Floats = 1.0 / np.clip(self._x[1:], 1.0, 1.0 / self.LOWEST)
        return value

    def learn(self, seconds: float, power_w: Floats, meter_w: float) -> None:
        """The meter showed this while the chargers gave these powers."""
        walk = self.WALK * seconds
        self._p[np.diag_indices_from(self._p)] = np.minimum(
            self._p.diagonal() + walk * np.append(self._base_sigma_w**2, np.ones(len(power_w))), self._most
        )
        row = np.append(1.0, power_w)
        towards = self._p @ row
        variance = float(row @ towards) + (self._base_sigma_w + self.METER_SIGMA * meter_w) ** 2
        missed = float(np.clip(meter_w - row @ self._x, -_GATE * variance**0.5, _GATE * variance**0.5))
        self._x += towards / variance * missed
        self._p -= np.outer(towards, towards) / variance

"""Drift alarms: what telemetry keeps saying against what the site file says, by two-sided cumulative sums.

A CUSUM (Page 1954) adds up standardised residuals beyond a slack, upward and downward apart, and stops at zero: noise
dies away, what persists grows. An alarm comes above one threshold and goes below a lower one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.spec import Floats

DEGRADED_CHARGER = "degraded charger"
SOC_SENSOR = "soc sensor drift"
STATION_POWER = "station power mismatch"

SLACK = 1.0
ON_ABOVE = 8.0
OFF_BELOW = 2.0
MOST = 12.0
"""Sums stop here, so that an alarm does not outlast its cause by as long as that lasted."""
MOST_AT_ONCE = 5.0
"""Standardised residuals are cut off here: a single reading never makes an alarm."""
_FADE = 0.2


@dataclass(frozen=True, slots=True)
class Drift:
    """A residual that has persisted ``since`` a time. ``slot`` counts from 0, ``None``: the whole station.

    ``magnitude`` is relative to what was expected, except for ``soc sensor drift``: SoC an hour.
    """

    kind: str
    slot: int | None
    since: float
    magnitude: float


class Cusum:
    """Two-sided sums of so many streams. ``on`` says which alarm, ``since`` since when, ``mean`` how large it is."""

    def __init__(self, streams: int) -> None:
        self._up, self._down = np.zeros(streams), np.zeros(streams)
        self.on = np.zeros(streams, dtype=np.bool_)
        self.since = np.full(streams, np.nan)
        self.mean = np.zeros(streams)
        self._begun = np.full(streams, np.nan)

    def add(self, told: NDArray[np.bool_], residual: Floats, sigma: Floats, time: float) -> None:
        """Take in one residual of each stream that is ``told``, with its standard deviation."""
        z = np.clip(np.where(told, residual / sigma, 0.0), -MOST_AT_ONCE, MOST_AT_ONCE)
        self._up = np.where(told, np.clip(self._up + z - SLACK, 0.0, MOST), self._up)
        self._down = np.where(told, np.clip(self._down - z - SLACK, 0.0, MOST), self._down)
        most = np.maximum(self._up, self._down)
        quiet = most == 0.0
        self._begun = np.where(quiet, np.nan, np.where(np.isnan(self._begun), time, self._begun))
        fresh = np.where(quiet & ~self.on, residual, self.mean + _FADE * (residual - self.mean))
        self.mean = np.where(told, fresh, self.mean)
        rises = ~self.on & (most > ON_ABOVE)
        self.since[rises] = self._begun[rises]
        self.on = np.where(self.on, most >= OFF_BELOW, most > ON_ABOVE)

    def reset(self, stream: int) -> None:
        """Forget a stream: what it watched is another thing now."""
        self._up[stream] = self._down[stream] = self.mean[stream] = 0.0
        self.on[stream] = False
        self._begun[stream] = np.nan


class DriftWatch:
    """The three alarms of one station with ``slots`` slots."""

    CHARGER_EVERY_S = 30.0
    CHARGER_SIGMA = 0.06
    SOC_WINDOW_S = 300.0
    SOC_SIGMA = 0.003
    COUNT_SIGMA = 0.10
    """Relative error of the charge that a charger's power has brought, by voltage and ageing."""
    POWER_EVERY_S = 30.0
    POWER_SIGMA = 0.06
    POWER_SIGMA_W = 60.0

    def __init__(self, slots: int) -> None:
        self.charger, self.soc, self.power = Cusum(slots), Cusum(slots), Cusum(1)
        self._charger_at = np.full(slots, -np.inf)
        self._power_at = -np.inf
        self._window_from, self._window_soc = np.full(slots, np.nan), np.full(slots, np.nan)
        self._brought = np.zeros(slots)

    def watch_chargers(
        self, time: float, measured: NDArray[np.bool_], inferred: NDArray[np.bool_], ratio: Floats
    ) -> list[int]:
        """``ratio``: what each charger that gave all it can gave, over what the site file says.

        ``measured`` as power, or ``inferred`` from SoC, which is less certain. Returns the slots whose alarm came.
        """
        told = (measured | inferred) & (time - self._charger_at >= self.CHARGER_EVERY_S)
        self._charger_at[told] = time
        before = self.charger.on.copy()
        sigma = np.where(inferred, 2.0, 1.0) * self.CHARGER_SIGMA
        self.charger.add(told, np.where(told, ratio - 1.0, 0.0), sigma, time)
        came: list[int] = np.flatnonzero(self.charger.on & ~before).tolist()
        return came

    def watch_soc(self, time: float, soc: Floats, brought: Floats, sigma: Floats) -> None:
        """``soc``: readings (NaN: none); ``brought``: SoC that the charger brought since the last call (NaN: unknown).

        Over each window the readings' change is held against the charge that went in.
        """
        self._brought += brought
        began = np.isnan(self._window_from) | np.isnan(self._brought)
        full = np.isfinite(soc) & ~began & (time - self._window_from >= self.SOC_WINDOW_S)
        seconds = np.where(full, time - self._window_from, 1.0)
        residual = np.where(full, soc - self._window_soc - self._brought, 0.0)
        spread = np.sqrt(2.0 * (self.SOC_SIGMA**2 + sigma**2) + (self.COUNT_SIGMA * np.nan_to_num(self._brought)) ** 2)
        hours = seconds / 3600.0
        self.soc.add(full, residual / hours, spread / hours, time)
        anew = full | (began & np.isfinite(soc))
        self._window_from = np.where(anew, time, self._window_from)
        self._window_soc = np.where(anew, soc, self._window_soc)
        self._brought = np.where(anew, 0.0, self._brought)

    def watch_power(self, time: float, measured_w: float, expected_w: float) -> None:
        """The station's meter against what its parts should draw together."""
        if time - self._power_at < self.POWER_EVERY_S:
            return
        self._power_at = time
        whole_w = max(expected_w, self.POWER_SIGMA_W)
        sigma = self.POWER_SIGMA + self.POWER_SIGMA_W / whole_w
        self.power.add(
            np.ones(1, dtype=np.bool_), np.array([(measured_w - expected_w) / whole_w]), np.array([sigma]), time
        )

    def new_pack(self, slot: int) -> None:
        """Another pack brings another sensor."""
        self.soc.reset(slot)
        self._window_from[slot] = np.nan

    def drifts(self) -> tuple[Drift, ...]:
        """The alarms that are on."""
        found = list(self._of(DEGRADED_CHARGER, self.charger)) + list(self._of(SOC_SENSOR, self.soc))
        if self.power.on[0]:
            found.append(Drift(STATION_POWER, None, float(self.power.since[0]), float(self.power.mean[0])))
        return tuple(found)

    def _of(self, kind: str, sums: Cusum) -> Iterator[Drift]:
        for slot in np.flatnonzero(sums.on).tolist():
            magnitude = float(sums.mean[slot])
            if kind != DEGRADED_CHARGER or magnitude < 0.0:  # a charger stronger than the site file says is no loss
                yield Drift(kind, slot, float(sums.since[slot]), magnitude)

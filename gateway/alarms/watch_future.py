"""Conditions that stand in what the twin and the forecast say of stations, and in the gateway itself."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gateway.alarms.site import WatchedSite
from gateway.alarms.watch import Seen, Watch
from twin.drift import DEGRADED_CHARGER, SOC_SENSOR, STATION_POWER
from twin.observation import Estimate

Fields = dict[str, Any]

HORIZON = "1800"
CONFIRMING = 2
"""Forecasts that must agree, one after the other."""
SETTLING_S = 1800.0
"""Site seconds for which a twin that has just started, and knows nothing yet, does not call an alarm off."""
DRIFTS = {
    "charger_degraded": DEGRADED_CHARGER,
    "soc_sensor_drift": SOC_SENSOR,
    "station_power_mismatch": STATION_POWER,
}


class DriftWatch(Watch):
    """What telemetry persistently says against the site file."""

    def __init__(self, name: str, site: WatchedSite, estimates: Mapping[str, Estimate], now: float) -> None:
        super().__init__(name, site, site.slots if name != "station_power_mismatch" else site.stations)
        self._kind = DRIFTS[name]
        self._estimates, self._settled_at = estimates, now + SETTLING_S
        self._entry = {(source.station, source.slot): entry for entry, source in enumerate(self.sources)}
        self._of_station: dict[str, list[int]] = {}
        for entry, source in enumerate(self.sources):
            self._of_station.setdefault(source.station or "", []).append(entry)

    def look(self, now: float) -> Seen:
        holds = np.zeros(len(self.sources), dtype=np.bool_)
        known = np.zeros(len(self.sources), dtype=np.bool_)
        value = np.full(len(self.sources), np.nan)
        for station, entries in self._of_station.items():
            estimate = self._estimates.get(station)
            if estimate is None:
                continue
            if now >= self._settled_at:
                known[entries] = True
            for drift in estimate.drifts:
                entry = self._entry.get((station, None if drift.slot is None else drift.slot + 1))
                if drift.kind == self._kind and entry is not None:
                    holds[entry] = known[entry] = True
                    value[entry] = drift.magnitude
        return Seen(holds, known, value)


class ResidualWatch(Watch):
    """Slots whose state of charge is not what the model expects."""

    def __init__(self, site: WatchedSite, estimates: Mapping[str, Estimate]) -> None:
        super().__init__("twin_residual", site, site.slots)
        self._estimates = estimates
        self._unknown = {name: np.full(layout.station.slots, np.nan) for name, layout in site.layouts.items()}

    def look(self, now: float) -> Seen:
        estimates = [self._estimates.get(name) for name in self._unknown]
        residual = np.concatenate(
            [
                nothing if estimate is None else estimate.residual_soc
                for estimate, nothing in zip(estimates, self._unknown.values(), strict=True)
            ]
        )[self.picked]
        alone = np.concatenate(
            [
                np.isnan(nothing) if estimate is None else estimate.substituted
                for estimate, nothing in zip(estimates, self._unknown.values(), strict=True)
            ]
        )[self.picked]
        # Where nothing can be held against the model, nothing differs from it.
        residual, told = np.nan_to_num(residual), ~alone
        return Seen(self.above(np.abs(residual)), told, residual)


class StockoutWatch(Watch):
    """Stations without a ready pack, where telemetry says so; what the twin believes is the forecast's matter."""

    def __init__(self, site: WatchedSite, summaries: Mapping[str, Fields]) -> None:
        super().__init__("stockout", site, site.stations)
        self._summaries = summaries

    def look(self, now: float) -> Seen:
        ready = [self._ready(source.path) for source in self.sources]
        counts = np.array([np.nan if count is None else count for count in ready], dtype=np.float64)
        return Seen(counts == 0.0, np.isfinite(counts), counts)

    def devices_of(self, entry: int) -> tuple[str, ...]:
        return ()  # riders come whether or not the station can be reached

    def _ready(self, station: str) -> int | None:
        summary = self._summaries.get(station)
        return None if summary is None or summary["ready_quality"] != "good" else summary["ready"]


class ForecastWatch(Watch):
    """Stations that will probably run out of packs. ``CONFIRMING`` forecasts must agree before it changes."""

    def __init__(self, site: WatchedSite, forecasts: Mapping[str, Fields]) -> None:
        super().__init__("stockout_expected", site, site.stations)
        self._forecasts = forecasts
        self._made_at = np.full(len(self.sources), np.nan)
        self._differing = np.zeros(len(self.sources), dtype=np.int64)
        self._chance = np.full(len(self.sources), np.nan)

    def look(self, now: float) -> Seen:
        made = [self._forecasts.get(source.path) for source in self.sources]
        usable = [None if each is None or each["quality"] == "bad" else each for each in made]
        made_at = np.array([np.nan if each is None else each["generated_at"] for each in usable])
        chance = np.array([np.nan if each is None else each["stockout_probability"][HORIZON] for each in usable])
        fresh = np.isfinite(made_at) & (made_at != self._made_at)
        self._made_at = np.where(fresh, made_at, self._made_at)
        active = self.delays.active
        differs = self.above(chance) != active
        self._differing = np.where(fresh, np.where(differs, self._differing + 1, 0), self._differing)
        holds = np.where(self._differing >= CONFIRMING, ~active, active)
        self._differing[holds != active] = 0
        return Seen(holds, np.isfinite(chance), chance)

    def devices_of(self, entry: int) -> tuple[str, ...]:
        return ()  # the twin's forecast is what there is when a device is away


class OldForecastWatch(Watch):
    """Stations whose forecast rests on data that is too old."""

    def __init__(self, site: WatchedSite, forecasts: Mapping[str, Fields]) -> None:
        super().__init__("forecast_too_old", site, site.stations)
        self._forecasts = forecasts

    def look(self, now: float) -> Seen:
        age_s = np.array([self._age_s(source.path, now) for source in self.sources])
        return Seen(self.above(age_s), np.isfinite(age_s), age_s)

    def _age_s(self, station: str, now: float) -> float:
        made = self._forecasts.get(station)
        if made is None or made["data_age_s"] is None:
            return float("nan")
        return float(made["data_age_s"] + max(now - made["generated_at"], 0.0))


class GatewayWatch(Watch):
    """The gateway itself. ``measure``: of what the limit is about, or 0 and 1; ``None`` where it is not known."""

    def __init__(self, name: str, site: WatchedSite, measure: Callable[[], float | None]) -> None:
        super().__init__(name, site, site.gateway)
        self._measure = measure

    def look(self, now: float) -> Seen:
        measured = self._measure()
        value = np.full(len(self.sources), np.nan if measured is None else measured)
        holds = self.above(value) if self.condition.limit is not None else value > 0.0
        return Seen(holds, np.isfinite(value), value)

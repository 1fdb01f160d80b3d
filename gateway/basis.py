"""What a station's forecast starts from: what telemetry last told, the riders expected, and how good both are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from gateway.forecast_object import Basis, Fields
from gateway.layout import Layout
from twin.case import Case
from twin.demand import Intensity
from twin.observation import Estimate
from twin.spec import HORIZONS_S, SlotPhase, StationSpec, StationState

CLIMATOLOGY_AFTER_S = 600.0
"""Site seconds without telemetry after which the last known state says too little."""
CLIMATOLOGY_LEAD_S = 14_400.0
"""So long before now climatology's futures begin: riders and chargers have made the station their own by then."""
CLIMATOLOGY = "climatology"
HOUR_S, DAY_S = 3600.0, 86_400.0


class Demand(Protocol):
    """Riders expected at every station (gateway.demand_learner)."""

    def intensity(self, station: str, start: float, horizon_s: float) -> Intensity:
        """Riders per second from an epoch second on."""

    def basis(self, station: str) -> str:
        """Whether that is learned, stated or assumed."""

    def boosted(self, station: str) -> bool:
        """Whether it is corrected by what was learned from all stations together."""


class Bases:
    """The basis of every station's next forecast or question, from the runners' own latest."""

    def __init__(
        self,
        layouts: Mapping[str, Layout],
        estimates: Mapping[str, Estimate],
        summaries: Mapping[str, Fields],
        demand: Demand,
    ) -> None:
        self._layouts = layouts
        self._estimates, self._summaries, self._demand = estimates, summaries, demand
        self._usual: dict[str, tuple[float, float]] = {}
        """Each station's mean rate of riders over a day, and the hour in which that was asked."""
        self.follow()

    def follow(self) -> None:
        """The layouts are those of a changed site file."""
        self._specs = {name: layout.station.spec() for name, layout in self._layouts.items()}
        self._usual.clear()

    def of(self, station: str) -> Basis | None:
        """``None`` until telemetry has told of half of the slots once: what is unknown is not empty."""
        estimate = self._estimates.get(station)
        if estimate is None or estimate.known_state is None:
            return None
        summary = self._summaries[station]
        if summary["quality"] == "good" and not estimate.substituted.any():
            quality, reason = "good", None
        else:
            quality, reason = "uncertain", "substituted"
        # The limit that the station says is in force, where it says so.
        spec = replace(self._specs[station], grid_limit_w=max(summary["grid_limit_w"], 0.0))
        start, lead_s, climatology = start_of(spec, estimate)
        intensity = self._demand.intensity(station, start.time, lead_s + HORIZONS_S[-1])
        boosted = "+boost" if self._demand.boosted(station) else ""
        model = CLIMATOLOGY if climatology else f"ensemble/{self._demand.basis(station)}-demand{boosted}"
        case = Case(spec, start, intensity, lead_s)
        return Basis(case, model, quality, reason, summary["data_time"], self._usual_rate(station, estimate.time))

    def _usual_rate(self, station: str, now: float) -> float:
        hour = now // HOUR_S
        rate, asked = self._usual.get(station, (0.0, -1.0))
        if asked != hour:
            rate = float(self._demand.intensity(station, now, DAY_S).rates_per_s.mean())
            self._usual[station] = rate, hour
        return rate


def start_of(spec: StationSpec, estimate: Estimate) -> tuple[StationState, float, bool]:
    """The state that futures start from, how long before now that is (s), and whether it is climatology's.

    While telemetry tells, futures start from the estimate. When it stops, nobody knows how many riders come: futures
    start from the last known state and live through the time since then. After ``CLIMATOLOGY_AFTER_S`` they start
    long ago from a station full of ready packs: what is left is what this hour is usually like.
    """
    now, known = estimate.time, estimate.known_state
    silent_s = 0.0 if known is None else now - known.time
    if known is None:
        return estimate.state, 0.0, False
    if silent_s <= CLIMATOLOGY_AFTER_S:
        return known, silent_s, False
    return _usual_state(spec, known, now - CLIMATOLOGY_LEAD_S), CLIMATOLOGY_LEAD_S, True


def _usual_state(spec: StationSpec, known: StationState, time: float) -> StationState:
    """As many packs as there last were, all of them full, in slots that are all in order."""
    packs = min(Case(spec, known, Intensity(time, 1.0, np.zeros(1))).packs(), spec.slots)
    full = np.arange(spec.slots) < packs
    return StationState(
        time=time,
        phase=np.where(full, SlotPhase.DONE, SlotPhase.EMPTY).astype(np.int8),
        soc=np.where(full, spec.full_soc, 0.0),
        temperature_c=np.full(spec.slots, spec.thermal.ambient_c),
        derated=np.zeros(spec.slots, dtype=np.bool_),
        cooling_until=np.full(spec.slots, np.inf),
        bay_until=np.full(spec.bays, np.inf),
        bay_slot=np.zeros(spec.bays, dtype=np.int64),
        charger_power_w=known.charger_power_w,
        charger_efficiency=known.charger_efficiency,
    )

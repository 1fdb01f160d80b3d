"""Learns every station's demand from live swaps and from files of past ones, and keeps what it has learned."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import orjson
import structlog

from config.clock import Clock
from config.loader import LoadedSite
from config.site import Station
from gateway.demand_boost import DemandBoost, require_boost
from gateway.history_file import read_past_swaps
from gateway.quarter_log import QuarterLog
from gateway.store import Store
from twin.calendar import QUARTER_S
from twin.demand import Intensity, day_rates_per_s
from twin.learned_demand import DemandModel
from twin.observation import Estimate
from twin.spec import Floats
from twin.witness import Witness

KEEP_S = 120.0
"""Wall seconds between two records of a station's demand: a crash loses no more than this."""
CHUNK_S = 60.0
"""Site seconds that are shown to a model at once."""
SET_BACK_S = 600.0
"""Site seconds: if the clock is set back further than this, learning does not wait for time to catch up with it."""
PRIOR_SWAPS_PER_SLOT_DAY = 6.0
"""Where no demand is stated: a few turns of every slot a day, evenly spread, and very uncertain."""
PRIOR_CV = 1.0
LEARNED_S = 7.0 * 86_400.0
"""From so much exposure on a station's demand counts as learned rather than assumed."""

Note = Callable[[float, float, float, float], None]

log = structlog.get_logger()


class DemandLearner:
    """One demand model a station. Use ``restore`` before the first ``stepped``."""

    def __init__(self, loaded: LoadedSite, clock: Clock, store: Store) -> None:
        self._loaded, self._clock, self._store = loaded, clock, store
        self._quarters = QuarterLog([station.id for station in loaded.site.stations], store)
        self._stations = {station.id: self._unlearned(station) for station in loaded.site.stations}
        self._boost: DemandBoost | None = None
        if loaded.site.gateway.boost:
            unlearned = {station.id: demand_model(loaded, station) for station in loaded.site.stations}
            self._boost = DemandBoost(loaded.site.timezone, clock, store, self._quarters, unlearned)

    def restore(self) -> None:
        """Go on from what the store has; where there is nothing, learn from the site's files of past swaps.

        Blocks. Raises ``ConfigError`` for a file that cannot be read, or where ``gateway.boost`` needs what is not
        installed.
        """
        if self._boost is not None:
            require_boost(self._loaded.file)
        for name, state in self._store.demands().items():
            learning = self._stations.get(name)
            if learning is None:
                continue
            try:
                learning.model.restore(orjson.loads(state))
            except ValueError as error:
                log.warning("stored demand cannot be used; learning begins anew", station=name, error=str(error))
                self._stations[name] = self._unlearned(learning.station)
        unlearned = [name for name, learning in self._stations.items() if learning.model.time is None]
        if unlearned and self._loaded.site.gateway.past_swaps:
            self._learn_files(unlearned)
        self._quarters.restore(self._clock.now())
        if self._boost is not None:
            self._boost.restore()

    def prepare(self, loaded: LoadedSite) -> "DemandLearner":
        """A learner for a changed site file that knows what is stored and what is in its files of past swaps.

        Blocks, for a thread. Raises ``ConfigError`` as ``restore`` does.
        """
        prepared = DemandLearner(loaded, self._clock, self._store)
        prepared.restore()
        return prepared

    def follow(self, prepared: "DemandLearner") -> None:
        """Go over to what ``prepare`` made. What was learned here is newer than what is stored, and goes on."""
        for name, learning in prepared._stations.items():
            if name in self._stations:
                before = self._stations[name]
                before.show()
                if before.model.time is not None:
                    learning.model.restore(before.model.state())
        prepared._quarters.take_over(self._quarters)
        self._loaded, self._quarters = prepared._loaded, prepared._quarters
        self._stations = {name: self._adopt(learning) for name, learning in prepared._stations.items()}
        if self._boost is not None and prepared._boost is not None:
            self._boost.follow(prepared._boost, self._quarters)

    def _adopt(self, learning: "StationDemand") -> "StationDemand":
        learning.note = self._note(learning.station.id)
        return learning

    async def run(self) -> None:
        """Store what was learned, one station after the other, until cancelled; then all of it."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_all())
                if self._boost is not None:
                    group.create_task(self._boost.run(self._models))
        finally:
            for name in self._stations:
                self._keep(name)

    def stepped(self, station: str, estimate: Estimate, before: Estimate | None) -> None:
        """A station's twin made a step."""
        if before is not None:
            self._stations[station].stepped(estimate, before)

    def intensity(self, station: str, start: float, horizon_s: float) -> Intensity:
        """Riders expected at a station from ``start`` (epoch s) on."""
        said = self._stations[station].intensity(start, horizon_s)
        return said if self._boost is None else self._boost.corrected(station, said)

    def boosted(self, station: str) -> bool:
        """Whether what is expected now has been corrected by what was learned from all stations together."""
        return self._boost is not None and self._boost.corrects(station)

    def basis(self, station: str) -> str:
        """``learned`` from at least a week of exposure, ``stated`` in the site file, or ``assumed``."""
        learning = self._stations[station]
        if learning.model.exposure_s >= LEARNED_S:
            return "learned"
        return "assumed" if learning.station.demand is None else "stated"

    def _learn_files(self, unlearned: list[str]) -> None:
        site = self._loaded.site
        times: defaultdict[str, list[Floats]] = defaultdict(list)
        for path in site.gateway.past_swaps:
            file = self._loaded.resolve(path)
            past = read_past_swaps(file, site.timezone, self._clock.now())
            for note in past.notes:
                log.warning("past swaps repaired", note=note)
            foreign = sorted(set(past.times) - set(self._stations))
            if foreign:
                log.warning("past swaps of stations that the site does not have", file=str(file), stations=foreign)
            for name, column in past.times.items():
                times[name].append(column)
        for name in unlearned:
            columns = times[name]
            if columns:
                # Files may overlap; within one, equal times have been looked at.
                column = columns[0] if len(columns) == 1 else np.unique(np.concatenate(columns))
                learn_past(self._stations[name].model, column)
                self._quarters.fill(name, column, self._clock.now())
        log.info("demand learned from past swaps", stations=sum(bool(times[name]) for name in unlearned))

    def _unlearned(self, station: Station) -> "StationDemand":
        return StationDemand(self._loaded, station, self._note(station.id))

    def _note(self, station: str) -> Note:
        def note(start: float, end: float, swaps: float, exposure_s: float) -> None:
            self._quarters.add(station, start, end, swaps, exposure_s)

        return note

    def _models(self) -> dict[str, DemandModel]:
        return {name: learning.model for name, learning in self._stations.items()}

    async def _keep_all(self) -> None:
        while True:
            pause_s = KEEP_S / len(self._stations)
            for name in list(self._stations):
                await self._clock.sleep(pause_s)
                self._keep(name)

    def _keep(self, name: str) -> None:
        learning = self._stations.get(name)
        if learning is None:
            return  # the site file was changed, and has this station no more
        learning.show()
        time = learning.model.time
        if time is not None and time != learning.kept:
            self._store.demand(time, name, learning.model.state())
            self._quarters.keep(name)
            learning.kept = time


class StationDemand:
    """One station's model, and what was seen but not yet shown to it."""

    def __init__(
        self,
        loaded: LoadedSite,
        station: Station,
        note: Note | None = None,
    ) -> None:
        """``note`` is told what the model is shown: start and end (epoch s), swaps, seconds of exposure."""
        self.station = station
        self.note = note
        self.model = demand_model(loaded, station)
        self.kept: float | None = None
        self._witness = Witness(station.swap_s)
        self._start = self._end = 0.0
        self._swaps = 0
        self._exposure_s = self._stockout_s = 0.0

    def stepped(self, estimate: Estimate, before: Estimate) -> None:
        """The station's twin made a step: take in what it saw."""
        seen = self._witness.between(before, estimate)
        if before.time != self._end:
            self.show()
            self._start = before.time
        self._end = max(estimate.time, self._start)
        self._swaps += seen.swaps
        self._exposure_s += seen.exposure_s
        self._stockout_s += seen.stockout_s
        if self._end - self._start >= CHUNK_S:
            self.show()

    def intensity(self, start: float, horizon_s: float) -> Intensity:
        """Riders expected from ``start`` (epoch s) on, after all that was seen."""
        self.show()
        return self.model.intensity(start, horizon_s)

    def show(self) -> None:
        """Show the model what was seen. What lies before its own time was learned before."""
        start, end, known = self._start, self._end, self.model.time
        if known is not None and end > start and known - start > SET_BACK_S:
            log.warning("clock was set back; today's level of demand is forgotten", station=self.station.id)
            self.model.forget_today(start)
            known = start
        if end > start and (known is None or start >= known):
            exposure_s = min(self._exposure_s, end - start)
            stockout_s = min(self._stockout_s, end - start - exposure_s)
            self.model.observe(start, end, self._swaps, exposure_s, stockout_s)
            if self.note is not None:
                self.note(start, end, self._swaps, exposure_s)
        self._start, self._swaps, self._exposure_s, self._stockout_s = end, 0, 0.0, 0.0


def demand_model(loaded: LoadedSite, station: Station) -> DemandModel:
    """A model that has learned nothing: the station's stated demand, or a guess by its size, and its calendar."""
    entries = (*loaded.site.calendar, *station.calendar)
    occasions = tuple(entry.occasion() for entry in entries)
    zone, demand = loaded.site.timezone, station.demand
    if demand is None:
        rates = day_rates_per_s((1.0,) * 48, PRIOR_SWAPS_PER_SLOT_DAY * station.slots)
        return DemandModel(zone, rates, prior_cv=PRIOR_CV, occasions=occasions)
    rates = day_rates_per_s(loaded.half_hourly(demand), demand.swaps_per_day)
    return DemandModel(zone, rates, occasions=occasions)


def learn_past(model: DemandModel, times: Floats, until: float | None = None) -> None:
    """Show a model that has learned nothing a station's past swaps (epoch s, rising).

    The file does not tell when packs were ready: they count as always ready from the quarter hour of the first swap
    to that of the last, or to ``until`` (epoch s).
    """
    if not len(times):
        return
    first = int(times[0] // QUARTER_S)
    last = int(times[-1] // QUARTER_S) if until is None else int(until // QUARTER_S) - 1
    counts = np.bincount((times // QUARTER_S).astype(np.int64) - first, minlength=max(last - first + 1, 1))
    for number, count in enumerate(counts.tolist()):
        begin = (first + number) * QUARTER_S
        model.observe(begin, begin + QUARTER_S, count, QUARTER_S)

"""What the live twin learns of its station from telemetry, put into the model: chargers, packs, efficiency, drifts.

A pack that holds more or less than its class is put into the charger's terms: ``charger_power_w`` and
``charger_efficiency`` of a slot are both in watts of a pack of the class, so that the grid's watts stay right.
"""

from math import exp, isfinite, log

import numpy as np
from numpy.typing import NDArray

from twin.drift import Drift, DriftWatch
from twin.filtering import CHARGER, PACK, TAPER, Efficiencies, Flags, SlotFilter, TemperatureFilter
from twin.observation import Observation
from twin.slot import CHARGING, COOLING, DONE, Slot
from twin.spec import Floats
from twin.station import Station

_REST, _FREE, _LIMITED, _TAPERING = range(4)
"""What a charge is held by: nothing charges; the charger; grid, heat, or the pack's own cap; the taper."""

STEADY_S = 20.0
"""A charger has come to its power after this long."""
TAPER_MARGIN_SOC = 0.05
WORTH = 0.01
"""The model is changed where a constant has moved by this much, relatively."""
LIMITED_SHARE = 0.95
METER_EVERY_S = 30.0
LONGEST_GAP_S = 300.0


class Learning:
    """Follows one station of the live twin: ``run_on`` before, ``teach`` and ``stand`` after each correction."""

    def __init__(self, station: Station) -> None:
        slots = len(station.slots)
        self._station = station
        self.filter = SlotFilter(slots)
        self.temperature = TemperatureFilter(slots)
        charger = station.spec.charger
        self._efficiencies = Efficiencies(slots, station.spec.base_load_w, charger.efficiency)
        self._watch = DriftWatch(slots)
        self._time = self._meter_time = station.env.now
        self._here = np.zeros(slots, dtype=np.bool_)
        self._steady_from = np.full(slots, np.inf)
        self._power_w = np.full(slots, np.nan)
        self._meter_tells = False
        self.stand()

    def drifts(self) -> tuple[Drift, ...]:
        """The alarms that are on."""
        return self._watch.drifts()

    def new_pack(self, index: int, seen: Observation) -> None:
        """A pack has come into a slot."""
        slot = self._station.slots[index]
        capacity_wh = float(seen.capacity_wh[index]) if seen.capacity_wh is not None else 0.0
        known = isfinite(capacity_wh) and capacity_wh > 0.0
        if known and self._station.spec.more_packs:
            classes = [abs(log(capacity_wh / pack.capacity_wh)) for pack in self._station.spec.packs]
            slot.take(classes.index(min(classes)))
        self.filter.new_pack(index, log(slot.pack.capacity_wh / capacity_wh) if known else 0.0)
        self.temperature.new_pack(index)
        self._watch.new_pack(index)

    def run_on(self, seen: Observation) -> None:
        """The model has run on since ``stand``: what is now uncertain, and by what."""
        now = self._station.env.now
        seconds = now - self._time
        if seconds <= 0.0:
            return
        limited = self._meter_says_limited(seen)
        soc, kind, phase = self._standing()
        carried = np.isin(phase, (CHARGING, DONE)) & np.isin(self._phase, (CHARGING, COOLING))
        grown = np.where(carried, np.maximum(soc - self._soc, 0.0), 0.0)
        steady = kind == self._kind
        free = steady & (kind == _FREE) & (not limited) & np.isnan(_power(seen))
        growth = np.zeros((len(soc), 3))
        growth[:, PACK] = np.where(steady & ((kind == _FREE) | (kind == _LIMITED)), grown, 0.0)
        growth[:, CHARGER] = np.where(free, grown, 0.0)
        growth[:, TAPER] = np.where(steady & (kind == _TAPERING), -grown, 0.0)
        self.filter.predict(seconds, growth, np.where(steady, 0.0, (0.1 * grown) ** 2))
        self.temperature.predict(seconds)

    def teach(self, seen: Observation, here: Flags) -> bool:
        """Learn from what was measured besides SoC, and put what is learned into the model. True: share power anew."""
        now = self._station.env.now
        for index in np.flatnonzero(seen.known & self._here & ~here).tolist():
            self.filter.new_pack(index)
        self._here = np.where(seen.known, here, self._here)
        charges = seen.known & here & seen.charging
        self._steady_from = np.where(charges, np.fmin(self._steady_from, now), np.inf)
        self._chargers(seen, charges, now)
        self._meter(seen, charges, now)
        self._soc_sensors(seen, here, charges, now)
        return self._put_in()

    def stand(self) -> None:
        """The model stands as it is to run on from."""
        self._soc, self._kind, self._phase = self._standing()
        self._time = self._station.env.now

    def _standing(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        now = self._station.env.now
        slots = self._station.slots
        soc = np.array([slot.soc_at(now) for slot in slots])
        return soc, np.array([self._kind_of(slot, now) for slot in slots]), np.array([slot.phase for slot in slots])

    @staticmethod
    def _kind_of(slot: Slot, now: float) -> int:
        if slot.phase != CHARGING or slot.held:
            return _REST
        if slot.tapering:
            return _TAPERING
        rate = slot.rate_at(now)
        if rate <= 0.0:
            return _REST
        return _LIMITED if slot.derated or rate * slot.energy_ws < 0.995 * slot.power_w else _FREE

    def _meter_says_limited(self, seen: Observation) -> bool:
        return bool(seen.station_power_w >= LIMITED_SHARE * self._station.spec.grid_limit_w)

    def _chargers(self, seen: Observation, charges: Flags, now: float) -> None:
        """What chargers give that nothing else holds back."""
        power_w = _power(seen)
        usual_w = self._station.spec.charger.power_w
        able = charges & (now - self._steady_from >= STEADY_S)
        able &= np.array([self._only_charger(slot, now) for slot in self._station.slots])
        strongest_w = float(np.max(power_w, initial=0.0, where=np.isfinite(power_w)))
        if isfinite(seen.station_power_w):
            limited = self._meter_says_limited(seen)
        else:
            limited = any(self._kind_of(slot, now) == _LIMITED for slot in self._station.slots)
        own = np.isfinite(power_w) & (power_w > 0.0) & able
        # Where the limit is shared, who gets less than another is held back by himself alone.
        own &= (power_w < LIMITED_SHARE * strongest_w) | (not limited)
        ratio = np.where(own, power_w, usual_w) / usual_w
        self.filter.learn_power(own, np.log(ratio))
        inferred = able & np.isnan(power_w) & (self._kind == _FREE) & (not limited) & self.filter.charger_is_known
        ratio = np.where(inferred, np.exp(self.filter.log[:, CHARGER]), ratio)
        for index in self._watch.watch_chargers(now, own, inferred, ratio):
            self.filter.doubt_charger(index)

    def _only_charger(self, slot: Slot, now: float) -> bool:
        """Whether a pack would take all that its charger can give: it is neither near its taper nor hot."""
        if slot.phase != CHARGING or slot.held or slot.derated:
            return False
        if slot.temperature_at(now) >= slot.thermal.restore_below_c - 0.5:
            return False
        takes_w = slot.piece.rate(slot.soc_at(now) + TAPER_MARGIN_SOC) * slot.energy_ws
        return takes_w > self._station.spec.charger.power_w

    def _meter(self, seen: Observation, charges: Flags, now: float) -> None:
        """The station's meter against its chargers."""
        spec = self._station.spec
        if not (isfinite(seen.station_power_w) and seen.known.all()) or now - self._meter_time < METER_EVERY_S:
            return
        power_w = np.where(charges, _power(seen), 0.0)
        if np.isfinite(power_w).all():
            self._efficiencies.learn(min(now - self._meter_time, LONGEST_GAP_S), power_w, seen.station_power_w)
            expected_w = spec.base_load_w + float(power_w.sum()) / spec.charger.efficiency
            self._meter_tells = True
        else:
            expected_w = self._station.power_w()
        self._meter_time = now
        self._watch.watch_power(now, seen.station_power_w, expected_w)

    def _soc_sensors(self, seen: Observation, here: Flags, charges: Flags, now: float) -> None:
        """SoC readings against the charge that went in."""
        power_w = np.where(charges, _power(seen), np.where(seen.known & here, 0.0, np.nan))
        seconds = now - self._time
        if 0.0 < seconds <= LONGEST_GAP_S:
            energy_ws = np.array([slot.energy_ws for slot in self._station.slots])
            brought = 0.5 * (power_w + self._power_w) * seconds / energy_ws * np.exp(self.filter.expected_pack)
        else:
            brought = np.full(len(power_w), np.nan if seconds else 0.0)
        self._power_w = power_w
        self._watch.watch_soc(now, np.where(here, seen.soc, np.nan), brought, self.filter.soc_sigma)

    def _put_in(self) -> bool:
        """Constants that have moved become those of the model."""
        charger = self._station.spec.charger
        own = self.filter.log
        power_w = charger.power_w * np.exp(own[:, CHARGER] + own[:, PACK])
        efficiency = self._efficiencies.value if self._meter_tells else np.full(len(own), charger.efficiency)
        efficiency = efficiency * np.exp(own[:, PACK])
        moved = False
        for index, slot in enumerate(self._station.slots):
            tau_scale = exp(own[index, TAPER])
            new = (float(power_w[index]), float(efficiency[index]), tau_scale)
            old = (slot.power_w, slot.efficiency, slot.tau_scale)
            if max(abs(log(after / before)) for after, before in zip(new, old, strict=True)) > WORTH:
                self._station.set_charger(index, *new)
                moved = True
        return moved


def _power(seen: Observation) -> Floats:
    return np.full(len(seen.known), np.nan) if seen.power_w is None else seen.power_w

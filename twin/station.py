"""The station as a SimPy model: riders, bays, cooling and charging. The reference for every faster engine.

Riders wait in one line. The first of them is served as soon as a bay is free *and* a pack is ready: the fullest
ready pack (the lowest slot among equals) leaves at the start of the swap, and the pack he brings goes into its slot
at the end. After a rest it is charged. Power is shared anew at every charging event: a charge begins or ends, the
taper begins, a pack becomes ready, derating begins or ends. Between events every charge is known in closed form
(twin.slot), so that nothing is ever stepped.
"""

from collections import deque
from collections.abc import Generator
from dataclasses import replace
from math import inf, nextafter

import numpy as np
from simpy import Environment, Event

from twin import charging, snapshot
from twin.riders import Riders
from twin.slot import CHARGING, COOLING, EMPTY, Slot
from twin.spec import StationSpec, StationState

_Process = Generator[Event, None, None]
_TAPER_TOLERANCE = 1.0 - 1e-9


class Station:
    """A station from a snapshot on. ``riders`` None: nobody comes (the live mirror, where telemetry tells).

    ``snapshot()`` and ``riders`` are all there is to go on from: a station rebuilt from them lives the same future
    to the last bit. Counts (``swaps``, ``lost``, ``arrivals``) and stockout times begin at construction.
    """

    def __init__(self, env: Environment, spec: StationSpec, state: StationState, riders: Riders | None = None) -> None:
        snapshot.check(spec, state)
        self.env, self.spec, self.riders = env, spec, riders
        self.swaps = self.lost = self.arrivals = 0
        self.first_stockout = inf
        self._stockout_s, self._stockout_since = 0.0, inf
        self._alarm = inf
        self.slots = snapshot.restore(spec, state, env.now)
        for slot in self.slots:
            if slot.phase == COOLING:
                env.process(self._cool(slot, slot.cooling_until))
        self.ready = sum(slot.ready for slot in self.slots)
        if not self.ready:
            self.first_stockout = self._stockout_since = env.now
        self.bay_until: list[float] = state.bay_until.tolist()
        self.bay_slot: list[int] = state.bay_slot.tolist()
        for bay, until in enumerate(self.bay_until):
            if until < inf:
                env.process(self._swap(bay, until))
        self.queue: deque[float] = deque()
        self._restore_queue(state)
        if riders:
            env.process(self._arrive(riders))
        if state.segments is None:
            self.share()
        self._dispatch()
        self._set_alarm()

    @property
    def stockout_s(self) -> float:
        """Seconds without a ready pack so far."""
        return self._stockout_s + max(self.env.now - self._stockout_since, 0.0)

    def _arrive(self, riders: Riders) -> _Process:
        while riders.next_arrival < inf:
            yield self._at(riders.next_arrival)
            until = riders.next_arrival + riders.arrive()
            self.arrivals += 1
            self.queue.append(until)
            self._dispatch()
            if self.queue and self.queue[-1] == until:
                self._wait(until)

    def _wait(self, until: float) -> None:
        patience = self._at(until)
        patience.callbacks.append(lambda _: self._leave(until))

    def _leave(self, until: float) -> None:
        if until in self.queue:
            self.queue.remove(until)
            self.lost += 1

    def _dispatch(self) -> None:
        freed_power = False
        while self.queue and self.ready and inf in self.bay_until:
            bay, slot = self.bay_until.index(inf), self._fullest()
            self.queue.popleft()
            freed_power |= slot.phase == CHARGING
            self.place(slot.index, EMPTY)
            self.open_bay(bay, slot.index, self.env.now + self.spec.swap_s)
        if freed_power:
            self.share()

    def _fullest(self) -> Slot:
        now, best, most = self.env.now, self.slots[0], -inf
        for slot in self.slots:
            if slot.ready:
                soc = slot.soc_at(now)
                if soc > most:
                    best, most = slot, soc
        return best

    def open_bay(self, bay: int, slot: int, until: float) -> None:
        """A swap that will bring a pack into ``slot`` holds the bay until a time."""
        self.bay_until[bay], self.bay_slot[bay] = until, slot
        self.env.process(self._swap(bay, until))

    def _swap(self, bay: int, until: float) -> _Process:
        yield self._at(until)
        if self.bay_until[bay] != until:  # telemetry knew better in the meantime
            return
        index = self.bay_slot[bay]
        self.bay_until[bay] = inf
        self.swaps += 1
        if self.slots[index].phase == EMPTY:
            soc, temperature_c = self._returned_pack()
            self.place(index, COOLING, soc, temperature_c, self.env.now + self.spec.cooldown_s)
        self._dispatch()

    def _returned_pack(self) -> tuple[float, float]:
        if self.riders:
            return self.riders.returned_pack()
        return sum(self.spec.returned_soc) / 2.0, sum(self.spec.returned_temperature_c) / 2.0

    def _cool(self, slot: Slot, until: float) -> _Process:
        yield self._at(until)
        if slot.phase == COOLING and slot.cooling_until == until:
            now = self.env.now
            self.place(slot.index, CHARGING, slot.soc, slot.temperature_at(now))
            self.share()
            self._dispatch()

    def place(
        self, index: int, phase: int, soc: float = 0.0, temperature_c: float | None = None, cooling_until: float = inf
    ) -> None:
        """Set a slot and its pack as they are now. Follow it with ``share()`` where a charge began, ended or moved."""
        slot = self.slots[index]
        was_ready = slot.ready
        slot.place(self.env.now, phase, soc, self.spec.thermal.ambient_c if temperature_c is None else temperature_c)
        until, slot.cooling_until = slot.cooling_until, cooling_until if phase == COOLING else inf
        if slot.cooling_until != until and phase == COOLING:
            self.env.process(self._cool(slot, cooling_until))
        self._count_ready(slot.ready - was_ready)

    def set_grid_limit(self, limit_w: float) -> None:
        """Another grid limit from now on."""
        self.spec = replace(self.spec, grid_limit_w=limit_w)
        self.share()

    def power_w(self) -> float:
        """What all chargers together draw from the grid now, base load included."""
        now, packs_w = self.env.now, 0.0
        for slot in self.slots:
            if slot.tapering:
                packs_w += slot.taper_w_per_soc * (slot.pack.soc_infinity - slot.soc_at(now))
            else:
                packs_w += slot.rate * slot.energy_ws
        return self.spec.base_load_w + packs_w / self.spec.charger.efficiency

    def share(self) -> None:
        """Share the grid limit among the packs that charge; who keeps his rate is not touched.

        The limit is on the grid side: what is left after the base load, times the chargers' efficiency, reaches
        the packs. Each asks for the least of charger power (derated when hot) and its taper (twin.charging).
        """
        now, spec = self.env.now, self.spec
        cap_w = spec.charger.power_w
        derated_w = cap_w * spec.thermal.derate_factor
        active: list[Slot] = []
        tapers: list[float] = []
        demands: list[float] = []
        for slot in self.slots:
            if slot.phase == CHARGING:
                taper_w = slot.taper_w_per_soc * (slot.pack.soc_infinity - slot.soc_at(now))
                limit_w = 0.0 if slot.held else derated_w if slot.derated else cap_w
                active.append(slot)
                tapers.append(taper_w)
                demands.append(limit_w if limit_w < taper_w else taper_w)
        level_w = charging.water_level(demands, (spec.grid_limit_w - spec.base_load_w) * spec.charger.efficiency)
        for slot, taper_w, demand_w in zip(active, tapers, demands, strict=True):
            power_w = demand_w if demand_w < level_w else level_w
            slot.charge(now, power_w / slot.energy_ws, power_w >= taper_w * _TAPER_TOLERANCE)
        self._set_alarm()

    def _set_alarm(self) -> None:
        """Wake at the next charging event. An alarm already set for an earlier time will set the next one."""
        due = min([slot.due for slot in self.slots])
        if due < self._alarm:
            self._alarm = due
            self._at(due).callbacks.append(self._ring)

    def _ring(self, _: Event) -> None:
        now = self.env.now
        if now < self._alarm:  # a later alarm that an earlier one has replaced
            return
        self._alarm = inf
        met = became_ready = 0
        for slot in self.slots:
            if slot.due <= now:
                was_ready = slot.ready
                slot.meet()
                met += 1
                became_ready += slot.ready - was_ready
        if not met:
            self._set_alarm()
            return
        self._count_ready(became_ready)
        self.share()
        self._dispatch()

    def _count_ready(self, change: int) -> None:
        if not change:
            return
        now = self.env.now
        if not self.ready:
            self._stockout_s += now - self._stockout_since
            self._stockout_since = inf
        self.ready += change
        if not self.ready:
            self._stockout_since = now
            self.first_stockout = min(self.first_stockout, now)

    def snapshot(self) -> StationState:
        """The station now. A charger held back by its device (``Slot.held``) is free again in the snapshot's future."""
        return StationState(
            time=self.env.now,
            bay_until=np.array(self.bay_until),
            bay_slot=np.array(self.bay_slot, dtype=np.int64),
            queue=len(self.queue),
            patience_until=tuple(self.queue),
            **snapshot.columns(self.slots, self.env.now),
        )

    def _restore_queue(self, state: StationState) -> None:
        for rank in range(state.queue):
            if rank < len(state.patience_until):
                until = state.patience_until[rank]
            elif self.riders:
                until = self.env.now + self.riders.wait_s()
            else:
                until = inf
            self.queue.append(until)
            if until < inf:
                self._wait(until)

    def _at(self, time: float) -> Event:
        """An event at exactly that time (now, if it has passed)."""
        now = self.env.now
        delay = max(time - now, 0.0)
        if delay == 0.0 or now + delay == time:
            return self.env.timeout(delay)
        return self.env.process(self._hop(time))

    def _hop(self, time: float) -> _Process:
        """Where no delay leads to ``time`` by one rounded sum, stop just before it: from there, one does."""
        while (now := self.env.now) < time:
            delay = time - now
            yield self.env.timeout(delay if now + delay <= time else nextafter(delay, 0.0))

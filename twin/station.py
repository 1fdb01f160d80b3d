"""The station as a SimPy model: riders, bays, cooling and charging. The reference for every faster engine.

Riders wait in one line. The first of them is served as soon as a bay is free *and* a pack is ready: the fullest
ready pack (the lowest slot among equals) leaves at the start of the swap, and the pack he brings goes into its slot
at the end. After a rest it is charged. Power is shared anew at every charging event: a charge begins or ends, the
taper begins, a pack becomes ready, derating begins or ends. Between events every charge is known in closed form
(twin.slot), so that nothing is ever stepped.

While the grid limit binds, packs in their taper want less and less. What they leave goes to the limited ones as a
ramp of power: the straight line that, at the next sharing, will have given away no more than is there and left no more
than ``UNUSED_SHARE`` of the limit unused. A cabinet whose controller shares on a tick of its own leaves it unused
until that tick, and so does its model.

What happens at the same moment happens in a fixed order: charging, ends of swaps by bay, ends of rests by slot, an
arrival, riders who leave. It hangs on nothing but the station's state, so that another engine can keep it.
"""

from collections import deque
from collections.abc import Generator
from dataclasses import replace
from math import floor, inf, nextafter, sqrt

import numpy as np
from simpy import Environment, Event
from simpy.events import EventPriority

from twin import charging, snapshot
from twin.riders import Riders
from twin.slot import CHARGING, COOLING, EMPTY, Slot
from twin.spec import StationSpec, StationState

_Process = Generator[Event, None, None]

TAPER_TOLERANCE = 1.0 - 1e-9
UNUSED_SHARE = 0.001
SHORTEST_RAMP_S = 1.0
_CHARGING, _BAY, _REST, _ARRIVAL, _LEAVE = (EventPriority(rank) for rank in (1, 1_000, 1_000_000, 2_000_000, 3_000_000))


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
        self._waited_s, self._queue_since = 0.0, env.now
        self._restore_queue(state)
        if riders:
            env.process(self._arrive(riders))
        self._reshare_at = state.segments.reshare_at if state.segments else env.now
        if self._dispatch() or not state.segments:
            self.share()
        self._set_alarm()

    @property
    def stockout_s(self) -> float:
        """Seconds without a ready pack so far."""
        return self._stockout_s + max(self.env.now - self._stockout_since, 0.0)

    @property
    def waited_s(self) -> float:
        """Seconds that riders have waited for their swap so far, all together."""
        return self._waited_s + len(self.queue) * (self.env.now - self._queue_since)

    def _count_waiting(self) -> None:
        """To be called before the queue gets longer or shorter."""
        self._waited_s, self._queue_since = self.waited_s, self.env.now

    def _arrive(self, riders: Riders) -> _Process:
        while riders.next_arrival < inf:
            yield self._at(riders.next_arrival, _ARRIVAL)
            until = riders.next_arrival + riders.arrive()
            self.arrivals += 1
            self._count_waiting()
            self.queue.append(until)
            if self._dispatch():
                self.share()
            if self.queue and self.queue[-1] == until:
                self._wait(until)

    def _wait(self, until: float) -> None:
        patience = self._at(until, _LEAVE)
        patience.callbacks.append(lambda _: self._leave(until))

    def _leave(self, until: float) -> None:
        if until in self.queue:
            self._count_waiting()
            self.queue.remove(until)
            self.lost += 1

    def _dispatch(self) -> bool:
        """Serve whom there is a bay and a pack for. True: that freed power, to be shared."""
        freed_power = False
        while self.queue and self.ready and inf in self.bay_until:
            bay, slot = self.bay_until.index(inf), self._fullest()
            self._count_waiting()
            self.queue.popleft()
            freed_power |= slot.phase == CHARGING
            self.place(slot.index, EMPTY)
            self.open_bay(bay, slot.index, self.env.now + self.spec.swap_s)
        return freed_power

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
        yield self._at(until, EventPriority(_BAY + bay))
        if self.bay_until[bay] != until:  # telemetry knew better in the meantime
            return
        index = self.bay_slot[bay]
        self.bay_until[bay] = inf
        self.swaps += 1
        if self.slots[index].phase == EMPTY:
            soc, temperature_c, pack_class = self._returned_pack()
            self.slots[index].take(pack_class)
            self.place(index, COOLING, soc, temperature_c, self.env.now + self.spec.cooldown_s)
        if self._dispatch():
            self.share()

    def _returned_pack(self) -> tuple[float, float, int]:
        if self.riders:
            return self.riders.returned_pack()
        return sum(self.spec.returned_soc) / 2.0, sum(self.spec.returned_temperature_c) / 2.0, 0

    def _cool(self, slot: Slot, until: float) -> _Process:
        yield self._at(until, EventPriority(_REST + slot.index))
        if slot.phase == COOLING and slot.cooling_until == until:
            now = self.env.now
            self.place(slot.index, CHARGING, slot.soc, slot.temperature_at(now))
            self._dispatch()
            self.share()

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

    def set_charger(
        self, index: int, power_w: float | None = None, efficiency: float | None = None, tau_scale: float | None = None
    ) -> None:
        """What has been learned of a slot's charger (``None``: as before). Follow it with ``share()``."""
        slot, now = self.slots[index], self.env.now
        slot.power_w = slot.power_w if power_w is None else power_w
        slot.efficiency = slot.efficiency if efficiency is None else efficiency
        if tau_scale is not None and tau_scale != slot.tau_scale:
            soc, temperature_c = slot.soc_at(now), slot.temperature_at(now)
            slot.tau_scale = tau_scale
            slot.take(slot.pack_class)
            if slot.phase == CHARGING:
                self.place(index, CHARGING, soc, temperature_c)

    def power_w(self) -> float:
        """What all chargers together draw from the grid now, base load included."""
        now = self.env.now
        return self.spec.base_load_w + sum(slot.rate_at(now) * slot.energy_ws / slot.efficiency for slot in self.slots)

    def share(self) -> None:
        """Share the grid limit among the packs that charge; who keeps his rate is not touched.

        Each asks for the least of what his charger gives (derated when hot) and what the pack takes (twin.charging).
        The limit and the level are on the grid side, the rest is on the packs'. Inverses of what seldom changes are
        multiplied with, since the compiled model does so too and is held to the last bit.
        """
        now = self.env.now
        available_w = self.spec.grid_limit_w - self.spec.base_load_w
        active = [slot for slot in self.slots if slot.phase == CHARGING]
        waiting = self._waiting(active)
        asks: list[tuple[Slot, float, float]] = []
        demands: list[float] = []
        for slot in active:
            soc = slot.soc_at(now)
            pack_w = slot.piece.rate(soc) * slot.energy_ws
            most_w = 0.0 if slot.index in waiting else slot.most_w()
            if slot.piece.flat_per_s and pack_w < most_w:
                most_w = pack_w
            asks.append((slot, pack_w, most_w))
            demands.append((most_w if most_w < pack_w else pack_w) * (1.0 / slot.efficiency))
        level_w = charging.water_level(demands, available_w)
        ramp_w_per_s, self._reshare_at = 0.0, inf
        if level_w < inf:
            ramp_w_per_s, self._reshare_at = self._until_next_sharing(asks, demands, level_w, available_w)
        for (slot, pack_w, most_w), demand_w in zip(asks, demands, strict=True):
            limited = demand_w > level_w
            power_w = level_w * slot.efficiency if limited else min(most_w, pack_w)
            falls = not slot.piece.flat_per_s and power_w >= pack_w * TAPER_TOLERANCE
            ramp_w = ramp_w_per_s * slot.efficiency if limited and power_w < most_w * TAPER_TOLERANCE else 0.0
            per_ws = slot.soc_per_ws
            slot.charge(now, power_w * per_ws, ramp_w * per_ws, falls, most_w * per_ws)
        self._set_alarm()

    def _waiting(self, active: list[Slot]) -> set[int]:
        """Slots whose pack has no charger yet: chargers serve in the order in which packs came to be charged."""
        chargers = self.spec.chargers
        if chargers is None or len(active) <= chargers:
            return set()
        return {slot.index for slot in sorted(active, key=lambda slot: slot.charging_since)[chargers:]}

    def _until_next_sharing(
        self, asks: list[tuple[Slot, float, float]], demands: list[float], level_w: float, available_w: float
    ) -> tuple[float, float]:
        """How fast the level rises (W/s), and when to share anew at the latest.

        Tapering packs leave ``sum A (1 - exp(-t / tau))``. The exponential lies below ``1 - x + x^2 / 2``, and that
        below its chord to the next sharing: along the chord, the level never takes what is not there. What the chord
        leaves unused is at most ``sum A / tau^2`` times an eighth of the square of the time that it spans.
        """
        now, tick_s = self.env.now, self.spec.share_tick_s
        if tick_s > 0.0:
            tick = (floor(now / tick_s) + 1.0) * tick_s
            return 0.0, tick if tick > now else tick + tick_s
        limited, fall, bend = 0, 0.0, 0.0
        for (slot, pack_w, most_w), demand_w in zip(asks, demands, strict=True):
            if demand_w > level_w:
                limited += 1
            elif pack_w <= most_w and not slot.piece.flat_per_s:
                fall += demand_w * slot.piece.slope_per_s
                bend += demand_w * slot.piece.slope_per_s * slot.piece.slope_per_s
        if not limited or bend == 0.0:
            return 0.0, inf
        spans_s = max(sqrt(8.0 * UNUSED_SHARE * available_w / bend), SHORTEST_RAMP_S)
        return max(fall - 0.5 * spans_s * bend, 0.0) / limited, now + spans_s

    def _set_alarm(self) -> None:
        """Wake at the next charging event. An alarm already set for an earlier time will set the next one."""
        due = min([slot.due for slot in self.slots])
        if self._reshare_at < due:
            due = self._reshare_at
        if due < self._alarm:
            self._alarm = due
            self._at(due, _CHARGING).callbacks.append(self._ring)

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
        if not met and now < self._reshare_at:
            self._set_alarm()
            return
        self._count_ready(became_ready)
        self._dispatch()
        self.share()

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
            **snapshot.columns(self.spec, self.slots, self.env.now, self._reshare_at),
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

    def _at(self, time: float, rank: EventPriority) -> Event:
        """An event at exactly that time (now, if it has passed), in its place among those of the same moment."""
        event = Event(self.env)
        self._aim(event, max(time, self.env.now), rank)
        return event

    def _aim(self, event: Event, time: float, rank: EventPriority) -> None:
        """Where no delay leads to ``time`` by one rounded sum, stop just before it: from there, one does."""
        now = self.env.now
        delay = time - now
        if now + delay == time:
            event._ok, event._value = True, None  # as simpy.events.Timeout does: it has no rank of its own
            self.env.schedule(event, rank, delay)
        else:
            hop = self.env.timeout(delay if now + delay <= time else nextafter(delay, 0.0))
            hop.callbacks.append(lambda _: self._aim(event, time, rank))

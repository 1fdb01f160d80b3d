"""The physical station in long strides: years of it in seconds, for replays. The same physics, compiled.

Between two things that happen (a rider comes or gives up, a door opens, a pack becomes ready) only charging goes on.
That part is lived by a compiled copy of ``Charger`` and ``Pack``, step by step as they do it; all else is the
station's own code. A test holds both to the same packs after days of swaps.
"""

from math import inf

import numpy as np
from numba import njit
from numpy.typing import NDArray

from config.site import Station as StationConfig
from simulators import charger, pack
from simulators.riders import ListedRiders
from simulators.station import BASE_LOAD_NOISE, STEP_S, PhysicalStation
from twin.signals import ChargerState

Floats = NDArray[np.float64]

_IDLE, _CHARGING, _FULL, _COOLING, _FAULT = (
    int(ChargerState[name]) for name in ("IDLE", "CHARGING", "FULL", "COOLING", "FAULT")
)
_SOC, _VOLTS = np.array(pack.OCV_SOC), np.array(pack.OCV_V)
LONGEST_STRIDE_S = 600.0
"""Over which the ambient temperature is taken to change linearly."""


class StridingStation(PhysicalStation):
    """A physical station whose riders come at listed times, in steps of ``STEP_S``.

    Columns (``soc``, ``state``, ``power_w``, ...) show all slots at once; packs and slots themselves are up to date
    only while something happens to them. ``ready_since`` lists (time, ready packs) from each change on, so that no
    stockout between two looks is missed.
    """

    def __init__(self, config: StationConfig, riders: ListedRiders, start: float) -> None:
        super().__init__(config, riders, start)
        self._listed = riders
        # The compiled code gets every constant as an argument: its cache would not notice one that is edited.
        self._constants = (
            config.charger.power_w,
            config.charger.efficiency,
            config.full_soc,
            config.ready_soc,
            config.grid_limit_w,
            config.base_load_w,
            float(config.slots if config.chargers is None else config.chargers),
            config.share_tick_s,
            charger.CUT_OFF_C,
            charger.DERATE_ABOVE_C,
            charger.RESTORE_BELOW_C,
            charger.DERATE_FACTOR,
            charger.TRIP_ABOVE_C,
            charger.RESET_BELOW_C,
            pack.CELL_OHM_AH,
            pack.RESISTANCE_GROWTH,
            pack.HEAT_CAPACITY_J_PER_K_WH,
            pack.COOLING_W_PER_K_WH,
            pack.FADE_PER_CYCLE,
        )
        self._ready_now = 0
        count = len(self.slots)
        self.soc, self.temperature_c, self._soh, self._cycles = (np.zeros(count) for _ in range(4))
        self._rest_until, self.power_w, self.capacity_wh = (np.zeros(count) for _ in range(3))
        self._came_at, self._share_w, self._asked = (np.zeros(count) for _ in range(3))
        self._cells, self._charge_ah, self._limit_v, self._new_wh = (np.ones(count) for _ in range(4))
        self._shared_tick = np.full(1, -1.0)
        points = max((len(kind.rate_cap) for kind in self._kinds), default=0) or 1
        self._cap_soc, self._cap_c = np.full((count, points), np.inf), np.full((count, points), np.inf)
        self.state = np.zeros(count, dtype=np.int64)
        self.occupied, self.enabled, self.locked = (np.zeros(count, dtype=np.bool_) for _ in range(3))
        self._promised, self._full, self._derated, self._tripped, self._held = (
            np.zeros(count, dtype=np.bool_) for _ in range(5)
        )
        self._load()
        self.ready_since: list[tuple[float, int]] = [(start, self.ready)]

    def advance(self, to_time: float) -> None:
        """Live up to a site time (epoch s), however far away, in whole steps."""
        while self.time < to_time:
            self._stride(to_time)

    @property
    def ready(self) -> int:
        return self._ready_now

    def _stride(self, to_time: float) -> None:
        """Charge until something happens, and let it happen."""
        until = min(self._next_event(), to_time, self.time + LONGEST_STRIDE_S)
        steps = max(int(np.ceil((until - self.time) / STEP_S - 1e-9)), 1)
        noise = self._noise_rng.normal(0.0, 0.4, steps) * (BASE_LOAD_NOISE * self._config.base_load_w)
        ambient = np.array([self._ambient(self.time + STEP_S), self._ambient(self.time + steps * STEP_S)])
        before = self._ready_now
        done, self._base_w, self._power_w, energy_ws = _charge(
            self._constants,
            (_SOC, _VOLTS),
            self.time,
            STEP_S,
            self._base_w,
            noise,
            ambient,
            (self.soc, self.temperature_c, self._soh, self._cycles, self._rest_until, self.power_w),
            (self._cells, self._charge_ah, self._limit_v, self._new_wh, self._cap_soc, self._cap_c),
            (self._came_at, self._share_w, self._asked, self._shared_tick),
            (self.occupied, self.enabled, self._promised, self._held, self._full, self._derated, self._tripped),
            self.state,
            before,
        )
        self._energy_wh += energy_ws / 3600.0
        self.time += done * STEP_S
        self._ready_now = self._count_ready()
        if self._next_event() <= self.time or (self._waiting and self._ready_now):
            self._store()
            self._waiting.extend(arrival + self._patience() for arrival in self._riders.until(self.time))
            self._carry_on_swaps()
            self._serve_riders()
            self._load()
        if self._ready_now != before:
            self.ready_since.append((self.time, self._ready_now))

    def _next_event(self) -> float:
        swaps = [swap.end_at if swap.turned else swap.turn_at for swap in self._swaps]
        return min([self._listed.due, *swaps, *self._waiting], default=inf)

    def _count_ready(self) -> int:
        charged = (self.state == _CHARGING) | (self.state == _FULL)
        return int(np.count_nonzero(charged & ~self._promised & (self.soc >= self._config.ready_soc)))

    def _load(self) -> None:
        """From packs and chargers to columns."""
        for index, slot in enumerate(self.slots):
            held, own = slot.charger, slot.pack
            self.occupied[index] = own is not None
            if own is not None:
                self.soc[index], self.temperature_c[index] = own.soc, own.temperature_c
                self._soh[index], self._cycles[index] = own.soh, own.cycles
                self._cells[index], self._charge_ah[index] = own.kind.cells, own.kind.charge_ah
                self._limit_v[index], self._new_wh[index] = own.kind.limit_v, own.kind.capacity_wh
                self._cap_soc[index], self._cap_c[index] = np.inf, np.inf
                for place, (soc, rate) in enumerate(own.kind.rate_cap):
                    self._cap_soc[index, place:], self._cap_c[index, place:] = soc, rate
            else:
                self.soc[index] = self.temperature_c[index] = 0.0
            self.capacity_wh[index] = own.capacity_wh if own is not None else 0.0
            self.locked[index] = own is not None and not slot.door_open and not slot.promised
            self._promised[index], self.enabled[index] = slot.promised, held.enabled
            self._came_at[index] = slot.came_at
            flags = held.memory()
            self._rest_until[index], self._full[index], self._derated[index] = flags[:3]
            self._tripped[index], self._held[index] = flags[3:]
            self.state[index] = held.state
        self._ready_now = self._count_ready()

    def _store(self) -> None:
        """From columns to packs and chargers."""
        for index, slot in enumerate(self.slots):
            if slot.pack is not None:
                slot.pack.soc, slot.pack.temperature_c = float(self.soc[index]), float(self.temperature_c[index])
                slot.pack.soh, slot.pack.cycles = float(self._soh[index]), float(self._cycles[index])
            slot.power_w = float(self.power_w[index])
            slot.charger.remember(
                ChargerState(int(self.state[index])),
                0.0,
                full=bool(self._full[index]),
                derated=bool(self._derated[index]),
                tripped=bool(self._tripped[index]),
            )


@njit(cache=True, nogil=True)
def _most_c(at, rates, soc):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """What the pack's management system lets in: ``PackClass.most_c``; the last point is repeated to fill the row."""
    if soc <= at[0]:
        return rates[0]
    for right in range(1, len(at)):
        if soc < at[right]:
            return rates[right - 1] + (soc - at[right - 1]) / (at[right] - at[right - 1]) * (
                rates[right] - rates[right - 1]
            )
    return rates[-1]


@njit(cache=True, nogil=True)
def _take_turns(wanted, came_at, chargers):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Leave the power to those that came first, as many as there are chargers. Returns what they want together."""
    total = 0.0
    for slot in range(len(wanted)):
        total += wanted[slot]
    taken = -1
    for turn in range(len(wanted)):
        first = -1
        for slot in range(len(wanted)):
            if wanted[slot] <= 0.0:
                continue
            later = taken < 0 or came_at[slot] > came_at[taken] or (came_at[slot] == came_at[taken] and slot > taken)
            if later and (first < 0 or came_at[slot] < came_at[first]):
                first = slot
        if first < 0:
            break
        taken = first
        if turn >= chargers:
            for slot in range(len(wanted)):
                if came_at[slot] > came_at[taken] or (came_at[slot] == came_at[taken] and slot >= taken):
                    total -= wanted[slot]
                    wanted[slot] = 0.0
            break
    return total


@njit(cache=True, nogil=True)
def _charge(  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    constants, curve, start, step_s, base_w, noise, ambient, numbers, kinds, sharing, flags, state, ready_before
):
    """Steps of ``PhysicalStation._charge`` until the count of ready packs changes. Arrays are changed in place.

    Returns the steps done, the base load, the power drawn in the last step, and the energy drawn (Ws).
    """
    (
        cap_w, efficiency, full_soc, ready_soc, grid_limit_w, base_load_w, chargers, tick_s,
        cut_off, derate_above, restore_below, derate_factor, trip_above, reset_below,
        cell_ohm_ah, growth, heat_capacity, cooling, fade,
    ) = constants  # fmt: skip
    at, volts = curve
    soc, temperature, soh, cycles, rest_until, power = numbers
    cells, charge_ah, limit_v, capacity_wh, cap_soc, cap_c = kinds
    came_at, share_w, asked, shared_tick = sharing
    occupied, enabled, promised, held, full, derated, tripped = flags
    count = len(soc)
    steps = len(noise)
    wanted, ocv, ohm = np.zeros(count), np.zeros(count), np.zeros(count)
    energy_ws = drawn_w = 0.0
    for step in range(steps):
        now = start + (step + 1) * step_s
        part = step / (steps - 1) if steps > 1 else 0.0
        ambient_c = ambient[0] + part * (ambient[1] - ambient[0])
        base_w = min(max(base_w + 0.1 * (base_load_w - base_w) + noise[step], 0.0), grid_limit_w)
        total = 0.0
        for slot in range(count):
            wanted[slot] = 0.0
            if state[slot] == _CHARGING:
                own = soc[slot]
                left = min(max(np.searchsorted(at, own, side="right"), 1), len(at) - 1) - 1
                slope = (volts[left + 1] - volts[left]) / (at[left + 1] - at[left])
                ocv[slot] = cells[slot] * (volts[left] + (own - at[left]) * slope)
                ohm[slot] = cells[slot] * cell_ohm_ah / charge_ah[slot] * (1.0 + growth * (1.0 - soh[slot]))
                limit_a = max((limit_v[slot] - ocv[slot]) / ohm[slot], 0.0)
                limit_a = min(limit_a, _most_c(cap_soc[slot], cap_c[slot], own) * charge_ah[slot] * soh[slot])
                cap = cap_w * (derate_factor if derated[slot] else 1.0)
                wanted[slot] = min(cap, limit_v[slot] * limit_a) / efficiency
                total += wanted[slot]
        if chargers < count:
            total = _take_turns(wanted, came_at, chargers)
        available = max(grid_limit_w - base_w, 0.0)
        share_anew = tick_s == 0.0 or now // tick_s != shared_tick[0]
        for slot in range(count):
            share_anew |= (wanted[slot] > 0.0) != (asked[slot] > 0.0)
        level = np.inf
        if share_anew and total > available:
            level, below = 0.0, -1
            while True:
                small, big = 0.0, 0
                for slot in range(count):
                    if wanted[slot] > level:
                        big += 1
                    else:
                        small += wanted[slot]
                if big == 0 or big == below:
                    break
                below = big
                level = (available - small) / big
        if share_anew:
            shared_tick[0] = now // tick_s if tick_s > 0.0 else 0.0
            for slot in range(count):
                share_w[slot], asked[slot] = min(wanted[slot], level), wanted[slot]
        drawn_w = base_w
        ready = 0
        for slot in range(count):
            power[slot] = 0.0
            if not occupied[slot]:
                continue
            current_a = 0.0
            if state[slot] == _CHARGING:
                allowed_w = min(wanted[slot], share_w[slot]) * efficiency
                e, r = ocv[slot], ohm[slot]
                current_a = (np.sqrt(e * e + 4.0 * r * max(allowed_w, 0.0)) - e) / (2.0 * r)
                current_a = min(current_a, max((limit_v[slot] - e) / r, 0.0))
                most_a = _most_c(cap_soc[slot], cap_c[slot], soc[slot]) * charge_ah[slot] * soh[slot]
                current_a = min(current_a, most_a)
                power[slot] = (e + current_a * r) * current_a
                drawn_w += power[slot] / efficiency
            heat_w = current_a * current_a * ohm[slot]
            charge = current_a * step_s / 3600.0 / (charge_ah[slot] * soh[slot])
            soc[slot] = min(max(soc[slot] + charge, 0.0), 1.0)
            cycles[slot] += abs(charge) / 2.0
            soh[slot] = max(soh[slot] - fade * abs(charge) / 2.0, 0.5)
            loss_w = cooling * capacity_wh[slot] * (temperature[slot] - ambient_c)
            temperature[slot] += (heat_w - loss_w) * step_s / (heat_capacity * capacity_wh[slot])
            if not enabled[slot]:
                continue
            tripped[slot] = temperature[slot] > (reset_below if tripped[slot] else trip_above)
            derated[slot] = temperature[slot] > (restore_below if derated[slot] else derate_above)
            if tripped[slot]:
                state[slot] = _FAULT
            elif held[slot]:
                state[slot] = _IDLE
            elif now < rest_until[slot]:
                state[slot] = _COOLING
            else:
                if not full[slot]:
                    own = soc[slot]
                    left = min(max(np.searchsorted(at, own, side="right"), 1), len(at) - 1) - 1
                    slope = (volts[left + 1] - volts[left]) / (at[left + 1] - at[left])
                    e = cells[slot] * (volts[left] + (own - at[left]) * slope)
                    r = cells[slot] * cell_ohm_ah / charge_ah[slot] * (1.0 + growth * (1.0 - soh[slot]))
                    full[slot] = (
                        own >= full_soc or max((limit_v[slot] - e) / r, 0.0) < cut_off * charge_ah[slot] * soh[slot]
                    )
                state[slot] = _FULL if full[slot] else _CHARGING
                if not promised[slot] and soc[slot] >= ready_soc:
                    ready += 1
        energy_ws += drawn_w * step_s
        if ready != ready_before:
            return step + 1, base_w, drawn_w, energy_ws
    return steps, base_w, drawn_w, energy_ws

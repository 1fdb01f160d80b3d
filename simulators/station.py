"""The physical station that the emulated devices show: slots, packs, chargers, the grid limit, riders and swaps.

It has physics and rules of its own and shares nothing with the twin but the vocabulary.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

import numpy as np

from config.site import EmulatedStation
from config.site import Station as StationConfig
from simulators.charger import TRIP_ABOVE_C, Charger
from simulators.pack import Pack, PackClass
from simulators.riders import Riders
from simulators.slot import Slot, Swap
from twin.signals import ChargerState

Value = float | int | bool | str | None

STEP_S = 1.0
LONG_STEP_S = 5.0
LONG_AFTER_S = 60.0
CATCH_UP_S = 3600.0
"""A longer gap (a suspended machine) is not lived through: nothing happened in the part before its last hour."""

RETURNED_TEMPERATURE_C = (30.0, 42.0)
BATTERY_IN_SHARE = 1.0 / 3.0
"""The part of a swap in which the first pack moves; the second one moves by the end of the swap."""
FIELD_PACKS_PER_SLOT = 3
NOISE_C = 0.04
BASE_LOAD_NOISE = 0.03
AMBIENT_SWING_C = 4.0
MAINS_V = 230.0
MAINS_HZ = 50.0
CELL_SPREAD_V = 0.004
"""Between the highest and the lowest cell of a new pack; it grows as the pack ages."""


@dataclass(slots=True)
class Surroundings:
    """What goes on around the slots."""

    mains_ok: bool = True
    smoke: bool = False
    water_leak: bool = False
    door_open: bool = False


class Disturbance(Protocol):
    """Something wrong with a station: asked at every step, so that it says what holds for that step."""

    def disturb(self, station: "PhysicalStation", seconds: float) -> None:
        """Make the station as it is while this lasts, for the coming seconds; the step before is forgotten."""


class PhysicalStation:
    """Advance it with ``advance``, read it with ``value``. The same seed and the same calls give the same station."""

    def __init__(self, config: StationConfig, riders: Riders, start: float) -> None:
        self.id = config.id
        self.time = start
        self.swaps = 0
        self.lost = 0
        self._config = config
        self._emulation = config.emulation or EmulatedStation()
        self._rng = np.random.default_rng([self._emulation.seed, crc32(config.id.encode())])
        (self._noise_rng,) = self._rng.spawn(1)
        self._riders = riders
        self._kinds = [
            PackClass(pack.capacity_wh, pack.nominal_voltage_v, pack.rate_cap)
            for pack in (config.pack, *config.other_packs)
        ]
        self._kind = self._kinds[0]
        self._made = 0
        self.slots = [
            Slot(number, Charger(config.charger.power_w, config.full_soc, config.cooldown_s))
            for number in range(1, config.slots + 1)
        ]
        self._field = [self._new_pack() for _ in range(FIELD_PACKS_PER_SLOT * config.slots)]
        self._waiting: deque[float] = deque()
        self._swaps: list[Swap] = []
        self._heartbeat = 0
        self._energy_wh = 0.0
        self._base_w = config.base_load_w
        self._power_w = 0.0
        self._shared_on: tuple[float, tuple[bool, ...]] = (-1.0, ())
        self._ambient_c = self._ambient(start)
        self.surroundings = Surroundings()
        self._disturbances: list[Disturbance] = []
        self._stock()
        self._measure()

    @property
    def queue(self) -> int:
        """Riders who wait."""
        return len(self._waiting)

    @property
    def ready(self) -> int:
        """Packs that may be handed out now."""
        return sum(self._is_ready(slot) for slot in self.slots)

    def advance(self, to_time: float) -> None:
        """Live up to a site time (epoch s). The work is bounded however far the clock has jumped."""
        gap = to_time - self.time
        if gap <= 0.0:
            return
        self._heartbeat += 1
        if gap > CATCH_UP_S:
            self.time = to_time - CATCH_UP_S
            self._riders.until(self.time)
        step_s = STEP_S if gap <= LONG_AFTER_S else LONG_STEP_S
        while self.time < to_time:
            self._step(min(step_s, to_time - self.time))
        self._measure()

    @property
    def now(self) -> float:
        """Site time, as ``time``: the station's own clock is right."""
        return self.time

    def afflict(self, disturbance: Disturbance) -> None:
        """Let a disturbance act from the next step on."""
        self._disturbances.append(disturbance)

    def relieve(self, disturbance: Disturbance) -> None:
        """End a disturbance; what it broke works again at once."""
        self._disturbances.remove(disturbance)
        self._recover()

    def disturb_now(self) -> None:
        """Show at once what holds from the next step on."""
        self._suffer(0.0)
        self._measure()

    def swap_pack(self, slot: int) -> None:
        """Put another pack, as full, in the place of a slot's pack without anybody having opened the door."""
        held = self.slots[slot - 1].pack
        if held is not None:
            other = self._new_pack()
            other.ride(held.soc, held.temperature_c)
            self.slots[slot - 1].pack = other

    def value(self, signal: str, slot: int | None = None) -> Value:
        """A signal of the vocabulary as it is now; ``None`` where there is none, as of an empty slot's pack."""
        return self._station_value(signal) if slot is None else self._slot_value(signal, self.slots[slot - 1])

    def command(self, signal: str, slot: int, value: float) -> None:
        """Do what a client wrote to a slot's signal. Raises ``KeyError`` for one that cannot be written."""
        target = self.slots[slot - 1]
        match signal:
            case "enabled":
                target.charger.enabled = bool(value)
            case "power_limit_w":
                target.charger.limit_w = min(max(value, 0.0), self._config.charger.power_w)
            case "current_limit_a":
                target.charger.limit_w = min(max(value, 0.0) * self._kind.limit_v, self._config.charger.power_w)
            case "door_open":
                target.door_open = bool(value)
            case _:
                raise KeyError(f"no client may write {signal!r}")

    def _station_value(self, signal: str) -> Value:
        match signal:
            case "power_w":
                return round(self._power_w, 1)
            case "energy_wh":
                return round(self._energy_wh, 1)
            case "grid_limit_w":
                return self._config.grid_limit_w
            case "temperature_c":
                return self._shown_ambient_c
            case "swap_count":
                return self.swaps
            case "heartbeat":
                return self._heartbeat
            case "mains_ok":
                return self.surroundings.mains_ok
            case "door_open":
                return self.surroundings.door_open
            case "smoke":
                return self.surroundings.smoke
            case "water_leak":
                return self.surroundings.water_leak
            case "humidity":
                return 0.45
            case "voltage_v":
                return MAINS_V if self.surroundings.mains_ok else 0.0
            case "current_a":
                return round(self._power_w / MAINS_V, 2)
            case "frequency_hz":
                return MAINS_HZ if self.surroundings.mains_ok else 0.0
            case "fault_bits":
                return 0
        raise KeyError(f"no station signal {signal!r}")

    def _slot_value(self, signal: str, slot: Slot) -> Value:
        pack, charger = slot.pack, slot.charger
        match signal:
            case "occupied":
                return pack is not None
            case "enabled":
                return charger.enabled and not charger.shut
            case "door_open":
                return slot.door_open or slot.door_stuck
            case "locked":
                return pack is not None and not slot.door_open and not slot.door_stuck and not slot.promised
            case "charger_state":
                return int(charger.state)
            case "power_w":
                return round(slot.power_w, 1)
            case "voltage_v":
                return round(pack.voltage_v(charger.current_a), 2) if pack else 0.0
            case "current_a":
                return round(charger.current_a, 2)
            case "pack_id":
                return pack.serial if pack else None
            case "soc":
                return pack.soc if pack else None
            case "soh":
                return pack.soh if pack else None
            case "temperature_c":
                return slot.shown_c if pack else None
            case "cycle_count":
                return int(pack.cycles) if pack else None
            case "capacity_wh":
                return pack.capacity_wh if pack else None
            case "power_limit_w":
                return charger.limit_w
            case "current_limit_a":
                return round(charger.limit_w / self._kind.limit_v, 2)
            case "energy_wh":
                return round(slot.energy_wh, 1)
            case "fault_bits":
                return int(charger.state is ChargerState.FAULT)
            case "pack_fault_bits":
                return int(pack.temperature_c > TRIP_ABOVE_C) if pack else None
            case "cell_voltage_max_v" | "cell_voltage_min_v":
                if pack is None:
                    return None
                half = CELL_SPREAD_V * (1.0 + 10.0 * (1.0 - pack.soh)) / 2.0
                mean = pack.voltage_v(charger.current_a) / pack.kind.cells
                return round(mean + (half if signal == "cell_voltage_max_v" else -half), 3)
        raise KeyError(f"no slot signal {signal!r}")

    def _is_ready(self, slot: Slot) -> bool:
        return (
            slot.pack is not None
            and slot.pack.soc >= self._config.ready_soc
            and slot.charger.state in {ChargerState.CHARGING, ChargerState.FULL}
            and not slot.promised
        )

    def _step(self, seconds: float) -> None:
        now = self.time + seconds
        if self._disturbances:
            self._suffer(seconds)
        self._charge(now, seconds)
        self.time = now
        self._waiting.extend(arrival + self._patience() for arrival in self._riders.until(now))
        self._carry_on_swaps()
        self._serve_riders()

    def _suffer(self, seconds: float) -> None:
        self._recover()
        for disturbance in self._disturbances:
            disturbance.disturb(self, seconds)

    def _recover(self) -> None:
        self.surroundings = Surroundings()
        for slot in self.slots:
            slot.door_stuck = slot.charger.broken = slot.charger.shut = False
            slot.charger.health = 1.0

    def _charge(self, now: float, seconds: float) -> None:
        self._ambient_c = self._ambient(now)
        base = self._config.base_load_w
        self._base_w += 0.1 * (base - self._base_w) + BASE_LOAD_NOISE * base * float(self._noise_rng.normal(0.0, 0.4))
        limit = self._config.grid_limit_w if self.surroundings.mains_ok else 0.0
        self._base_w = min(max(self._base_w, 0.0), limit)
        efficiency = self._config.charger.efficiency
        wanted = [slot.charger.wanted_w(slot.pack, self.time) / efficiency for slot in self.slots]
        self._share(wanted, limit - self._base_w, now)
        self._power_w = self._base_w
        for slot, asked in zip(self.slots, wanted, strict=True):
            allowed = min(asked, slot.share_w)
            slot.power_w = slot.charger.step(slot.pack, allowed * efficiency, self._ambient_c, now, seconds)
            slot.energy_wh += slot.power_w * seconds / 3600.0
            self._power_w += slot.power_w / efficiency
        self._energy_wh += self._power_w * seconds / 3600.0

    def _share(self, wanted: list[float], available: float, now: float) -> None:
        """Share the limit among those whose turn it is: in every step, or as often as the cabinet's controller does."""
        if self._config.chargers is not None:
            asking = [index for index, power_w in enumerate(wanted) if power_w > 0.0]
            asking.sort(key=lambda index: (self.slots[index].came_at, index))
            for index in asking[self._config.chargers :]:
                wanted[index] = 0.0
        tick_s = self._config.share_tick_s
        if tick_s > 0.0:
            occasion = now // tick_s, tuple(power_w > 0.0 for power_w in wanted)
            if occasion == self._shared_on:
                return
            self._shared_on = occasion
        for slot, share_w in zip(self.slots, share(wanted, available), strict=True):
            slot.share_w = share_w

    def _patience(self) -> float:
        return float(self._rng.exponential(self._config.patience_s))

    def _carry_on_swaps(self) -> None:
        for swap in list(self._swaps):
            if not swap.turned and self.time >= swap.turn_at:
                self._turn(swap)
            if swap.turned and self.time >= swap.end_at:
                self._end(swap)
                self._swaps.remove(swap)
                self.swaps += 1

    def _turn(self, swap: Swap) -> None:
        """Half way: the returned pack is in, or the slot that must take it has been emptied."""
        swap.turned = True
        if swap.inward is swap.outward:
            self._take_out(swap)
            return
        self._put_in(swap)
        swap.inward.door_open = False
        swap.outward.door_open = True

    def _end(self, swap: Swap) -> None:
        if swap.inward is swap.outward:
            self._put_in(swap)
        else:
            self._take_out(swap)
        swap.outward.door_open = False
        if swap.taken is not None:
            self._field.append(swap.taken)

    def _put_in(self, swap: Swap) -> None:
        pack = self._field.pop(int(self._rng.integers(len(self._field))))
        pack.ride(
            float(self._rng.uniform(*self._emulation.returned_soc)), float(self._rng.uniform(*RETURNED_TEMPERATURE_C))
        )
        swap.inward.pack = pack
        swap.inward.came_at = self.time
        swap.inward.awaited = False
        swap.inward.charger.receive(pack, self.time)

    def _take_out(self, swap: Swap) -> None:
        swap.taken, swap.outward.pack = swap.outward.pack, None
        swap.outward.promised = False
        swap.outward.charger.release()

    def _serve_riders(self) -> None:
        patient = deque(gives_up_at for gives_up_at in self._waiting if gives_up_at > self.time)
        self.lost += len(self._waiting) - len(patient)
        self._waiting = patient
        while patient and len(self._swaps) < self._config.bays:
            full = [(slot, slot.pack) for slot in self.slots if slot.pack is not None and self._is_ready(slot)]
            if not full:
                break
            patient.popleft()
            self._begin(*max(full, key=lambda choice: choice[1].soc))

    def _begin(self, outward: Slot, promised: Pack) -> None:
        empty = [s for s in self.slots if s.pack is None and not s.awaited and s.charger.enabled and not s.charger.shut]
        inward = empty[0] if empty else outward
        outward.promised = True
        outward.charger.hold(promised, self.time)
        inward.awaited = True
        inward.door_open = True
        turn_at = self.time + self._config.swap_s * BATTERY_IN_SHARE
        self._swaps.append(Swap(outward, inward, turn_at, self.time + self._config.swap_s))

    def _ambient(self, time: float) -> float:
        """Warmest at three in the afternoon of local solar time."""
        solar_h = (time / 3600.0 + self._config.longitude / 15.0) % 24.0
        swing = AMBIENT_SWING_C * math.cos((solar_h - 15.0) / 24.0 * 2.0 * math.pi)
        return self._emulation.ambient_c + swing

    def _measure(self) -> None:
        """What the temperature sensors read: a little noise, in steps of a tenth."""
        noise = self._noise_rng.normal(0.0, NOISE_C, len(self.slots) + 1)
        self._shown_ambient_c = round(self._ambient_c + float(noise[-1]), 1)
        for slot, error in zip(self.slots, noise[:-1], strict=True):
            slot.shown_c = round(slot.pack.temperature_c + float(error), 1) if slot.pack else 0.0

    def _new_pack(self) -> Pack:
        self._made += 1
        cycles = float(self._rng.uniform(20.0, 900.0))
        kind = self._kind
        if len(self._kinds) > 1:
            kind = self._kinds[int(self._rng.choice(len(self._kinds), p=self._config.pack_shares))]
        return Pack(
            kind,
            f"{self.id}-{self._made:04d}",
            soc=1.0,
            soh=1.0 - cycles * 1e-4 - float(self._rng.uniform(0.0, 0.03)),
            temperature_c=self._emulation.ambient_c,
            cycles=cycles,
        )

    def _stock(self) -> None:
        """The packs at start: about two in three full, the others on their way."""
        packs = self._emulation.packs
        for index in self._rng.permutation(len(self.slots))[: len(self.slots) - 1 if packs is None else packs]:
            slot = self.slots[int(index)]
            slot.pack = self._new_pack()
            full = self._rng.random() < 2.0 / 3.0
            slot.pack.soc = self._config.full_soc if full else float(self._rng.uniform(0.2, 0.95))
            slot.pack.temperature_c = self._ambient_c
            slot.charger.wanted_w(slot.pack, self.time)


def share(wanted: list[float], available: float) -> list[float]:
    """Max-min fair shares of power: nobody gets more than wanted, and what one leaves the others may have.

    >>> share([100.0, 900.0, 900.0], 1100.0)
    [100.0, 500.0, 500.0]
    """
    shares = [0.0] * len(wanted)
    left = max(available, 0.0)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    for done, index in enumerate(order):
        shares[index] = min(wanted[index], left / (len(order) - done))
        left -= shares[index]
    return shares

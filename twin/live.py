"""The twin that keeps in step with a real station: it runs on by the model, and telemetry corrects it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite, nan

import numpy as np
from simpy import Environment

from twin import charging
from twin.learning import Learning
from twin.observation import Estimate, Observation
from twin.slot import CHARGING, COOLING, DONE, EMPTY, OUT, Slot
from twin.spec import StationSpec, StationState
from twin.station import Station
from twin.traffic import OVERDUE_SWAPS, Moves, Traffic

OVERDUE_S = 5.0
"""A rest that telemetry still reports after its time ends this much later."""
DISCHARGED_SOC = 0.15
"""No cabinet discharges packs: a reading lower than the last by this much is another pack's."""
LEAST_SOC = 2e-5
LEAST_C = 0.01
"""Corrections smaller than these are not worth a new segment."""
KNOWN_SHARE = 0.5
"""Where telemetry tells at least this share of slots, it tells the station's traffic."""


@dataclass(slots=True)
class _Memory:
    """What telemetry last said of a slot. ``here``: it held a pack that was not about to leave."""

    here: bool | None = None
    occupied: bool | None = None
    pack: int = -1
    cooling: bool = False
    measured: bool = False
    soc: float = nan
    soc_time: float = -inf
    temperature_c: float = nan
    charging_since: float = -inf
    promised_since: float = inf


@dataclass(slots=True)
class _Reading:
    """What an observation says of one slot, as plain numbers. The order of fields is the observation's."""

    known: bool
    occupied: bool
    out: bool
    cooling: bool
    charging: bool
    soc: float
    soc_time: float
    temperature_c: float
    pack: int
    promised: bool
    leaving: bool = False
    new_pack: bool = False

    @property
    def here(self) -> bool:
        return self.occupied and not self.leaving


class LiveTwin:
    """One station, from ``start_time`` (epoch s) on, or from an earlier state. Before any telemetry it knows nothing.

    ``advance`` lets the model run on, ``observe`` corrects it, ``estimate`` says what it believes. Swaps come from
    telemetry alone: no riders are simulated. A slot that telemetry does not tell of goes on by the model.
    """

    def __init__(self, spec: StationSpec, start_time: float, state: StationState | None = None) -> None:
        self._env = Environment(initial_time=start_time)
        self._station = Station(self._env, spec, state or _nothing_known(spec, start_time))
        self._memory = [_Memory() for _ in range(spec.slots)]
        self._traffic = Traffic(spec)
        self._learning = Learning(self._station)
        self._residual_soc = np.full(spec.slots, nan)
        self._substituted = np.ones(spec.slots, dtype=np.bool_)
        self._told = False
        self._known: StationState | None = None

    @property
    def spec(self) -> StationSpec:
        """The station with the grid limit in force."""
        return self._station.spec

    def advance(self, to_time: float) -> None:
        """Run on to a time; an earlier one changes nothing."""
        if to_time > self._env.now:
            self._told = False
            self._env.run(until=to_time)

    def advance_slice(self, to_time: float, max_events: int) -> bool:
        """Run at most so many events towards a time. True: it is reached."""
        for _ in range(max_events):
            if self._env.peek() >= to_time:
                self.advance(to_time)
                return True
            self._env.step()
        return False

    def observe(self, seen: Observation) -> None:
        """Correct the model by what telemetry says. What lies before the twin's own time counts as of now."""
        self.advance(seen.time)
        self._learning.run_on(seen)
        reads = list(_readings(seen))
        moves = self._follow(reads)
        beliefs = self._beliefs(reads, seen)
        moved = False
        for index, read in enumerate(reads):
            slot = self._station.slots[index]
            if read.known and not read.here:
                moved |= self._take_out(index, read.out)
            elif read.known or slot.phase != EMPTY:
                moved |= self._correct(index, read, *beliefs[index])
            if read.known:
                memory = self._memory[index]
                memory.here, memory.occupied, memory.cooling = read.here, read.occupied, read.cooling and read.here
                memory.pack = read.pack if read.occupied else -1
        self._traffic.follow(self._station, moves, seen.swap_count)
        self._substituted = ~seen.known | (seen.occupied & ~np.isfinite(seen.soc))
        limit_w = seen.grid_limit_w
        moved |= self._learning.teach(seen, np.array([read.here for read in reads]))
        if isfinite(limit_w) and limit_w != self._station.spec.grid_limit_w:
            self._station.set_grid_limit(max(limit_w, 0.0))
        elif moved:
            self._station.share()
        self._learning.stand()
        self._told = float(np.mean(seen.known)) >= KNOWN_SHARE

    def estimate(self) -> Estimate:
        """What the twin believes now."""
        state = self._station.snapshot()
        if self._told:
            self._known = state
        return Estimate(
            time=self._env.now,
            state=state,
            ready=self._station.ready,
            substituted=self._substituted.copy(),
            residual_soc=self._residual_soc.copy(),
            swaps=self._traffic.swaps,
            known_state=self._known,
            known_time=nan if self._known is None else self._known.time,
            drifts=self._learning.drifts(),
        )

    def _follow(self, reads: list[_Reading]) -> Moves:
        """Which packs left, came and changed; marks those that are new or about to leave."""
        leaving: list[int] = []
        filled: list[int] = []
        kept: list[int] = []
        left = exchanged = 0
        for index, (memory, read) in enumerate(zip(self._memory, reads, strict=True)):
            if not read.known:
                continue
            self._promise(memory, read)
            another = memory.occupied is True and read.occupied and self._is_another(memory, read)
            read.new_pack = read.here and (memory.occupied is not True or another)
            was_leaving = memory.occupied is True and memory.here is False
            if (memory.here is True and not read.here) or (memory.here is None and read.leaving):
                leaving.append(index)
            if memory.occupied is True and not read.occupied:
                left += 1
            if (read.here and memory.occupied is False) or (another and was_leaving):
                filled.append(index)
                left += memory.occupied is True
            elif another:
                exchanged += 1
            elif was_leaving and read.here:
                kept.append(index)
        gone = frozenset(index for index, read in enumerate(reads) if read.known and not read.occupied)
        return Moves(leaving, filled, kept, left, gone, exchanged)

    def _promise(self, memory: _Memory, read: _Reading) -> None:
        """A promised pack is as good as gone; one that nobody fetches is only out of use."""
        if not (read.occupied and read.promised):
            memory.promised_since = inf
            return
        memory.promised_since = min(memory.promised_since, self._env.now)
        read.leaving = self._env.now - memory.promised_since < OVERDUE_SWAPS * self.spec.swap_s
        read.out |= not read.leaving

    def _is_another(self, memory: _Memory, read: _Reading) -> bool:
        """Whether the pack in a slot has been exchanged unseen: by its id, or else by what no waiting pack does."""
        if min(read.pack, memory.pack) >= 0:
            return read.pack != memory.pack
        returned = read.cooling and not memory.cooling and memory.here is not None
        return returned or (memory.measured and read.soc < memory.soc - DISCHARGED_SOC)

    def _take_out(self, index: int, out: bool) -> bool:
        phase = OUT if out else EMPTY
        self._memory[index].measured = False
        self._residual_soc[index] = nan
        slot = self._station.slots[index]
        if slot.phase == phase and slot.soc == 0.0:
            return False
        self._station.place(index, phase)
        slot.held = False
        return True

    def _correct(self, index: int, read: _Reading, soc: float, temperature_c: float, changed: bool) -> bool:
        slot, memory, now = self._station.slots[index], self._memory[index], self._env.now
        phase, held = self._phase(read, soc) if read.known else (slot.phase, slot.held)
        if not (changed or read.new_pack) and phase == slot.phase and held == slot.held:
            return False
        cooling_until = slot.cooling_until
        if phase == COOLING and (read.new_pack or slot.phase != COOLING or cooling_until <= now):
            # The model had ended this pack's rest where telemetry has not: it will not last long any more.
            overdue = not read.new_pack and slot.phase in (CHARGING, DONE, COOLING)
            cooling_until = now + (OVERDUE_S if overdue else self.spec.cooldown_s)
        if phase == CHARGING and (slot.phase != CHARGING or read.new_pack):
            memory.charging_since = -inf if memory.occupied is None else now
        if read.new_pack:
            slot.derated = False
        slot.held = held
        self._station.place(index, phase, soc, temperature_c, cooling_until)
        return True

    def _phase(self, read: _Reading, soc: float) -> tuple[int, bool]:
        """Phase, and whether the charger holds back: it does not charge a pack that is not ready yet."""
        if read.out:
            return OUT, False
        if read.cooling:
            return COOLING, False
        if read.charging:
            return (DONE if soc >= self.spec.full_soc else CHARGING), False
        return (DONE, False) if soc >= self.spec.ready_soc else (CHARGING, True)

    def _beliefs(self, reads: list[_Reading], seen: Observation) -> list[tuple[float, float, bool]]:
        """SoC and temperature that each slot is to have, and whether they are worth a correction."""
        now = self._env.now
        slots = self._station.slots
        soc = np.array([slot.soc_at(now) for slot in slots])
        heat = np.array([slot.temperature_at(now) for slot in slots])
        changed = np.zeros(len(slots), dtype=np.bool_)
        told, felt, first = (np.zeros(len(slots), dtype=np.bool_) for _ in range(3))
        carried, warmth = soc.copy(), heat.copy()
        for index, (slot, memory, read) in enumerate(zip(slots, self._memory, reads, strict=True)):
            if (read.known and not read.here) or (not read.known and slot.phase == EMPTY):
                continue
            if read.new_pack:
                if memory.occupied is not None or slot.phase == EMPTY:
                    # Until its own readings come, a pack that has just been brought is like any other.
                    soc[index] = sum(self.spec.returned_soc) / 2.0
                    heat[index] = sum(self.spec.returned_temperature_c) / 2.0
                    changed[index] = True
                memory.measured, memory.temperature_c = False, nan
                self._residual_soc[index] = nan
                self._learning.new_pack(index, seen)
            elif slot.phase == EMPTY and isfinite(memory.soc):
                # The pack was promised, and stayed.
                soc[index], changed[index] = memory.soc, True
                heat[index] = memory.temperature_c if isfinite(memory.temperature_c) else heat[index]
            soc_time = read.soc_time if isfinite(read.soc_time) else now
            if isfinite(read.soc) and soc_time > memory.soc_time:
                carried[index], told[index] = self._carry(slot, memory, read, soc_time), True
                first[index] = not memory.measured
                if memory.measured:
                    self._learning.filter.resolve(abs(read.soc - memory.soc))
                memory.soc, memory.soc_time, memory.measured = read.soc, soc_time, True
            if isfinite(read.temperature_c) and read.temperature_c != memory.temperature_c:
                warmth[index], felt[index] = read.temperature_c, True
                memory.temperature_c = read.temperature_c
        residual = np.where(told, carried - soc, 0.0)
        self._residual_soc = np.where(told & ~first, residual, self._residual_soc)
        moved = self._learning.filter.correct(told, first, residual)
        moved[np.abs(moved) < LEAST_SOC] = 0.0
        warmed = self._learning.temperature.correct(felt, warmth - heat)
        warmed[np.abs(warmed) < LEAST_C] = 0.0
        changed |= (moved != 0.0) | (warmed != 0.0)
        soc = np.clip(np.where(first, carried, soc + moved), 0.0, 1.0)
        return list(zip(soc.tolist(), (heat + warmed).tolist(), changed.tolist(), strict=True))

    def _carry(self, slot: Slot, memory: _Memory, read: _Reading, soc_time: float) -> float:
        """A reading of an earlier moment, carried forward to now by the model."""
        soc = min(max(read.soc, 0.0), 1.0)
        charging_now = read.charging if read.known else slot.phase == CHARGING and not slot.held
        if not charging_now:
            return soc
        seconds = self._env.now - max(soc_time, memory.charging_since)
        if slot.phase == CHARGING and not slot.tapering:
            limit_per_s = slot.rate_at(self._env.now)
        else:
            limit_per_s = slot.power_w / slot.energy_ws
        reached = charging.soc_after(slot.pack, soc, seconds, limit_per_s, slot.tau_scale)
        return max(soc, min(reached, self.spec.full_soc))


def _readings(seen: Observation) -> Iterator[_Reading]:
    promised = np.zeros(len(seen.known), dtype=np.bool_) if seen.promised is None else seen.promised
    columns = (seen.known, seen.occupied, seen.out, seen.cooling, seen.charging)
    numbers = (seen.soc, seen.soc_time, seen.temperature_c, seen.pack, promised)
    return (_Reading(*row) for row in zip(*(column.tolist() for column in (*columns, *numbers)), strict=True))


def _nothing_known(spec: StationSpec, time: float) -> StationState:
    return StationState(
        time=time,
        phase=np.full(spec.slots, EMPTY, dtype=np.int8),
        soc=np.zeros(spec.slots),
        temperature_c=np.full(spec.slots, spec.thermal.ambient_c),
        derated=np.zeros(spec.slots, dtype=np.bool_),
        cooling_until=np.full(spec.slots, inf),
        bay_until=np.full(spec.bays, inf),
        bay_slot=np.zeros(spec.bays, dtype=np.int64),
    )

"""The twin that keeps in step with a real station: it runs on by the model, and telemetry corrects it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite, nan

import numpy as np
from simpy import Environment

from twin import charging
from twin.observation import Estimate, Observation
from twin.slot import CHARGING, COOLING, DONE, EMPTY, OUT, Slot
from twin.spec import StationSpec, StationState
from twin.station import Station
from twin.traffic import Traffic

SOC_GAIN = 0.7
TEMPERATURE_GAIN = 0.5
"""Share of a residual that a correction takes over: the rest is held for noise of the sensor."""
JUMP_SOC = 0.03
"""A larger residual is no noise: the reading is taken as it is."""
OVERDUE_S = 5.0
"""A rest that telemetry still reports after its time ends this much later."""


@dataclass(slots=True)
class _Memory:
    """What telemetry last said of a slot."""

    occupied: bool | None = None
    pack: int = -1
    measured: bool = False
    soc_time: float = -inf
    temperature_c: float = nan
    charging_since: float = -inf


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


@dataclass(slots=True)
class _Belief:
    """What a slot is to be set to."""

    soc: float
    temperature_c: float
    changed: bool = False


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
        self._residual_soc = np.full(spec.slots, nan)
        self._substituted = np.ones(spec.slots, dtype=np.bool_)

    @property
    def spec(self) -> StationSpec:
        """The station with the grid limit in force."""
        return self._station.spec

    def advance(self, to_time: float) -> None:
        """Run on to a time; an earlier one changes nothing."""
        if to_time > self._env.now:
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
        emptied: list[int] = []
        filled: list[int] = []
        replaced = 0
        moved = False
        for index, (memory, read) in enumerate(zip(self._memory, _readings(seen), strict=True)):
            new_pack = False
            if read.known:
                same = memory.occupied is True and (min(read.pack, memory.pack) < 0 or read.pack == memory.pack)
                new_pack = read.occupied and not same
                if memory.occupied is True and not read.occupied:
                    emptied.append(index)
                elif memory.occupied is False and read.occupied:
                    filled.append(index)
                replaced += new_pack and memory.occupied is True
            if read.known and not read.occupied:
                moved |= self._take_out(index, read.out)
            elif read.known or self._station.slots[index].phase != EMPTY:
                moved |= self._correct(index, read, new_pack)
            if read.known:
                memory.occupied, memory.pack = read.occupied, read.pack if read.occupied else -1
        self._traffic.follow(self._station, emptied, filled, replaced, seen.swap_count)
        self._substituted = ~seen.known | (seen.occupied & ~np.isfinite(seen.soc))
        limit_w = seen.grid_limit_w
        if isfinite(limit_w) and limit_w != self._station.spec.grid_limit_w:
            self._station.set_grid_limit(max(limit_w, 0.0))
        elif moved:
            self._station.share()

    def estimate(self) -> Estimate:
        """What the twin believes now."""
        return Estimate(
            time=self._env.now,
            state=self._station.snapshot(),
            ready=self._station.ready,
            substituted=self._substituted.copy(),
            residual_soc=self._residual_soc.copy(),
            swaps=self._traffic.swaps,
        )

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

    def _correct(self, index: int, read: _Reading, new_pack: bool) -> bool:
        slot, memory, now = self._station.slots[index], self._memory[index], self._env.now
        belief = self._believe(index, read, new_pack)
        phase, held = self._phase(read, belief.soc) if read.known else (slot.phase, slot.held)
        if not (belief.changed or new_pack) and phase == slot.phase and held == slot.held:
            return False
        cooling_until = slot.cooling_until
        if phase == COOLING and (new_pack or slot.phase != COOLING or cooling_until <= now):
            # The model had ended this pack's rest where telemetry has not: it will not last long any more.
            overdue = not new_pack and slot.phase in (CHARGING, DONE, COOLING)
            cooling_until = now + (OVERDUE_S if overdue else self.spec.cooldown_s)
        if phase == CHARGING and (slot.phase != CHARGING or new_pack):
            memory.charging_since = -inf if memory.occupied is None else now
        if new_pack:
            slot.derated = False
        slot.held = held
        self._station.place(index, phase, belief.soc, belief.temperature_c, cooling_until)
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

    def _believe(self, index: int, read: _Reading, new_pack: bool) -> _Belief:
        slot, memory, now = self._station.slots[index], self._memory[index], self._env.now
        if new_pack and not (memory.occupied is None and slot.phase != EMPTY):
            # Until its own readings come, a pack that has just been brought is like any other.
            belief = _Belief(sum(self.spec.returned_soc) / 2.0, sum(self.spec.returned_temperature_c) / 2.0, True)
        else:
            belief = _Belief(slot.soc_at(now), slot.temperature_at(now))
        if new_pack:
            memory.measured, memory.temperature_c = False, nan
            self._residual_soc[index] = nan
        soc_time = read.soc_time if isfinite(read.soc_time) else now
        if isfinite(read.soc) and soc_time > memory.soc_time:
            carried = self._carry(slot, memory, read, soc_time)
            before, gain = belief.soc, 1.0
            if memory.measured:
                self._residual_soc[index] = carried - before
                gain = SOC_GAIN if abs(carried - before) <= JUMP_SOC else 1.0
            belief.soc = carried if gain == 1.0 else before + gain * (carried - before)
            belief.changed |= belief.soc != before
            memory.soc_time, memory.measured = soc_time, True
        if isfinite(read.temperature_c) and read.temperature_c != memory.temperature_c:
            before = belief.temperature_c
            gain = TEMPERATURE_GAIN if isfinite(memory.temperature_c) else 1.0
            belief.temperature_c = before + gain * (read.temperature_c - before)
            belief.changed |= belief.temperature_c != before
            memory.temperature_c = read.temperature_c
        return belief

    def _carry(self, slot: Slot, memory: _Memory, read: _Reading, soc_time: float) -> float:
        """A reading of an earlier moment, carried forward to now by the model."""
        soc = min(max(read.soc, 0.0), 1.0)
        charging_now = read.charging if read.known else slot.phase == CHARGING and not slot.held
        if not charging_now:
            return soc
        limit_per_s = self.spec.charger.power_w / slot.energy_ws
        if slot.phase == CHARGING and not slot.tapering:
            limit_per_s = max(slot.rate, 0.0)
        seconds = self._env.now - max(soc_time, memory.charging_since)
        return max(soc, min(charging.soc_after(slot.pack, soc, seconds, limit_per_s), self.spec.full_soc))


def _readings(seen: Observation) -> Iterator[_Reading]:
    columns = (seen.known, seen.occupied, seen.out, seen.cooling, seen.charging)
    numbers = (seen.soc, seen.soc_time, seen.temperature_c, seen.pack)
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

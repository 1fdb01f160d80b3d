"""One slot of the model: its pack's charge between two events, in closed form."""

from math import inf

from twin import charging
from twin.spec import PackSpec, SlotPhase, StationSpec

# Plain integers: comparing members of an enumeration costs more than the physics does.
EMPTY, COOLING, CHARGING, DONE, OUT = (int(phase) for phase in SlotPhase)

NOTHING, READY, FULL, TAPER, DERATE, RESTORE = range(6)
"""What comes at the end of a segment: a target of charge, the start of the taper, a threshold of temperature."""

_UNSHARED = -1.0


class Slot:
    """A slot and its pack. Where it is charging, SoC and temperature run on from ``since`` until ``due``.

    The event that is due is remembered and, when it comes, sets its value exactly. Nothing is compared with a
    tolerance, so that no rounding can lose a wake-up or make one that comes back for ever.
    """

    __slots__ = (
        "cooling_until",
        "derated",
        "due",
        "energy_ws",
        "event",
        "held",
        "index",
        "pack",
        "phase",
        "rate",
        "ready",
        "since",
        "soc",
        "spec",
        "taper_w_per_soc",
        "tapering",
        "temperature_c",
        "thermal",
    )

    def __init__(self, index: int, spec: StationSpec, pack: PackSpec) -> None:
        self.index = index
        self.spec, self.pack, self.thermal = spec, pack, spec.thermal
        self.energy_ws = pack.capacity_wh * charging.HOUR_S
        self.taper_w_per_soc = self.energy_ws / pack.tau_s
        self.phase = EMPTY
        self.ready = False
        self.derated = False
        self.held = False  # the charger says that it does not charge: no power until it says otherwise
        self.cooling_until = inf
        self.since = 0.0
        self.soc = 0.0
        self.temperature_c = spec.thermal.ambient_c
        self.stop()

    def stop(self) -> None:
        """No charge any more, and no event."""
        self.rate, self.tapering = 0.0, False
        self.due, self.event = inf, NOTHING

    def soc_at(self, time: float) -> float:
        if self.tapering:
            return charging.taper_after(self.pack, self.soc, time - self.since)
        return self.soc + self.rate * (time - self.since)

    def temperature_at(self, time: float) -> float:
        if self.tapering:
            return charging.temperature_after_taper(
                self.thermal, self.pack.tau_s, self.temperature_c, time - self.since, self.rate
            )
        return charging.temperature_after(self.thermal, self.temperature_c, time - self.since, self.rate)

    def settle(self, time: float) -> None:
        """Begin a new segment where the present one stands."""
        if time != self.since:
            self.soc, self.temperature_c, self.since = self.soc_at(time), self.temperature_at(time), time

    def place(self, time: float, phase: int, soc: float, temperature_c: float) -> None:
        """Put a pack in (or take it out: ``EMPTY``) and stop; a pack to be charged awaits its share of power."""
        self.stop()
        self.phase = phase
        self.since, self.soc, self.temperature_c = time, soc, temperature_c
        self.ready = False
        if phase == CHARGING:
            if soc >= self.spec.full_soc:
                self.phase = phase = DONE
            else:
                self.rate = _UNSHARED
                if temperature_c >= self.thermal.derate_above_c:
                    self.derated = True
                elif temperature_c <= self.thermal.restore_below_c:
                    self.derated = False
        if phase in (CHARGING, DONE):
            self.ready = soc >= self.spec.ready_soc
        if phase != CHARGING:
            self.derated = False

    def meet(self) -> None:
        """The event that was due has come: take its value exactly, and await a share of power."""
        self.settle(self.due)
        event = self.event
        if event == READY:
            self.soc, self.ready = self.spec.ready_soc, True
        elif event == FULL:
            self.soc, self.ready, self.derated = self.spec.full_soc, True, False
            self.phase = DONE
            self.stop()
            return
        elif event == TAPER:
            self.soc = charging.taper_start(self.pack, self.rate)
        elif event == DERATE:
            self.temperature_c, self.derated = self.thermal.derate_above_c, True
        elif event == RESTORE:
            self.temperature_c, self.derated = self.thermal.restore_below_c, False
        self.stop()
        self.rate = _UNSHARED

    def charge(self, time: float, rate: float, tapering: bool) -> None:
        """Charge on from ``time`` at a rate, or in the taper that begins with it; find the next event."""
        if tapering == self.tapering and (tapering or rate == self.rate):
            return
        if self.rate == _UNSHARED:  # begun at this very moment: there is nothing to carry forward
            self.since = time
        else:
            self.settle(time)
            if self.tapering and self.derated:  # no event says so in a taper, whose power derating does not touch
                self.derated = self.temperature_c > self.thermal.restore_below_c
        self.rate, self.tapering = rate, tapering
        pack, thermal = self.pack, self.thermal
        target, event = (self.spec.full_soc, FULL) if self.ready else (self.spec.ready_soc, READY)
        if rate <= 0.0:
            self.due, self.event = inf, NOTHING
            return
        if tapering:
            wait = charging.seconds_to_taper(pack, self.soc, target) if target > self.soc else 0.0
            warm = inf
            if not self.derated:
                warm = charging.seconds_to_derate_taper(thermal, pack.tau_s, self.temperature_c, rate)
        else:
            bend = charging.taper_start(pack, rate)
            if bend < target:
                target, event = bend, TAPER
            wait = max(target - self.soc, 0.0) / rate
            warm = self._seconds_to_threshold(rate)
        if warm < wait:
            wait, event = warm, RESTORE if self.derated else DERATE
        self.due, self.event = time + wait, event

    def _seconds_to_threshold(self, rate: float) -> float:
        temperature_c, thermal = self.temperature_c, self.thermal
        if self.derated:
            if temperature_c <= thermal.restore_below_c:
                return 0.0
            return charging.seconds_to_temperature(thermal, temperature_c, thermal.restore_below_c, rate)
        if temperature_c >= thermal.derate_above_c:
            return 0.0
        return charging.seconds_to_temperature(thermal, temperature_c, thermal.derate_above_c, rate)

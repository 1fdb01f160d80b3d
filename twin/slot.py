"""One slot of the model: its charger, and its pack's charge between two events, in closed form."""

from math import inf

from twin import charging
from twin.spec import SlotPhase, StationSpec

# Plain integers: comparing members of an enumeration costs more than the physics does.
EMPTY, COOLING, CHARGING, DONE, OUT = (int(phase) for phase in SlotPhase)

NOTHING, READY, FULL, TAPER, DERATE, RESTORE, PIECE, CAP = range(8)
"""What comes at the end of a segment: a target of charge, the start of the taper, a threshold of temperature, the
next piece of the pack's envelope, the most that the charger gives."""

_UNSHARED = -1.0


class Slot:
    """A slot and its pack. Where it is charging, SoC and temperature run on from ``since`` until ``due``.

    The event that is due is remembered and, when it comes, sets its value exactly. Nothing is compared with a
    tolerance, so that no rounding can lose a wake-up or make one that comes back for ever.

    ``rate`` (SoC per second) is that of ``since``. It grows by ``ramp`` while tapering packs leave this one more and
    more of a shared limit; it falls along the pack's envelope while ``tapering``. Heat follows ``rate`` itself: within
    one segment a ramp changes it by a few percent.
    """

    __slots__ = (
        "charging_since",
        "cooling_until",
        "derated",
        "due",
        "efficiency",
        "energy_ws",
        "event",
        "held",
        "index",
        "pack",
        "pack_class",
        "phase",
        "piece",
        "pieces",
        "power_w",
        "ramp",
        "rate",
        "ready",
        "since",
        "soc",
        "soc_per_ws",
        "spec",
        "tapering",
        "tau_scale",
        "temperature_c",
        "thermal",
    )

    def __init__(self, index: int, spec: StationSpec) -> None:
        self.index = index
        self.spec, self.thermal = spec, spec.thermal
        self.power_w, self.efficiency, self.tau_scale = spec.charger.power_w, spec.charger.efficiency, 1.0
        self.phase = EMPTY
        self.ready = False
        self.derated = False
        self.held = False  # the charger says that it does not charge: no power until it says otherwise
        self.cooling_until = inf
        self.charging_since = inf
        self.since = 0.0
        self.soc = 0.0
        self.temperature_c = spec.thermal.ambient_c
        self.stop()
        self.take(0)

    def take(self, pack_class: int) -> None:
        """The pack in the slot is of that class; also after ``tau_scale`` has changed."""
        self.pack_class = pack_class
        self.pack = self.spec.packs[pack_class]
        self.energy_ws = self.pack.capacity_wh * charging.HOUR_S
        self.soc_per_ws = 1.0 / self.energy_ws
        self.pieces = charging.envelope(self.pack, self.tau_scale)
        self.piece = charging.piece_at(self.pieces, self.soc)

    def stop(self) -> None:
        """No charge any more, and no event."""
        self.rate, self.ramp, self.tapering = 0.0, 0.0, False
        self.due, self.event = inf, NOTHING

    def soc_at(self, time: float) -> float:
        seconds = time - self.since
        if self.tapering:
            return charging.taper_after(self.piece, self.soc, seconds)
        return self.soc + (self.rate + 0.5 * self.ramp * seconds) * seconds

    def rate_at(self, time: float) -> float:
        """SoC per second at a time, zero while power has yet to be shared."""
        if self.tapering:
            return self.piece.rate(self.soc_at(time))
        return max(self.rate + self.ramp * (time - self.since), 0.0)

    def temperature_at(self, time: float) -> float:
        if self.tapering:
            return charging.temperature_after_taper(
                self.thermal, self.piece.tau_s, self.temperature_c, time - self.since, self.rate
            )
        return charging.temperature_after(self.thermal, self.temperature_c, time - self.since, max(self.rate, 0.0))

    def settle(self, time: float) -> None:
        """Begin a new segment where the present one stands."""
        if time != self.since:
            self.soc, self.temperature_c, self.since = self.soc_at(time), self.temperature_at(time), time

    def place(self, time: float, phase: int, soc: float, temperature_c: float) -> None:
        """Put a pack in (or take it out: ``EMPTY``) and stop; a pack to be charged awaits its share of power."""
        self.stop()
        waits = self.phase == CHARGING
        self.phase = phase
        self.since, self.soc, self.temperature_c = time, soc, temperature_c
        self.piece = charging.piece_at(self.pieces, soc)
        self.ready = False
        if phase == CHARGING:
            if soc >= self.spec.full_soc:
                self.phase = phase = DONE
            else:
                self.rate = _UNSHARED
                if not waits:
                    self.charging_since = time
                if temperature_c >= self.thermal.derate_above_c:
                    self.derated = True
                elif temperature_c <= self.thermal.restore_below_c:
                    self.derated = False
        if phase in (CHARGING, DONE):
            self.ready = soc >= self.spec.ready_soc
        if phase != CHARGING:
            self.derated, self.charging_since = False, inf

    def most_w(self) -> float:
        """The most that the charger gives now, into the pack."""
        if self.held:
            return 0.0
        return self.power_w * self.thermal.derate_factor if self.derated else self.power_w

    def meet(self) -> None:
        """The event that was due has come: take its value exactly, and await a share of power."""
        due, event = self.due, self.event
        rate = self.rate + self.ramp * (due - self.since)
        self.settle(due)
        if event == READY:
            self.soc, self.ready = self.spec.ready_soc, True
        elif event == FULL:
            self.soc, self.ready, self.derated = self.spec.full_soc, True, False
            self.phase, self.charging_since = DONE, inf
            self.stop()
            return
        elif event == TAPER:
            self.soc = self.piece.soc_infinity - self.piece.tau_s * rate
        elif event == PIECE:
            self.soc = self.piece.end
        elif event == DERATE:
            self.temperature_c, self.derated = self.thermal.derate_above_c, True
        elif event == RESTORE:
            self.temperature_c, self.derated = self.thermal.restore_below_c, False
        self.piece = charging.piece_at(self.pieces, self.soc)
        self.stop()
        self.rate = _UNSHARED

    def charge(self, time: float, rate: float, ramp: float, tapering: bool, most: float) -> None:
        """Charge on from ``time`` at a rate, or in the taper that begins with it; find the next event.

        ``most``: the rate that a ramp may grow to.
        """
        if tapering == self.tapering and (tapering or (rate == self.rate and ramp == self.ramp)):
            return
        if self.rate == _UNSHARED:  # begun at this very moment: there is nothing to carry forward
            self.since = time
        else:
            self.settle(time)
            if self.tapering and self.derated:  # no event says so in a taper, whose power derating does not touch
                self.derated = self.temperature_c > self.thermal.restore_below_c
        self.rate, self.ramp, self.tapering = rate, ramp, tapering
        if rate <= 0.0:
            self.due, self.event = inf, NOTHING
            return
        piece, thermal = self.piece, self.thermal
        target, event = (self.spec.full_soc, FULL) if self.ready else (self.spec.ready_soc, READY)
        if piece.end < target:
            target, event = piece.end, PIECE
        gap = target - self.soc if target > self.soc else 0.0
        if tapering:
            wait = charging.seconds_to_taper(piece, self.soc, target) if gap else 0.0
            warm = inf
            if not self.derated:
                warm = charging.seconds_to_derate_taper(thermal, piece.tau_s, self.temperature_c, rate)
        else:
            wait = charging.seconds_to_rise(gap, rate, ramp)
            if not piece.flat_per_s:
                bend = charging.seconds_to_bend(piece, self.soc, rate, ramp)
                if bend < wait:
                    wait, event = bend, TAPER
            if ramp > 0.0 and (most - rate) / ramp < wait:
                wait, event = (most - rate) / ramp, CAP
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

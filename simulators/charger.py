"""The charger of a slot: full power up to the voltage limit, then constant voltage until the current tapers off."""

import math

from simulators.pack import Pack
from twin.signals import ChargerState

CUT_OFF_C = 0.05
"""Current (as a fraction of the pack's charge per hour) below which the pack counts as full."""
DERATE_ABOVE_C = 45.0
RESTORE_BELOW_C = 42.0
DERATE_FACTOR = 0.5
TRIP_ABOVE_C = 60.0
RESET_BELOW_C = 40.0


class Charger:
    """State machine of one charger. Power is at the pack's terminals, in W."""

    def __init__(self, power_w: float, full_soc: float, cooldown_s: float) -> None:
        self.limit_w = power_w
        """Power that it may give; a client can lower it."""
        self._full_soc = full_soc
        self._cooldown_s = cooldown_s
        self._rest_until = 0.0
        self._derated = False
        self._tripped = False
        self._full = False
        self.enabled = True
        self.shut = False
        """Out of service by itself, whatever a client has written."""
        self.broken = False
        self.health = 1.0
        """Share of its power that it still has."""
        self._held = False
        self.state = ChargerState.IDLE
        self.current_a = 0.0

    def receive(self, pack: Pack, now: float) -> None:
        """A pack has come in; it rests before it is charged."""
        self._rest_until = now + self._cooldown_s
        self._full = self._derated = self._tripped = self._held = False
        self._update(pack, now)

    def release(self) -> None:
        """The pack has gone."""
        self._full = self._derated = self._tripped = self._held = False
        self._update(None, 0.0)

    def hold(self, pack: Pack, now: float) -> None:
        """The pack is promised to a rider: no current any more."""
        self._held = True
        self._update(pack, now)

    def memory(self) -> tuple[float, bool, bool, bool, bool]:
        """What the charger knows beyond its state: the end of the rest; full, derated, tripped and held."""
        return self._rest_until, self._full, self._derated, self._tripped, self._held

    def remember(self, state: ChargerState, current_a: float, *, full: bool, derated: bool, tripped: bool) -> None:
        """Go on from where another run of the same physics has come to."""
        self.state, self.current_a = state, current_a
        self._full, self._derated, self._tripped = full, derated, tripped

    def wanted_w(self, pack: Pack | None, now: float) -> float:
        """Power that the charger would put into the pack now if the grid allowed it."""
        self._update(pack, now)
        if pack is None or self.state is not ChargerState.CHARGING:
            return 0.0
        cap_w = self.limit_w * self.health * (DERATE_FACTOR if self._derated else 1.0)
        return min(cap_w, pack.kind.limit_v * _limit_current_a(pack))

    def step(self, pack: Pack | None, allowed_w: float, ambient_c: float, now: float, seconds: float) -> float:
        """Charge with at most ``allowed_w`` up to ``now``. Returns the power that went into the pack."""
        self.current_a = 0.0
        if pack is None:
            return 0.0
        power_w = 0.0
        if self.state is ChargerState.CHARGING:
            self.current_a = min(_current_a(pack, allowed_w), _limit_current_a(pack))
            power_w = pack.voltage_v(self.current_a) * self.current_a
        pack.step(self.current_a, ambient_c, seconds)
        self._update(pack, now)
        return power_w

    def _update(self, pack: Pack | None, now: float) -> None:
        self.state = self._next_state(pack, now)
        if self.state is not ChargerState.CHARGING:
            self.current_a = 0.0

    def _next_state(self, pack: Pack | None, now: float) -> ChargerState:
        if not self.enabled or self.shut:
            return ChargerState.DISABLED
        if self.broken:
            return ChargerState.FAULT
        if pack is None:
            return ChargerState.IDLE
        self._tripped = pack.temperature_c > (RESET_BELOW_C if self._tripped else TRIP_ABOVE_C)
        self._derated = pack.temperature_c > (RESTORE_BELOW_C if self._derated else DERATE_ABOVE_C)
        if self._tripped:
            return ChargerState.FAULT
        if self._held:
            return ChargerState.IDLE
        if now < self._rest_until:
            return ChargerState.COOLING
        self._full = self._full or pack.soc >= self._full_soc or _limit_current_a(pack) < CUT_OFF_C * pack.charge_ah
        return ChargerState.FULL if self._full else ChargerState.CHARGING


def _limit_current_a(pack: Pack) -> float:
    """Current at which the terminals just reach the voltage limit, or as much as the pack lets in."""
    at_limit_a = max((pack.kind.limit_v - pack.ocv_v) / pack.resistance_ohm, 0.0)
    return min(at_limit_a, pack.kind.most_c(pack.soc) * pack.charge_ah)


def _current_a(pack: Pack, power_w: float) -> float:
    """Current at which the terminals take a power: the positive root of ``R i^2 + OCV i = P``."""
    ocv, ohm = pack.ocv_v, pack.resistance_ohm
    return (math.sqrt(ocv * ocv + 4.0 * ohm * max(power_w, 0.0)) - ocv) / (2.0 * ohm)

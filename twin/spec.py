"""What a station is, how it stands at one moment, and what its future may bring: the model's data."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HORIZONS_S = (900.0, 1800.0, 3600.0, 7200.0)
"""Every forecast answers for these times ahead: 15, 30, 60 and 120 minutes."""


class SlotPhase(IntEnum):
    """What a slot does in the model. ``OUT``: faulted or disabled; its pack neither charges nor leaves."""

    EMPTY = 0
    COOLING = 1
    CHARGING = 2
    DONE = 3
    OUT = 4


@dataclass(frozen=True, slots=True)
class PackSpec:
    """A class of packs. ``soc_infinity`` and ``tau_s`` shape the constant-voltage phase (twin.charging).

    ``rate_cap``: points (SoC, C-rate in 1/h) of the most that the pack takes, linear between them and constant
    outside, for packs whose current is reduced long before the voltage limit.
    """

    capacity_wh: float = 1500.0
    soc_infinity: float = 1.02
    tau_s: float = 720.0
    rate_cap: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ChargerSpec:
    """``power_w`` is the most that a charger puts into a pack; ``efficiency`` is that over power from the grid."""

    power_w: float = 1200.0
    efficiency: float = 0.94


@dataclass(frozen=True, slots=True)
class ThermalSpec:
    """First-order pack temperature, and derating between two thresholds (hysteresis)."""

    ambient_c: float = 28.0
    rise_k_per_c2: float = 20.0
    """Steady rise in kelvin at 1C; it grows with the square of the C-rate."""
    time_constant_s: float = 1800.0
    derate_above_c: float = 45.0
    restore_below_c: float = 42.0
    derate_factor: float = 0.5


@dataclass(frozen=True, slots=True)
class StationSpec:
    """A station as the model sees it. Power in W at the grid side where it says ``grid``.

    Packs are of class 0, ``pack``, or of the classes 1, 2, ... in ``more_packs``; ``returned_shares`` says which share
    of the packs that riders bring is of each class (empty: all of class 0). A rider takes a pack of any class. With
    ``chargers`` fewer than slots, packs wait for one in the order in which they came. ``share_tick_s`` is the tick on
    which the cabinet's controller shares the grid limit anew, besides the charging events; 0: it does so all the time.
    """

    slots: int
    grid_limit_w: float
    bays: int = 1
    ready_soc: float = 0.95
    full_soc: float = 0.995
    swap_s: float = 60.0
    cooldown_s: float = 60.0
    patience_s: float = 300.0
    base_load_w: float = 0.0
    pack: PackSpec = PackSpec()
    charger: ChargerSpec = ChargerSpec()
    thermal: ThermalSpec = ThermalSpec()
    returned_soc: tuple[float, float] = (0.10, 0.40)
    returned_temperature_c: tuple[float, float] = (30.0, 42.0)
    more_packs: tuple[PackSpec, ...] = ()
    returned_shares: tuple[float, ...] = ()
    chargers: int | None = None
    share_tick_s: float = 0.0

    @property
    def packs(self) -> tuple[PackSpec, ...]:
        """All classes of packs, by number."""
        return (self.pack, *self.more_packs)


@dataclass(frozen=True, slots=True)
class Segments:
    """How every slot runs on, in closed form, since the latest event that touched it. One entry a slot.

    From ``since``, where the pack stood at ``soc`` and ``temperature_c``, a charging slot takes ``rate_per_s``
    (growing by ``ramp_per_s2``, or falling exponentially where ``tapering``) until ``due``, when ``event``
    (twin.slot) comes. ``reshare_at``: when the station shares its limit anew if no event comes before.
    """

    since: Floats
    soc: Floats
    temperature_c: Floats
    rate_per_s: Floats
    ramp_per_s2: Floats
    tapering: NDArray[np.bool_]
    due: Floats
    event: NDArray[np.int8]
    reshare_at: float


@dataclass(frozen=True, slots=True)
class StationState:
    """A station at one moment: enough to go on from. Arrays have one entry a slot, bays one entry a bay.

    ``bay_until`` is the time at which a swap under way ends (``inf``: the bay is free), ``bay_slot`` the slot
    that the returned pack will go into. ``queue`` riders wait; ``patience_until`` says when the first of them
    leave, as far as it is known. ``segments`` carry the sharing of power in force, so that a station rebuilt
    from its snapshot goes on to the last bit; without them power is shared anew at ``time`` (so drop them to go on
    under another limit).

    Learned or known, one entry a slot, ``None`` for what the spec says: ``pack_class``, the charger's
    ``charger_power_w`` and ``charger_efficiency``, and ``tau_scale``, which multiplies the taper's time constant.
    ``charging_since``: when each pack came to be charged, which is the order in which packs wait for a charger.
    """

    time: float
    phase: NDArray[np.int8]
    soc: Floats
    temperature_c: Floats
    derated: NDArray[np.bool_]
    cooling_until: Floats
    bay_until: Floats
    bay_slot: NDArray[np.int64]
    queue: int = 0
    patience_until: tuple[float, ...] = ()
    segments: Segments | None = None
    pack_class: NDArray[np.int8] | None = None
    charger_power_w: Floats | None = None
    charger_efficiency: Floats | None = None
    tau_scale: Floats | None = None
    charging_since: Floats | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an ensemble of futures says, from ``start`` on. Arrays follow ``HORIZONS_S`` or ``ready_t``.

    ``stockout_probability[h]``: share of futures in which no pack is ready at some time up to the horizon.
    ``lost_swaps[h]``: mean riders who leave without a pack. ``time_to_stockout_s``: 10, 50 and 90 % quantiles
    over all futures (``inf`` where that share of futures has no stockout within the last horizon).
    ``ready_quantiles``: shape (5, len(ready_t)), for 5, 25, 50, 75 and 95 %.
    """

    start: float
    replicas: int
    seed: int
    stockout_probability: Floats
    lost_swaps: Floats
    time_to_stockout_s: tuple[float, float, float]
    ready_t: Floats
    ready_quantiles: Floats

"""A slot of the physical station, and a swap under way in it."""

from dataclasses import dataclass

from simulators.charger import Charger
from simulators.pack import Pack


@dataclass(slots=True)
class Slot:
    """A slot with its door and charger. ``promised``: its pack belongs to a rider; ``awaited``: a pack will come."""

    number: int
    charger: Charger
    pack: Pack | None = None
    door_open: bool = False
    door_stuck: bool = False
    """Its door stands open whatever the cabinet does."""
    promised: bool = False
    awaited: bool = False
    power_w: float = 0.0
    energy_wh: float = 0.0
    """Given to packs since the start."""
    came_at: float = 0.0
    """When the pack came: those that came first are charged first."""
    share_w: float = 0.0
    """Of the grid limit, as the cabinet's controller last shared it."""
    shown_c: float = 0.0
    """Temperature as the pack's sensor reads it."""


@dataclass(slots=True)
class Swap:
    """A swap under way: BatteryIn into ``inward``, then BatteryOut of ``outward``.

    Without an empty slot, ``inward`` is ``outward``: it is emptied first and takes the returned pack after that.
    """

    outward: Slot
    inward: Slot
    turn_at: float
    end_at: float
    turned: bool = False
    taken: Pack | None = None

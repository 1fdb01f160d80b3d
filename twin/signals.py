"""The vocabulary: signals, qualities and reasons that every room speaks.

A signal is a named quantity with a unit and a range; its path is ``<station>/<entity>/<signal>``,
for example ``S012/slot/03/soc`` or ``S012/station/power_w``.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Quality(IntEnum):
    """How far a value may be trusted. Ordered: the larger, the worse."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Reason(IntEnum):
    """Why a value is not good."""

    NONE = 0
    STALE = 1
    NO_COMMUNICATION = 2
    OUT_OF_RANGE = 3
    SENSOR_FAILURE = 4
    SUBSTITUTED = 5
    NOT_CONFIGURED = 6


class Kind(Enum):
    """What a value is: it decides how devices encode it and how clients draw it."""

    ANALOG = "analog"
    COUNTER = "counter"
    BOOL = "bool"
    ENUM = "enum"
    TEXT = "text"


class ChargerState(IntEnum):
    """What the charger of a slot does. ``COOLING``: a returned pack rests before it may be charged."""

    IDLE = 0
    CHARGING = 1
    FULL = 2
    COOLING = 3
    FAULT = 4
    DISABLED = 5


@dataclass(frozen=True, slots=True)
class Signal:
    """One word of the vocabulary. ``minimum`` and ``maximum`` bound what can be true of any real station."""

    entity: str
    name: str
    kind: Kind
    unit: str = ""
    minimum: float = 0.0
    maximum: float = 1.0
    description: str = ""


def _slot(name: str, kind: Kind, unit: str, low: float, high: float, text: str) -> Signal:
    return Signal("slot", name, kind, unit, low, high, text)


def _station(name: str, kind: Kind, unit: str, low: float, high: float, text: str) -> Signal:
    return Signal("station", name, kind, unit, low, high, text)


_ALL = (
    _station("power_w", Kind.ANALOG, "W", -5e6, 5e6, "power drawn from the grid by the whole station"),
    _station("energy_wh", Kind.COUNTER, "Wh", 0.0, 1e15, "energy drawn from the grid since installation"),
    _station("grid_limit_w", Kind.ANALOG, "W", 0.0, 5e6, "power that the station may draw"),
    _station("temperature_c", Kind.ANALOG, "C", -60.0, 120.0, "ambient temperature in the cabinet"),
    _station("swap_count", Kind.COUNTER, "", 0.0, 1e15, "swaps served since installation"),
    _station("heartbeat", Kind.COUNTER, "", 0.0, 1e15, "grows by one with every scan of the cabinet controller"),
    _station("mains_ok", Kind.BOOL, "", 0.0, 1.0, "the grid connection is present"),
    _station("door_open", Kind.BOOL, "", 0.0, 1.0, "the service door is open"),
    _station("humidity", Kind.ANALOG, "1", 0.0, 1.0, "relative humidity in the cabinet"),
    _station("smoke", Kind.BOOL, "", 0.0, 1.0, "the smoke sensor has tripped"),
    _station("water_leak", Kind.BOOL, "", 0.0, 1.0, "the water sensor has tripped"),
    _station("voltage_v", Kind.ANALOG, "V", 0.0, 1500.0, "mains voltage, phase to neutral"),
    _station("current_a", Kind.ANALOG, "A", -5000.0, 5000.0, "mains current, of the phase that carries most"),
    _station("frequency_hz", Kind.ANALOG, "Hz", 0.0, 100.0, "mains frequency"),
    _station("fault_bits", Kind.COUNTER, "", 0.0, 2.0**53, "faults of the cabinet, as the device type numbers them"),
    _slot("occupied", Kind.BOOL, "", 0.0, 1.0, "a pack stands in the slot"),
    _slot("enabled", Kind.BOOL, "", 0.0, 1.0, "the slot is in service"),
    _slot("door_open", Kind.BOOL, "", 0.0, 1.0, "the slot's door is open"),
    _slot("locked", Kind.BOOL, "", 0.0, 1.0, "the pack is locked in"),
    _slot("charger_state", Kind.ENUM, "", 0.0, 5.0, "what the slot's charger does"),
    _slot("power_w", Kind.ANALOG, "W", -1e6, 1e6, "power from the charger into the pack"),
    _slot("voltage_v", Kind.ANALOG, "V", 0.0, 1500.0, "pack voltage at the charger's terminals"),
    _slot("current_a", Kind.ANALOG, "A", -1500.0, 1500.0, "current into the pack"),
    _slot("pack_id", Kind.TEXT, "", 0.0, 0.0, "serial number of the pack"),
    _slot("soc", Kind.ANALOG, "1", 0.0, 1.0, "state of charge of the pack"),
    _slot("soh", Kind.ANALOG, "1", 0.0, 1.2, "state of health of the pack"),
    _slot("temperature_c", Kind.ANALOG, "C", -60.0, 150.0, "temperature of the pack"),
    _slot("cycle_count", Kind.COUNTER, "", 0.0, 1e9, "full cycles of the pack"),
    _slot("capacity_wh", Kind.ANALOG, "Wh", 0.0, 1e6, "usable energy of the full pack"),
    _slot("current_limit_a", Kind.ANALOG, "A", 0.0, 1500.0, "current that the charger may give"),
    _slot("power_limit_w", Kind.ANALOG, "W", 0.0, 1e6, "power that the charger may give"),
    _slot("energy_wh", Kind.COUNTER, "Wh", 0.0, 1e12, "energy that the charger has given since installation"),
    _slot("fault_bits", Kind.COUNTER, "", 0.0, 2.0**53, "faults of the charger, as the device type numbers them"),
    _slot("pack_fault_bits", Kind.COUNTER, "", 0.0, 2.0**53, "faults of the pack, as the device type numbers them"),
    _slot("cell_voltage_max_v", Kind.ANALOG, "V", 0.0, 10.0, "highest cell voltage of the pack"),
    _slot("cell_voltage_min_v", Kind.ANALOG, "V", 0.0, 10.0, "lowest cell voltage of the pack"),
)

SIGNALS: dict[tuple[str, str], Signal] = {(signal.entity, signal.name): signal for signal in _ALL}

PACK_SIGNALS = frozenset(
    {
        "pack_id",
        "soc",
        "soh",
        "temperature_c",
        "cycle_count",
        "capacity_wh",
        "pack_fault_bits",
        "cell_voltage_max_v",
        "cell_voltage_min_v",
    }
)
"""Slot signals that belong to the pack: an empty slot has none of them."""


def path(station: str, signal: str, slot: int | None = None) -> str:
    """The path of a signal.

    >>> path("S012", "soc", slot=3)
    'S012/slot/03/soc'
    >>> path("S012", "power_w")
    'S012/station/power_w'
    """
    entity = "station" if slot is None else f"slot/{slot:02d}"
    return f"{station}/{entity}/{signal}"

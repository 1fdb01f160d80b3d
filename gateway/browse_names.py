"""Guesses which signal a node or field means by its name, and which part of an address counts slots. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twin.signals import SIGNALS, ChargerState, Kind

_SLOT_RULES: tuple[tuple[str, str], ...] = (
    ("cellvolt.*max|maxcellvolt|cellvmax", "cell_voltage_max_v"),
    ("cellvolt.*min|mincellvolt|cellvmin", "cell_voltage_min_v"),
    ("^soc|stateofcharge|batterylevel|chargelevel", "soc"),
    ("^soh|stateofhealth", "soh"),
    ("temp", "temperature_c"),
    ("cycle", "cycle_count"),
    ("capacity|^whrtg$", "capacity_wh"),
    ("current.*(limit|max|set)|(limit|max|set).*current", "current_limit_a"),
    ("power.*(limit|max|set)|(limit|max|set).*power", "power_limit_w"),
    ("volt|^[vu]$", "voltage_v"),
    ("current|^[ia]$|^amps?$", "current_a"),
    ("power|^[pw]$|^watts?$", "power_w"),
    ("energy|^k?wh$", "energy_wh"),
    ("^(pack|battery|batt)?(id|sn|serial|serialnumber|serialno)$|packid|batteryid|packserial|batterysn", "pack_id"),
    ("door", "door_open"),
    ("occup|present|packin|haspack", "occupied"),
    ("unlock", ""),
    ("lock(ed)?$", "locked"),
    ("enable|inservice", "enabled"),
    ("packfault|batteryfault|packalarm|batteryalarm", "pack_fault_bits"),
    ("fault|error|alarm", "fault_bits"),
    ("state|status", "charger_state"),
)
_STATION_RULES: tuple[tuple[str, str], ...] = (
    ("heartbeat|alive|lifebit|watchdog", "heartbeat"),
    ("swap.*(count|total|number)|(count|total|number).*swap", "swap_count"),
    ("(grid|power).*(limit|max)|(limit|max).*(grid|power)", "grid_limit_w"),
    ("power|^[pw]$", "power_w"),
    ("energy|^k?wh$", "energy_wh"),
    ("temp", "temperature_c"),
    ("humid", "humidity"),
    ("smoke|fire", "smoke"),
    ("water|leak|flood", "water_leak"),
    ("mains", "mains_ok"),
    ("door", "door_open"),
    ("volt|^[vu]$", "voltage_v"),
    ("current|^[ia]$", "current_a"),
    ("freq|^hz$", "frequency_hz"),
    ("fault|error|alarm", "fault_bits"),
)
_FACTORS = {"%": 0.01, "kw": 1000.0, "kwh": 1000.0, "mw": 0.001, "mv": 0.001, "ma": 0.001, "mwh": 0.001, "kv": 1000.0}
_FRACTIONS = frozenset({"soc", "soh", "humidity"})
_STATES = (
    ("fault|error|alarm", "fault"),
    ("disable|off|lock|maint", "disabled"),
    ("cool|rest|wait", "cooling"),
    ("full|complete|finish|done", "full"),
    ("charg", "charging"),
    ("idle|empty|ready|standby|avail|none|init", "idle"),
)


def signal_of(name: str, entity: str, value: Any = None) -> str | None:
    """The signal that a name means, ``None`` where it says nothing, or its value is of another kind.

    >>> signal_of("Slots.Slot03.Pack.SoC", "slot", 87.0)
    'soc'
    >>> signal_of("Energy.AcActivePowerTotal", "station")
    'power_w'
    """
    parts = [part.replace("_", "") for part in re.split(r"[^A-Za-z0-9_]+", name) if part]
    rules = _SLOT_RULES if entity == "slot" else _STATION_RULES
    # The leaf says most; "Charger_State" and "door.open" need what stands before it too.
    for text in ("".join(parts[-1:]).lower(), "".join(parts[-2:]).lower()):
        for pattern, signal in rules:
            if re.search(pattern, text):
                return signal if signal and _fits(entity, signal, value) else None
    return None


def _fits(entity: str, signal: str, value: Any) -> bool:
    if value is None:
        return True
    kind = SIGNALS[entity, signal].kind
    if kind is Kind.TEXT:
        return isinstance(value, str)
    if kind is Kind.BOOL:
        return isinstance(value, bool) or value in (0, 1)
    return isinstance(value, int | float) and not isinstance(value, bool)


def factor_of(signal: str, unit: str, name: str, values: Sequence[Any]) -> float:
    """By how much a raw value is multiplied to be in the signal's unit, from its unit, its name or its size."""
    factor = _FACTORS.get(unit.strip().lower())
    if factor is not None:
        return factor
    if signal not in _FRACTIONS:
        suffix = re.split(r"[^A-Za-z0-9]+", name)[-1].lower()
        return _FACTORS.get(suffix, 1.0)
    largest = max((abs(value) for value in values if isinstance(value, int | float)), default=0.0)
    if re.search("percent|pct", name.lower()):
        return 0.01
    return next((size for limit, size in ((1.2, 1.0), (120.0, 0.01), (1200.0, 0.001)) if largest <= limit), 0.0001)


def states_of(words: Mapping[int, str]) -> dict[int, str]:
    """The charger states that a device's own words for its numbers mean.

    >>> states_of({0: "Standby", 1: "Charging", 7: "Error"})
    {0: 'idle', 1: 'charging', 7: 'fault'}
    """
    known = {state.name.lower() for state in ChargerState}
    found: dict[int, str] = {}
    for number, word in words.items():
        text = word.lower()
        label = next((label for pattern, label in _STATES if re.search(pattern, text)), None)
        if label in known:
            found[number] = str(label)
    return found


@dataclass(frozen=True, slots=True)
class Template:
    """An address with a place for the slot's number, and which numbers were seen in it."""

    text: str
    numbers: tuple[int, ...]
    members: tuple[str, ...]
    """The addresses themselves, in the order of their numbers."""


def templates(addresses: Iterable[str]) -> tuple[list[Template], list[str]]:
    """Addresses that differ in one number only, as templates; and the rest.

    >>> found, rest = templates(["Slot01.SoC", "Slot02.SoC", "Power"])
    >>> found[0].text, found[0].numbers, rest
    ('Slot{slot:02d}.SoC', (1, 2), ['Power'])
    """
    listed = list(dict.fromkeys(addresses))
    groups: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    places: dict[str, list[tuple[str, str]]] = {}
    for address in listed:
        keys = [(address[: match.start()], address[match.end() :]) for match in re.finditer(r"\d+", address)]
        places[address] = keys
        for key in keys:
            groups[key][address[len(key[0]) : len(address) - len(key[1])]] = address
    chosen: dict[tuple[str, str], list[str]] = {}
    rest: list[str] = []
    for address in listed:
        best = max(places[address], key=lambda key: len(groups[key]), default=None)
        if best is None or len(groups[best]) < 2:
            rest.append(address)
        else:
            chosen.setdefault(best, []).append(address)
    found = []
    for (before, after), members in chosen.items():
        numbers = {address: address[len(before) : len(address) - len(after)] for address in members}
        members.sort(key=lambda address: int(numbers[address]))
        padded = any(len(text) > 1 and text.startswith("0") for text in numbers.values())
        width = min(len(text) for text in numbers.values()) if padded else 0
        field = f"{{slot:0{width}d}}" if padded else "{slot}"
        text = f"{escaped(before)}{field}{escaped(after)}"
        found.append(Template(text, tuple(int(numbers[address]) for address in members), tuple(members)))
    return found, rest


def escaped(text: str) -> str:
    """Text in which a profile's template has nothing to fill in."""
    return text.replace("{", "{{").replace("}", "}}")

"""What was seen of a device's points, what can be true of them, and how a finding is said. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.binding import BoundPoint
from config.profile import Point
from config.site import Station
from twin.signals import Kind, Quality, Reason

TINY = 1e-6

Registers = Mapping[tuple[str, int], int]
"""Words by table and address."""


@dataclass(slots=True)
class Observed:
    """What was seen of one point. ``history`` are the good values in order, with the times of arrival."""

    bound: BoundPoint
    raw: Any = None
    value: float | str | None = None
    quality: Quality = Quality.BAD
    reason: Reason = Reason.NO_COMMUNICATION
    source_time: float = math.nan
    received_time: float = math.nan
    age_s: float = math.nan
    """Since the value was last known to hold: since its stamp, or a later confirmation."""
    history: list[tuple[float, float]] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    """Arrival minus source time of samples that brought another value."""

    @property
    def came(self) -> bool:
        return not math.isnan(self.received_time)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that looks wrong, or only odd (``is_wrong`` false), and what to do."""

    kind: str
    about: str
    message: str
    remedy: str
    is_wrong: bool = True

    def __str__(self) -> str:
        return f"{self.about}: {self.message}. {self.remedy}."


def number(point: Point, raw: Any) -> float | None:
    """The value of a raw number in the signal's unit, whatever its range; ``None`` where there is none."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return None
    if any(math.isclose(raw, mark, rel_tol=1e-6) for mark in point.sentinels):
        return None
    return point.sign * (raw * point.scale + point.offset)


def band(station: Station, entity: str, signal: str) -> tuple[float, float] | None:
    """Between what the largest of a signal's values (by size, zeros aside) lies at a station that works."""
    power_w, volts = station.charger.power_w, station.pack.nominal_voltage_v
    capacities = [station.pack.capacity_wh, *(other.capacity_wh for other in station.other_packs)]
    if entity == "slot":
        return {
            "soc": (0.04, 1.0001),
            "soh": (0.2, 1.2),
            "temperature_c": (0.5, 90.0),
            "voltage_v": (0.35 * volts, 2.5 * volts),
            "current_a": (0.0, 4.0 * power_w / volts),
            "power_w": (0.0, 3.0 * power_w),
            "capacity_wh": (0.25 * min(capacities), 4.0 * max(capacities)),
            "cycle_count": (0.0, 20_000.0),
            "cell_voltage_max_v": (1.5, 5.0),
            "cell_voltage_min_v": (1.5, 5.0),
            "current_limit_a": (0.0, 10.0 * power_w / volts),
            "power_limit_w": (0.0, 10.0 * power_w),
        }.get(signal)
    return {
        "temperature_c": (0.5, 80.0),
        "humidity": (0.03, 1.0),
        "voltage_v": (80.0, 520.0),
        "frequency_hz": (40.0, 70.0),
        "power_w": (0.0, 3.0 * max(station.grid_limit_w, 1000.0)),
        "grid_limit_w": (station.grid_limit_w / 4.0, station.grid_limit_w * 4.0),
        "current_a": (0.0, station.grid_limit_w / 20.0 + 50.0),
    }.get(signal)


def meant(each: Observed) -> float | None:
    """What was seen of a point in its signal's unit, whatever its range; ``None`` where there is no number.

    A device that scales the number itself, or keeps it in a part of a register, is only known by what was decoded.
    """
    point = each.bound.point
    if point.scale_register is None and point.part is None and point.byte is None:
        return number(point, each.raw)
    return each.value if isinstance(each.value, float) and math.isfinite(each.value) else None


def numbers_of(group: Sequence[Observed]) -> list[float]:
    values = [meant(each) for each in group]
    return [value for value in values if value is not None and value != 0.0]


def is_within(limits: tuple[float, float], values: Sequence[float]) -> bool:
    largest = max((abs(value) for value in values), default=0.0)
    tiny = any(0.0 < abs(value) < TINY for value in values)
    return not tiny and limits[0] <= largest <= limits[1]


def is_absurd(station: Station, group: Sequence[Observed]) -> bool:
    """Whether the values of one signal cannot be true of this station. Zeros alone say nothing."""
    point = group[0].bound.point
    if group[0].bound.signal.kind not in {Kind.ANALOG, Kind.COUNTER}:
        return False
    limits = band(station, point.entity, point.signal)
    values = numbers_of(group)
    nans = [each for each in group if isinstance(each.raw, float) and not math.isfinite(each.raw)]
    if nans and not values:
        return True
    if any(0.0 < abs(value) < TINY for value in values):
        return True
    return bool(values) and limits is not None and not is_within(limits, values)


def name_of(group: Sequence[Observed]) -> str:
    """The signal with the slots that it is about, short."""
    first = group[0].bound
    if first.slot is None:
        return first.path
    slots = sorted(each.bound.slot or 0 for each in group)
    listed = ", ".join(map(str, slots[:4])) + (f" … {slots[-1]}" if len(slots) > 4 else "")
    return f"{first.station} {first.point.signal} of slot{'s' if len(slots) > 1 else ''} {listed}"


def example_of(group: Sequence[Observed]) -> str:
    largest = max(group, key=lambda each: abs(meant(each) or 0.0))
    value = meant(largest)
    return in_unit(group, value) if value is not None else "NaN"


def in_unit(group: Sequence[Observed], value: float) -> str:
    unit = group[0].bound.signal.unit
    return f"{value:.5g}{f' {unit}' if unit and unit != '1' else ''}"


def short(raw: Any) -> str:
    return f"{raw:g}" if isinstance(raw, float) else repr(raw) if isinstance(raw, str) else str(raw)

"""From a signal's value to the raw value that a device of the given profile sends for it."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from config.binding import BoundPoint
from config.profile import Point
from simulators.station import Value
from twin.signals import ChargerState, Kind

K = TypeVar("K", bound=Hashable)

FLOWING = ChargerState.CHARGING
"""A device that knows no other state shows idle instead: nothing flows into the pack. It never shows idle for this."""


class Values(Protocol):
    """Whatever has the values that are sent: a station, or a device's own view of it."""

    def value(self, signal: str, slot: int | None = None) -> Value:
        """A signal as it is now, ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class Item(Generic[K]):
    """One thing that a device sends: usually one point, or several that are parts of the same number."""

    key: K
    points: tuple[BoundPoint, ...]

    @property
    def point(self) -> Point:
        return self.points[0].point

    def raw(self, station: Values, exponent: int = 0) -> Value:
        """The raw value now; ``None`` where there is no value."""
        if len(self.points) == 1 and self.point.part is None:
            return raw_value(self.point, _value(self.points[0], station), exponent)
        whole = [bound for bound in self.points if bound.point.part is None]
        parts = [bound for bound in self.points if bound.point.part is not None]
        word = _together(whole, station, exponent) if whole else 0
        if not parts:
            return word
        if len(self.points) == 1 and self.point.bit is None and _value(self.points[0], station) is None:
            return None
        number = int(word) if isinstance(word, int | float) else 0
        alike: dict[tuple[int, int], list[BoundPoint]] = {}
        for bound in parts:
            alike.setdefault(bound.point.part or (0, 64), []).append(bound)
        for (first, count), points in alike.items():
            raw = _together(points, station, exponent)
            bits = round(raw) if isinstance(raw, int | float) else 0
            number |= min(max(bits, 0), (1 << count) - 1) << first
        return number


def items(points: Iterable[BoundPoint], key: Callable[[BoundPoint], K]) -> list[Item[K]]:
    """Points by where they are sent, in the order of the first of each."""
    grouped: dict[K, list[BoundPoint]] = {}
    for bound in points:
        grouped.setdefault(key(bound), []).append(bound)
    return [Item(where, tuple(together)) for where, together in grouped.items()]


def raw_value(point: Point, value: Value, exponent: int = 0) -> Value:
    """The inverse of ``value = sign * (raw * scale * 10^exponent + offset)``; enumerations become their number or text.

    A state that the device type has no number for is shown as one like it, else it is no value.
    """
    if value is None:
        return None
    match point.definition.kind:
        case Kind.TEXT:
            return str(value)
        case _ if isinstance(value, str):
            # A device that sends its numbers as text.
            return value
        case Kind.BOOL | Kind.ENUM if point.enum:
            label = _label(point, value)
            return next((key for key, name in point.enum.items() if name == label), None)
        case Kind.BOOL:
            return bool(value)
        case Kind.COUNTER if (point.scale, point.offset, exponent) == (1.0, 0.0, 0) and isinstance(value, int):
            return point.sign * value
        case _:
            return (point.sign * float(value) - point.offset) / point.scale / 10.0**exponent


def signal_value(point: Point, raw: float, exponent: int = 0) -> float:
    """What a raw number that a client wrote means. Raises ``ValueError`` for one that the device has no meaning for."""
    enum = point.enum if point.write is None or point.write.enum is None else point.write.enum
    if enum is not None:
        label = enum.get(int(raw))
        if label is None:
            raise ValueError(f"{raw:g} means nothing")
        return float(label) if isinstance(label, bool) else float(ChargerState[label.upper()])
    scale = point.scale if point.write is None or point.write.scale is None else point.write.scale
    return point.sign * (raw * scale * 10.0**exponent + point.offset)


def _value(bound: BoundPoint, station: Values) -> Value:
    return station.value(bound.point.signal, bound.slot)


def _label(point: Point, value: Value) -> bool | str | None:
    """The label of the enumeration that stands for a value."""
    if point.definition.kind is Kind.BOOL:
        return bool(value)
    state = ChargerState(int(value or 0))
    known = (point.enum or {}).values()
    if state is not FLOWING and state.name.lower() not in known and ChargerState.IDLE.name.lower() in known:
        state = ChargerState.IDLE
    return state.name.lower()


def _together(points: list[BoundPoint], station: Values, exponent: int) -> Value:
    """One raw value for all points that read the same number: what each of their enumerations makes of it is true."""
    first = points[0]
    if len(points) == 1 or not first.point.enum:
        return raw_value(first.point, _value(first, station), exponent)
    labels = [_label(bound.point, _value(bound, station)) for bound in points]
    for key in first.point.enum:
        if all((bound.point.enum or {}).get(key) == label for bound, label in zip(points, labels, strict=True)):
            return key
    return raw_value(first.point, _value(first, station), exponent)

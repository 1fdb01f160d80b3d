"""From a signal's value to the raw value that a device of the given profile sends for it."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from config.binding import BoundPoint
from config.profile import Point
from simulators.face import Shown
from simulators.station import Value
from twin.signals import ChargerState, Kind

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Item(Generic[K]):
    """One thing that a device sends: usually one point, or several that are bits of the same number."""

    key: K
    points: tuple[BoundPoint, ...]

    @property
    def point(self) -> Point:
        return self.points[0].point

    def raw(self, station: Shown) -> Value:
        """The raw value now; ``None`` where there is no value."""
        if self.point.bit is None:
            bound = self.points[0]
            return raw_value(bound.point, station.value(bound.point.signal, bound.slot))
        return sum(
            1 << (bound.point.bit or 0) for bound in self.points if station.value(bound.point.signal, bound.slot)
        )


def items(points: Iterable[BoundPoint], key: Callable[[BoundPoint], K]) -> list[Item[K]]:
    """Points by where they are sent, in the order of the first of each."""
    grouped: dict[K, list[BoundPoint]] = {}
    for bound in points:
        grouped.setdefault(key(bound), []).append(bound)
    return [Item(where, tuple(together)) for where, together in grouped.items()]


def raw_value(point: Point, value: Value) -> Value:
    """The inverse of ``value = sign * (raw * scale + offset)``; enumerations become their number.

    A state that the device type has no number for is no value.
    """
    if value is None:
        return None
    match point.definition.kind:
        case Kind.TEXT:
            return str(value)
        case _ if isinstance(value, str):
            # A device that sends its numbers as text.
            return value
        case Kind.BOOL:
            return bool(value)
        case Kind.ENUM:
            label = ChargerState(int(value)).name.lower()
            return next((number for number, name in (point.enum or {}).items() if name == label), None)
        case Kind.COUNTER if point.scale == 1.0 and point.offset == 0.0 and isinstance(value, int):
            return point.sign * value
        case _:
            return (point.sign * float(value) - point.offset) / point.scale

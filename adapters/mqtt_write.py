"""Writing by message: a command goes out, and counts as done when the device's own next word shows it."""

import asyncio
import math
from dataclasses import dataclass

import numpy as np

from adapters.base import Batch, WriteError
from config.binding import BoundDevice, BoundPoint
from config.clock import Clock
from config.profile import Point
from twin.signals import ChargerState, Kind, Quality

SHARE_OF_RANGE = 1e-3
"""How far from what was written a value may be read back, as a part of the profile's range: devices round."""
SETTLE_S = 1.0
"""How long a device that shows already what is written is given to show something else."""

_GOOD = int(Quality.GOOD)


@dataclass(slots=True)
class _Waiter:
    number: int
    low: float
    high: float
    seen: float
    done: asyncio.Future[float]


class Writes:
    """The writes of one device that are under way, and those that the profile wants repeated."""

    def __init__(self, device: BoundDevice, clock: Clock, *, by_exception: bool = False) -> None:
        """``by_exception``: the device says nothing of a value that it has already, so its last word counts."""
        self._by_exception = by_exception
        self._device = device
        self._clock = clock
        self._points = {bound.number: bound for bound in device.points}
        self._waiters: list[_Waiter] = []
        self._again: dict[int, tuple[float, float]] = {}
        self._shown = {bound.number: math.nan for bound in device.points if bound.point.write}

    def point(self, number: int, value: float) -> BoundPoint:
        """The point to be written. Raises ``WriteError`` where the profile does not allow it, or not this value."""
        bound = self._points.get(number)
        if bound is None:
            raise WriteError(f"{self._device.id} has no point {number}")
        allowed = bound.point.write
        if bound.point.access != "rw" or allowed is None:
            raise WriteError(f"{bound.path} may not be written: its profile has no 'write'")
        if not allowed.minimum <= value <= allowed.maximum:
            raise WriteError(f"{bound.path}: {value:g} is not from {allowed.minimum:g} to {allowed.maximum:g}")
        return bound

    def see(self, batch: Batch) -> None:
        """Look for what is waited for in what the device said."""
        if self._by_exception:
            for row in np.flatnonzero(np.isin(batch.points, list(self._shown))).tolist():
                self._shown[int(batch.points[row])] = float(batch.values[row])
        for waiter in self._waiters:
            for row in np.flatnonzero((batch.points == waiter.number) & (batch.qualities == _GOOD)).tolist():
                waiter.seen = float(batch.values[row])
                if waiter.low <= waiter.seen <= waiter.high and not waiter.done.done():
                    waiter.done.set_result(waiter.seen)

    def fail(self, detail: str) -> None:
        """The link broke: nothing will be read back, and nothing is repeated to a device that may have restarted."""
        self._again.clear()
        self._shown = dict.fromkeys(self._shown, math.nan)
        for waiter in self._waiters:
            if not waiter.done.done():
                waiter.done.set_exception(WriteError(detail))

    def expect(self, bound: BoundPoint, value: float) -> _Waiter:
        """Begin to look for a value. To be called before the command goes out."""
        allowed = bound.point.write
        slack = SHARE_OF_RANGE * (allowed.maximum - allowed.minimum) if allowed else 0.0
        slack = max(slack, 1e-6 * abs(value))
        done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(bound.number, value - slack, value + slack, self._shown[bound.number], done)
        self._waiters.append(waiter)
        return waiter

    async def shown(self, bound: BoundPoint, waiter: _Waiter, value: float, within_s: float) -> float:
        """What the device shows once it shows what was written. Raises ``WriteError`` if it does not in time."""
        if self._by_exception and waiter.low <= waiter.seen <= waiter.high:
            # Nothing is to be expected of a device that has the value already but, perhaps, that it refuses.
            within_s = min(within_s, SETTLE_S)
        try:
            async with self._clock.timeout(within_s):
                shown = await waiter.done
        except TimeoutError:
            if self._by_exception and waiter.low <= waiter.seen <= waiter.high:
                return waiter.seen
            shows = "does not report it" if math.isnan(waiter.seen) else f"still shows {waiter.seen:g}"
            raise WriteError(f"{bound.path}: {value:g} was sent, but the device {shows} after {within_s:g} s") from None
        finally:
            self._waiters.remove(waiter)
        if bound.point.write and bound.point.write.refresh_s:
            self._again[bound.number] = (self._clock.monotonic() + bound.point.write.refresh_s, value)
        return shown

    def due(self) -> list[tuple[BoundPoint, float]]:
        """What is to be written again now."""
        if not self._again:
            return []
        now = self._clock.monotonic()
        found = []
        for number, (at, value) in self._again.items():
            bound = self._points[number]
            if at <= now and bound.point.write and bound.point.write.refresh_s:
                self._again[number] = (now + bound.point.write.refresh_s, value)
                found.append((bound, value))
        return found


def raw_of(point: Point, value: float) -> float | bool | int | str:
    """The device's raw value for a signal's value. Raises ``WriteError`` where it has none."""
    match point.definition.kind:
        case Kind.BOOL if point.bit is None and value in {0.0, 1.0}:
            return bool(value)
        case Kind.ENUM:
            labels = {state.name.lower() for state in ChargerState if state == value}
            for number, label in (point.enum or {}).items():
                if label in labels:
                    return number
        case Kind.ANALOG | Kind.COUNTER:
            return (point.sign * value - point.offset) / point.scale
    raise WriteError(f"{point.signal}: {value:g} is no value that can be sent")

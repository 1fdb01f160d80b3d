"""One device's Modbus registers, on one unit or on several: what stands in them, and what a client may write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pymodbus.constants import ExcCodes

from config.binding import BoundDevice, BoundPoint
from config.profile import DeviceRegister, WordOrder
from simulators.encode import Item, Values, items, signal_value
from simulators.face import Shown
from simulators.fail_safe import Guard
from simulators.registers import encode, pack, runs, unpack, width
from simulators.scaling import exponent
from simulators.sunspec import Container, lay_out

BIT_TABLES = ("coil", "discrete")
READS = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
WRITES = {5: "coil", 6: "holding", 15: "coil", 16: "holding"}
COMMANDS = frozenset({"enabled", "power_limit_w", "current_limit_a", "door_open"})
"""What the physical station obeys."""

Place = tuple[int, str]
"""A unit and one of its tables."""
Key = tuple[int, str, int, str | None]
"""Where an item stands: unit, table, address, and which half of the register if only one is meant."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A value that a client may write, only as a whole. ``mean`` raises ``ValueError`` for what the device refuses."""

    address: int
    count: int
    kind: str
    order: WordOrder
    mean: Callable[[float], float]
    do: Callable[[float], None]

    def number(self, words: Sequence[int]) -> float:
        """What the words mean. Raises ``ValueError``."""
        return self.mean(float(words[0]) if self.kind == "bool" else unpack(words, self.kind, self.order))


class Unit:
    """The registers of one device. Those between two of its points read as zero where the hole is small."""

    def __init__(self, device: BoundDevice, station: Shown, key: str) -> None:
        self.key = key
        self._profile = device.profile
        self._station = station
        self._words: dict[Place, dict[int, int]] = {}
        self._empty: dict[Place, dict[int, int]] = {}
        self._spots: dict[Place, dict[int, Spot]] = {}
        self._guards: dict[int, Guard] = {}
        points = self._lay_out(device)
        self.ids = tuple(sorted({bound.unit_id for bound in points}))
        self._items: list[Item[Key]] = items(points, _key)
        shared: dict[tuple[int, str, int], list[BoundPoint]] = {}
        for bound in points:
            if bound.scale_address is not None:
                shared.setdefault(_scale_key(bound), []).append(bound)
        self._exponents = {where: exponent(together, device.station) for where, together in shared.items()}
        self.packs = self._ridden(points)
        self._make_holes(points)
        self._guard(points)
        for bound in points:
            self._allow(bound)
        self.refresh()

    def refresh(self) -> None:
        """Write all registers anew, and let the device's own watchdog have its say."""
        for guard in self._guards.values():
            guard.check()
        words = {place: dict(empty) for place, empty in self._empty.items()}
        for item in self._items:
            unit, table, address, _ = item.key
            bound = item.points[0]
            shown: Values = self._guards.get(unit) or self._station
            raw = item.raw(shown, self._exponents.get(_scale_key(bound), 0))
            target = words[unit, table]
            if table in BIT_TABLES:
                target[address] = int(bool(raw))
                continue
            for number, word in enumerate(encode(item.point, raw)):
                at = address + number * self._profile.address_step
                target[at] = target[at] | word if item.point.byte is not None else word
        for (unit, table, address), power in self._exponents.items():
            words[unit, table][address] = power & 0xFFFF
        for unit, guard in self._guards.items():
            own = words.setdefault((unit, "holding"), {})
            _show(own, guard.safe.timeout, guard.timeout_s)
            _show(own, guard.safe.fallback_register, guard.fallback)
            _show(own, guard.safe.remaining, guard.remaining_s)
        self._words = words

    def read(self, unit: int, function: int, address: int, count: int) -> list[int] | ExcCodes:
        """Registers or bits. A map that counts bytes answers what it has from there on, without gaps."""
        if unit in self.packs and not self._station.value("occupied", self.packs[unit]):
            return ExcCodes.GATEWAY_NO_RESPONSE
        words = self._words.get((unit, READS[function]), {})
        if self._profile.address_step == 1:
            wanted = range(address, address + count)
            found = [words[place] for place in wanted if place in words]
        else:
            wanted_from = sorted(place for place in words if place >= address)
            found = [words[place] for place in wanted_from[:count]] if address in words else []
        if len(found) < count:
            return ExcCodes.ILLEGAL_ADDRESS
        if unit in self._guards and self._guards[unit].safe.fed_by == "poll":
            self._guards[unit].feed()
        return found

    def write(self, unit: int, function: int, address: int, words: Sequence[int]) -> ExcCodes | None:
        """Do what a client writes: all of it, or nothing and the reason."""
        spots = self._spots.get((unit, WRITES[function]), {})
        if not spots or function not in self._functions(len(words)):
            return ExcCodes.ILLEGAL_FUNCTION
        actions: list[tuple[Spot, float]] = []
        done = 0
        while done < len(words):
            spot = spots.get(address + done * self._profile.address_step)
            if spot is None or done + spot.count > len(words):
                return ExcCodes.ILLEGAL_ADDRESS
            try:
                actions.append((spot, spot.number(words[done : done + spot.count])))
            except ValueError:
                return ExcCodes.ILLEGAL_VALUE
            done += spot.count
        for spot, number in actions:
            spot.do(number)
        self.refresh()
        return None

    def _functions(self, count: int) -> frozenset[int]:
        only = self._profile.write_function if count == 1 else 16
        return frozenset({5, 15, 6, 16} if only is None else {5, 15, only})

    def _lay_out(self, device: BoundDevice) -> list[BoundPoint]:
        """The device's points with their addresses; those in SunSpec models get them in a chain of each unit."""
        points: list[BoundPoint] = []
        chains: dict[int, Container] = {}
        base = device.profile.sunspec_bases[0] if device.profile.sunspec_bases else 0
        for bound in device.points:
            if bound.model is None:
                points.append(bound)
                continue
            if bound.unit_id not in chains:
                own = [each for each in device.points if each.unit_id == bound.unit_id]
                chains[bound.unit_id] = lay_out(own, base, f"{device.id}/{bound.unit_id}")
                self._empty[bound.unit_id, bound.point.table] = dict(chains[bound.unit_id].words)
            points.append(_moved(bound, chains[bound.unit_id].places[bound.model, bound.instance]))
        return points

    def _ridden(self, points: list[BoundPoint]) -> dict[int, int]:
        """The units that are part of a pack, and so leave with it: those of one slot that cannot say it is empty."""
        if self._profile.unit_stride is None or any(bound.point.signal == "occupied" for bound in points):
            return {}
        return {bound.unit_id: bound.slot for bound in points if bound.slot is not None}

    def _make_holes(self, points: list[BoundPoint]) -> None:
        """What exists beside the points: small holes between them, and scale registers."""
        step, bridge = self._profile.address_step, self._profile.max_hole
        spans: dict[Place, list[tuple[int, int]]] = {}
        for bound in points:
            place: Place = (bound.unit_id, bound.point.table)
            first = int(bound.address) // step
            spans.setdefault(place, []).append((first, first + width(bound.point)))
            if bound.scale_address is not None:
                spans[place].append((bound.scale_address // step, bound.scale_address // step + 1))
        for place, own in spans.items():
            # Bits are there or not; and where a map counts bytes, what is not named is not sent either.
            bridged = runs(own, 0 if place[1] in BIT_TABLES or step > 1 else bridge)
            there = {at * step: 0 for first, after in bridged for at in range(first, after)}
            self._empty[place] = there | self._empty.get(place, {})

    def _guard(self, points: list[BoundPoint]) -> None:
        """The device's own watchdog, one a unit, with its registers."""
        safe, keepalive = self._profile.fail_safe, self._profile.keepalive
        if safe is None:
            return
        for unit in sorted({bound.unit_id for bound in points if bound.slot is not None}):
            slots = {bound.slot for bound in points if bound.unit_id == unit and bound.slot is not None}
            guard = self._guards[unit] = Guard(safe, self._station, tuple(sorted(slots)))
            spots = self._spots.setdefault((unit, "holding"), {})
            for register, do in (
                (safe.timeout, guard.set_timeout),
                (safe.fallback_register, guard.set_fallback),
            ):
                if register is not None and register.write_address is not None:
                    scale = register.scale
                    spots[register.write_address] = Spot(
                        register.write_address, _size(register), register.type, "ABCD", partial(_scaled, scale), do
                    )
            if keepalive is not None and safe.fed_by == "keepalive":
                expected = partial(_expect, keepalive.value)
                spots[keepalive.address] = Spot(
                    keepalive.address, len(pack(0, keepalive.type)), keepalive.type, "ABCD", expected, guard.feed_by
                )

    def _allow(self, bound: BoundPoint) -> None:
        """Let clients write a point, if its profile does and the station obeys it."""
        point, write = bound.point, bound.point.write
        if write is None or bound.write_address is None or bound.slot is None or point.signal not in COMMANDS:
            return
        bits = point.table == "coil" and write.address is None
        kind = "bool" if bits else write.type or point.type or "u16"
        count = 1 if bits else len(pack(0, kind))
        power = self._exponents.get(_scale_key(bound), 0)
        self._spots.setdefault((bound.unit_id, "coil" if bits else "holding"), {})[bound.write_address] = Spot(
            bound.write_address,
            count,
            kind,
            point.word_order,
            partial(_within, bound, power),
            partial(self._command, bound),
        )

    def _command(self, bound: BoundPoint, value: float) -> None:
        self._station.command(bound.point.signal, bound.slot or 1, value)
        guard = self._guards.get(bound.unit_id)
        if guard is not None and guard.safe.fed_by == "write" and guard.safe.signal == bound.point.signal:
            guard.feed()


def _key(bound: BoundPoint) -> Key:
    return bound.unit_id, bound.point.table, int(bound.address), bound.point.byte


def _scale_key(bound: BoundPoint) -> tuple[int, str, int]:
    return bound.unit_id, bound.point.table, -1 if bound.scale_address is None else bound.scale_address


def _moved(bound: BoundPoint, base: int) -> BoundPoint:
    scale, write = bound.scale_address, bound.write_address
    return replace(
        bound,
        address=int(bound.address) + base,
        scale_address=None if scale is None else scale + base,
        write_address=None if write is None else write + base,
        model=None,
    )


def _within(bound: BoundPoint, power: int, number: float) -> float:
    """The signal's value that a client wrote. Raises ``ValueError`` beyond what the profile allows."""
    value = signal_value(bound.point, number, power)
    write = bound.point.write
    if write is None or not write.minimum - 1e-9 <= value <= write.maximum + 1e-9:
        raise ValueError(f"{value:g} is not allowed")
    return value


def _expect(value: int, number: float) -> float:
    if number != value:
        raise ValueError(f"{number:g} is no sign of life")
    return number


def _scaled(scale: float, number: float) -> float:
    return number * scale


def _size(register: DeviceRegister) -> int:
    return len(pack(0, register.type))


def _show(words: dict[int, int], register: DeviceRegister | None, value: float) -> None:
    """Put a value of the device itself where it is read."""
    if register is not None and register.address is not None:
        words.update(enumerate(pack(value / register.scale, register.type), start=register.address))

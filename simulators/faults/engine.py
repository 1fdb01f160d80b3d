"""Which faults act now: takes orders, starts and ends faults in site time, and brings them to where they act."""

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import structlog

from config.binding import BoundDevice
from config.clock import Clock
from config.slots import parse_slots
from simulators.faults.base import Aim, ClockFault, Fault, MapFault, RestartFault, StationFault, ValueFault, WireFault
from simulators.faults.broker import BrokerMount
from simulators.faults.catalogue import CATALOGUE
from simulators.faults.mount import Mount
from simulators.faults.orders import FaultError, Order, describe, kind_of, read_order, read_parameters
from simulators.faults.view import DeviceView
from simulators.station import PhysicalStation

ACTIVE = 200
"""Faults at once."""
SLACK_S = 1e-3
LONGEST_WAIT_S = 3600.0
"""Site and wall clock may part: nobody waits longer without looking."""
REMEMBERED = 200
"""Ended faults that are still told of."""

Place = Mount | BrokerMount

log = structlog.get_logger()


@dataclass(slots=True)
class Entry:
    """A fault that acts, is going to, or did. Times in epoch seconds of site time."""

    id: str
    order: Order
    fault: Fault
    start: float
    end: float | None
    seed: int
    begun: bool = False
    beat_at: float | None = None
    """Monotonic time of the next beat of one that strikes again and again."""

    def report(self) -> dict[str, Any]:
        aim = self.fault.aim
        return {
            "id": self.id,
            "fault": self.fault.name,
            "target": self.order.target,
            "stations": [station.id for station in aim.stations],
            "devices": [device.id for device in aim.devices],
            "slots": sorted(aim.slots),
            "picked": self.fault.picked() if isinstance(self.fault, StationFault) else {},
            "signals": list(aim.signals or self.fault.signals),
            "start": self.start,
            "end": self.end,
            "active": self.begun,
            "probability": aim.probability,
            "seed": self.seed,
            "parameters": self.fault.model_dump(),
        }


class Faults:
    """All faults of one emulation. ``run`` must be running for faults to begin and end."""

    def __init__(
        self,
        stations: Mapping[str, PhysicalStation],
        views: Mapping[str, DeviceView],
        mounts: Sequence[Mount],
        brokers: Sequence[BrokerMount],
        clock: Clock,
        *,
        recorded: bool = False,
    ) -> None:
        """``views`` by device id. ``recorded``: the stations are recordings, which no fault can change."""
        self._stations, self._views, self._clock = stations, views, clock
        self._mounts, self._brokers = mounts, brokers
        self._recorded = recorded
        self._addresses: tuple[Place, ...] = (*mounts, *brokers)
        self._devices: dict[str, BoundDevice] = {device.id: device for mount in mounts for device in mount.devices}
        self._entries: dict[str, Entry] = {}
        self._ended: deque[Entry] = deque(maxlen=REMEMBERED)
        self._count = 0
        self._news = asyncio.Event()
        self._settled = asyncio.Event()

    def inject(self, order: Order | Mapping[str, Any]) -> Entry:
        """Take an order. Raises ``FaultError`` where it cannot be carried out."""
        order = order if isinstance(order, Order) else read_order(order)
        if len(self._entries) >= ACTIVE:
            raise FaultError("fault", f"{ACTIVE} faults are there already", "Clear some first")
        self._count += 1
        seed = crc32(f"{order.fault} {order.target} {self._count}".encode()) if order.seed is None else order.seed
        fault = self.check(order, seed)
        start = self._clock.now() + order.start_s
        duration_s = 0.0 if fault.instant else order.duration_s
        end = None if duration_s is None else start + duration_s
        entry = Entry(f"f{self._count}", order, fault, start, end, seed)
        self._entries[entry.id] = entry
        self._wake()
        return entry

    def check(self, order: Order, seed: int = 0) -> Fault:
        """The fault that an order would become. Raises ``FaultError``."""
        kind = kind_of(order.fault)
        aim = self._aim(order, kind, random.Random(seed))  # noqa: S311 - a fault's own dice
        fault = read_parameters(kind, order.parameters).aimed(aim)
        if isinstance(fault, MapFault):
            self._try(fault)
        return fault

    def repaced(self) -> None:
        """The site's clock runs at another speed: what is due comes at another time on the wall."""
        self._news.set()

    def clear(self, identity: str) -> bool:
        """End a fault, or take back one that has not begun. False: there is none of that id."""
        entry = self._entries.get(identity)
        if entry is None:
            return False
        entry.end = self._clock.now()
        self._wake()
        return True

    def clear_all(self) -> int:
        """End every fault; returns how many."""
        for identity in list(self._entries):
            self.clear(identity)
        return len(self._entries)

    @property
    def entries(self) -> list[Entry]:
        """Faults that act or are going to."""
        return list(self._entries.values())

    @property
    def ended(self) -> list[Entry]:
        """Faults that acted, oldest first."""
        return list(self._ended)

    def report(self) -> dict[str, Any]:
        """What ``GET /faults`` says."""
        return {
            "time": self._clock.now(),
            "active": [entry.report() for entry in self._entries.values()],
            "ended": [entry.report() for entry in self._ended],
            "catalogue": [describe(kind) for kind in CATALOGUE.values()],
        }

    async def settled(self) -> None:
        """Wait until everything that is due has begun or ended, down to the devices' addresses."""
        await self._settled.wait()

    async def run(self) -> None:
        """Begin and end faults when they are due, until cancelled."""
        while True:
            self._news.clear()
            due = self._due()
            if due:
                await self._change(due)
                continue
            await self._beat()
            self._settled.set()
            await self._until_next()

    def _wake(self) -> None:
        self._settled.clear()
        self._news.set()

    def _due(self) -> list[Entry]:
        now = self._clock.now()
        return [
            entry
            for entry in self._entries.values()
            if (not entry.begun and entry.start <= now) or (entry.end is not None and entry.end <= now)
        ]

    async def _until_next(self) -> None:
        now, monotonic, speed = self._clock.now(), self._clock.monotonic(), self._clock.speed
        waits = [
            (time - now) / speed
            for entry in self._entries.values()
            for time in ([entry.end] if entry.begun else [entry.start, entry.end])
            if time is not None
        ]
        waits += [entry.beat_at - monotonic for entry in self._entries.values() if entry.beat_at is not None]
        if not waits:
            await self._news.wait()
            return
        try:
            async with self._clock.timeout(min(max(min(waits), 0.0) + SLACK_S, LONGEST_WAIT_S)):
                await self._news.wait()
        except TimeoutError:
            return

    async def _beat(self) -> None:
        """Let faults strike again whose period is over."""
        now = self._clock.monotonic()
        for entry in list(self._entries.values()):
            fault = entry.fault
            if entry.beat_at is None or now < entry.beat_at or not isinstance(fault, WireFault):
                continue
            entry.beat_at = now + (fault.period_s or 0.0)
            fault.beat()
            for place in self._places(fault):
                await fault.strike(place.proxy)

    def _places(self, fault: Fault) -> list[Place]:
        return [place for place in self._addresses if _strikes(fault, place)]

    async def _change(self, due: Iterable[Entry]) -> None:
        now = self._clock.now()
        begun: list[Fault] = []
        ended: list[Fault] = []
        for entry in due:
            if not entry.begun and entry.start <= now:
                entry.begun = True
                begun.append(entry.fault)
                self._begin(entry, now)
            if entry.end is not None and entry.end <= now:
                del self._entries[entry.id]
                if entry.begun:
                    ended.append(entry.fault)
                    self._end(entry)
        acting = [entry.fault for entry in self._entries.values() if entry.begun]
        await self._settle_wires(acting, begun, ended)
        for mount in self._mounts:
            await mount.settle([fault for fault in acting if _strikes(fault, mount)])

    def _begin(self, entry: Entry, now: float) -> None:
        fault = entry.fault
        log.info("fault begins", id=entry.id, fault=fault.name, target=entry.order.target, seed=entry.seed)
        fault.begin(now)
        if isinstance(fault, WireFault) and fault.period_s is not None:
            entry.beat_at = self._clock.monotonic() + fault.period_s
        for device in fault.aim.devices:
            view = self._views[device.id]
            if isinstance(fault, ValueFault):
                view.values.append(fault)
            elif isinstance(fault, ClockFault):
                view.clocks.append(fault)
        if isinstance(fault, StationFault) and not fault.instant:
            for station in fault.aim.stations:
                station.afflict(fault)
                station.disturb_now()

    def _end(self, entry: Entry) -> None:
        fault = entry.fault
        if not fault.instant:
            log.info("fault ends", id=entry.id, fault=fault.name, target=entry.order.target)
        self._ended.append(entry)
        fault.end()
        for device in fault.aim.devices:
            view = self._views[device.id]
            if isinstance(fault, ValueFault):
                view.values.remove(fault)
            elif isinstance(fault, ClockFault):
                view.clocks.remove(fault)
        if isinstance(fault, StationFault) and not fault.instant:
            for station in fault.aim.stations:
                station.relieve(fault)
                station.disturb_now()

    async def _settle_wires(self, acting: list[Fault], begun: list[Fault], ended: list[Fault]) -> None:
        for place in self._addresses:
            struck = [
                [fault for fault in faults if isinstance(fault, WireFault) and _strikes(fault, place)]
                for faults in (acting, begun, ended)
            ]
            await place.take(*struck)

    def _aim(self, order: Order, kind: type[Fault], rng: random.Random) -> Aim:
        stations, devices = self._targets(order.target)
        if self._recorded and issubclass(kind, StationFault):
            raise FaultError(
                "fault", f"{kind.name} strikes the station itself, and this one is recorded", "Choose one of devices"
            )
        if not issubclass(kind, StationFault):
            devices = [device for device in devices if device.profile.protocol in kind.effects]
            if not devices:
                spoken = ", ".join(kind.effects)
                raise FaultError("target", f"no device of {order.target!r} can have {kind.name}", f"It is for {spoken}")
        if issubclass(kind, WireFault) and kind.at_broker:
            self._require_broker(order, devices)
        slots = self._slots(order, stations)
        if order.signals and not kind.signals:
            raise FaultError("signals", f"{kind.name} does not strike single signals", "Leave them out")
        known = {signal for device in devices for signal in (bound.point.signal for bound in device.points)}
        aim = Aim(tuple(stations), tuple(devices), slots, order.signals, order.probability, rng)
        if kind.signals and not any(
            aim.includes(signal, slot, kind.signals) for signal in known for slot in (None, *slots)
        ):
            patterns = ", ".join(order.signals or kind.signals)
            raise FaultError(
                "signals", f"no signal of {order.target} is like {patterns}", f"It has {', '.join(sorted(known))}"
            )
        return aim

    def _targets(self, target: str) -> tuple[list[PhysicalStation], list[BoundDevice]]:
        if target == "*":
            return list(self._stations.values()), list(self._devices.values())
        if target in self._stations:
            devices = [device for device in self._devices.values() if device.station.id == target]
            return [self._stations[target]], devices
        if target in self._devices:
            device = self._devices[target]
            return [self._stations[device.station.id]], [device]
        known = ", ".join([*list(self._stations)[:5], *list(self._devices)[:5]])
        raise FaultError("target", f"nothing is called {target!r}", f"Give *, a station or a device, such as {known}")

    def _slots(self, order: Order, stations: list[PhysicalStation]) -> frozenset[int]:
        if order.slots is None:
            return frozenset()
        try:
            slots = parse_slots(order.slots)
        except ValueError as error:
            raise FaultError("slots", str(error), "For example '3' or '1-4, 7'") from error
        most = max(len(station.slots) for station in stations)
        if max(slots) > most:
            raise FaultError("slots", f"slot {max(slots)} is beyond the {most} slots of {order.target}", "Correct it")
        return frozenset(slots)

    def _require_broker(self, order: Order, devices: Sequence[BoundDevice]) -> None:
        if not any(broker.serves(device) for broker in self._brokers for device in devices):
            message = f"the broker of {order.target!r} is not ours"
            raise FaultError("target", message, "Faults of the broker need emulation.broker: embedded")

    def _try(self, fault: MapFault) -> None:
        """See that the fault changes anything at all."""
        try:
            changed = [fault.remap(device) for device in fault.aim.devices]
        except ValueError as error:
            raise FaultError("target", str(error), "Aim at other devices or signals") from error
        if all(new.points == old.points for new, old in zip(changed, fault.aim.devices, strict=True)):
            raise FaultError("signals", f"{fault.name} changes none of these points", "Aim at other signals")


def _strikes(fault: Fault, place: Place) -> bool:
    at_broker = isinstance(fault, WireFault) and fault.at_broker
    if isinstance(place, BrokerMount):
        return at_broker and any(place.serves(device) for device in fault.aim.devices)
    if at_broker or not isinstance(fault, WireFault | MapFault | RestartFault):
        return False
    return any(struck.id == device.id for struck in fault.aim.devices for device in place.devices)

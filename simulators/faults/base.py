"""What a fault is: its parameters, whom it strikes, and the five places at which one can act.

A fault is a pydantic model: its fields are its parameters. A new one is a class in a file of its own and a line in
``simulators.faults.catalogue``.
"""

import random
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import PrivateAttr

from config.binding import BoundDevice, BoundPoint
from config.profile import Strict
from simulators.faults.frames import Delivery, Frame
from simulators.station import PhysicalStation, Value

if TYPE_CHECKING:
    from simulators.faults.proxy import Proxy

OPCUA, MODBUS, MQTT, SPARKPLUG, TOWER = "opcua", "modbus", "mqtt", "sparkplug", "tower"
EVERY = (OPCUA, MODBUS, MQTT, SPARKPLUG, TOWER)
ON_MQTT = (MQTT, SPARKPLUG)


@dataclass(frozen=True, slots=True)
class Aim:
    """Whom a fault strikes, and how surely."""

    stations: tuple[PhysicalStation, ...]
    devices: tuple[BoundDevice, ...]
    slots: frozenset[int]
    """Empty: all."""
    signals: tuple[str, ...]
    """Names or patterns of signals; empty: the fault's own choice."""
    probability: float
    rng: random.Random

    def acts(self) -> bool:
        """Whether the fault strikes this time."""
        return self.probability >= 1.0 or self.rng.random() < self.probability

    def includes(self, signal: str, slot: int | None, default: tuple[str, ...]) -> bool:
        """Whether a point is meant. A fault that is aimed at slots leaves the station's own signals alone."""
        if self.slots and slot not in self.slots:
            return False
        return any(fnmatchcase(signal, pattern) for pattern in self.signals or default)


class Fault(Strict):
    """One kind of fault. An instance is one that acts, or is going to."""

    name: ClassVar[str]
    summary: ClassVar[str]
    effects: ClassVar[Mapping[str, str]]
    """By protocol that the fault can strike: what a client of the device sees."""
    signals: ClassVar[tuple[str, ...]] = ()
    """What it strikes unless told; empty where it does not strike single signals."""
    instant: ClassVar[bool] = False
    """It happens and is over: it has no duration."""
    _aim: Aim = PrivateAttr()

    def aimed(self, aim: Aim) -> Self:
        """The same fault, ready to strike."""
        self._aim = aim
        return self

    @property
    def aim(self) -> Aim:
        return self._aim

    def begin(self, now: float) -> None:
        """It starts to act, at a site time."""

    def end(self) -> None:
        """It is over."""


class ValueFault(Fault):
    """Acts on values, as a device has them, before its protocol encodes them."""

    def value(self, bound: BoundPoint, value: Value, now: float) -> Value:
        """What the device takes for the value. ``None``: it has none."""
        return value

    def status(self, bound: BoundPoint) -> str | None:
        """OPC UA: name of the status code that the value carries."""
        return None


class ClockFault(Fault):
    """Acts on the device's own clock."""

    def clock(self, time: float) -> float:
        """What the clock says at a site time."""
        return time


class MapFault(Fault):
    """Acts on what stands where: the device comes back from a restart with another map."""

    @abstractmethod
    def remap(self, device: BoundDevice) -> BoundDevice:
        """The device as it is now, which the gateway's profile does not know of."""


class WireFault(Fault):
    """Acts on connections and on what goes through them."""

    at_broker: ClassVar[bool] = False
    """It strikes the broker's address, and with it all who use it, instead of the device's own connection."""

    def refuses(self) -> bool:
        """Whether new connections are refused, and those that stand are broken as it begins."""
        return False

    def resets(self) -> bool:
        """Whether a new connection is broken as soon as it stands."""
        return False

    def freezes(self) -> bool:
        """Whether nothing moves: what is sent waits, and arrives late."""
        return False

    def breaks(self) -> bool:
        """Whether connections are broken when the fault begins."""
        return False

    def breaks_at_end(self) -> bool:
        return False

    def passes(self, frame: Frame) -> list[Delivery]:
        """What becomes of a frame: nothing (``[]``), itself, or something else."""
        return [Delivery(frame.data)]

    @property
    def period_s(self) -> float | None:
        """Wall seconds between two strikes; ``None``: it strikes once, when it begins."""
        return None

    def beat(self) -> None:
        """A period is over."""

    async def strike(self, proxy: "Proxy") -> None:
        """Do what it does at its beginning, and after every beat, on each address that it strikes."""

    async def leave(self, proxy: "Proxy") -> None:
        """Undo what must not outlast it."""


class RestartFault(Fault):
    """The device's server is down while it lasts, and has forgotten every connection and session after it."""


class StationFault(Fault):
    """Acts on the physical station: what its devices then say is true."""

    def disturb(self, station: PhysicalStation, seconds: float) -> None:
        """Say what holds for the coming seconds (``simulators.station.Disturbance``)."""

    def picked(self) -> dict[str, list[int]]:
        """By station: the slots that it has struck."""
        return {}

    def chosen(self, station: PhysicalStation, suitable: list[int]) -> list[int]:
        """The slots that are meant: those aimed at, else one of the suitable ones by the fault's own seed."""
        if self.aim.slots:
            return [slot for slot in sorted(self.aim.slots) if slot <= len(station.slots)]
        return [self.aim.rng.choice(suitable)] if suitable else []


def same(text: str, protocols: tuple[str, ...] = EVERY) -> dict[str, str]:
    """One effect for several protocols."""
    return dict.fromkeys(protocols, text)

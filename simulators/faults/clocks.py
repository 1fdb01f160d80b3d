"""Devices whose clock is wrong. Modbus values carry no time."""

from typing import ClassVar

from pydantic import Field, PrivateAttr

from simulators.faults.base import MQTT, OPCUA, SPARKPLUG, ClockFault, Fault, same

STAMPED = (OPCUA, MQTT, SPARKPLUG)


class FrozenClock(ClockFault):
    name: ClassVar[str] = "frozen_clock"
    summary: ClassVar[str] = "Values go on, their time stamps stand still."
    effects: ClassVar[dict[str, str]] = same("the source time of when it began", STAMPED)
    _stands_at: float = PrivateAttr(default=0.0)

    def begin(self, now: float) -> None:
        self._stands_at = now

    def clock(self, time: float) -> float:
        return self._stands_at


class ClockSkew(ClockFault):
    name: ClassVar[str] = "clock_skew"
    summary: ClassVar[str] = "The clock jumps and stays off: 3600 is summer time taken for winter time."
    effects: ClassVar[dict[str, str]] = same("source times that are ahead (or behind, below zero)", STAMPED)
    offset_s: float = Field(description="seconds ahead")

    def clock(self, time: float) -> float:
        return time + self.offset_s


class ClockDrift(ClockFault):
    name: ClassVar[str] = "clock_drift"
    summary: ClassVar[str] = "The clock runs too fast or too slow."
    effects: ClassVar[dict[str, str]] = same("source times that are off by more and more", STAMPED)
    s_per_hour: float = Field(description="seconds gained in a site hour")
    _since: float = PrivateAttr(default=0.0)

    def begin(self, now: float) -> None:
        self._since = now

    def clock(self, time: float) -> float:
        return time + self.s_per_hour * (time - self._since) / 3600.0


FAULTS: tuple[type[Fault], ...] = (FrozenClock, ClockSkew, ClockDrift)

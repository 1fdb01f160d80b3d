"""Connections that break, are refused, or lead nowhere."""

from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from simulators.faults.base import ON_MQTT, Fault, RestartFault, WireFault, same
from simulators.faults.frames import Delivery, Frame
from simulators.faults.proxy import Proxy

Mode = Literal["refuse", "reset", "black_hole", "frozen"]


class CommLoss(WireFault):
    name: ClassVar[str] = "comm_loss"
    summary: ClassVar[str] = "Nobody gets through to the device; mode says how that looks from outside."
    effects: ClassVar[dict[str, str]] = same(
        "refuse: connections break and new ones are refused; reset: each breaks as soon as it stands; "
        "black_hole: bytes vanish on connections that stay open; frozen: they wait and arrive late"
    )
    mode: Mode = Field("refuse", description="refuse, reset, black_hole (half-open) or frozen (a process at a halt)")

    def refuses(self) -> bool:
        return self.mode == "refuse"

    def resets(self) -> bool:
        return self.mode == "reset"

    def breaks(self) -> bool:
        return self.mode == "reset"

    def freezes(self) -> bool:
        return self.mode == "frozen"

    def breaks_at_end(self) -> bool:
        # Whoever comes back from behind a cut does not know the connections from before it.
        return self.mode == "black_hole"

    def passes(self, frame: Frame) -> list[Delivery]:
        return [] if self.mode == "black_hole" else [Delivery(frame.data)]


class BrokerAway(CommLoss):
    name: ClassVar[str] = "broker_away"
    summary: ClassVar[str] = "The embedded broker is away, for devices and gateway alike."
    effects: ClassVar[dict[str, str]] = same(
        "as comm_loss, for everyone who uses the broker; it keeps what it retains", ON_MQTT
    )
    at_broker: ClassVar[bool] = True


class ConnectionDrop(WireFault):
    name: ClassVar[str] = "connection_drop"
    summary: ClassVar[str] = "All connections of the device break once; new ones are welcome."
    effects: ClassVar[dict[str, str]] = same("connection reset; on MQTT the will is published")
    instant: ClassVar[bool] = True

    def breaks(self) -> bool:
        return True


class LinkFlap(WireFault):
    name: ClassVar[str] = "link_flap"
    summary: ClassVar[str] = "The link goes and comes, over and over."
    effects: ClassVar[dict[str, str]] = same("connections break and are refused every other period")
    half_period_s: float = Field(1.0, ge=0.1, le=3600.0, description="wall seconds away, then as long there")
    _away: bool = PrivateAttr(default=True)

    @property
    def period_s(self) -> float:
        return self.half_period_s

    def refuses(self) -> bool:
        return self._away

    def beat(self) -> None:
        self._away = not self._away

    async def strike(self, proxy: Proxy) -> None:
        if self._away:
            proxy.break_all()
        await proxy.settle()


class ServerRestart(RestartFault):
    name: ClassVar[str] = "server_restart"
    summary: ClassVar[str] = "The device's server ends in good order, is down for the duration, and starts anew."
    effects: ClassVar[dict[str, str]] = {
        "opcua": "sessions and subscriptions are gone; connections are refused meanwhile",
        "modbus": "connections are refused meanwhile",
        "mqtt": "says offline, disconnects, and connects again after the duration",
        "sparkplug": "dies in good order, and is born again with the next bdSeq",
        "tower": "connections are refused meanwhile; the cabinet logs in anew",
    }


FAULTS: tuple[type[Fault], ...] = (CommLoss, ConnectionDrop, LinkFlap, ServerRestart, BrokerAway)

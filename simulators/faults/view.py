"""What a device makes of its station: the truth, unless faults stand between."""

from config.binding import BoundDevice
from simulators.face import Shown
from simulators.faults.base import ClockFault, ValueFault
from simulators.station import Value


class DeviceView:
    """One device's look at its station (``simulators.face.Shown``)."""

    def __init__(self, device: BoundDevice, station: Shown) -> None:
        self._station = station
        self._points = {(bound.point.signal, bound.slot): bound for bound in device.points}
        self.clocks: list[ClockFault] = []
        self.values: list[ValueFault] = []

    @property
    def time(self) -> float:
        time = self._station.time
        for fault in self.clocks:
            time = fault.clock(time)
        return time

    @property
    def now(self) -> float:
        return self._station.time

    def value(self, signal: str, slot: int | None = None) -> Value:
        value = self._station.value(signal, slot)
        if self.values:
            bound = self._points[signal, slot]
            for fault in self.values:
                if fault.aim.includes(signal, slot, fault.signals) and fault.aim.acts():
                    value = fault.value(bound, value, self._station.time)
        return value

    def status(self, signal: str, slot: int | None = None) -> str | None:
        """Name of the OPC UA status code that the value carries; ``None``: it is good."""
        for fault in self.values:
            if fault.aim.includes(signal, slot, fault.signals) and fault.aim.acts():
                status = fault.status(self._points[signal, slot])
                if status is not None:
                    return status
        return None

    def command(self, signal: str, slot: int, value: float) -> None:
        self._station.command(signal, slot, value)

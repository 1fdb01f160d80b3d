"""What every protocol's face of an emulated device can do, and what it shows."""

from typing import Protocol

from simulators.station import Value


class Shown(Protocol):
    """What a face shows: a station, or what faults make of it.

    It may also have ``status(signal, slot)``: the name of the OPC UA status code to serve with a value, or ``None``.
    """

    @property
    def time(self) -> float:
        """What the device's own clock says (epoch s): the source time of its values."""

    @property
    def now(self) -> float:
        """Site time (epoch s): what paces the face."""

    def value(self, signal: str, slot: int | None = None) -> Value:
        """A signal of the vocabulary as the device has it; ``None`` where there is none."""

    def command(self, signal: str, slot: int, value: float) -> None:
        """Do what a client wrote to a slot's signal. Raises ``KeyError`` for one that cannot be written."""


class Face(Protocol):
    """A device as the network sees it."""

    async def start(self) -> None:
        """Listen or connect. Raises ``config.errors.ListenError``, having left nothing behind."""

    async def publish(self) -> None:
        """Show the station as it is, with its own time as the time of the values."""

    async def stop(self) -> None:
        """End all connections and free the address."""

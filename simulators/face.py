"""What every protocol's face of an emulated device can do."""

from typing import Protocol


class Face(Protocol):
    """A device as the network sees it."""

    async def start(self) -> None:
        """Listen or connect. Raises ``config.errors.ListenError``, having left nothing behind."""

    async def publish(self) -> None:
        """Show the station as it is, with its own time as the time of the values."""

    async def stop(self) -> None:
        """End all connections and free the address."""


class Shown(Protocol):
    """What a face shows: a station, or what faults make of it.

    It may also have ``status(signal, slot)``: the name of the OPC UA status code to serve with a value, or ``None``.
    """

    @property
    def time(self) -> float:
        """The time of the values (epoch s)."""

    def value(self, signal: str, slot: int | None = None) -> float | int | bool | str | None:
        """A signal of the vocabulary; ``None`` where there is none."""

    def command(self, signal: str, slot: int, value: float) -> None:
        """Do what a client wrote to a slot's signal. Raises ``KeyError`` for one that cannot be written."""

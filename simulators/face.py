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

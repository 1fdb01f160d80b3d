"""The embedded broker as faults can strike it: a relay at the broker's address."""

from config.binding import BoundDevice
from config.clock import Clock
from simulators.broker import EmbeddedBroker
from simulators.faults.base import WireFault
from simulators.faults.proxy import HOST, Proxy, free_port


class BrokerMount:
    """A broker behind a relay."""

    def __init__(self, host: str, port: int, key: str, clock: Clock) -> None:
        self._address, self._key = (host, port), key
        self.proxy = Proxy("mqtt", "mqtt", clock, dialled=True)
        self._broker: EmbeddedBroker | None = None

    def serves(self, device: BoundDevice) -> bool:
        """Whether a device uses this broker."""
        return device.device.scheme == "mqtt" and (device.device.host, device.device.port) == self._address

    async def start(self) -> None:
        """Raises ``ListenError`` where the address cannot be had."""
        await self.proxy.open(self._key, *self._address)
        inner = (HOST, free_port())
        try:
            broker = EmbeddedBroker(*inner, self._key)
            await broker.start()
        except BaseException:
            await self.proxy.close()
            raise
        self._broker = broker
        self.proxy.device = inner
        await self.proxy.settle()

    async def stop(self) -> None:
        await self.proxy.close()
        if self._broker is not None:
            await self._broker.stop()
            self._broker = None

    async def take(self, faults: list[WireFault], begun: list[WireFault], ended: list[WireFault]) -> None:
        await self.proxy.take(faults, begun, ended)

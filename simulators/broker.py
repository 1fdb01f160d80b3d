"""The demo's own MQTT broker, so that nobody has to install one. Not for production: MQTT 3.1.1, no security."""

import logging

from config.errors import ListenError
from simulators.listen import require_free


class EmbeddedBroker:
    """Anonymous, on loopback."""

    def __init__(self, host: str, port: int, key: str) -> None:
        """``key``: the site file's key of the address, for errors."""
        try:
            # Not a dependency of the gateway: it comes with the extra ``demo``.
            from amqtt.broker import Broker
        except ImportError as error:
            remedy = "install swaptwin[demo], or set emulation.broker to external and run a broker there"
            raise ListenError(key, host, port, f"the embedded broker is not installed; {remedy}") from error

        self._address = (key, host, port)
        # The library reports each client that goes; the emulators report their own changes of state.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.CRITICAL)
        self._broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )

    async def start(self) -> None:
        """Raises ``ListenError`` where the address cannot be had."""
        from amqtt.errors import BrokerError

        require_free(*self._address)
        try:
            await self._broker.start()
        except BrokerError as error:
            raise ListenError(*self._address, str(error)) from error

    async def stop(self) -> None:
        """Close all connections and free the address."""
        await self._broker.shutdown()

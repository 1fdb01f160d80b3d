"""OPC UA: one session a device at a time; when it ends, for whatever reason, a new one is opened."""

import logging
import random

from asyncua.ua.uaerrors import UaError

from adapters.backoff import Backoff
from adapters.base import Sink
from adapters.link import LinkReporter, LostError, explain
from adapters.opcua_decode import DecodeError
from adapters.opcua_session import GatewayClient, session
from adapters.opcua_subscription import Keeper, Subscription
from config.binding import BoundDevice
from config.clock import Clock

# The library logs every failed request with its traceback; we say a change of state once.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

BACKOFF_CAP_S = 3.0
"""Connecting takes up to 5 s where nobody answers: so data flow again within 10 s of a server's return."""


class OpcUaAdapter:
    """Subscribes to all points of one server. Values are reported by exception and confirmed by keep-alives."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        self._device = device
        self._clock = clock
        self._backoff = Backoff(clock, rng, cap_s=BACKOFF_CAP_S)
        self._keeper = Keeper(device, clock)
        self._client: GatewayClient | None = None
        """Of the session that is open."""

    async def run(self, sink: Sink) -> None:
        """Connect, subscribe, and start a new session when one ends, until cancelled."""
        report = LinkReporter(self._device, sink, self._clock)
        device = self._device.device
        while True:
            try:
                async with session(self._device, self._clock) as self._client:
                    await Subscription(self._keeper, self._client, sink, report, self._backoff.reset).run()
            except (LostError, DecodeError, OSError, UaError) as error:
                report.down(explain(error, device.host, device.port))
            finally:
                self._client = None
            await self._backoff.wait()

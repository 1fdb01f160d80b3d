"""OPC UA: one session a device at a time; when it ends, for whatever reason, a new one is opened."""

import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaError

from adapters.backoff import Backoff
from adapters.base import Sink
from adapters.link import CONNECT_TIMEOUT_S, LinkReporter, LostError, explain, password_of
from adapters.opcua_subscription import SESSION_TIMEOUT_S, Keeper, Subscription
from config.binding import BoundDevice
from config.clock import Clock

# The library logs every failed request with its traceback; we say a change of state once.
logging.getLogger("asyncua").setLevel(logging.CRITICAL)

CLOSE_TIMEOUT_S = 1.0


class OpcUaAdapter:
    """Subscribes to all points of one server. Values are reported by exception and confirmed by keep-alives."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        self._device = device
        self._clock = clock
        self._backoff = Backoff(clock, rng)
        self._keeper = Keeper(device, clock)

    async def run(self, sink: Sink) -> None:
        """Connect, subscribe, and start a new session when one ends, until cancelled."""
        report = LinkReporter(self._device, sink, self._clock)
        device = self._device.device
        while True:
            try:
                async with self._session() as client:
                    subscription = Subscription(self._keeper, client, sink, report, self._backoff.reset)
                    await subscription.run()
            # A fresh Client each time: reconnecting a used one may hang.
            except (LostError, OSError, UaError) as error:
                report.down(explain(error, device.host, device.port))
            await self._backoff.wait()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Client]:
        device = self._device.device
        client = Client(device.url, timeout=CONNECT_TIMEOUT_S, watchdog_intervall=SESSION_TIMEOUT_S / 3.0)
        client.name = client.description = f"swaptwin {self._device.id}"
        client.application_uri = "urn:swaptwin:gateway"
        client.session_timeout = int(SESSION_TIMEOUT_S * 1000.0)
        if device.username:
            client.set_user(device.username)
            client.set_password(password_of(self._device) or "")
        try:
            async with self._clock.timeout(CONNECT_TIMEOUT_S):
                await client.connect()
            yield client
        finally:
            try:
                async with self._clock.timeout(CLOSE_TIMEOUT_S):
                    await client.disconnect()
            except (OSError, UaError):
                # The server is gone or does not answer: it ends the session by itself after its time-out.
                pass
            client.disconnect_socket()

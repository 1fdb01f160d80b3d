"""OPC UA: a session with a server, opened with the security that the site file asks for, and always closed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_session import UaSession
from asyncua.common.shortcuts import Shortcuts
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError

from adapters.cancelling import heed_cancelling
from adapters.link import CONNECT_TIMEOUT_S, LostError, explain, password_of
from adapters.opcua_decode import Block, Published, decode_publish, decode_read
from adapters.opcua_security import refusal, secure
from config.binding import BoundDevice
from config.clock import Clock

SESSION_TIMEOUT_S = 30.0
"""How long the server keeps a session of ours that it does not hear: short, so that dead ones do not pile up."""

CLOSE_TIMEOUT_S = 1.0


class RawSession(UaSession):
    """The library's session, but publish requests are ours, and we take what comes as it is on the wire."""

    def ensure_publish_loop(self) -> None:
        """The library would start its own loop here, with one request under way at a time."""

    async def next_publication(self, acknowledged: list[ua.SubscriptionAcknowledgement]) -> Published:
        """Ask for the next publish response; it comes when the server has one. Raises ``DecodeError``."""
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = acknowledged
        return decode_publish(await self._send_request(request, timeout=0))

    async def read_block(self, nodes: Sequence[ua.NodeId], attribute: AttributeIds = AttributeIds.Value) -> Block:
        """Read one attribute of some nodes, in their order. Raises ``DecodeError``."""
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node in nodes]
        return decode_read(await self._send_request(request))


class GatewayClient(Client):
    """The library's client with a ``RawSession``."""

    def __init__(self, url: str) -> None:
        super().__init__(url, timeout=CONNECT_TIMEOUT_S, watchdog_intervall=SESSION_TIMEOUT_S / 3.0)
        self.raw = RawSession(self.uaclient)
        self.uaclient.session = self.raw
        self.nodes = Shortcuts(self.raw)
        self.session_timeout = int(SESSION_TIMEOUT_S * 1000.0)


@asynccontextmanager
async def session(device: BoundDevice, clock: Clock) -> AsyncIterator[GatewayClient]:
    """A session with a device's server. Raises ``LostError`` with what is in the way, in words.

    Each has a client of its own: the library may hang when it connects a used one again.
    """
    client = GatewayClient(device.device.url)
    client.name = client.description = f"swaptwin {device.id}"
    if device.device.username:
        client.set_user(device.device.username)
        client.set_password(password_of(device) or "")
    try:
        await _connect(client, device, clock)
        yield client
    finally:
        try:
            async with clock.timeout(CLOSE_TIMEOUT_S):
                await client.disconnect()
        except (OSError, UaError):
            # The server is gone or does not answer: it ends the session by itself after its time-out.
            pass
        client.disconnect_socket()
        heed_cancelling()


async def _connect(client: GatewayClient, device: BoundDevice, clock: Clock) -> None:
    try:
        async with clock.timeout(CONNECT_TIMEOUT_S):
            await secure(client, device, clock.now())
        async with clock.timeout(CONNECT_TIMEOUT_S):
            await client.connect()
    except LostError:
        raise
    # A foreign server's certificate, nonce or signature makes the libraries raise whatever they stumble over.
    except Exception as error:
        where = device.device
        detail = refusal(error, device)
        if detail is None and isinstance(error, OSError | UaError):
            detail = explain(error, where.host, where.port)
        if detail is None:
            detail = f"the answer of {where.host}:{where.port} cannot be used: {type(error).__name__}: {error}"
        raise LostError(detail) from error

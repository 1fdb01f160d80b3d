"""A device's face as an OPC UA server: one variable a point, which a client may write where the profile says so."""

import asyncio
import gc
import os
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.common.callback import CallbackType, ServerItemCallback
from asyncua.common.methods import uamethod
from asyncua.common.node import Node
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from config.binding import BoundDevice, BoundPoint
from config.errors import ListenError
from simulators.encode import Item, items
from simulators.face import Shown
from simulators.listen import require_free
from simulators.opcua_identity import identity
from simulators.opcua_space import Space, variant_type
from simulators.station import Value
from twin.signals import ChargerState, Kind

POLICIES = [
    ua.SecurityPolicyType.NoSecurity,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]
_BAD = 0x8000_0000


class OpcUaFace:
    """Serves one device. Values carry the station's time as source time; what an empty slot has not is ``BadNoData``.

    It may be started again after it was stopped.
    """

    def __init__(self, device: BoundDevice, station: Shown, key: str, extra_namespaces: int = 0) -> None:
        """``key``: the site file's key of the address, for errors."""
        self.extra_namespaces = extra_namespaces
        """Namespaces before the profile's: after the next start, its numbers are others."""
        self._device = device
        self._station = station
        self._key = key
        self._items: list[Item[str]] = items(device.points, lambda bound: str(bound.address))
        self._nodes: list[ua.NodeId] = []
        self._places: dict[ua.NodeId, int] = {}
        self._last: list[tuple[Value, str | None] | None] = []
        self._server: Server | None = None
        self._listens = (device.device.host, device.device.port)

    def behind(self, address: tuple[str, int]) -> None:
        """Listen there: what comes to the device's own address is passed on."""
        self._listens = address

    async def start(self) -> None:
        where = self._device.device
        require_free(self._key, *self._listens)
        uri = f"urn:swaptwin:emulator:{self._device.site}:{self._device.id}"
        server = await _new_server(_Users(self._device))
        server.socket_address = self._listens
        server.set_endpoint(f"opc.tcp://{where.host}:{where.port}{urlsplit(where.url).path}")
        server.set_server_name(f"swaptwin emulator of {self._device.id}")
        await server.set_application_uri(uri)
        folder = self._device.pki / "emulator" / self._device.id if where.security != "None" else None
        certificate, private_key = await asyncio.to_thread(identity, uri, where.host, folder)
        await server.load_certificate(certificate, "der")
        await server.load_private_key(private_key, format="pem")
        server.set_security_policy(POLICIES)
        server.set_identity_tokens([ua.UserNameIdentityToken if where.username else ua.AnonymousIdentityToken])
        root, self._nodes = await Space(server, self._device).build(self._items, self.extra_namespaces)
        self._places = {node: place for place, node in enumerate(self._nodes)}
        self._last = [None] * len(self._items)
        await self._add_methods(root)
        server.subscribe_server_callback(CallbackType.PostWrite, self._written)
        self._server = server
        await self.publish()
        try:
            await server.start()
        except OSError as error:
            self._server = None
            raise ListenError(self._key, *self._listens, error.strerror or str(error)) from error

    async def publish(self) -> None:
        """Write what has changed; everything where the profile says that the server stamps every scan."""
        always = self._device.profile.stamps == "every_scan"
        for place in range(len(self._items)):
            await self._show(place, always)

    async def stop(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        await server.stop()

    async def _show(self, place: int, always: bool) -> None:
        item, last = self._items[place], self._last[place]
        raw, status = item.raw(self._station), _status(item, self._station)
        if last is not None and not always and last[1] == status and _same(raw, last[0], item.point.deadband or 0.0):
            return
        if self._server is None:
            return
        self._last[place] = (raw, status)
        stamp = ua.DateTime.fromtimestamp(self._station.time, UTC)
        await self._server.write_attribute_value(self._nodes[place], _data_value(item, raw, status, stamp))

    async def _written(self, event: ServerItemCallback, _service: object) -> None:
        """A client wrote: the station does it, and its nodes show what came of it."""
        if not event.is_external:
            return
        for at, wish in enumerate(event.request_params.NodesToWrite):
            place = self._places.get(wish.NodeId)
            written = not event.response_params[at].value & _BAD
            if place is None or not written or wish.AttributeId != AttributeIds.Value:
                continue
            try:
                for bound in self._items[place].points:
                    self._command(bound, wish.Value.Value.Value)
            except (KeyError, TypeError, ValueError):
                event.response_params[at] = ua.StatusCode(ua.UInt32(StatusCodes.BadNotWritable))
            self._last[place] = None
            await self._show(place, always=True)

    def _command(self, bound: BoundPoint, raw: Any) -> None:
        """Raises ``KeyError`` where no client may write, ``TypeError`` or ``ValueError`` for what cannot be meant."""
        if bound.slot is None:
            raise KeyError(bound.point.signal)
        self._station.command(bound.point.signal, bound.slot, _meant(bound, raw))

    async def _add_methods(self, root: Node) -> None:
        index = root.nodeid.NamespaceIndex
        slot = ua.Argument(Name="Slot", DataType=ua.NodeId(ua.Int32(ObjectIds.UInt16)), ValueRank=-1)
        enabled = ua.Argument(Name="Enabled", DataType=ua.NodeId(ua.Int32(ObjectIds.Boolean)), ValueRank=-1)

        @uamethod
        async def open_door(_parent: ua.NodeId, number: int) -> ua.StatusCode:
            return await self._call("door_open", number, 1.0)

        @uamethod
        async def enable_slot(_parent: ua.NodeId, number: int, on: bool) -> ua.StatusCode:
            return await self._call("enabled", number, float(on))

        for name, method, inputs in (("OpenDoor", open_door, [slot]), ("EnableSlot", enable_slot, [slot, enabled])):
            await root.add_method(index, name, method, inputs, [])

    async def _call(self, signal: str, slot: int, value: float) -> ua.StatusCode:
        if slot not in self._device.station.slots_of(self._device.device):
            return ua.StatusCode(ua.UInt32(StatusCodes.BadInvalidArgument))
        self._station.command(signal, slot, value)
        await self.publish()
        return ua.StatusCode()


class _Users(UserManager):
    """Lets in who knows the device's password, or anybody where the environment has none."""

    def __init__(self, device: BoundDevice) -> None:
        self._name = device.device.username
        variable = device.device.password_env
        self._password = os.environ.get(variable) if variable else None

    def get_user(
        self, iserver: InternalServer, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        """The library's contract for user managers."""
        wrong = self._password is not None and password != self._password
        return None if username != self._name or wrong else User(UserRole.User, username)


async def _new_server(users: _Users) -> Server:
    """A server with the standard address space: 100,000 objects at once, half of whose cost would be the collector."""
    server = Server(user_manager=users)
    collecting = gc.isenabled()
    gc.disable()
    try:
        await server.init()
    finally:
        if collecting:
            gc.enable()
    return server


def _meant(bound: BoundPoint, raw: Any) -> float:
    """The value of a signal that a client means by a raw value."""
    point = bound.point
    if point.bit is not None:
        return float(int(raw) >> point.bit & 1)
    match point.definition.kind:
        case Kind.BOOL:
            return float(bool(raw))
        case Kind.ENUM:
            return float(ChargerState[str((point.enum or {})[int(raw)]).upper()])
        case _:
            return point.sign * (float(raw) * point.scale + point.offset)


def _status(item: Item[str], shown: Shown) -> str | None:
    """Name of the status code that is wanted with a value; a station has no such wish."""
    status = getattr(shown, "status", None)
    bound = item.points[0]
    wanted: str | None = status(bound.point.signal, bound.slot) if status is not None else None
    return wanted


def _data_value(item: Item[str], raw: Value, status: str | None, stamp: ua.DateTime) -> ua.DataValue:
    code = (
        int(getattr(StatusCodes, status)) if status else StatusCodes.Good if raw is not None else StatusCodes.BadNoData
    )
    if raw is None or code & _BAD:
        variant = ua.Variant(None, ua.VariantType.Null)
    else:
        kind = variant_type(item)
        if kind is ua.VariantType.UInt32 and isinstance(raw, int):
            raw %= 1 << 32
        variant = ua.Variant(raw, ua.VariantType.String if isinstance(raw, str) else kind)
    return ua.DataValue(variant, ua.StatusCode(ua.UInt32(code)), SourceTimestamp=stamp)


def _same(raw: Value, last: Value, deadband: float) -> bool:
    if isinstance(raw, float) and isinstance(last, float):
        return raw == last or abs(raw - last) < deadband
    return raw == last

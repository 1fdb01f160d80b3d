"""A device's face as an OPC UA server: one variable a point, in one object a slot."""

import gc
from datetime import UTC
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server
from asyncua.ua.status_codes import StatusCodes

from config.binding import BoundDevice, BoundPoint
from config.errors import ListenError
from simulators.encode import Item, items
from simulators.face import Shown
from simulators.listen import require_free
from simulators.station import Value
from twin.signals import Kind

_ZERO = {
    ua.VariantType.Boolean: False,
    ua.VariantType.Int32: 0,
    ua.VariantType.UInt32: 0,
    ua.VariantType.UInt64: 0,
    ua.VariantType.Double: 0.0,
    ua.VariantType.String: "",
}


class OpcUaFace:
    """Serves one device. Values carry site time as source time; what an empty slot has not is ``BadNoData``."""

    def __init__(self, device: BoundDevice, station: Shown, key: str) -> None:
        """``key``: the site file's key of the address, for errors."""
        self._device = device
        self._station = station
        self._key = key
        self._items: list[Item[str]] = items(device.points, lambda bound: str(bound.address))
        self._nodes: list[ua.NodeId] = []
        self._last: list[tuple[Value, str | None] | None] = [None] * len(self._items)
        self._server: Server | None = None
        self._listens = (device.device.host, device.device.port)

    def behind(self, address: tuple[str, int]) -> None:
        """Listen there: what comes to the device's own address is passed on."""
        self._listens = address

    async def start(self) -> None:
        host, port = self._device.device.host, self._device.device.port
        require_free(self._key, *self._listens)
        server = await _new_server()
        server.socket_address = self._listens
        server.set_endpoint(f"opc.tcp://{host}:{port}{urlsplit(self._device.device.url).path}")
        server.set_server_name(f"swaptwin emulator of {self._device.id}")
        await server.set_application_uri(f"urn:swaptwin:emulator:{self._device.site}:{self._device.id}")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        named = self._device.device.username is not None
        server.set_identity_tokens([ua.UserNameIdentityToken if named else ua.AnonymousIdentityToken])
        await self._build(server)
        self._server = server
        await self.publish()
        try:
            await server.start()
        except OSError as error:
            self._server = None
            raise ListenError(self._key, *self._listens, error.strerror or str(error)) from error

    async def publish(self) -> None:
        """Write what has changed; everything where the profile says that the server stamps every scan."""
        if self._server is None:
            return
        stamp = ua.DateTime.fromtimestamp(self._station.time, UTC)
        always = self._device.profile.stamps == "every_scan"
        for index, item in enumerate(self._items):
            raw = item.raw(self._station)
            last = self._last[index]
            status = _status(item, self._station)
            if (
                last is not None
                and not always
                and last[1] == status
                and _same(raw, last[0], item.point.deadband or 0.0)
            ):
                continue
            self._last[index] = (raw, status)
            await self._server.write_attribute_value(self._nodes[index], _data_value(item, raw, status, stamp))

    async def stop(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        await server.stop()

    async def _build(self, server: Server) -> None:
        """One object for the station and one a slot: adding to a folder costs time by the square of its size."""
        spaces: dict[str, int] = {}
        for item in self._items:
            uri, _ = _split(item.key)
            if uri is not None and uri not in spaces:
                spaces[uri] = await server.register_namespace(uri)
        own = next(iter(spaces.values()), 0)
        root = await server.nodes.objects.add_object(own, self._device.station.id)
        folders: dict[int | None, Node] = {None: root}
        for item in self._items:
            slot = item.points[0].slot
            if slot not in folders:
                folders[slot] = await root.add_object(own, f"Slot{slot:02d}")
            uri, identifier = _split(item.key)
            space = spaces[uri] if uri is not None else 0
            node_id = ua.NodeId.from_string(f"ns={space};{identifier}")
            name = ua.QualifiedName("_".join(_browse_name(bound) for bound in item.points), space)
            kind = _variant_type(item)
            node = await folders[slot].add_variable(node_id, name, _ZERO[kind], kind)
            self._nodes.append(node.nodeid)


async def _new_server() -> Server:
    """A server with the standard address space: 100,000 objects at once, half of whose cost would be the collector."""
    server = Server()
    collecting = gc.isenabled()
    gc.disable()
    try:
        await server.init()
    finally:
        if collecting:
            gc.enable()
    return server


def _split(address: str) -> tuple[str | None, str]:
    """Namespace URI (``None``: namespace 0) and identifier of ``nsu=URI;s=NODE``."""
    if not address.startswith("nsu="):
        return None, address
    uri, _, identifier = address.removeprefix("nsu=").partition(";")
    return uri, identifier


def _browse_name(bound: BoundPoint) -> str:
    return bound.point.signal.title().replace("_", "")


def _variant_type(item: Item[str]) -> ua.VariantType:
    if item.point.bit is not None:
        wide = any((bound.point.bit or 0) > 31 for bound in item.points)
        return ua.VariantType.UInt64 if wide else ua.VariantType.UInt32
    signal = item.point.definition
    match signal.kind:
        case Kind.BOOL:
            return ua.VariantType.Boolean
        case Kind.ENUM:
            return ua.VariantType.Int32
        case Kind.TEXT:
            return ua.VariantType.String
        case Kind.COUNTER if not signal.unit and item.point.scale == item.point.sign == 1 and not item.point.offset:
            return ua.VariantType.UInt32
        case _:
            return ua.VariantType.Double


def _status(item: Item[str], view: Shown) -> str | None:
    """Name of the status code that the view wants for a value; the physical station has no such wish."""
    status = getattr(view, "status", None)
    bound = item.points[0]
    return status(bound.point.signal, bound.slot) if status is not None else None


def _data_value(item: Item[str], raw: Value, status: str | None, stamp: ua.DateTime) -> ua.DataValue:
    if raw is None:
        return ua.DataValue(
            ua.Variant(None, ua.VariantType.Null),
            ua.StatusCode(ua.UInt32(StatusCodes.BadNoData)),
            SourceTimestamp=stamp,
        )
    kind = _variant_type(item)
    if kind is ua.VariantType.UInt32 and isinstance(raw, int):
        raw %= 1 << 32
    code = getattr(StatusCodes, status) if status else StatusCodes.Good
    return ua.DataValue(ua.Variant(raw, kind), ua.StatusCode(ua.UInt32(code)), SourceTimestamp=stamp)


def _same(raw: Value, last: Value, deadband: float) -> bool:
    if isinstance(raw, float) and isinstance(last, float):
        return raw == last or abs(raw - last) < deadband
    return raw == last

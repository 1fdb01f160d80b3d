"""The address space of an emulated OPC UA server: a machine below ``Machines``, with its parts as its node ids tell.

``s=S1.Slots.Slot01.Pack.SoC`` becomes the variable ``SoC`` in ``S1/Slots/Slot01/Pack``. Adding to a folder costs time
by the square of its size, so there is no large one.
"""

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server

from config.binding import BoundDevice, BoundPoint
from config.profile import Point
from simulators.encode import Item
from twin.signals import Kind

MACHINERY = "http://opcfoundation.org/UA/Machinery/"
MACHINES_ID = ua.Int32(1001)
"""The folder ``Machines`` of OPC 40001-1, in the namespace above."""

_UN_CEFACT = "http://www.opcfoundation.org/UA/units/un/cefact"
_UNITS: dict[tuple[str, float], tuple[int, str]] = {
    ("W", 1.0): (5723220, "W"),
    ("W", 1000.0): (4937556, "kW"),
    ("Wh", 1.0): (5720146, "W·h"),
    ("Wh", 1000.0): (4937544, "kW·h"),
    ("V", 1.0): (5655636, "V"),
    ("V", 0.001): (12890, "mV"),
    ("A", 1.0): (4279632, "A"),
    ("C", 1.0): (4408652, "°C"),
    ("Hz", 1.0): (4740186, "Hz"),
    ("1", 0.01): (20529, "%"),
    ("1", 1.0): (4404786, "1"),
}
"""Unit of a signal and scale of a raw value to the unit's number (OPC 10000-8, UNECE Rec. 20) and sign."""

_ZERO = {
    ua.VariantType.Boolean: False,
    ua.VariantType.Int32: 0,
    ua.VariantType.UInt32: 0,
    ua.VariantType.UInt64: 0,
    ua.VariantType.Double: 0.0,
    ua.VariantType.String: "",
}


class Space:
    """Built once for each start of a server."""

    def __init__(self, server: Server, device: BoundDevice) -> None:
        self._server = server
        self._device = device
        self._indices: dict[str, int] = {}
        self._own = 0
        self._objects: dict[tuple[str, ...], Node] = {}
        self._taken: set[str] = set()

    async def build(self, items: list[Item[str]], extra_namespaces: int) -> tuple[Node, list[ua.NodeId]]:
        """The station's object, and a variable for each item, in their order."""
        for number in range(extra_namespaces):
            await self._server.register_namespace(f"urn:swaptwin:emulator:other:{number}")
        for item in items:
            uri, identifier = _split(item.key)
            self._taken.add(identifier)
            if uri is not None and uri not in self._indices:
                self._indices[uri] = await self._server.register_namespace(uri)
        self._own = next(iter(self._indices.values()), 0)
        machinery = await self._server.register_namespace(MACHINERY)
        machines = await self._server.nodes.objects.add_folder(
            ua.NodeId(MACHINES_ID, ua.Int16(machinery)), ua.QualifiedName("Machines", machinery)
        )
        station = self._device.station.id
        root = await machines.add_object(self._object_id((station,)), ua.QualifiedName(station, self._own))
        self._objects[()] = root
        await self._identify(root)
        return root, [await self._variable(item) for item in items]

    async def _identify(self, root: Node) -> None:
        """The machine's nameplate (OPC 40001-1)."""
        plate = await root.add_object(self._own, "Identification")
        serial = f"{self._device.site}-{self._device.id.replace('/', '-')}"
        for name, value in {
            "Manufacturer": ua.LocalizedText("swaptwin emulator"),
            "Model": ua.LocalizedText(self._device.profile.title),
            "SerialNumber": serial,
            "SoftwareRevision": self._device.profile.profile,
            "ProductInstanceUri": f"urn:swaptwin:emulator:{serial}",
        }.items():
            await plate.add_property(self._own, name, value)

    async def _variable(self, item: Item[str]) -> ua.NodeId:
        uri, identifier = _split(item.key)
        index = self._indices[uri] if uri is not None else 0
        path, name = _place(identifier, self._device.station.id, item)
        kind = variant_type(item)
        parent = await self._object(path)
        node_id = ua.NodeId.from_string(f"ns={index};{identifier}")
        node = await parent.add_variable(node_id, ua.QualifiedName(name, index), _ZERO[kind], kind)
        if item.point.access == "rw":
            await node.set_writable()
        await self._describe(node, item.point, index)
        return node.nodeid

    async def _describe(self, node: Node, point: Point, index: int) -> None:
        """Range and unit of a quantity, labels of an enumeration; as properties of namespace 0."""
        kind = point.definition.kind
        if kind is Kind.ENUM and point.enum:
            labels = {number: str(label) for number, label in point.enum.items() if isinstance(number, int)}
            if labels and min(labels) >= 0 and max(labels) < 64:
                texts = [ua.LocalizedText(labels.get(number, "")) for number in range(max(labels) + 1)]
                await node.add_property(self._part(node, index, "EnumStrings"), ua.QualifiedName("EnumStrings"), texts)
        elif kind is Kind.ANALOG and point.bit is None:
            signal = point.definition
            ends = sorted((point.sign * end - point.offset) / point.scale for end in (signal.minimum, signal.maximum))
            await node.add_property(self._part(node, index, "EURange"), ua.QualifiedName("EURange"), ua.Range(*ends))
            unit = _UNITS.get((signal.unit, point.scale))
            if unit is not None:
                text = ua.LocalizedText(unit[1])
                information = ua.EUInformation(_UN_CEFACT, unit[0], text, text)
                name = "EngineeringUnits"
                await node.add_property(self._part(node, index, name), ua.QualifiedName(name), information)

    def _part(self, node: Node, index: int, name: str) -> ua.NodeId:
        return ua.NodeId(ua.String(f"{node.nodeid.Identifier!s}.{name}"), ua.Int16(index))

    async def _object(self, path: tuple[str, ...]) -> Node:
        if path not in self._objects:
            parent = await self._object(path[:-1])
            full = (self._device.station.id, *path)
            self._objects[path] = await parent.add_object(self._object_id(full), ua.QualifiedName(path[-1], self._own))
        return self._objects[path]

    def _object_id(self, path: tuple[str, ...]) -> ua.NodeId:
        """A stable id, unless a variable has it already."""
        name = ".".join(path)
        if f"s={name}" in self._taken:
            return ua.NodeId(ua.Int32(0), ua.Int16(self._own))
        return ua.NodeId(ua.String(name), ua.Int16(self._own))


def variant_type(item: Item[str]) -> ua.VariantType:
    """The type of an item's raw values on the wire."""
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


def _place(identifier: str, station: str, item: Item[str]) -> tuple[tuple[str, ...], str]:
    """The objects below the station's, and the variable's name in the last of them."""
    slot = item.points[0].slot
    kind, _, text = identifier.partition("=")
    parts = text.split(".") if kind == "s" else []
    if len(parts) > 1 and all(parts):
        return tuple(parts[1:-1] if parts[0] == station else parts[:-1]), parts[-1]
    name = "_".join(_title(bound) for bound in item.points)
    return (() if slot is None else ("Slots", f"Slot{slot:02d}")), name


def _title(bound: BoundPoint) -> str:
    return bound.point.signal.title().replace("_", "")


def _split(address: str) -> tuple[str | None, str]:
    """Namespace URI (``None``: namespace 0) and identifier of ``nsu=URI;s=NODE``."""
    if not address.startswith("nsu="):
        return None, address
    uri, _, identifier = address.removeprefix("nsu=").partition(";")
    return uri, identifier

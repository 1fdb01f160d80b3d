"""Firmware updates after which the device's map is not the one that the gateway's profile describes.

The device restarts with each of them, and again when it is over.
"""

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from config.binding import BoundDevice, BoundPoint
from config.profile import ModbusType, WordOrder
from simulators.faults.base import Fault, MapFault
from twin.signals import Kind

LAST_REGISTER = 65_535
EVERYTHING = ("*",)
_OTHER_TYPE: dict[ModbusType | None, ModbusType] = {
    "u32": "f32",
    "i32": "f32",
    "f32": "i32",
    "u64": "f64",
    "i64": "f64",
    "f64": "i64",
    "u16": "i16",
    "i16": "u16",
}


class _PointsChanged(MapFault):
    """One that changes points one by one."""

    signals: ClassVar[tuple[str, ...]] = EVERYTHING

    def remap(self, device: BoundDevice) -> BoundDevice:
        points = tuple(
            self.changed(bound) if self.aim.includes(bound.point.signal, bound.slot, self.signals) else bound
            for bound in device.points
        )
        return replace(device, points=points)

    @abstractmethod
    def changed(self, bound: BoundPoint) -> BoundPoint:
        """The point as it is now."""


class WordOrderChanged(_PointsChanged):
    name: ClassVar[str] = "word_order_changed"
    summary: ClassVar[str] = "Words or bytes come in another order."
    effects: ClassVar[dict[str, str]] = {
        "modbus": "values of two and more registers (with BADC, DCBA: all) are scrambled"
    }
    order: WordOrder = "CDAB"

    def changed(self, bound: BoundPoint) -> BoundPoint:
        bits = bound.point.table in {"coil", "discrete"}
        if bits or (bound.point.register_count < 2 and self.order in {"ABCD", "CDAB"}):
            return bound
        return replace(bound, point=bound.point.model_copy(update={"word_order": self.order}))


class ScaleChanged(_PointsChanged):
    name: ClassVar[str] = "scale_changed"
    summary: ClassVar[str] = "Raw values are in another unit: a scale factor has moved."
    effects: ClassVar[dict[str, str]] = {
        "opcua": "raw values times the factor",
        "modbus": "raw values times the factor, up to the end of their type",
        "mqtt": "raw values times the factor",
        "sparkplug": "raw values times the factor",
        "tower": "raw values times the factor",
    }
    signals: ClassVar[tuple[str, ...]] = ("soc", "power_w", "voltage_v", "current_a", "temperature_c")
    factor: float = Field(10.0, gt=0.0)

    def changed(self, bound: BoundPoint) -> BoundPoint:
        if bound.signal.kind is not Kind.ANALOG:
            return bound
        point = bound.point
        update = {"scale": point.scale / self.factor, "offset": point.offset}
        return replace(bound, point=point.model_copy(update=update))


class AddressShift(_PointsChanged):
    name: ClassVar[str] = "address_shift"
    summary: ClassVar[str] = "Every value stands elsewhere."
    effects: ClassVar[dict[str, str]] = {
        "opcua": "other node ids: the known ones are BadNodeIdUnknown",
        "modbus": "registers moved: neighbours' values in the known places",
        "mqtt": "fields renamed",
        "sparkplug": "metrics renamed in a new birth",
    }
    by: int = Field(1, ge=-1000, le=1000, description="Modbus: registers (or bits); others: a mark on the name")

    def changed(self, bound: BoundPoint) -> BoundPoint:
        if isinstance(bound.address, int):
            moved = bound.address + self.by
            if not 0 <= moved <= LAST_REGISTER - bound.point.register_count:
                raise ValueError(f"{bound.path} would come to lie at {moved}")
            return replace(bound, address=moved)
        if bound.field is not None:
            return replace(bound, field=f"{bound.field}_{self.by}")
        return replace(bound, address=_renumbered(bound.address, self.by))


def _renumbered(address: str, by: int) -> str:
    """Another node id: numbers are moved, names get a mark.

    >>> _renumbered("nsu=urn:x;i=7", 1), _renumbered("nsu=urn:x;s=A.B", 1)
    ('nsu=urn:x;i=8', 'nsu=urn:x;s=A.B_1')
    """
    head, sign, number = address.rpartition("i=")
    if sign and number.isdecimal() and (not head or head.endswith(";")):
        return f"{head}i={max(int(number) + by, 1)}"
    return f"{address}_{by}"


class TypeChanged(_PointsChanged):
    name: ClassVar[str] = "type_changed"
    summary: ClassVar[str] = "Registers hold another type: floats for integers, or signed ones for unsigned."
    effects: ClassVar[dict[str, str]] = {
        "modbus": "u32 or i32 as f32 and back, u64 as f64 and back, u16 as i16 and back"
    }

    def changed(self, bound: BoundPoint) -> BoundPoint:
        other = _OTHER_TYPE.get(bound.point.type)
        if other is None or bound.point.bit is not None or bound.point.table in {"coil", "discrete"}:
            return bound
        return replace(bound, point=bound.point.model_copy(update={"type": other}))


class NamespaceShuffle(MapFault):
    name: ClassVar[str] = "namespace_shuffle"
    summary: ClassVar[str] = "The server numbers its namespaces anew; their URIs stay."
    effects: ClassVar[dict[str, str]] = {"opcua": "the same node ids in a namespace of another number"}

    def remap(self, device: BoundDevice) -> BoundDevice:
        # A namespace is numbered where its first node stands.
        first = replace(device.points[0], address="nsu=urn:swaptwin:firmware-2;s=Build")
        return replace(device, points=(first, *device.points))


FAULTS: tuple[type[Fault], ...] = (WordOrderChanged, ScaleChanged, AddressShift, TypeChanged, NamespaceShuffle)

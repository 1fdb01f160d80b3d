"""What can be wrong between the keys of a Modbus profile."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from config.point import Point
from twin.signals import Kind

if TYPE_CHECKING:
    from config.profile import Profile

Found = tuple[str, str, str]
"""The point's key, what is wrong, and what to do."""

TYPES = "u16, i16, u32, i32, u64, i64, f32, f64, str"
_SIXTEEN = frozenset({"u16", "i16"})
_UNSIGNED = frozenset({"u16", "u32", "u64"})
_MODBUS_ONLY = (
    "one_value_per_request",
    "address_step",
    "unit_stride",
    "write_function",
    "sunspec_bases",
    "fail_safe",
    "keepalive",
)


def check_modbus(point: Point, profile: "Profile") -> Iterator[Found]:
    """Everything that is wrong with a point of a Modbus profile."""
    if not isinstance(point.address, int) or not 0 <= point.address <= 65_536:
        yield "address", "is no Modbus address", "Give a number from 0 to 65535, without the 4xxxx prefix"
    if point.field is not None:
        yield "field", "belongs to MQTT", "Remove it; 'byte' and 'bits' name parts of a register"
    yield from _form(point)
    yield from _place(point, profile)
    yield from _write(point, profile)


def _form(point: Point) -> Iterator[Found]:
    bits = point.table in {"coil", "discrete"}
    text = point.type == "str"
    if point.type is None and not bits:
        yield "type", "is missing", f"Give one of {TYPES}"
    if bits and point.type not in {None, "bool"}:
        yield "type", f"a {point.table} holds bool, not {point.type}", "Correct table or type"
    if text != (point.length is not None):
        yield "length", "belongs to type str, and type str needs it", "Give the number of registers of the text"
    if point.definition.kind is Kind.TEXT and not text:
        yield "type", "text signals are of type str", "Correct signal or type"
    if text and point.definition.kind is not Kind.TEXT and point.enum is None:
        yield "type", f"{point.signal} is no text", "Correct signal or type, or say with 'enum' what the texts mean"
    if point.enum is not None and not text and any(isinstance(key, str) for key in point.enum):
        yield "enum", f"a {point.type or point.table} is never a text", "Give numbers as keys, or type: str"
    if point.byte is not None and (point.type not in _SIXTEEN or bits):
        yield "byte", "is half a register", "Use type u16, or i16 where the half is signed"
    part = point.part
    if part is not None:
        width = 8 if point.byte else 16 * point.register_count
        if bits or (point.type not in _UNSIGNED and point.type != "bool"):
            key = "bit" if point.bit is not None else "bits"
            yield key, "counts the bits of an unsigned number", f"Use one of {', '.join(sorted(_UNSIGNED))}"
        elif part[0] + part[1] > width:
            key = "bit" if point.bit is not None else "bits"
            yield key, f"the value has bits 0 to {width - 1} only", "Correct it, or the type"


def _place(point: Point, profile: "Profile") -> Iterator[Found]:
    if point.entity == "slot" and point.stride is None and profile.unit_stride is None and point.model is None:
        remedy = "Give the address step from one slot to the next, or unit_stride where each slot is a unit of its own"
        yield "stride", "is missing", remedy
    if point.entity == "station" and point.stride is not None:
        yield "stride", "is a step between slots, and this is the station's", "Remove it, or set entity: slot"
    if point.entity == "slot" and point.unit_id is not None and profile.unit_stride is not None:
        yield "unit_id", "is the same for every slot, but unit_stride says otherwise", "Remove one of the two"
    if point.model is not None and point.table not in {"holding", "input"}:
        yield "table", "SunSpec models lie in registers", "Use holding"
    if point.model is not None and profile.address_step != 1:
        yield "model", "SunSpec counts registers", "Remove address_step"
    if isinstance(point.address, int) and profile.address_step > 1 and point.model is None:
        for key, number in (("address", point.address - profile.address_base), ("stride", point.stride or 0)):
            if number % profile.address_step:
                yield key, f"{number} is not at the start of a register", f"Use multiples of {profile.address_step}"
    if point.scale_register is None:
        if point.scale_stride:
            yield "scale_stride", "belongs to scale_register", "Give scale_register, or remove it"
        return
    if point.table not in {"holding", "input"} or point.type == "str":
        yield "scale_register", f"scales numbers in registers, not {point.type or point.table}", "Remove it"
    if point.definition.kind not in {Kind.ANALOG, Kind.COUNTER}:
        yield "scale_register", f"is for quantities; {point.signal} is {point.definition.kind.value}", "Remove it"


def _write(point: Point, profile: "Profile") -> Iterator[Found]:
    write = point.write
    if write is None:
        return
    if point.definition.kind is Kind.TEXT:
        yield "write", "texts are not written", "Remove it"
    if point.table in {"input", "discrete"} and write.address is None:
        yield "write", f"no client can write {point.table}s", "Give write.address, or correct the table"
    if point.type == "str" and (write.enum is None or write.type is None):
        yield "write", "a text is not written", "Give write.type and write.enum: the number for each label"
    if write.address is None and (point.part is not None or point.byte is not None):
        remedy = "Give write.address, where a whole register is written, or remove 'write'"
        yield "write", "would overwrite the other bits of the register", remedy
    if write.type in {"str", "bool"}:
        yield "write", f"a number is not written as {write.type}", f"Use one of {TYPES.removesuffix(', str')}"
    if write.address is not None and profile.address_step > 1 and write.address % profile.address_step:
        yield "write", f"{write.address} is not at the start of a register", f"Use multiples of {profile.address_step}"


def check_fail_safe(profile: "Profile") -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Everything that is wrong with the device's own watchdog and what feeds it."""
    if profile.protocol != "modbus":
        for key in _MODBUS_ONLY:
            if key in profile.model_fields_set:
                yield (key,), f"belongs to Modbus, not to {profile.protocol}", "Remove it"
        return
    guard, keepalive = profile.fail_safe, profile.keepalive
    if guard is None:
        return
    point = next((p for p in profile.points if (p.entity, p.signal) == ("slot", guard.signal)), None)
    if point is None:
        message = f"{guard.signal!r} is no slot signal of this profile"
        yield ("fail_safe", "signal"), message, "Map it under points"
    elif point.definition.kind is not Kind.ANALOG:
        yield ("fail_safe", "signal"), f"{guard.signal!r} is no quantity", "Name the limit that falls back"
    at = ("fail_safe", "fed_by")
    if guard.fed_by == "poll" and profile.interval_s >= guard.timeout_s:
        yield at, f"is not fed in {guard.timeout_s:g} s by reading every {profile.interval_s:g} s", "Read more often"
    if guard.fed_by == "keepalive" and keepalive is None:
        yield at, "needs 'keepalive'", "Say under keepalive which register is to be written"
    if guard.fed_by == "keepalive" and keepalive is not None and keepalive.interval_s >= guard.timeout_s:
        message = f"{keepalive.interval_s:g} s are not shorter than the device's {guard.timeout_s:g} s"
        yield ("keepalive", "interval_s"), message, "Half the time-out is usual"
    if guard.fed_by == "write" and point is not None:
        refresh_s = point.write.refresh_s if point.write else None
        if refresh_s is None or refresh_s >= guard.timeout_s:
            message = f"{guard.signal} is not written again within {guard.timeout_s:g} s"
            yield at, message, "Give its 'write' a refresh_s of half that"

"""Device profiles: how a device type's addresses map to signals. Adapters read by them, emulators serve by them."""

import string
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from twin.signals import SIGNALS, ChargerState, Kind, Signal

Protocol = Literal["opcua", "modbus", "mqtt", "sparkplug", "tower"]
ModbusType = Literal["bool", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "str"]
WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]

REGISTERS: dict[str, int] = {
    "bool": 1,
    "u16": 1,
    "i16": 1,
    "u32": 2,
    "i32": 2,
    "f32": 2,
    "u64": 4,
    "i64": 4,
    "f64": 4,
}
"""Registers of 16 bits that a value of a type takes; ``str`` takes the point's ``length``."""

TEMPLATE_FIELDS = frozenset({"site", "station", "device", "slot", "index"})


class Strict(BaseModel):
    """Refuses unknown keys and cannot be changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Write(Strict):
    """That a point may be written, and how far. Without it nobody writes the point, whatever its ``access``."""

    minimum: float
    maximum: float
    """Least and most value that is ever written, in the signal's unit."""
    harmless: bool = False
    """Whether ``swaptwin commission`` may write the value that stands there already, to see that writing works."""
    refresh_s: Annotated[float, Field(ge=0.5, le=3600.0)] | None = None
    """A value once written is written again this often, for devices that fall back when nobody does."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        return self


class Point(Strict):
    """One signal of a device: its address, and how its raw value becomes the signal's value.

    ``value = sign * (raw * scale + offset)``; an ``enum`` or ``bit`` point takes no scale.
    """

    signal: str
    entity: Literal["station", "slot"] = "slot"
    address: int | str
    """Modbus: register or coil number. OPC UA: node id with the namespace URI. MQTT: topic."""
    field: str | None = None
    """MQTT: dotted path of the value in the JSON payload."""
    table: Literal["holding", "input", "coil", "discrete"] = "holding"
    type: ModbusType | None = None
    """Modbus: how the value lies in its registers."""
    length: Annotated[int, Field(ge=1, le=125)] | None = None
    """Modbus: registers of a ``str``."""
    stride: Annotated[int, Field(ge=1)] | None = None
    """Modbus: address step from one slot to the next."""
    word_order: WordOrder = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    sign: Literal[1, -1] = 1
    invalid: tuple[float, ...] = ()
    """Raw values by which the device says that it has no value."""
    enum: dict[int, str] | None = None
    """Raw number to label, for signals that are enumerations."""
    bit: Annotated[int, Field(ge=0, le=63)] | None = None
    """The bit of an unsigned raw value that carries a boolean signal."""
    access: Literal["r", "rw"] = "r"
    write: Write | None = None
    """For ``rw``: what may be written."""
    deadband: Annotated[float, Field(ge=0.0)] | None = None
    """OPC UA: absolute change, in raw units, below which the device need not report."""
    poll_group: str = "default"
    max_age_s: Annotated[float, Field(gt=0.0)] | None = None

    @property
    def definition(self) -> Signal:
        return SIGNALS[self.entity, self.signal]

    @property
    def register_count(self) -> int:
        """Registers that the value takes (coils and discrete inputs: bits)."""
        return self.length or REGISTERS[self.type or "u16"]

    @field_validator("address")
    @classmethod
    def _template(cls, address: int | str) -> int | str:
        if isinstance(address, str):
            check_template(address)
        return address

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.entity, self.signal) not in SIGNALS:
            known = ", ".join(sorted(name for entity, name in SIGNALS if entity == self.entity))
            raise ValueError(f"unknown {self.entity} signal {self.signal!r}; known: {known}")
        kind = self.definition.kind
        if kind is Kind.ENUM:
            self._check_enum()
        elif self.enum is not None:
            raise ValueError(f"'enum' is for enumerations; {self.signal} is {kind.value}")
        if self.bit is not None and kind is not Kind.BOOL:
            raise ValueError(f"'bit' is for boolean signals; {self.signal} is {kind.value}")
        if self.scale == 0.0:
            raise ValueError("'scale' must not be zero")
        if self.write is not None and self.access == "r":
            raise ValueError("'write' needs access: rw")
        return self

    def _check_enum(self) -> None:
        if self.enum is None:
            raise ValueError(f"{self.signal} needs 'enum': raw number to label")
        labels = {state.name.lower() for state in ChargerState}
        unknown = sorted(set(self.enum.values()) - labels)
        if unknown:
            raise ValueError(f"unknown label {unknown[0]!r}; known: {', '.join(sorted(labels))}")


class Availability(Strict):
    """MQTT: the retained topic on which a device, or its will, says whether it is online."""

    topic: str
    online: str = "online"
    offline: str = "offline"

    @field_validator("topic")
    @classmethod
    def _template(cls, topic: str) -> str:
        check_template(topic)
        return topic


class Watchdog(Strict):
    """The station signal by which the device shows that it is alive inside, and how long it may stand still."""

    signal: str
    timeout_s: Annotated[float, Field(gt=0.0)] = 10.0


class PollGroup(Strict):
    """Points read together at an interval of their own."""

    interval_s: Annotated[float, Field(ge=0.05, le=3600.0)]


class Profile(Strict):
    """A device type. One schema for adapters, emulators and documentation."""

    profile: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    protocol: Protocol
    source: Literal["reference", "vendor-doc", "open-source", "hardware-tested"]
    """``reference``: an address map of swaptwin's own, for emulators and for makers who have none yet."""
    references: tuple[str, ...] = ()
    interval_s: Annotated[float, Field(ge=0.05, le=3600.0)] = 1.0
    """OPC UA: sampling interval. Modbus: poll interval. MQTT: interval at which the device publishes."""
    poll_groups: dict[str, PollGroup] = {}
    address_base: Literal[0, 1] = 0
    """Modbus: 1 where the map counts registers from one."""
    max_read: Annotated[int, Field(ge=1, le=125)] = 125
    max_hole: Annotated[int, Field(ge=0, le=124)] = 16
    """Modbus: registers that nobody asked for and that a merged read may bridge."""
    inter_request_gap_ms: Annotated[float, Field(ge=0.0, le=5000.0)] = 0.0
    timeout_s: Annotated[float, Field(gt=0.0, le=60.0)] = 1.0
    publish_interval_s: Annotated[float, Field(ge=0.05, le=60.0)] | None = None
    """OPC UA: how often the server reports what it has sampled; default: the shortest interval, at most 1 s."""
    queue_size: Annotated[int, Field(ge=1, le=1000)] | None = None
    """OPC UA: values of a point that the server keeps between two reports; default: as many as it samples."""
    stamps: Literal["on_change", "every_scan"] = "on_change"
    """OPC UA: whether the server renews source time stamps of values that do not change."""
    time_field: str | None = None
    """MQTT: dotted path of the source time in the payload; without it, the time of arrival counts."""
    time_unit: Literal["s", "ms"] = "s"
    availability: Availability | None = None
    watchdog: Watchdog | None = None
    points: Annotated[tuple[Point, ...], Field(min_length=1)]

    def interval_of(self, point: Point) -> float:
        group = self.poll_groups.get(point.poll_group)
        return group.interval_s if group else self.interval_s

    def max_age_of(self, point: Point) -> float:
        """Three intervals unless the point says otherwise: two reads may fail before a value is stale."""
        return point.max_age_s or 3.0 * max(self.interval_of(point), self.publish_interval_s or 0.0)

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        if not (info.context and info.context.get("deferred")):
            for place, message, _ in profile_problems(self):
                raise ValueError(f"{place}: {message}")
        return self


Found = tuple[tuple[str | int, ...], str, str]
"""Where in the file, what is wrong, and what to do."""


def profile_problems(profile: Profile) -> list[Found]:
    """Everything that is wrong between the keys of a profile; the loader maps it onto lines."""
    found: list[Found] = []
    first: dict[tuple[str, str], int] = {}
    for number, point in enumerate(profile.points):
        place = ("points", number)
        earlier = first.setdefault((point.entity, point.signal), number)
        if earlier != number:
            found.append(((*place, "signal"), f"{point.signal!r} is already mapped by points[{earlier}]", "Keep one"))
        if point.poll_group != "default" and point.poll_group not in profile.poll_groups:
            message = f"unknown poll group {point.poll_group!r}"
            found.append(((*place, "poll_group"), message, "Define it under poll_groups"))
        if point.register_count > profile.max_read and point.table in {"holding", "input"}:
            message = f"the value takes {point.register_count} registers but max_read is {profile.max_read}"
            found.append(((*place, "type"), message, "A value is never read in pieces: raise max_read or shorten it"))
        check = {"opcua": _check_opcua, "modbus": _check_modbus, "mqtt": _check_mqtt}[profile.protocol]
        found.extend(((*place, key), message, remedy) for key, message, remedy in check(point))
    if profile.watchdog and ("station", profile.watchdog.signal) not in first:
        message = f"{profile.watchdog.signal!r} is no station signal of this profile"
        found.append((("watchdog", "signal"), message, "Map it under points, or remove the watchdog"))
    return found


def _check_opcua(point: Point) -> Iterator[tuple[str, str, str]]:
    if not isinstance(point.address, str) or not point.address.startswith(("nsu=", "i=")):
        yield "address", "an OPC UA address names its namespace by URI", "Write 'nsu=URI;s=NODE'"
    elif point.entity == "slot" and not _varies(point.address):
        yield "address", "is the same for every slot", "Put {slot} or {index} into it"


def _check_modbus(point: Point) -> Iterator[tuple[str, str, str]]:
    if not isinstance(point.address, int) or not 0 <= point.address <= 65_536:
        yield "address", "is no Modbus address", "Give a number from 0 to 65535, without the 4xxxx prefix"
    bits = point.table in {"coil", "discrete"}
    if point.type is None and not bits:
        yield "type", "is missing", f"Give one of {', '.join(REGISTERS)}, str"
    if bits and point.type not in {None, "bool"}:
        yield "type", f"a {point.table} holds bool, not {point.type}", "Correct table or type"
    if (point.type == "str") != (point.length is not None):
        yield "length", "belongs to type str, and type str needs it", "Give the number of registers of the text"
    if point.entity == "slot" and point.stride is None:
        yield "stride", "is missing", "Give the address step from one slot to the next"
    if (point.type == "str") != (point.definition.kind is Kind.TEXT):
        yield "type", "text signals are of type str, and only they", "Correct signal or type"


def _check_mqtt(point: Point) -> Iterator[tuple[str, str, str]]:
    if not isinstance(point.address, str) or not point.address or "#" in point.address or "+" in point.address:
        yield "address", "is no MQTT topic", "Give a topic without wildcards"
    elif point.field is None:
        yield "field", "is missing", "Give the dotted path of the value in the payload"
    elif point.entity == "slot" and not (_varies(point.address) or _varies(point.field)):
        yield "address", "is the same for every slot", "Put {slot} or {index} into topic or field"


def _varies(template: str) -> bool:
    return bool({"slot", "index"} & {name for _, name, _, _ in string.Formatter().parse(template) if name})


def check_template(template: str) -> None:
    """Raise ``ValueError`` unless the template only has fields that a device can fill in."""
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"braces do not match: {error}") from error
    unknown = sorted(fields - TEMPLATE_FIELDS)
    if unknown:
        raise ValueError(f"unknown field {{{unknown[0]}}}; known: {', '.join(sorted(TEMPLATE_FIELDS))}")

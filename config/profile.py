"""Device profiles: how a device type's addresses map to signals. Adapters read by them, emulators serve by them."""

import string
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from twin.signals import SIGNALS, ChargerState, Kind, Signal

Protocol = Literal["opcua", "modbus", "mqtt"]
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

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    """OPC UA: publishing interval. Modbus: poll interval. MQTT: interval at which the device publishes."""
    poll_groups: dict[str, PollGroup] = {}
    address_base: Literal[0, 1] = 0
    """Modbus: 1 where the map counts registers from one."""
    max_read: Annotated[int, Field(ge=1, le=125)] = 125
    max_hole: Annotated[int, Field(ge=0, le=124)] = 16
    """Modbus: registers that nobody asked for and that a merged read may bridge."""
    inter_request_gap_ms: Annotated[float, Field(ge=0.0, le=5000.0)] = 0.0
    timeout_s: Annotated[float, Field(gt=0.0, le=60.0)] = 1.0
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
        return point.max_age_s or 3.0 * self.interval_of(point)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for number, point in enumerate(self.points):
            where = f"points[{number}] ({point.entity} {point.signal})"
            if (point.entity, point.signal) in seen:
                raise ValueError(f"{where}: the signal is mapped twice")
            seen.add((point.entity, point.signal))
            if point.poll_group != "default" and point.poll_group not in self.poll_groups:
                raise ValueError(f"{where}: unknown poll_group {point.poll_group!r}")
            check = {"opcua": _check_opcua, "modbus": _check_modbus, "mqtt": _check_mqtt}[self.protocol]
            check(where, point)
        if self.watchdog and ("station", self.watchdog.signal) not in seen:
            raise ValueError(f"watchdog.signal {self.watchdog.signal!r} is no station signal of this profile")
        return self


def _check_opcua(where: str, point: Point) -> None:
    if not isinstance(point.address, str) or not point.address.startswith(("nsu=", "i=", "s=")):
        raise ValueError(f"{where}: an OPC UA address names the namespace URI: 'nsu=URI;s=NODE'")
    if point.entity == "slot" and not _varies(point.address):
        raise ValueError(f"{where}: the address of a slot signal needs {{slot}} or {{index}}")


def _check_modbus(where: str, point: Point) -> None:
    if not isinstance(point.address, int) or not 0 <= point.address <= 65_536:
        raise ValueError(f"{where}: a Modbus address is a number from 0 to 65536")
    bits = point.table in {"coil", "discrete"}
    if point.type is None and not bits:
        raise ValueError(f"{where}: needs 'type', for example u16")
    if bits and point.type not in {None, "bool"}:
        raise ValueError(f"{where}: coils and discrete inputs are of type bool")
    if (point.type == "str") != (point.length is not None):
        raise ValueError(f"{where}: 'length' belongs to type str, and type str needs it")
    if point.entity == "slot" and point.stride is None:
        raise ValueError(f"{where}: a slot signal needs 'stride'")
    if (point.type == "str") != (point.definition.kind is Kind.TEXT):
        raise ValueError(f"{where}: text signals are of type str, and only they")


def _check_mqtt(where: str, point: Point) -> None:
    if not isinstance(point.address, str) or not point.address or "#" in point.address or "+" in point.address:
        raise ValueError(f"{where}: an MQTT address is a topic without wildcards")
    if point.field is None:
        raise ValueError(f"{where}: needs 'field': the dotted path of the value in the payload")
    if point.entity == "slot" and not (_varies(point.address) or _varies(point.field)):
        raise ValueError(f"{where}: topic or field of a slot signal needs {{slot}} or {{index}}")


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

"""Device profiles: how a device type's addresses map to signals. Adapters read by them, emulators serve by them."""

import string
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from config.fail_safe import DeviceRegister, FailSafe, Keepalive
from config.modbus_checks import check_fail_safe, check_modbus
from config.strict import Strict
from twin.signals import SIGNALS, ChargerState, Kind, Signal

__all__ = [
    "REGISTERS",
    "SUNSPEC_INVALID",
    "TEMPLATE_FIELDS",
    "Availability",
    "DeviceRegister",
    "FailSafe",
    "Found",
    "Keepalive",
    "ModbusType",
    "Point",
    "PollGroup",
    "Profile",
    "Protocol",
    "Strict",
    "Watchdog",
    "WordOrder",
    "Write",
    "check_template",
    "profile_problems",
]

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

SUNSPEC_INVALID: dict[str, float] = {
    "u16": 0xFFFF,
    "i16": -0x8000,
    "u32": 0xFFFF_FFFF,
    "i32": -0x8000_0000,
    "u64": 0xFFFF_FFFF_FFFF_FFFF,
    "i64": -0x8000_0000_0000_0000,
}
"""What a SunSpec point of a type holds where the device has no value for it."""

TEMPLATE_FIELDS = frozenset({"site", "station", "device", "slot", "index"})


class Write(Strict):
    """That a point may be written, and how far. Without it nobody writes the point, whatever its ``access``."""

    minimum: float
    maximum: float
    """Least and most value that is ever written, in the signal's unit."""
    harmless: bool = False
    """Whether ``swaptwin commission`` may write the value that stands there already, to see that writing works."""
    refresh_s: Annotated[float, Field(ge=0.5, le=3600.0)] | None = None
    """A value once written is written again this often, for devices that fall back when nobody does."""
    address: Annotated[int, Field(ge=0, le=65_536)] | None = None
    """Modbus: where it is written, if not where it is read. It moves with the slot as the point's own address does."""
    type: ModbusType | None = None
    """Modbus: its type there, if not the point's."""
    scale: float | None = None
    """Modbus: its scale there, if not the point's."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        if self.scale == 0.0:
            raise ValueError("'scale' must not be zero")
        return self


class Point(Strict):
    """One signal of a device: its address, and how its raw value becomes the signal's value.

    ``value = sign * (raw * scale * 10^exponent + offset)``, the exponent from the ``scale_register``, else 0; where
    there are ``bits``, ``raw`` is what they hold. An ``enum`` or ``bit`` point takes no scale.
    """

    signal: str
    entity: Literal["station", "slot"] = "slot"
    address: int | str
    """Modbus: register or coil number, or its offset in a SunSpec ``model``. OPC UA: node id with the namespace URI.
    MQTT: topic."""
    field: str | None = None
    """MQTT: dotted path of the value in the JSON payload."""
    table: Literal["holding", "input", "coil", "discrete"] = "holding"
    """Modbus: read with function 3, 4, 1 or 2."""
    type: ModbusType | None = None
    """Modbus: how the value lies in its registers."""
    length: Annotated[int, Field(ge=1, le=125)] | None = None
    """Modbus: registers of a ``str``."""
    stride: Annotated[int, Field(ge=1)] | None = None
    """Modbus: address step from one slot to the next."""
    unit_id: Annotated[int, Field(ge=0, le=255)] | None = None
    """Modbus: the unit where the point lies, if not the device's."""
    model: Annotated[int, Field(ge=1, le=65_534)] | None = None
    """Modbus: the SunSpec model that holds the point. ``address`` and ``scale_register`` count from its ID register; a
    slot without ``stride`` has a model of its own, the first slot the first one."""
    word_order: WordOrder = "ABCD"
    byte: Literal["hi", "lo"] | None = None
    """Modbus: the half of a register (u16 or i16) that is the number."""
    scale: float = 1.0
    scale_register: Annotated[int, Field(ge=0, le=65_536)] | None = None
    """Modbus: address of an i16 exponent of ten by which the raw value is scaled besides."""
    scale_stride: Annotated[int, Field(ge=0)] = 0
    """Modbus: address step of ``scale_register`` from one slot to the next."""
    offset: float = 0.0
    """Added after scaling, in the signal's unit."""
    sign: Literal[1, -1] = 1
    invalid: tuple[float, ...] = ()
    """Raw values (before ``bits``) by which the device says that it has no value."""
    enum: dict[int | str, bool | str] | None = None
    """Raw number or text to label for enumerations, to true or false for booleans. Emulators send the first one."""
    bit: Annotated[int, Field(ge=0, le=63)] | None = None
    """The bit of an unsigned raw value that carries a boolean signal."""
    bits: tuple[Annotated[int, Field(ge=0, le=63)], Annotated[int, Field(ge=0, le=63)]] | None = None
    """First and last bit (0 is the lowest) of an unsigned raw value that hold the number."""
    bit_names: dict[Annotated[int, Field(ge=0, le=63)], str] = Field(default_factory=dict)
    """What the bits of ``fault_bits`` and the like mean, for people."""
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

    @property
    def part(self) -> tuple[int, int] | None:
        """First bit and number of bits of the raw value that count, ``None`` where all of it does."""
        if self.bit is not None:
            return self.bit, 1
        return None if self.bits is None else (self.bits[0], self.bits[1] - self.bits[0] + 1)

    @property
    def sentinels(self) -> tuple[float, ...]:
        """Raw values that are no value: those of ``invalid``, and SunSpec's own in a ``model``."""
        own = SUNSPEC_INVALID.get(self.type or "") if self.model is not None and self.byte is None else None
        return self.invalid if own is None or own in self.invalid else (*self.invalid, own)

    @field_validator("address")
    @classmethod
    def _template(cls, address: int | str) -> int | str:
        if isinstance(address, str):
            check_template(address)
        return address

    @field_validator("enum", mode="before")
    @classmethod
    def _keys(cls, enum: object, info: ValidationInfo) -> object:
        """YAML's keys arrive as text: all that read as whole numbers are numbers, unless the raw value is a text."""
        if not isinstance(enum, dict) or info.data.get("type") == "str":
            return enum
        return {_number(key): label for key, label in enum.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.entity, self.signal) not in SIGNALS:
            known = ", ".join(sorted(name for entity, name in SIGNALS if entity == self.entity))
            raise ValueError(f"unknown {self.entity} signal {self.signal!r}; known: {known}")
        kind = self.definition.kind
        if kind is Kind.ENUM or self.enum is not None:
            self._check_enum(kind)
        if self.bit is not None and kind is not Kind.BOOL:
            raise ValueError(f"'bit' is for boolean signals; {self.signal} is {kind.value}")
        if self.bit is not None and (self.bits is not None or self.enum is not None):
            raise ValueError("'bit' is true or false by itself: leave out 'bits' and 'enum'")
        if self.bits is not None and self.bits[0] > self.bits[1]:
            raise ValueError(f"'bits' start at {self.bits[0]} and end before it, at {self.bits[1]}")
        if self.bits is not None and kind is Kind.TEXT:
            raise ValueError(f"'bits' are of a number; {self.signal} is text")
        if self.scale == 0.0:
            raise ValueError("'scale' must not be zero")
        if kind in {Kind.BOOL, Kind.ENUM, Kind.TEXT} and (self.scale, self.offset, self.sign) != (1.0, 0.0, 1):
            raise ValueError(f"'scale', 'offset' and 'sign' are for quantities; {self.signal} is {kind.value}")
        if self.write is not None and self.access == "r":
            raise ValueError("'write' needs access: rw")
        return self

    def _check_enum(self, kind: Kind) -> None:
        if kind not in {Kind.ENUM, Kind.BOOL}:
            raise ValueError(f"'enum' is for enumerations and booleans; {self.signal} is {kind.value}")
        if not self.enum:
            raise ValueError(f"{self.signal} needs 'enum': raw number or text to label")
        if kind is Kind.BOOL:
            wrong = [label for label in self.enum.values() if not isinstance(label, bool)]
            if wrong:
                raise ValueError(f"unknown label {wrong[0]!r}; {self.signal} is true or false")
            return
        labels = {state.name.lower() for state in ChargerState}
        unknown = sorted(str(label) for label in self.enum.values() if label not in labels)
        if unknown:
            raise ValueError(f"unknown label {unknown[0]!r}; known: {', '.join(sorted(labels))}")


def _number(key: object) -> object:
    """A key of ``enum`` as a number where it reads as one: ``7``, ``"7"`` or ``"0x1F"``."""
    if not isinstance(key, str):
        return key
    try:
        return int(key, 0)
    except ValueError:
        return int(key) if key.isdecimal() else key


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
    """A watchdog of ours on the device (its own, on us, is a ``fail_safe``).

    The station signal by which the device shows that it is alive inside, and how long it may stand still.
    """

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
    poll_groups: dict[str, PollGroup] = Field(default_factory=dict)
    address_base: Literal[0, 1] = 0
    """Modbus: 1 where the map counts registers from one."""
    max_read: Annotated[int, Field(ge=1, le=125)] = 125
    max_hole: Annotated[int, Field(ge=0, le=124)] = 16
    """Modbus: registers that nobody asked for and that a merged read may bridge."""
    one_value_per_request: bool = False
    """Modbus: for devices that answer reads of several values wrongly."""
    address_step: Annotated[int, Field(ge=1, le=2)] = 1
    """Modbus: how far addresses move from one register to the next: 2 where the map counts bytes."""
    unit_stride: Annotated[int, Field(ge=1)] | None = None
    """Modbus: step of the unit id from one slot to the next, where each slot is a unit of its own."""
    write_function: Literal[6, 16] = 16
    """Modbus: the function that writes registers; a value of several registers is always written with 16."""
    sunspec_bases: tuple[Annotated[int, Field(ge=0, le=65_533)], ...] = (40_000, 0, 50_000)
    """Modbus: where to look for SunSpec's chain of models, zero-based, in this order."""
    fail_safe: FailSafe | None = None
    """Modbus: what the device does when nobody speaks to it."""
    keepalive: Keepalive | None = None
    """Modbus: what keeps it from doing so, besides reading."""
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
        check = {"opcua": _check_opcua, "modbus": check_modbus, "mqtt": _check_mqtt}.get(profile.protocol)
        if check is not None:
            found.extend(((*place, key), message, remedy) for key, message, remedy in check(point, profile))
    if profile.watchdog and ("station", profile.watchdog.signal) not in first:
        message = f"{profile.watchdog.signal!r} is no station signal of this profile"
        found.append((("watchdog", "signal"), message, "Map it under points, or remove the watchdog"))
    found.extend(check_fail_safe(profile))
    return found


def _check_opcua(point: Point, profile: Profile) -> Iterator[tuple[str, str, str]]:
    if not isinstance(point.address, str) or not point.address.startswith(("nsu=", "i=")):
        yield "address", "an OPC UA address names its namespace by URI", "Write 'nsu=URI;s=NODE'"
    elif point.entity == "slot" and not _varies(point.address):
        yield "address", "is the same for every slot", "Put {slot} or {index} into it"


def _check_mqtt(point: Point, profile: Profile) -> Iterator[tuple[str, str, str]]:
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

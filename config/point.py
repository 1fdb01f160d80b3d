"""One signal of a device type: its address, and how its raw value becomes the signal's value."""

import re
import string
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from config.strict import Strict
from twin.signals import SIGNALS, ChargerState, Kind, Signal

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
    enum: dict[int, bool | str] | None = None
    """Modbus: the number that is written for each label, if not that of the point's ``enum``."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        if self.scale == 0.0:
            raise ValueError("'scale' must not be zero")
        return self


class Sequence(Strict):
    """A counter that the device raises by ``step`` with every report, from 0 again at ``wraps_at``."""

    step: Annotated[int, Field(ge=1)] = 1
    wraps_at: Annotated[int, Field(ge=2)] | None = None


class Point(Strict):
    """One signal of a device: its address, and how its raw value becomes the signal's value.

    ``value = sign * (raw * scale * 10^exponent + offset)``, the exponent from the ``scale_register``, else 0; where
    there are ``bits``, ``raw`` is what they hold. An ``enum`` or ``bit`` point takes no scale.
    """

    signal: Annotated[str, Field(json_schema_extra={"enum": sorted({name for _, name in SIGNALS})})]
    """A word of the vocabulary."""
    entity: Literal["station", "slot"] = "slot"
    address: int | str
    """Modbus: register or coil number, or its offset in a SunSpec ``model``. OPC UA: node id with the namespace URI.
    MQTT: topic. Sparkplug: metric name. Tower: attribute id."""
    field: str | None = None
    """MQTT: dotted path of the value in the JSON payload. Tower: ``doorId`` of a slot, if it is not ``{index}``."""
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
    max_unchanged_s: Annotated[float, Field(gt=0.0)] | None = None
    """For signals that always move: one that has not changed for longer is stale, however fresh it comes."""
    sequence: Sequence | None = None
    """For counters of reports: what is missing or came twice is counted."""

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

    def raw_to_write(self, value: float, exponent: int = 0) -> float:
        """The raw number that is written for a value of the signal. ``exponent``: that of the ``scale_register``.

        Raises ``ValueError`` where the device has no number for it.
        """
        write = self.write
        enum = self.enum if write is None or write.enum is None else write.enum
        if enum is not None:
            label = bool(value) if self.definition.kind is Kind.BOOL else ChargerState(int(value)).name.lower()
            number = next((key for key, name in enum.items() if name == label and isinstance(key, int)), None)
            if number is None:
                raise ValueError(f"no number stands for {label!r}")
            return float(number)
        scale = self.scale if write is None or write.scale is None else write.scale
        return (self.sign * value - self.offset) / scale / 10.0**exponent

    @field_validator("address", "field")
    @classmethod
    def _template(cls, template: int | str | None) -> int | str | None:
        if isinstance(template, str):
            check_template(template)
        return template

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
        if self.entity == "station" and any(varies(template) for template in (str(self.address), self.field or "")):
            raise ValueError("{slot} and {index} are of slots, and this is a point of the station")
        if self.scale == 0.0:
            raise ValueError("'scale' must not be zero")
        if kind in {Kind.BOOL, Kind.ENUM, Kind.TEXT} and (self.scale, self.offset, self.sign) != (1.0, 0.0, 1):
            raise ValueError(f"'scale', 'offset' and 'sign' are for quantities; {self.signal} is {kind.value}")
        if self.write is not None:
            self._check_write(self.write, kind)
        return self

    def _check_write(self, write: Write, kind: Kind) -> None:
        if self.access == "r":
            raise ValueError("'write' needs access: rw")
        if write.enum is not None and kind not in {Kind.ENUM, Kind.BOOL}:
            raise ValueError(f"'write.enum' is for enumerations and booleans; {self.signal} is {kind.value}")
        low, high = self.definition.minimum, self.definition.maximum
        if kind in {Kind.ANALOG, Kind.COUNTER} and (write.minimum < low or write.maximum > high):
            raise ValueError(
                f"'write' allows {write.minimum:g} to {write.maximum:g}; {self.signal} lies from {low:g} to {high:g}"
            )

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


def varies(template: str) -> bool:
    """Whether a template gives each slot a text of its own."""
    return bool({"slot", "index"} & {name for _, name, _, _ in string.Formatter().parse(template) if name})


def check_template(template: str) -> None:
    """Raise ``ValueError`` unless the template only has fields that a device can fill in, numbers padded at most."""
    try:
        parts = [
            (name, spec, change) for _, name, spec, change in string.Formatter().parse(template) if name is not None
        ]
    except ValueError as error:
        raise ValueError(f"braces do not match: {error}") from error
    for name, spec, change in parts:
        if change or (spec and not (name in {"slot", "index"} and re.fullmatch(r"0?[1-9]d?", spec))):
            raise ValueError(f"{{{name}}} cannot be written as {spec or change!r}; pad numbers as in {{slot:02d}}")
    unknown = sorted({name for name, _, _ in parts} - TEMPLATE_FIELDS)
    if unknown:
        raise ValueError(f"unknown field {{{unknown[0]}}}; known: {', '.join(sorted(TEMPLATE_FIELDS))}")

"""The payload of Sparkplug B messages: protobuf's wire format, read and written by hand. Pure, bounded.

Field numbers are those of the Sparkplug 3.0 specification, section 6.4. Whatever bytes come, only ``PayloadError``
is raised; a value that does not fit its data type is ``UNREADABLE``, and costs its neighbours nothing.
"""

import struct
import zlib
from dataclasses import dataclass, field
from enum import IntEnum

MAXIMUM_PAYLOAD = 1_048_576
"""Bytes; a birth of some thousand metrics has a tenth of that."""
MAXIMUM_METRICS = 20_000
MAXIMUM_NAME = 1024
"""Bytes of a metric's name."""

_COMPRESSED = b"SPBV1.0_COMPRESSED"
"""The uuid by which some encoders mark a payload within the payload."""
_ZLIB_OR_GZIP = 47

UNREADABLE = object()
"""The value of a metric that has one, but not one of its data type, or of a type that no signal can have."""


class PayloadError(Exception):
    """Bytes that are no Sparkplug payload."""


class DataType(IntEnum):
    """Types of metrics that signals can come from; others (data sets, templates, arrays) are carried but not read."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15


_BITS = {1: 8, 2: 16, 3: 32, 4: 64, 5: 8, 6: 16, 7: 32, 8: 64, 13: 64}
_SIGNED = {1, 2, 3, 4}
_REALS = {int(DataType.FLOAT), int(DataType.DOUBLE)}
_TEXTS = {int(DataType.STRING), int(DataType.TEXT), int(DataType.UUID)}
INTEGERS = frozenset(_BITS) - {int(DataType.DATE_TIME)}

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LARGEST_FLOAT = 3.4028234e38
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")

# Fields of a metric, and which of its value fields hold what.
_NAME, _ALIAS, _TIMESTAMP, _DATATYPE, _HISTORICAL, _NULL = 1, 2, 3, 4, 5, 7
_INT, _LONG, _FLOAT_VALUE, _DOUBLE_VALUE, _BOOLEAN, _STRING = 10, 11, 12, 13, 14, 15
_LAST_VALUE = 19
_WIRE_OF = {_INT: _VARINT, _LONG: _VARINT, _FLOAT_VALUE: _FIXED32, _DOUBLE_VALUE: _FIXED64, _BOOLEAN: _VARINT}


@dataclass(slots=True)
class Metric:
    """One metric as it was sent: in data messages often without name and data type. Time in ms, as sent."""

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: int | None = None
    is_historical: bool = False
    is_null: bool = False
    kind: int = 0
    """The number of the value's field, 0 where there is none."""
    raw: int | float | bytes | None = None

    @property
    def is_long(self) -> bool:
        """Whether the value stands in the field for integers of 64 bits."""
        return self.kind == _LONG

    def value(self, datatype: int) -> object:
        """The value, read as what the birth said it is: a number, a truth, a text, ``None`` or ``UNREADABLE``."""
        if self.is_null or self.kind == 0:
            return None
        raw, kind = self.raw, self.kind
        if datatype in _BITS and kind in {_INT, _LONG} and isinstance(raw, int):
            bits = _BITS[datatype]
            # Some write a negative number in 8, some in 32 and some in 64 bits.
            raw &= (1 << bits) - 1
            return raw - (1 << bits) if datatype in _SIGNED and raw >> (bits - 1) else raw
        if datatype in _REALS and kind in {_FLOAT_VALUE, _DOUBLE_VALUE}:
            return raw
        if datatype == DataType.BOOLEAN and kind == _BOOLEAN:
            return raw != 0
        if datatype in _TEXTS and kind == _STRING and isinstance(raw, bytes):
            try:
                return raw.decode()
            except UnicodeDecodeError:
                return UNREADABLE
        return UNREADABLE


@dataclass(slots=True)
class Payload:
    """One message. Time in ms, as sent."""

    timestamp: int | None = None
    seq: int | None = None
    metrics: list[Metric] = field(default_factory=list)


def decode(data: bytes) -> Payload:
    """Read a payload, also one that is compressed. Raises ``PayloadError``."""
    payload, compressed = _decode(data)
    if compressed is None:
        return payload
    try:
        unpacking = zlib.decompressobj(_ZLIB_OR_GZIP)
        data = unpacking.decompress(compressed, MAXIMUM_PAYLOAD + 1)
    except zlib.error as error:
        raise PayloadError(f"a compressed payload that cannot be unpacked: {error}") from None
    return _decode(data)[0]


def _decode(data: bytes) -> tuple[Payload, bytes | None]:
    """A payload, and the compressed one within it, if it says that there is one."""
    if len(data) > MAXIMUM_PAYLOAD:
        raise PayloadError(f"payload of more than {MAXIMUM_PAYLOAD} bytes")
    payload, uuid, body = Payload(), b"", b""
    position, end = 0, len(data)
    while position < end:
        number, wire, position = _key(data, position, end)
        if wire == _BYTES:
            start, position = _span(data, position, end)
            if number == 2:
                if len(payload.metrics) >= MAXIMUM_METRICS:
                    raise PayloadError(f"more than {MAXIMUM_METRICS} metrics")
                payload.metrics.append(_metric(data, start, position))
            elif number == 4:
                uuid = data[start:position]
            elif number == 5:
                body = data[start:position]
        elif number == 1 and wire == _VARINT:
            payload.timestamp, position = _varint(data, position, end)
        elif number == 3 and wire == _VARINT:
            payload.seq, position = _varint(data, position, end)
        else:
            position = _skip(data, position, end, wire)
    return payload, body if uuid == _COMPRESSED else None


def _metric(data: bytes, position: int, end: int) -> Metric:
    metric = Metric()
    while position < end:
        key = data[position]
        if 7 < key < 128:
            number, wire, position = key >> 3, key & 7, position + 1
        else:
            number, wire, position = _key(data, position, end)
        if wire == _VARINT:
            raw, position = _varint(data, position, end)
            if number == _ALIAS:
                metric.alias = raw
            elif number == _TIMESTAMP:
                metric.timestamp = raw
            elif number == _DATATYPE:
                metric.datatype = raw
            elif number == _HISTORICAL:
                metric.is_historical = raw != 0
            elif number == _NULL:
                metric.is_null = raw != 0
            elif _INT <= number <= _LAST_VALUE:
                metric.kind, metric.raw = _kind(number, wire), raw
        elif wire == _BYTES:
            start, position = _span(data, position, end)
            if number == _NAME:
                metric.name = _name(data[start:position])
            elif _INT <= number <= _LAST_VALUE:
                metric.kind, metric.raw = _kind(number, wire), data[start:position] if number == _STRING else None
        elif wire in {_FIXED32, _FIXED64}:
            start, position = position, _skip(data, position, end, wire)
            if _INT <= number <= _LAST_VALUE:
                number_at = _FLOAT if wire == _FIXED32 else _DOUBLE
                metric.kind, metric.raw = _kind(number, wire), number_at.unpack_from(data, start)[0]
        else:
            raise PayloadError(f"wire type {wire}")
    return metric


def _kind(number: int, wire: int) -> int:
    """The value's field, or one that no data type is read from where the value is coded as another."""
    return number if _WIRE_OF.get(number, _BYTES) == wire else _LAST_VALUE


def _name(data: bytes) -> str:
    if len(data) > MAXIMUM_NAME:
        raise PayloadError(f"a name of {len(data)} bytes, more than {MAXIMUM_NAME}")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise PayloadError("a name that is not UTF-8") from None


def _key(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Field number, wire type, and where the field's content begins."""
    key, position = _varint(data, position, end)
    number = key >> 3
    if number == 0:
        raise PayloadError("field number 0")
    return number, key & 7, position


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and where it ends."""
    if position >= end:
        raise PayloadError("ends within a number")
    byte = data[position]
    if byte < 128:
        return byte, position + 1
    value, shift = byte & 127, 7
    for at in range(position + 1, min(position + 10, end)):
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + 1
        shift += 7
    raise PayloadError("ends within a number, or the number is too long")


def _span(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Where the content of a field with a length begins and ends."""
    size, start = _varint(data, position, end)
    if size > end - start:
        raise PayloadError(f"a field of {size} bytes where only {end - start} are left")
    return start, start + size


def _skip(data: bytes, position: int, end: int, wire: int) -> int:
    """Where the field ends that begins here."""
    if wire == _VARINT:
        return _varint(data, position, end)[1]
    if wire == _BYTES:
        return _span(data, position, end)[1]
    width = {_FIXED32: 4, _FIXED64: 8}.get(wire)
    if width is None:
        raise PayloadError(f"wire type {wire}")
    if width > end - position:
        raise PayloadError("ends within a number")
    return position + width


@dataclass(frozen=True, slots=True)
class Order:
    """A metric of a command: by alias where the birth gave one, else by name."""

    name: str
    alias: int | None
    datatype: int
    value: float | bool | str
    is_long: bool = False
    """Whether the birth gave an integer of 32 bits in the field for 64 (encoders differ for UInt32)."""


def encode(timestamp_ms: int, orders: list[Order]) -> bytes:
    """A command's payload. Raises ``ValueError`` for a value that its data type cannot hold."""
    return _number(1, timestamp_ms) + b"".join(_delimited(2, _order(order, timestamp_ms)) for order in orders)


def _order(order: Order, timestamp_ms: int) -> bytes:
    who = _delimited(_NAME, order.name.encode()) if order.alias is None else _number(_ALIAS, order.alias)
    return who + _number(_TIMESTAMP, timestamp_ms) + _number(_DATATYPE, order.datatype) + _value(order)


def _value(order: Order) -> bytes:
    value, datatype = order.value, order.datatype
    if datatype in _BITS and not isinstance(value, str):
        bits, whole = _BITS[datatype], int(value)
        low = -(1 << (bits - 1)) if datatype in _SIGNED else 0
        if whole != value or not low <= whole < low + (1 << bits):
            raise ValueError(f"{value} is no {DataType(datatype).name}")
        # A negative number is written in the whole width of its field.
        is_long = bits == 64 or order.is_long
        return _number(_LONG if is_long else _INT, whole & ((1 << (64 if is_long else 32)) - 1))
    if datatype == DataType.FLOAT and not isinstance(value, str):
        if abs(value) > _LARGEST_FLOAT:
            raise ValueError(f"{value} is no FLOAT")
        return _head(_FLOAT_VALUE, _FIXED32) + _FLOAT.pack(value)
    if datatype == DataType.DOUBLE and not isinstance(value, str):
        return _head(_DOUBLE_VALUE, _FIXED64) + _DOUBLE.pack(value)
    if datatype == DataType.BOOLEAN and value in (0, 1):
        return _number(_BOOLEAN, int(value))
    if datatype in _TEXTS and isinstance(value, str):
        return _delimited(_STRING, value.encode())
    raise ValueError(f"{value!r} cannot be sent as data type {datatype}")


def _number(number: int, value: int) -> bytes:
    return _head(number, _VARINT) + _varint_of(value)


def _delimited(number: int, content: bytes) -> bytes:
    return _head(number, _BYTES) + _varint_of(len(content)) + content


def _head(number: int, wire: int) -> bytes:
    return _varint_of(number << 3 | wire)


def _varint_of(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)

"""Sparkplug B payloads as the emulated edge node writes and reads them. Protobuf by hand, of the emulator's own."""

import struct
from dataclasses import dataclass

from simulators.station import Value

INT32, INT64, UINT64, DOUBLE, BOOLEAN, STRING = 3, 4, 8, 10, 11, 12
"""Data types by the specification's numbers."""


@dataclass(frozen=True, slots=True)
class Told:
    """A metric as it is sent. Births give name, alias and type; data only the alias."""

    value: Value
    datatype: int
    name: str | None = None
    alias: int | None = None
    in_birth: bool = False


def message(time_ms: int, seq: int | None, metrics: list[Told]) -> bytes:
    """A payload; deaths have no ``seq``."""
    out = bytearray()
    _uint(out, 1, time_ms)
    for metric in metrics:
        _nested(out, 2, _metric(metric, time_ms))
    if seq is not None:
        _uint(out, 3, seq)
    return bytes(out)


def _metric(metric: Told, time_ms: int) -> bytes:
    out = bytearray()
    if metric.name is not None:
        _nested(out, 1, metric.name.encode())
    if metric.alias is not None:
        _uint(out, 2, metric.alias)
    _uint(out, 3, time_ms)
    if metric.in_birth:
        _uint(out, 4, metric.datatype)
    value = metric.value
    if value is None:
        _uint(out, 7, 1)
    elif metric.datatype == INT32:
        _uint(out, 10, int(value) & 0xFFFF_FFFF)
    elif metric.datatype in {INT64, UINT64}:
        _uint(out, 11, int(value) & 0xFFFF_FFFF_FFFF_FFFF)
    elif metric.datatype == DOUBLE:
        out += _tag(13, 1) + struct.pack("<d", float(value))
    elif metric.datatype == BOOLEAN:
        _uint(out, 14, int(bool(value)))
    else:
        _nested(out, 15, str(value).encode())
    return bytes(out)


def commands(payload: bytes) -> list[tuple[str | int, float | str]]:
    """The metrics of a command: name or alias, and value. Raises ``ValueError`` for what is no command."""
    found: list[tuple[str | int, float | str]] = []
    for number, content in _fields(payload):
        if number != 2 or not isinstance(content, bytes):
            continue
        name: str | int | None = None
        datatype = 0
        value: float | str | None = None
        for inner, each in _fields(content):
            if inner == 1 and isinstance(each, bytes):
                name = each.decode()
            elif inner == 2 and isinstance(each, int) and name is None:
                name = each
            elif inner == 4 and isinstance(each, int):
                datatype = each
            elif inner in {10, 11} and isinstance(each, int):
                width = 64 if inner == 11 else 32
                value = each - (1 << width) if datatype in {1, 2, 3, 4} and each >> (width - 1) else each
            elif inner == 14 and isinstance(each, int):
                value = float(each != 0)
            elif inner in {12, 13} and isinstance(each, float):
                value = each
            elif inner == 15 and isinstance(each, bytes):
                value = each.decode()
        if name is not None and value is not None:
            found.append((name, value))
    return found


def _fields(data: bytes) -> list[tuple[int, int | float | bytes]]:
    found: list[tuple[int, int | float | bytes]] = []
    at = 0
    while at < len(data):
        tag, at = _read_uint(data, at)
        wire = tag & 7
        content: int | float | bytes
        if wire == 0:
            content, at = _read_uint(data, at)
        elif wire == 2:
            size, at = _read_uint(data, at)
            if at + size > len(data):
                raise ValueError("a field is cut off")
            content, at = data[at : at + size], at + size
        elif wire in {1, 5}:
            width, code = (8, "<d") if wire == 1 else (4, "<f")
            if at + width > len(data):
                raise ValueError("a number is cut off")
            content, at = struct.unpack_from(code, data, at)[0], at + width
        else:
            raise ValueError(f"no field has wire type {wire}")
        found.append((tag >> 3, content))
    return found


def _read_uint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise ValueError("a number is cut off")


def _uint(out: bytearray, field: int, value: int) -> None:
    out += _tag(field, 0) + _bytes_of(value)


def _nested(out: bytearray, field: int, content: bytes) -> None:
    out += _tag(field, 2) + _bytes_of(len(content)) + content


def _tag(field: int, wire: int) -> bytes:
    return _bytes_of(field * 8 + wire)


def _bytes_of(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups[-1] |= 0x80
        groups.append(value & 0x7F)
    return bytes(groups)

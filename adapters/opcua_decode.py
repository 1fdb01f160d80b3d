"""OPC UA binary: blocks of data values as columns, without an object for each of them (OPC 10000-6 §5.2).

A block is walked once for where its values lie (at once where all are laid out alike), then each column is taken out by
NumPy for all values of a layout together. Servers differ in what they send with a value, so every value's mask is
looked at; what is no plain number or text is left to the library.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary, variant_from_binary
from asyncua.ua.uaerrors import UaStatusCodeError
from numpy.typing import NDArray

Offsets = NDArray[np.int64]

_FORMATS = {1: "?", 2: "b", 3: "B", 4: "<h", 5: "<H", 6: "<i", 7: "<I", 8: "<q", 9: "<Q", 10: "<f", 11: "<d"}
"""Built-in types that are numbers, by their number on the wire; 1 is Boolean."""
_DTYPES = {kind: np.dtype(code) for kind, code in _FORMATS.items()}
_SCALARS = {kind: struct.Struct(code) for kind, code in _FORMATS.items()}
_BOOLEAN, _TEXT = 1, 12
_OTHER = 255
_ARRAY = 0x80

_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PICO, _SERVER_PICO = 1, 2, 4, 8, 16, 32
"""Bits of a data value's mask: which fields follow, in the order value, status, source time with its picoseconds,
server time with its picoseconds."""
_KNOWN_FIELDS = 63

_FIELD_SIZES = ((_STATUS, 4), (_SOURCE, 8), (_SOURCE_PICO, 2), (_SERVER, 8), (_SERVER_PICO, 2))
_TAIL_SIZES = [sum(size for bit, size in _FIELD_SIZES if mask & bit) for mask in range(_KNOWN_FIELDS + 1)]
"""What follows the value, in bytes, by mask."""
_SIZES: dict[int, int] = {
    mask << 8 | kind: 1 + (1 + _DTYPES[kind].itemsize if kind else 0) + _TAIL_SIZES[mask]
    for mask in range(_KNOWN_FIELDS + 1)
    for kind in ((0, *_DTYPES) if mask & _VALUE else (0,))
    if kind or not mask & _VALUE
}
"""Bytes of a data value, by mask and type, where they do not depend on the value."""

_UNIX_TICKS = 116_444_736_000_000_000
"""From 1601, where OPC UA's time begins, to 1970; in ticks of 100 ns."""
_TICKS_A_S = 1e7
_NO_TIME_TICKS = 366 * 86_400 * 10_000_000
"""A time in the year 1601 is how some servers say that they have none."""

_DATA_CHANGE = ObjectIds.DataChangeNotification_Encoding_DefaultBinary
_STATUS_CHANGE = ObjectIds.StatusChangeNotification_Encoding_DefaultBinary


class DecodeError(Exception):
    """A server's message is not what it should be."""


@dataclass(frozen=True, slots=True)
class Block:
    """Data values as columns of one length."""

    handles: Offsets
    """Client handles; in the answer to a read, the number of the value."""
    numbers: NDArray[np.float64]
    """NaN where the value is no number."""
    is_number: NDArray[np.bool_]
    is_bool: NDArray[np.bool_]
    statuses: NDArray[np.uint32]
    times: NDArray[np.float64]
    """The device's own time, else the server's, UTC epoch seconds; NaN where there is neither."""
    _data: bytes = field(repr=False)
    _starts: Offsets = field(repr=False)
    _kinds: NDArray[np.uint8] = field(repr=False)
    _objects: dict[int, object] = field(repr=False)

    def of(self, handles: Offsets) -> "Block":
        """The same values as those of these handles."""
        return replace(self, handles=handles)

    def kind(self, at: int) -> int:
        """The built-in type of the number at a place; 0 where there is none."""
        kind = int(self._kinds[at])
        return kind if kind in _SCALARS else 0

    def raw(self, at: int) -> object:
        """The value at a place as a Python object: an exact integer, a truth, a text, ``None`` where there is none."""
        if at in self._objects:
            return self._objects[at]
        kind = int(self._kinds[at])
        return _SCALARS[kind].unpack_from(self._data, int(self._starts[at]) + 2)[0] if kind in _SCALARS else None


@dataclass(frozen=True, slots=True)
class Published:
    """One publish response."""

    subscription: int
    sequence: int
    blocks: list[Block]
    ended: int | None
    """The status by which the server ended the subscription, ``None`` while it goes on."""
    is_keep_alive: bool


def decode_publish(body: Buffer) -> Published:
    """A publish response, from its type id on. Raises ``DecodeError``, and ``UaError`` for a refusal."""
    with _reading("a publish response"):
        data = _opened(body)
        subscription = _unsigned(data)
        data.skip(4 * max(_signed(data), 0))
        data.skip(1)
        sequence = _unsigned(data)
        data.skip(8)
        count = max(_signed(data), 0)
        blocks: list[Block] = []
        ended = None
        for _ in range(count):
            kind = nodeid_from_binary(data).Identifier
            encoding = data.read(1)[0]
            if not encoding & 1:
                continue
            length = _signed(data)
            # Some old servers do not fill in the length.
            part = data if length < 0 else data.copy(length)
            if kind == _DATA_CHANGE:
                blocks.append(_data_changes(part))
            elif kind == _STATUS_CHANGE:
                ended = _unsigned(part)
            if length < 0:
                break
            data.skip(length)
    return Published(subscription, sequence, blocks, ended, count == 0)


def decode_read(body: Buffer) -> Block:
    """The answer to a read, from its type id on. Raises ``DecodeError``, and ``UaError`` for a refusal."""
    with _reading("the answer to a read"):
        data = _opened(body)
        count = max(_signed(data), 0)
        return _block(bytes(data._data), data.cur_pos, count, 0)


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Makes whatever a broken message leads to into a ``DecodeError``, but for the server's own refusals."""
    try:
        yield
    except (DecodeError, UaStatusCodeError):
        raise
    # The library's decoders stumble in ways of their own over bytes that mean nothing.
    except Exception as error:
        raise DecodeError(f"{what} cannot be read: {type(error).__name__}: {error}") from error


def _opened(body: Buffer) -> Buffer:
    """The message after its header, which has been looked at."""
    data = body.copy()
    nodeid_from_binary(data)
    struct_from_binary(ua.ResponseHeader, data).ServiceResult.check()
    return data


def _signed(data: Buffer) -> int:
    return int.from_bytes(data.read(4), "little", signed=True)


def _unsigned(data: Buffer) -> int:
    return int.from_bytes(data.read(4), "little")


def _data_changes(part: Buffer) -> Block:
    count = max(_signed(part), 0)
    return _block(bytes(part._data), part.cur_pos, count, 4)


def _block(data: bytes, at: int, count: int, head: int) -> Block:
    """``head``: bytes before each data value, 4 for a client handle."""
    if count > len(data) - at:
        raise DecodeError(f"{count} values are announced in {len(data) - at} bytes")
    octets = np.frombuffer(data, dtype=np.uint8)
    objects: dict[int, object] = {}
    ends: dict[int, int] = {}
    found = _alike(octets, at, count, head)
    starts, keys = found if found else _walked(data, at, count, head, objects, ends)
    kinds = (keys & 0xFF).astype(np.uint8)
    numbers = np.full(count, np.nan)
    statuses = np.zeros(count, dtype=np.uint32)
    times = np.full(count, np.nan)
    tails = starts + 1
    for key in np.unique(keys).tolist():
        mask, kind = key >> 8, key & 0xFF
        places = np.flatnonzero(keys == key)
        if kind in _DTYPES:
            numbers[places] = _column(data, starts[places] + 2, _DTYPES[kind])
            tails[places] += 1 + _DTYPES[kind].itemsize
        elif mask & _VALUE:
            tails[places] = [ends[place] for place in places.tolist()]
        after = tails[places]
        if mask & _STATUS:
            statuses[places] = _column(data, after, _DTYPES[7])
            after += 4
        if mask & _SERVER:
            skipped = (8 if mask & _SOURCE else 0) + (2 if mask & _SOURCE_PICO else 0)
            times[places] = _seconds(_column(data, after + skipped, _DTYPES[8]))
        if mask & _SOURCE:
            own = _seconds(_column(data, after, _DTYPES[8]))
            times[places] = np.where(np.isnan(own), times[places], own)
    return Block(
        handles=_column(data, starts - head, _DTYPES[7]).astype(np.int64) if head else np.arange(count),
        numbers=numbers,
        is_number=(kinds > _BOOLEAN) & (kinds < _TEXT),
        is_bool=kinds == _BOOLEAN,
        statuses=statuses,
        times=times,
        _data=data,
        _starts=starts,
        _kinds=kinds,
        _objects=objects,
    )


def _alike(octets: NDArray[np.uint8], at: int, count: int, head: int) -> tuple[Offsets, Offsets] | None:
    """Where the data values start, and their masks with types, if all are laid out as the first one is."""
    first = at + head
    if count < 2 or first + 1 >= len(octets):
        return None
    mask = int(octets[first])
    key = mask << 8 | (int(octets[first + 1]) if mask & _VALUE else 0)
    step = head + _SIZES.get(key, 0)
    if step == head or at + count * step > len(octets):
        return None
    starts = np.arange(first, first + count * step, step)
    if (octets[starts] != mask).any() or (mask & _VALUE and (octets[starts + 1] != key & 0xFF).any()):
        return None
    return starts, np.full(count, key)


def _walked(
    data: bytes, at: int, count: int, head: int, objects: dict[int, object], ends: dict[int, int]
) -> tuple[Offsets, Offsets]:
    """The same, value by value. What is no number goes to ``objects``, and where it ends to ``ends``."""
    starts: list[int] = []
    keys: list[int] = []
    sizes = _SIZES
    for place in range(count):
        at += head
        mask = data[at]
        key = mask << 8 | (data[at + 1] if mask & 1 else 0)
        starts.append(at)
        size = sizes.get(key)
        if size is None:
            if mask > _KNOWN_FIELDS:
                raise DecodeError(f"a value's mask is {mask:#x}")
            objects[place], end = _object(data, at + 1)
            ends[place] = end
            key = mask << 8 | _OTHER
            at = end + _TAIL_SIZES[mask]
        else:
            at += size
        keys.append(key)
    if at > len(data):
        raise DecodeError("the values end before they should")
    return np.array(starts, dtype=np.int64), np.array(keys, dtype=np.int64)


def _object(data: bytes, at: int) -> tuple[object, int]:
    """A variant that is no single number, and where it ends."""
    if data[at] == _TEXT:
        (length,) = struct.unpack_from("<i", data, at + 1)
        end = at + 5 + max(length, 0)
        if end > len(data):
            raise DecodeError("a text ends before it should")
        return (data[at + 5 : end].decode("utf-8", "replace") if length >= 0 else None), end
    if data[at] & _ARRAY and struct.unpack_from("<i", data, at + 1)[0] > len(data) - at:
        raise DecodeError("an array is longer than its message")
    rest = Buffer(data, at)
    value = variant_from_binary(rest).Value
    if isinstance(value, ua.LocalizedText):
        value = value.Text
    elif isinstance(value, UUID):
        value = str(value)
    return value, rest.cur_pos


def _column(data: bytes, starts: Offsets, kind: np.dtype[np.generic]) -> NDArray[np.generic]:
    """The values of a type that start at these bytes, taken from a view that has one at every byte."""
    if starts.size == 0:
        return np.empty(0, dtype=kind)
    everywhere: NDArray[np.generic] = np.ndarray(max(len(data) - kind.itemsize + 1, 0), kind, data, strides=(1,))
    return everywhere[starts]


def _seconds(column: NDArray[np.generic]) -> NDArray[np.float64]:
    ticks = column.astype(np.int64)
    told = ticks >= _NO_TIME_TICKS
    seconds: NDArray[np.float64] = (np.where(told, ticks, _UNIX_TICKS) - _UNIX_TICKS) / _TICKS_A_S
    return np.where(told, seconds, np.nan)

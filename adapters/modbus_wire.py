"""Modbus on the wire: requests into bytes, and the one answer that fits a request out of a stream of bytes. Pure."""

import struct
from typing import Protocol

import numpy as np

MAXIMUM_FRAME = 260
"""Bytes of the longest frame of any kind."""

READ_CODES = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
BIT_CODES = frozenset({1, 2})

_REFUSED = 0x80
_MBAP = struct.Struct(">HHHB")
_MBAP_SHORTEST, _MBAP_LONGEST = 2, 254
"""What the length field may say: unit and function code, up to a unit and the longest PDU."""
_RTU_LONGEST_DATA = 250
_ON = b"\xff\x00"
_OFF = b"\x00\x00"


class RefusedError(Exception):
    """The device answered with an exception; ``code`` is its number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class MalformedError(Exception):
    """The device answered, but not what was asked for; the text says what came instead."""


def read_request(table: str, address: int, count: int) -> bytes:
    """The PDU that reads ``count`` registers or bits of a table."""
    return struct.pack(">BHH", READ_CODES[table], address, count)


def write_request(address: int, data: bytes, *, several: bool = False) -> bytes:
    """The PDU that writes registers, two bytes each: function 6 for one, 16 for more or where ``several`` is set."""
    count = len(data) // 2
    if count == 1 and not several:
        return struct.pack(">BH", 6, address) + data
    return struct.pack(">BHHB", 16, address, count, len(data)) + data


def write_coil_request(address: int, on: bool, *, several: bool = False) -> bytes:
    """The PDU that writes one coil: function 5, or 15 where ``several`` is set."""
    if several:
        return struct.pack(">BHHBB", 15, address, 1, 1, on)
    return struct.pack(">BH", 5, address) + (_ON if on else _OFF)


def read_answer(pdu: bytes, request: bytes) -> bytes:
    """The registers of an answer to a read, two bytes each, big-endian; each bit is a register of 0 or 1.

    Raises ``RefusedError``, or ``MalformedError`` where the answer does not hold exactly what was asked for: some
    servers answer a read past their end with fewer registers, and call it success.
    """
    _accepted(pdu)
    count = int.from_bytes(request[3:5], "big")
    if len(pdu) < 2 or len(pdu) != 2 + pdu[1]:
        raise MalformedError("an answer whose length contradicts itself")
    if pdu[0] in BIT_CODES:
        if pdu[1] != (count + 7) // 8:
            raise MalformedError(f"{8 * pdu[1]} bits instead of {count}")
        bits = np.unpackbits(np.frombuffer(pdu, dtype=np.uint8, offset=2), count=count, bitorder="little")
        return bits.astype(">u2").tobytes()
    if pdu[1] != 2 * count:
        raise MalformedError(f"{pdu[1] / 2:g} values instead of {count}")
    return pdu[2:]


def check_written(pdu: bytes, request: bytes) -> None:
    """Raise ``RefusedError``, or ``MalformedError`` where an answer is not to this write.

    What value a device says it took is not looked at: it is read back.
    """
    _accepted(pdu)
    if len(pdu) != 5 or pdu[:3] != request[:3]:
        raise MalformedError("an answer to another write")


def _accepted(pdu: bytes) -> None:
    if pdu[0] & _REFUSED:
        if len(pdu) != 2:
            raise MalformedError("an exception whose length contradicts itself")
        raise RefusedError(pdu[1])


class Framing(Protocol):
    """How a PDU travels."""

    numbered: bool
    """Whether an answer says to which request it belongs."""

    def frame(self, number: int, unit: int, pdu: bytes) -> bytes:
        """The bytes of a request."""

    def take(self, buffer: bytearray, number: int, unit: int, code: int) -> bytes | None:
        """The PDU that answers a request, ``None`` while there is none.

        Takes out of the buffer what was used and what can never be part of the answer, so that less than one frame
        stays in it: garbage, answers to other requests, frames that are damaged.
        """


class TcpFraming:
    """Modbus TCP: a header with transaction number, length and unit."""

    numbered = True

    def frame(self, number: int, unit: int, pdu: bytes) -> bytes:
        return _MBAP.pack(number, 0, len(pdu) + 1, unit) + pdu

    def take(self, buffer: bytearray, number: int, unit: int, code: int) -> bytes | None:
        while len(buffer) > _MBAP.size:
            its_number, protocol, length, its_unit = _MBAP.unpack_from(buffer)
            if protocol != 0 or not _MBAP_SHORTEST <= length <= _MBAP_LONGEST:
                # Not a header. The next place that could be one is where our own answer begins.
                at = buffer.find(number.to_bytes(2, "big") + b"\0\0", 1)
                del buffer[: at if at > 0 else len(buffer) - 3]
                continue
            end = length + 6
            if len(buffer) < end:
                return None
            pdu = bytes(buffer[7:end])
            del buffer[:end]
            if its_number == number and its_unit == unit and pdu[0] & ~_REFUSED == code:
                return pdu
        return None


class RtuFraming:
    """Modbus RTU: unit and checksum, no length and no number. Also what most converters send over TCP."""

    numbered = False

    def frame(self, number: int, unit: int, pdu: bytes) -> bytes:
        body = bytes([unit]) + pdu
        return body + crc(body)

    def take(self, buffer: bytearray, number: int, unit: int, code: int) -> bytes | None:
        # Wherever the unit's number stands an answer may begin; the checksum tells.
        keep = len(buffer)
        at = buffer.find(unit)
        while at >= 0:
            length = self._length(buffer, at, code)
            if length and at + length > len(buffer):
                keep = min(keep, at)
            elif length and crc(buffer[at : at + length - 2]) == buffer[at + length - 2 : at + length]:
                pdu = bytes(buffer[at + 1 : at + length - 2])
                del buffer[: at + length]
                return pdu
            at = buffer.find(unit, at + 1)
        del buffer[:keep]
        return None

    def _length(self, buffer: bytearray, at: int, code: int) -> int:
        """Bytes of the answer that begins here, as far as it is known; 0: none begins here."""
        if len(buffer) < at + 2:
            return 5
        if buffer[at + 1] == code | _REFUSED:
            return 5
        if buffer[at + 1] != code:
            return 0
        if code not in READ_CODES.values():
            return 8
        if len(buffer) < at + 3:
            return 5
        return 5 + buffer[at + 2] if buffer[at + 2] <= _RTU_LONGEST_DATA else 0


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc(data: bytes | bytearray) -> bytes:
    """The checksum of RTU frames, low byte first.

    >>> crc(bytes.fromhex("010300000001")).hex()
    '840a'
    """
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _CRC_TABLE[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")

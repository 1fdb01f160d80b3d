"""Modbus frames: the answer that fits a request is found in any stream of bytes, and only the two errors come of it."""

import struct

from adapters.modbus_wire import (
    MalformedError,
    RefusedError,
    RtuFraming,
    TcpFraming,
    check_written,
    crc,
    read_answer,
    read_request,
    write_request,
)
from tests.fuzz.engine import target

_READ = read_request("holding", 4, 3)
_COILS = read_request("coil", 0, 9)
_WRITE = write_request(7, b"\x12\x34")
_REQUESTS = (_READ, _COILS, _WRITE)
_PDUS = (b"\x03\x06\x00\x01\x00\x02\x00\x03", b"\x01\x02\xff\x01", b"\x06\x00\x07\x12\x34", b"\x83\x02")
_TCP = [struct.pack(">HHHB", 9, 0, len(pdu) + 1, 1) + pdu for pdu in _PDUS]
_RTU = [b"\x01" + pdu + crc(b"\x01" + pdu) for pdu in _PDUS]


@target([*_TCP, *_RTU, b"".join(_TCP), b"".join(_RTU)], share=2.0)
def modbus_frames(data: bytes) -> None:
    for framing in (TcpFraming(), RtuFraming()):
        for request in _REQUESTS:
            buffer, half = bytearray(), len(data) // 2
            for piece in (data[:half], data[half:]):
                buffer += piece
                before = len(buffer)
                pdu = framing.take(buffer, 9, 1, request[0])
                assert len(buffer) <= before
                if pdu is not None:
                    assert pdu[0] & 0x7F == request[0]
                    _answered(pdu, request)
                    break
            else:
                assert len(buffer) < 520


def _answered(pdu: bytes, request: bytes) -> None:
    try:
        if request is _WRITE:
            check_written(pdu, request)
        else:
            assert len(read_answer(pdu, request)) == 2 * int.from_bytes(request[3:5], "big")
    except (RefusedError, MalformedError):
        return

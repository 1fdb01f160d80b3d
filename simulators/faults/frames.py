"""Messages on the wire: where one ends in a stream of bytes, and what can be changed about it."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

MODBUS_HEADER = 7
LARGEST = 16_000_000
"""Bytes of a message; a length beyond it means that the stream is not what it should be."""
UNKNOWN = -1
"""The size of what is no message of the protocol."""

PUBLISH = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """One message under way. ``from_device``: the emulated device sent it, to its client or its broker."""

    data: bytes
    from_device: bool
    protocol: str
    framing: str
    connection: int
    """A number of the connection's own."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is sent on: later, or ``back`` to where the frame came from."""

    data: bytes
    delay_s: float = 0.0
    back: bool = False


def _mbap(data: bytearray) -> int:
    if len(data) < 6:
        return 0
    protocol, length = struct.unpack_from(">HH", data, 2)
    return 6 + length if protocol == 0 and 2 <= length <= 260 else UNKNOWN


def _opcua(data: bytearray) -> int:
    if len(data) < 8:
        return 0
    size = int.from_bytes(data[4:8], "little")
    return size if 8 <= size <= LARGEST else UNKNOWN


def _mqtt(data: bytearray) -> int:
    size = 0
    for at in range(1, 5):
        if len(data) <= at:
            return 0
        size |= (data[at] & 0x7F) << 7 * (at - 1)
        if not data[at] & 0x80:
            return 1 + at + size
    return UNKNOWN


def _json(data: bytearray) -> int:
    """A length of four bytes and JSON, or one line of it."""
    if not data:
        return 0
    if data[:1] == b"{":
        return data.find(b"\n") + 1
    if len(data) < 4:
        return 0
    size = int.from_bytes(data[:4], "big")
    return 4 + size if size <= LARGEST else UNKNOWN


def _whatever(data: bytearray) -> int:
    """What arrives at once: RTU frames carry no length."""
    return len(data)


SIZES: dict[str, Callable[[bytearray], int]] = {
    "mbap": _mbap,
    "rtu": _whatever,
    "opcua": _opcua,
    "mqtt": _mqtt,
    "json": _json,
}


def framing_of(protocol: str, scheme: str) -> str:
    """How messages lie in the stream of a device.

    >>> framing_of("modbus", "modbus+rtu")
    'rtu'
    """
    if protocol == "modbus":
        return "rtu" if scheme == "modbus+rtu" else "mbap"
    return {"opcua": "opcua", "mqtt": "mqtt", "sparkplug": "mqtt", "tower": "json"}[protocol]


class Framer:
    """Cuts one direction of a connection into whole messages; what is none goes through as it comes."""

    def __init__(self, framing: str) -> None:
        self._size = SIZES[framing]
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now."""
        self._rest += data
        frames: list[bytes] = []
        while self._rest:
            size = self._size(self._rest)
            if size == UNKNOWN:
                size = len(self._rest)
            if size == 0 or size > len(self._rest):
                break
            frames.append(bytes(self._rest[:size]))
            del self._rest[:size]
        return frames


@dataclass(frozen=True, slots=True)
class ModbusFrame:
    """A Modbus message without its envelope. ``transaction`` is ``None`` on RTU."""

    transaction: int | None
    unit: int
    pdu: bytes

    @property
    def function(self) -> int:
        return self.pdu[0]

    def encode(self) -> bytes:
        """The message with its envelope."""
        if self.transaction is None:
            body = bytes([self.unit]) + self.pdu
            return body + crc16(body).to_bytes(2, "little")
        return struct.pack(">HHHB", self.transaction, 0, len(self.pdu) + 1, self.unit) + self.pdu


def modbus_frame(frame: Frame) -> ModbusFrame | None:
    """The Modbus message of a frame, ``None`` where it is none."""
    data = frame.data
    if frame.framing == "rtu":
        return ModbusFrame(None, data[0], data[1:-2]) if len(data) >= 4 else None
    if len(data) <= MODBUS_HEADER or data[2:4] != b"\0\0":
        return None
    return ModbusFrame(int.from_bytes(data[:2], "big"), data[6], data[7:])


def crc16(data: bytes) -> int:
    """The check sum of a Modbus RTU frame.

    >>> hex(crc16(bytes([1, 4, 2, 0xFF, 0xFF])))
    '0x80b8'
    """
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


@dataclass(frozen=True, slots=True)
class MqttPublish:
    """A PUBLISH packet of MQTT 3.1.1."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    duplicate: bool
    identifier: int

    def encode(self) -> bytes:
        body = struct.pack(">H", len(self.topic)) + self.topic
        if self.qos:
            body += struct.pack(">H", self.identifier)
        body += self.payload
        head = PUBLISH << 4 | self.duplicate << 3 | self.qos << 1 | self.retain
        return bytes([head]) + _remaining_length(len(body)) + body


def mqtt_publish(frame: Frame) -> MqttPublish | None:
    """The PUBLISH packet that a frame is, ``None`` where it is another one."""
    data = frame.data
    if frame.framing != "mqtt" or data[0] >> 4 != PUBLISH:
        return None
    at = _body(data)
    length = int.from_bytes(data[at : at + 2], "big")
    topic = data[at + 2 : at + 2 + length]
    at += 2 + length
    qos = data[0] >> 1 & 3
    identifier = int.from_bytes(data[at : at + 2], "big") if qos else 0
    return MqttPublish(topic, data[at + 2 * bool(qos) :], qos, bool(data[0] & 1), bool(data[0] & 8), identifier)


@dataclass(frozen=True, slots=True)
class MqttConnect:
    """What a CONNECT packet of MQTT 3.1.1 says that a fault wants to know."""

    client_id: bytes
    will_topic: bytes | None
    will_payload: bytes
    will_retain: bool


def mqtt_connect(frame: Frame) -> MqttConnect | None:
    """The CONNECT packet that a frame is, ``None`` where it is another one."""
    data = frame.data
    if frame.framing != "mqtt" or data[0] >> 4 != 1:
        return None
    at = _body(data)
    _, at = _string(data, at)
    flags = data[at + 1]
    client_id, at = _string(data, at + 4)
    if not flags & 4:
        return MqttConnect(client_id, None, b"", False)
    topic, at = _string(data, at)
    payload, _ = _string(data, at)
    return MqttConnect(client_id, topic, payload, bool(flags & 0x20))


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    return data[at + 2 : end], end


def _body(data: bytes) -> int:
    """Where the variable header of an MQTT packet begins."""
    at = 1
    while data[at] & 0x80:
        at += 1
    return at + 1


def _remaining_length(size: int) -> bytes:
    coded = bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        coded.append(low | (0x80 if size else 0))
        if not size:
            return bytes(coded)

"""Packets of MQTT 3.1.1 (OASIS standard, 2014) as far as a client of QoS 0 and 1 needs them. Pure, bounded."""

from collections.abc import Sequence
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGRESP = 1, 2, 3, 4, 8, 9, 13

PING = b"\xc0\x00"
GOODBYE = b"\xe0\x00"

MAXIMUM_PACKET = 1_048_576
"""Bytes of one packet; a larger one is passed over unread."""

REFUSALS = {
    1: "it does not speak MQTT 3.1.1",
    2: "it does not accept the client's name",
    3: "its service is unavailable",
    4: "wrong user name or password",
    5: "not authorised",
}
"""What a broker says in its welcome, by code."""


class PacketError(Exception):
    """Bytes that are no MQTT."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us, retained, when we vanish."""

    topic: str
    payload: bytes


class Splitter:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._rest = b""
        self._pass_over = 0
        self.oversize = 0
        """Packets that were too large to be read."""

    def split(self, data: bytes) -> list[tuple[int, bytes]]:
        """Add what came; returns all packets that are whole now: first byte, and the body. Raises ``PacketError``."""
        if self._pass_over:
            taken = min(self._pass_over, len(data))
            self._pass_over -= taken
            data = data[taken:]
        if self._rest:
            data = self._rest + data
        found: list[tuple[int, bytes]] = []
        position, end = 0, len(data)
        while end - position >= 2:
            size, start = data[position + 1], position + 2
            if size > 127:
                sized = _long_size(data, position + 1)
                if sized is None:
                    break
                size, start = sized
            if size > MAXIMUM_PACKET:
                self.oversize += 1
                self._pass_over = max(0, start + size - end)
                position = min(start + size, end)
                continue
            if start + size > end:
                break
            found.append((data[position], data[start : start + size]))
            position = start + size
        self._rest = data[position:]
        return found


def _long_size(data: bytes, position: int) -> tuple[int, int] | None:
    """A remaining length of several bytes and where it ends; ``None`` where it has not all come yet."""
    size = 0
    for count, byte in enumerate(data[position : position + 4]):
        size |= (byte & 127) << (7 * count)
        if byte < 128:
            return size, position + count + 1
    if len(data) - position >= 4:
        raise PacketError("a packet's length has more than four bytes")
    return None


def published(head: int, body: bytes) -> tuple[str, bytes, int]:
    """Topic, payload and packet number (0 at QoS 0) of a PUBLISH. Raises ``PacketError``."""
    quality = head >> 1 & 3
    if quality > 1:
        raise PacketError(f"a message of QoS {quality}, which nobody asked for")
    if len(body) < 2:
        raise PacketError("a message without a topic")
    stop = 2 + (body[0] << 8 | body[1])
    start = stop + 2 * quality
    if start > len(body):
        raise PacketError("a message shorter than its topic")
    try:
        topic = body[2:stop].decode()
    except UnicodeDecodeError:
        raise PacketError("a topic that is not UTF-8") from None
    return topic, body[start:], body[stop] << 8 | body[stop + 1] if quality else 0


def connect(client_id: str, keepalive_s: int, username: str | None, password: str | None, will: Will | None) -> bytes:
    """CONNECT with a clean session; the will is of QoS 1 and retained."""
    flags, fields = 0x02, [_text(client_id)]
    if will is not None:
        flags |= 0x04 | 0x08 | 0x20
        fields += [_text(will.topic), _binary(will.payload)]
    if username is not None:
        flags |= 0x80
        fields.append(_text(username))
        if password is not None:
            flags |= 0x40
            fields.append(_text(password))
    return _packet(CONNECT << 4, _text("MQTT") + bytes([4, flags]) + keepalive_s.to_bytes(2) + b"".join(fields))


def subscribe(number: int, topics: Sequence[str]) -> bytes:
    """SUBSCRIBE at QoS 1."""
    return _packet(SUBSCRIBE << 4 | 2, number.to_bytes(2) + b"".join(_text(topic) + b"\x01" for topic in topics))


def publish(topic: str, payload: bytes, *, number: int = 0, retained: bool = False) -> bytes:
    """PUBLISH: at QoS 1 where it has a number, else at QoS 0."""
    head = PUBLISH << 4 | (0x02 if number else 0) | retained
    return _packet(head, _text(topic) + (number.to_bytes(2) if number else b"") + payload)


def acknowledge(number: int) -> bytes:
    """PUBACK."""
    return b"\x40\x02" + number.to_bytes(2)


def _packet(head: int, body: bytes) -> bytes:
    size, left = bytearray(), len(body)
    while True:
        left, low = left >> 7, left & 127
        size.append(low | 128 if left else low)
        if not left:
            return bytes([head]) + bytes(size) + body


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(data: bytes) -> bytes:
    if len(data) > 65_535:
        raise ValueError(f"{len(data)} bytes are too long for a field of an MQTT packet")
    return len(data).to_bytes(2) + data

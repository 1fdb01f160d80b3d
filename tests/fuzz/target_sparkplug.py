"""Sparkplug payloads and MQTT packets: whatever bytes come, nothing but the documented errors comes of them."""

import contextlib

from adapters.mqtt_packets import PacketError, Splitter, published
from adapters.sparkplug_payload import PayloadError, decode
from tests.fuzz.engine import target

_METRIC = b"\x0a\x08Pack/SoC\x10\x07\x18\xe8\x07\x20\x0a\x69\x00\x00\x00\x00\x00\x00\xe0\x3f"
_PAYLOADS = [b"", b"\x08\xe8\x07\x12" + bytes([len(_METRIC)]) + _METRIC + b"\x18\x05", b"\x12\x02\x38\x01"]
_PACKETS = [b"\x20\x02\x00\x00", b"\x30\x07\x00\x03a/b{}", b"\x32\x09\x00\x03a/b\x00\x07{}", b"\x90\x03\x00\x01\x01"]


@target(_PAYLOADS, share=1.0)
def sparkplug_payload(data: bytes) -> None:
    with contextlib.suppress(PayloadError):
        decode(data)


@target([*_PACKETS, b"".join(_PACKETS)], share=1.0)
def mqtt_packets(data: bytes) -> None:
    splitter, half = Splitter(), len(data) // 2
    with contextlib.suppress(PacketError):
        for piece in (data[:half], data[half:]):
            for head, body in splitter.split(piece):
                if head >> 4 == 3:
                    published(head, body)

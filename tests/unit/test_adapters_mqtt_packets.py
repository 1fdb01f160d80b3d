"""MQTT packets: cut out of any stream, however it arrives; whatever bytes come, only one error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mqtt_packets import (
    MAXIMUM_PACKET,
    PUBLISH,
    PacketError,
    Splitter,
    Will,
    connect,
    publish,
    published,
    subscribe,
)

MESSAGES = st.lists(
    st.tuples(st.text(max_size=20), st.binary(max_size=300), st.integers(0, 65_535), st.booleans()), max_size=6
)


@given(MESSAGES, st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_messages_are_found_however_their_bytes_arrive(
    messages: list[tuple[str, bytes, int, bool]], pieces: list[int]
) -> None:
    stream = b"".join(
        publish(topic, payload, number=number, retained=kept) for topic, payload, number, kept in messages
    )
    splitter, found, at = Splitter(), [], 0
    while at < len(stream):
        size = pieces[at % len(pieces)]
        found += splitter.split(stream[at : at + size])
        at += size
    assert [(*published(head, body), bool(head & 1)) for head, body in found] == messages


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_are_packets_or_refused(chunks: list[bytes]) -> None:
    splitter = Splitter()
    try:
        for chunk in chunks:
            for head, body in splitter.split(chunk):
                if head >> 4 == PUBLISH:
                    published(head, body)
    except PacketError:
        return


def test_a_packet_that_is_too_large_is_passed_over_and_the_next_is_read() -> None:
    large = publish("t", b"x" * (MAXIMUM_PACKET + 1))
    splitter = Splitter()
    found = splitter.split(large[:100])
    for start in range(100, len(large), 70_000):
        found += splitter.split(large[start : start + 70_000])
    found += splitter.split(publish("t", b"small"))
    assert [body[3:] for _, body in found] == [b"small"]
    assert splitter.oversize == 1


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        (0x34, b"\x00\x01t\x00\x01", "QoS 2"),
        (0x30, b"\x00", "without a topic"),
        (0x30, b"\x00\x09t", "shorter than its topic"),
        (0x32, b"\x00\x01t\x00", "shorter than its topic"),
        (0x30, b"\x00\x01\xff", "UTF-8"),
    ],
)
def test_what_is_no_message_is_refused_in_words(head: int, body: bytes, words: str) -> None:
    with pytest.raises(PacketError, match=words):
        published(head, body)


def test_a_length_of_more_than_four_bytes_is_refused() -> None:
    with pytest.raises(PacketError, match="four bytes"):
        Splitter().split(b"\x30\xff\xff\xff\xff\x01")


def test_the_introduction_has_name_will_and_credentials_as_the_standard_lays_them_out() -> None:
    packet = connect("me", 10, "user", "word", Will("w", b"gone"))
    assert packet == (b"\x10\x23\x00\x04MQTT\x04\xee\x00\x0a\x00\x02me\x00\x01w\x00\x04gone\x00\x04user\x00\x04word")
    assert subscribe(1, ["a/b"]) == b"\x82\x08\x00\x01\x00\x03a/b\x01"

"""OPC UA's binary blocks, decoded as columns: whatever a server sends along with a value."""

import math
import struct
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from adapters.convert import Converter
from adapters.opcua_decode import Block, DecodeError, Published, decode_publish, decode_read
from adapters.opcua_samples import Samples
from tests.support.adapters import device
from twin.signals import Quality, Reason

STAMP = datetime(2026, 3, 4, 5, 6, 7, 891_234, tzinfo=UTC)
TICKS = int(STAMP.timestamp() * 1e7) + 116_444_736_000_000_000


def response(items: list[ua.MonitoredItemNotification], *more: Any, sequence: int = 7) -> bytes:
    message = ua.PublishResponse()
    message.Parameters.SubscriptionId = 5
    message.Parameters.NotificationMessage.SequenceNumber = sequence
    data = [ua.DataChangeNotification(MonitoredItems=items)] if items else []
    message.Parameters.NotificationMessage.NotificationData = [*data, *more]
    return bytes(struct_to_binary(message))


def decoded(message: bytes) -> Published:
    return decode_publish(Buffer(message))


def item(handle: int, value: Any, kind: ua.VariantType | None = None, **fields: Any) -> ua.MonitoredItemNotification:
    return ua.MonitoredItemNotification(handle, ua.DataValue(ua.Variant(value, kind), **fields))


def one_block(items: list[ua.MonitoredItemNotification]) -> Block:
    (block,) = decoded(response(items)).blocks
    return block


T = ua.VariantType
INTEGERS = {T.SByte: 8, T.Int16: 16, T.Int32: 32, T.Int64: 64, T.Byte: 8, T.UInt16: 16, T.UInt32: 32, T.UInt64: 64}
SIGNED = {T.SByte, T.Int16, T.Int32, T.Int64}


def integers(kind: ua.VariantType) -> st.SearchStrategy[tuple[ua.VariantType, Any]]:
    bits = INTEGERS[kind]
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind in SIGNED else (0, 2**bits - 1)
    return st.tuples(st.just(kind), st.integers(low, high))


VALUES = st.one_of(
    *[integers(kind) for kind in INTEGERS],
    st.tuples(st.just(T.Boolean), st.booleans()),
    st.tuples(st.just(T.Double), st.floats(allow_nan=False)),
    st.tuples(st.just(T.Float), st.floats(width=32, allow_nan=False)),
    st.tuples(st.just(T.String), st.text(max_size=20)),
    st.tuples(st.just(T.String), st.none()),
    st.tuples(st.just(T.Null), st.none()),
    st.tuples(st.just(T.Guid), st.uuids()),
    st.tuples(st.just(T.Double), st.lists(st.floats(allow_nan=False), max_size=3)),
)


@given(
    st.lists(
        st.tuples(
            VALUES,
            st.sampled_from([None, ua.StatusCode(0), ua.StatusCode(ua.UInt32(0x8034_0000))]),
            st.sampled_from([None, STAMP]),
            st.sampled_from([None, STAMP.replace(year=2027)]),
        ),
        max_size=12,
    )
)
def test_a_block_holds_what_the_server_sent_whatever_it_sends_along(rows: list[Any]) -> None:
    items = [
        item(handle, value, kind, StatusCode=status, SourceTimestamp=source, ServerTimestamp=server)
        for handle, ((kind, value), status, source, server) in enumerate(rows)
    ]
    if not items:
        assert decoded(response(items)).is_keep_alive
        return
    block = one_block(items)
    assert block.handles.tolist() == list(range(len(rows)))
    for at, ((kind, value), status, source, server) in enumerate(rows):
        raw = block.raw(at)
        assert raw == (str(value) if isinstance(value, UUID) else value)
        assert block.is_bool[at] == (kind is T.Boolean)
        is_number = (kind in INTEGERS or kind in {T.Float, T.Double}) and not isinstance(value, list)
        assert block.is_number[at] == is_number
        if is_number:
            assert block.numbers[at] == float(value)
        assert block.statuses[at] == (status.value if status else 0)
        told = source or server
        assert math.isnan(block.times[at]) if told is None else abs(block.times[at] - told.timestamp()) < 1e-6


def by_hand(handle: int, value: float, *, with_picoseconds: bool) -> bytes:
    """As node-opcua lays it out: both times, each followed by its picoseconds."""
    mask = 1 | 4 | 8 | (16 | 32 if with_picoseconds else 0)
    pico = struct.pack("<H", 4321) if with_picoseconds else b""
    value_part = struct.pack("<IBBd", handle, mask, 11, value)
    return value_part + struct.pack("<q", TICKS) + pico + struct.pack("<q", TICKS + 10_000_000) + pico


@pytest.mark.parametrize("with_picoseconds", [True, False])
def test_picoseconds_stand_behind_the_time_that_they_belong_to(with_picoseconds: bool) -> None:
    values = b"".join(by_hand(handle, 0.5 * handle, with_picoseconds=with_picoseconds) for handle in range(3))
    message = response([item(9, 1.0, T.Double)])
    mark = message.index(struct.pack("<IBB", 9, 3, 11))
    before, old = message[: mark - 8], message[mark - 8 :]
    body = struct.pack("<i", 3) + values + struct.pack("<i", -1)
    tail = old[4 + struct.unpack_from("<i", old)[0] :]
    (block,) = decoded(before + struct.pack("<i", len(body)) + body + tail).blocks
    assert block.numbers.tolist() == [0.0, 0.5, 1.0]
    assert block.times.tolist() == pytest.approx([STAMP.timestamp()] * 3, abs=1e-6)


def test_the_year_1601_is_no_time_and_the_server_s_time_counts_where_the_device_has_none() -> None:
    none = datetime(1601, 1, 1, tzinfo=UTC)
    block = one_block([item(0, 1.0), item(1, 1.0, SourceTimestamp=none), item(2, 1.0, ServerTimestamp=STAMP)])
    assert math.isnan(block.times[0])
    assert math.isnan(block.times[1])
    assert block.times[2] == pytest.approx(STAMP.timestamp(), abs=1e-6)


def test_a_whole_64_bit_word_survives() -> None:
    assert one_block([item(0, 2**64 - 1, T.UInt64)]).raw(0) == 2**64 - 1


def test_structures_and_texts_in_several_languages_are_read_beside_plain_values() -> None:
    block = one_block(
        [
            item(0, ua.LocalizedText("PK-7", "en"), T.LocalizedText),
            item(1, ua.Argument(Name="x"), T.ExtensionObject),
            item(2, 3.5, T.Double),
        ]
    )
    assert block.raw(0) == "PK-7"
    assert not block.is_number[1]
    assert block.numbers[2] == 3.5


def test_an_ended_subscription_and_events_are_told_apart_from_values() -> None:
    ended = decoded(response([], ua.StatusChangeNotification(Status=ua.StatusCode(ua.UInt32(0x800A_0000)))))
    assert ended.ended == 0x800A_0000
    assert not ended.is_keep_alive
    events = decoded(response([item(1, 2.0)], ua.EventNotificationList()))
    assert (events.ended, len(events.blocks), events.subscription, events.sequence) == (None, 1, 5, 7)
    assert decoded(response([])).is_keep_alive


def test_a_refusal_is_the_library_s_own_error() -> None:
    message = ua.ReadResponse()
    message.ResponseHeader.ServiceResult = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNothingToDo))
    with pytest.raises(ua.UaStatusCodeError, match="BadNothingToDo"):
        decode_read(Buffer(struct_to_binary(message)))


GOOD = response([item(0, 1.5, T.Double, SourceTimestamp=STAMP), item(1, "PK-1"), item(2, True), item(3, [1, 2])])


@given(st.data())
def test_no_broken_message_escapes_as_anything_but_a_decode_error(data: st.DataObject) -> None:
    broken = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    message = bytes(broken[: data.draw(st.integers(0, len(broken)))])
    try:
        decoded(message)
    except (DecodeError, ua.UaStatusCodeError):
        return


def test_more_values_than_bytes_are_refused_before_memory_is_taken_for_them() -> None:
    mark = GOOD.index(struct.pack("<IBB", 0, 7, 11)) - 4
    with pytest.raises(DecodeError, match="announced"):
        decoded(GOOD[:mark] + struct.pack("<i", 2**31 - 1) + GOOD[mark + 4 :])


POINTS = [
    {"signal": "soc", "address": "nsu=u;s={index}.soc"},
    {"signal": "occupied", "address": "nsu=u;s={index}.o"},
    {"signal": "enabled", "address": "nsu=u;s={index}.flags", "bit": 40},
    {"signal": "pack_id", "address": "nsu=u;s={index}.id"},
]


def test_samples_stand_in_the_order_in_which_they_came_and_a_strange_handle_is_left_out() -> None:
    bound = device("opc.tcp://127.0.0.1:1", POINTS, slots=1)
    samples = Samples(Converter(bound.points), bound.points)
    texts: list[str] = []

    def intern(text: str) -> int:
        texts.append(text)
        return len(texts) - 1

    items = [
        item(3, "PK-1"),
        item(0, 0.25, T.Double),
        item(77, 1.0),
        item(2, 1 << 40, T.UInt64),
        item(0, True),
        item(1, True),
        item(0, 0.75, T.Double, StatusCode=ua.StatusCode(ua.UInt32(ua.StatusCodes.UncertainLastUsableValue))),
    ]
    batch = samples.batch(one_block(items), 100.0, intern)
    assert batch.points.tolist() == [3, 0, 2, 0, 1, 0]
    assert batch.values.tolist()[:3] == [0.0, 0.25, 1.0]
    assert math.isnan(batch.values[3])
    assert batch.values.tolist()[4:] == [1.0, 0.75]
    assert batch.reasons.tolist() == [0, 0, 0, Reason.SENSOR_FAILURE, 0, Reason.STALE]
    assert batch.qualities[5] == Quality.UNCERTAIN
    assert batch.source_times.tolist() == [100.0] * 6
    assert texts == ["PK-1"]

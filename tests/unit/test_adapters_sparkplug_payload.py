"""Sparkplug payloads: read as others write them, written as others read them; whatever bytes come, only one error."""

import gzip
import json
import os
import shutil
import struct
import zlib
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sparkplug_payload import (
    MAXIMUM_METRICS,
    MAXIMUM_PAYLOAD,
    UNREADABLE,
    DataType,
    Order,
    PayloadError,
    decode,
    encode,
)
from simulators.sparkplug_wire import BOOLEAN, DOUBLE, INT32, INT64, STRING, UINT64, Told, commands, message
from tests.support.peers import SOURCES

RANGES = {
    DataType.INT8: (-(2**7), 2**7 - 1),
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1),
    DataType.INT64: (-(2**63), 2**63 - 1),
    DataType.UINT8: (0, 2**8 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.UINT64: (0, 2**64 - 1),
    DataType.DATE_TIME: (0, 2**63 - 1),
}

VALUES = st.one_of(
    *[st.tuples(st.just(kind), st.integers(low, high)) for kind, (low, high) in RANGES.items()],
    st.tuples(st.just(DataType.FLOAT), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    st.tuples(st.just(DataType.DOUBLE), st.floats(allow_nan=False)),
    st.tuples(st.just(DataType.BOOLEAN), st.booleans()),
    st.tuples(st.sampled_from([DataType.STRING, DataType.TEXT, DataType.UUID]), st.text()),
)


@given(st.integers(0, 2**63), VALUES, st.integers(0, 2**64 - 1) | st.none(), st.text(max_size=40))
def test_what_is_written_is_read_back(time: int, typed: tuple[DataType, Any], alias: int | None, name: str) -> None:
    datatype, value = typed
    (metric,) = decode(encode(time, [Order(name, alias, datatype, value)])).metrics
    assert (metric.alias, metric.name) == ((None, name) if alias is None else (alias, None))
    assert metric.datatype == datatype
    assert metric.timestamp == time
    assert metric.value(datatype) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        payload = decode(data)
    except PayloadError:
        return
    for metric in payload.metrics:
        for datatype in range(-1, 40):
            assert metric.value(datatype) is UNREADABLE or metric.value(datatype) is None or metric.kind


@given(st.data())
def test_a_damaged_birth_is_read_or_refused(data: st.DataObject) -> None:
    told = [
        Told(0.5, DOUBLE, name="Slot01/Pack/SoC", alias=1, in_birth=True),
        Told("PK-1", STRING, name="Slot01/Pack/Id", alias=2, in_birth=True),
        Told(None, INT32, name="Slot01/Charger/State", alias=3, in_birth=True),
    ]
    sent = bytearray(message(1_800_000_000_000, 0, told))
    for at in data.draw(st.lists(st.integers(0, len(sent) - 1), min_size=1, max_size=4)):
        sent[at] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(sent[: data.draw(st.integers(0, len(sent)))]))
    except PayloadError:
        return


@pytest.mark.parametrize(
    ("value", "datatype"),
    [(-7, INT32), (2**40, INT64), (-1, INT64), (2**64 - 1, UINT64), (0.25, DOUBLE), (True, BOOLEAN), ("PK-1", STRING)],
)
def test_the_emulator_s_own_encoder_is_understood_and_understands(value: Any, datatype: int) -> None:
    payload = decode(message(1_800_000_000_123, 255, [Told(value, datatype, name="m", alias=300, in_birth=True)]))
    assert (payload.timestamp, payload.seq) == (1_800_000_000_123, 255)
    (metric,) = payload.metrics
    assert (metric.name, metric.alias, metric.value(datatype)) == ("m", 300, value)
    assert commands(encode(1, [Order("m", None, datatype, value)])) == [("m", value)]
    assert commands(encode(1, [Order("m", 300, datatype, value)])) == [(300, value)]


def test_null_has_no_value_and_a_value_of_another_type_is_unreadable() -> None:
    (null,) = decode(message(1, 0, [Told(None, DOUBLE, alias=1)])).metrics
    assert null.is_null
    assert null.value(DataType.DOUBLE) is None
    (text,) = decode(message(1, 0, [Told("full", STRING, alias=1)])).metrics
    assert text.value(DataType.DOUBLE) is UNREADABLE
    assert text.value(DataType.UNKNOWN) is UNREADABLE


@pytest.mark.parametrize("written", [0xFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF])
def test_a_negative_number_is_one_however_wide_it_is_written(written: int) -> None:
    varint = bytearray()
    left = written
    while left > 127:
        varint.append(left & 127 | 128)
        left >>= 7
    varint.append(left)
    content = b"\x50" + bytes(varint)
    (metric,) = decode(b"\x12" + bytes([len(content)]) + content).metrics
    assert metric.value(DataType.INT8) == -1


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
def test_a_compressed_payload_is_unpacked(pack: Any) -> None:
    inner = message(1, 7, [Told(1.5, DOUBLE, alias=1)])
    packed = pack(inner)
    outer = b"\x22\x12SPBV1.0_COMPRESSED\x2a" + bytes([len(packed)]) + packed
    assert decode(outer).seq == 7
    with pytest.raises(PayloadError, match="cannot be unpacked"):
        decode(b"\x22\x12SPBV1.0_COMPRESSED\x2a\x03abc")


def test_a_payload_that_unpacks_to_too_much_is_refused() -> None:
    packed = zlib.compress(b"\x00" * (2 * MAXIMUM_PAYLOAD))
    size = bytes([len(packed) & 127 | 128, len(packed) >> 7])
    with pytest.raises(PayloadError, match="more than"):
        decode(b"\x22\x12SPBV1.0_COMPRESSED\x2a" + size + packed)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00" * (MAXIMUM_PAYLOAD + 1), "more than"),
        (b"\x12\x00" * (MAXIMUM_METRICS + 1), "metrics"),
        (b"\x08", "ends within"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "too long"),
        (b"\x12\x05\x0a", "only 1 are left"),
        (b"\x12\x03\x0a\x01\xff", "not UTF-8"),
        (b"\x00\x01", "field number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x39\x00", "ends within"),
    ],
)
def test_what_is_no_payload_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(PayloadError, match=words):
        decode(data)


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (DataType.INT8, 128),
        (DataType.UINT16, -1),
        (DataType.INT32, 0.5),
        (DataType.FLOAT, 1e39),
        (DataType.BOOLEAN, 2),
        (DataType.STRING, 1.0),
        (16, 1),
    ],
)
def test_a_value_that_its_type_cannot_hold_is_not_sent(datatype: int, value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        encode(1, [Order("m", None, datatype, value)])


# Against the encoder and decoder of others (sparkplug-payload, on Node).

TYPED: list[tuple[str, DataType, Any]] = [
    ("Int8", DataType.INT8, -5),
    ("Int16", DataType.INT16, -30_000),
    ("Int32", DataType.INT32, -2_000_000_000),
    ("Int64", DataType.INT64, 9_000_000_000),
    ("UInt8", DataType.UINT8, 255),
    ("UInt16", DataType.UINT16, 65_535),
    ("UInt32", DataType.UINT32, 4_000_000_000),
    ("UInt64", DataType.UINT64, 2**53),
    ("Float", DataType.FLOAT, 0.5),
    ("Double", DataType.DOUBLE, 1.0 / 3.0),
    ("Boolean", DataType.BOOLEAN, True),
    ("String", DataType.STRING, "Größe"),
    ("DateTime", DataType.DATE_TIME, 1_800_000_000_000),
]


@pytest.fixture(scope="module")
def foreign() -> Any:
    """Asks the foreign codec, by lines of JSON."""
    folder = os.environ.get("SWAPTWIN_NODE_PEERS", "")
    if not shutil.which("node") or not folder or not (Path(folder) / "node_modules" / "sparkplug-payload").is_dir():
        pytest.skip("needs node, and sparkplug-payload installed in the folder that SWAPTWIN_NODE_PEERS names")
    environment = os.environ | {"NODE_PATH": str(Path(folder) / "node_modules")}
    command = ["node", str(SOURCES / "sparkplug_codec.cjs")]
    with Popen(command, stdin=PIPE, stdout=PIPE, env=environment, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready 0\n"

        def ask(question: dict[str, Any]) -> Any:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.kill()


@pytest.mark.peer
def test_all_types_of_a_foreign_encoder_are_read(foreign: Any) -> None:
    metrics = [
        {"name": f"m/{name}", "type": name, "value": value, "alias": 200 + number, "timestamp": 1_800_000_000_001}
        for number, (name, _, value) in enumerate(TYPED)
    ]
    metrics.append({"name": "null", "type": "Int32", "value": None})
    metrics.append({"name": "old", "type": "Int32", "value": 4, "isHistorical": True})
    asked = {"timestamp": 1_800_000_000_002, "seq": 9, "metrics": metrics}
    payload = decode(bytes.fromhex(foreign({"encode": asked})["hex"]))
    assert (payload.timestamp, payload.seq) == (1_800_000_000_002, 9)
    for number, (metric, (name, datatype, value)) in enumerate(zip(payload.metrics, TYPED, strict=False)):
        assert (metric.name, metric.alias, metric.datatype) == (f"m/{name}", 200 + number, datatype)
        assert metric.timestamp == 1_800_000_000_001
        assert metric.value(datatype) == value
    null, old = payload.metrics[-2:]
    assert null.value(DataType.INT32) is None
    assert old.is_historical
    assert old.value(DataType.INT32) == 4


@pytest.mark.peer
def test_a_foreign_decoder_reads_our_commands(foreign: Any) -> None:
    # This one, unlike others, has UInt32 in the field for 64 bits, and its births show it.
    orders = [Order(f"m/{name}", None, datatype, value, name == "UInt32") for name, datatype, value in TYPED]
    said = foreign({"decode": encode(1_800_000_000_003, orders).hex()})["payload"]
    assert int(said["timestamp"]) == 1_800_000_000_003
    for metric, (name, _, value) in zip(said["metrics"], TYPED, strict=True):
        assert (metric["name"], metric["type"]) == (f"m/{name}", name)
        shown = metric["value"]
        assert (type(value)(shown) if isinstance(shown, str) else shown) == value
    by_alias = foreign({"decode": encode(1, [Order("m", 17, DataType.BOOLEAN, True)]).hex()})["payload"]["metrics"][0]
    assert int(by_alias["alias"]) == 17


def test_a_float_that_is_no_number_is_passed_on_for_the_conversion_to_refuse() -> None:
    content = b"\x65" + struct.pack("<f", float("nan"))
    (metric,) = decode(b"\x12" + bytes([len(content)]) + content).metrics
    value = metric.value(DataType.FLOAT)
    assert value != value

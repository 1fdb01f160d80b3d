"""Payloads are read field by field; whatever bytes come, only a ValueError comes of them."""

import doctest
import importlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mqtt_payload import ABSENT, MAXIMUM_PAYLOAD, field, parse, source_time, topics
from tests.support.adapters import device

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    try:
        parse(payload)
    except ValueError:
        return


@given(JSON)
def test_all_that_python_devices_write_is_read(document: object) -> None:
    payload = json.dumps(document).encode()
    assert json.dumps(parse(payload), sort_keys=True) == json.dumps(document, sort_keys=True)


@given(JSON, st.lists(st.text(max_size=4) | st.integers(0, 9).map(str), max_size=3))
def test_a_path_leads_to_a_value_or_to_nothing(document: object, path: list[str]) -> None:
    field(document, path)
    assert math.isnan(time := source_time(document, path, "ms")) or isinstance(time, float)


@pytest.mark.parametrize("payload", [b"[" * 60_000, b"7" * (MAXIMUM_PAYLOAD + 1), b'{"a": ', b"\xff", b""])
def test_what_is_no_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(payload)


def test_null_is_a_value_and_an_absent_field_is_none() -> None:
    document = parse(b'{"a": null, "b": [1, {"c": 2}]}')
    assert field(document, ("a",)) is None
    assert field(document, ("b", "1", "c")) == 2
    assert field(document, ("b", "7")) is ABSENT
    assert field(document, ("b", "-1")) is ABSENT
    assert field(document, ("a", "c")) is ABSENT


@pytest.mark.parametrize(
    ("raw", "unit", "time"),
    [(1.8e9, "s", 1.8e9), (1_800_000_000_500, "ms", 1_800_000_000.5), ("now", "s", math.nan), (True, "s", math.nan)],
)
def test_source_times_are_epoch_numbers(raw: object, unit: str, time: float) -> None:
    assert source_time({"at": raw}, ("at",), unit) == pytest.approx(time, nan_ok=True)


def test_points_of_one_topic_are_read_from_one_message() -> None:
    bound = device(
        "mqtt://127.0.0.1",
        [
            {"signal": "soc", "address": "a/{index}", "field": "x.soc"},
            {"signal": "soh", "address": "a/{index}", "field": "x.soh"},
            {"signal": "power_w", "entity": "station", "address": "b", "field": "p"},
        ],
    )
    found = topics(bound.points)
    assert {name: topic.rows for name, topic in found.items()} == {"a/1": (0, 2), "a/2": (1, 3), "b": (4,)}
    assert found["a/1"].read({"x": {"soc": 0.5, "soh": None}}) == ((0, 2), [0.5, None])
    assert found["a/1"].read({"x": {"soh": 0.9}}) == ([2], [0.9])
    assert found["a/1"].read({"y": 1}) == ([], [])


@pytest.mark.parametrize("module", ["link", "modbus_decode", "mqtt_payload", "opcua_status"])
def test_examples_in_docstrings_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"adapters.{module}"))
    assert result.attempted > 0
    assert result.failed == 0

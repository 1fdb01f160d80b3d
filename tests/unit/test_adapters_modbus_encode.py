"""What is written to a device is what reading it back decodes to."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.base import WriteError
from adapters.convert import Converter
from adapters.modbus_decode import DTYPES, Poll
from adapters.modbus_encode import Encoded, encode
from adapters.modbus_plan import plan
from config.binding import BoundDevice
from tests.support.adapters import device
from twin.signals import ChargerState

ORDERS = ["ABCD", "CDAB", "BADC", "DCBA"]
INTEGERS = ["u16", "i16", "u32", "i32", "u64", "i64"]


def limit(**point: Any) -> BoundDevice:
    whole = {
        "signal": "power_limit_w",
        "address": 10,
        "type": "u16",
        "stride": 10,
        "access": "rw",
        "write": {"minimum": 0.0, "maximum": 1500.0},
    } | point
    return device("modbus://127.0.0.1:1502", [whole], slots=1)


def decoded(bound: BoundDevice, encoded: Encoded) -> float:
    (group,) = plan(bound)
    poll = Poll(group.requests, bound.points, Converter(bound.points))
    samples, _ = poll.samples([encoded.registers], [0.0], lambda _: 0)
    return float(samples.values[0])


@given(
    value=st.floats(0.0, 1500.0),
    kind=st.sampled_from([*INTEGERS, "f32", "f64"]),
    word_order=st.sampled_from(ORDERS),
    scale=st.sampled_from([0.1, 1.0, 10.0, -0.5]),
    offset=st.sampled_from([0.0, -40.0, 30.0]),
    sign=st.sampled_from([1, -1]),
)
def test_decoding_gives_what_was_encoded(
    value: float, kind: str, word_order: str, scale: float, offset: float, sign: int
) -> None:
    bound = limit(type=kind, word_order=word_order, scale=scale, offset=offset, sign=sign)
    raw = (sign * value - offset) / scale
    if kind in INTEGERS:
        limits = np.iinfo(DTYPES[kind])
        assume(limits.min + 1 <= raw <= limits.max - 1)
    encoded = encode(bound.points[0], value)
    assert abs(encoded.value - value) <= max(encoded.tolerance, abs(scale)) * 1.001
    assert decoded(bound, encoded) == pytest.approx(encoded.value, rel=1e-6, abs=1e-4)
    assert 0.0 <= encoded.value <= 1500.0


def test_states_and_truths_are_written_as_their_numbers() -> None:
    state = device(
        "modbus://127.0.0.1:1502",
        [
            {
                "signal": "charger_state",
                "address": 1,
                "type": "u16",
                "stride": 1,
                "enum": {7: "idle", 9: "charging"},
                "access": "rw",
                "write": {"minimum": 0, "maximum": 5},
            }
        ],
    )
    assert encode(state.points[0], float(ChargerState.CHARGING)).registers == b"\x00\x09"
    with pytest.raises(WriteError, match="no number"):
        encode(state.points[0], float(ChargerState.FULL))
    coil = limit(signal="enabled", type=None, table="coil", write={"minimum": 0, "maximum": 1})
    assert encode(coil.points[0], 1.0).value == 1.0
    with pytest.raises(WriteError, match="0 or 1"):
        encode(coil.points[0], 0.5)


@pytest.mark.parametrize(
    ("point", "value", "reason"),
    [
        ({}, 1501.0, "outside"),
        ({}, float("nan"), "outside"),
        ({"access": "r", "write": None}, 1.0, "does not allow"),
        ({"scale": 0.001, "write": {"minimum": 0.0, "maximum": 1500.0}}, 1500.0, "cannot hold"),
        ({"invalid": [0]}, 0.0, "has no value"),
        ({"scale": 100.0, "write": {"minimum": 120.0, "maximum": 180.0}}, 150.0, "no step"),
        ({"type": "i16", "sign": -1, "scale": 0.01}, 1000.0, "cannot hold"),
    ],
)
def test_what_must_not_or_cannot_be_written_is_refused(point: dict[str, Any], value: float, reason: str) -> None:
    with pytest.raises(WriteError, match=reason):
        encode(limit(**point).points[0], value)


def test_rounding_never_leaves_the_range_that_may_be_written() -> None:
    bound = limit(write={"minimum": 0.0, "maximum": 31.7}).points[0]
    assert encode(bound, 31.7).registers == b"\x00\x1f"
    assert np.frombuffer(encode(bound, 31.4).registers, ">u2")[0] == 31

"""Emulated registers hold values as the profile says, checked against struct."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.profile import Point
from simulators.encode import raw_value
from simulators.registers import encode, runs
from twin.signals import ChargerState

FORMATS = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q", "f32": "f", "f64": "d"}


def point(kind: str = "u16", **keys: Any) -> Point:
    return Point.model_validate({"signal": "power_w", "address": 0, "stride": 10, "type": kind} | keys)


def bytes_of(registers: list[int]) -> bytes:
    return b"".join(register.to_bytes(2, "big") for register in registers)


@given(kind=st.sampled_from(sorted(FORMATS)), number=st.integers(-(2**70), 2**70))
def test_every_type_holds_what_fits_and_stops_at_its_end(kind: str, number: int) -> None:
    got = struct.unpack(">" + FORMATS[kind], bytes_of(encode(point(kind), number)))[0]
    if kind.startswith("f"):
        assert got == pytest.approx(number, rel=1e-6)
    else:
        bits = struct.calcsize(FORMATS[kind]) * 8
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind.startswith("i") else (0, 2**bits - 1)
        assert got == min(max(number, low), high)


@pytest.mark.parametrize(
    ("order", "registers"),
    [
        ("ABCD", [0x4148, 0xF5C3]),
        ("CDAB", [0xF5C3, 0x4148]),
        ("BADC", [0x4841, 0xC3F5]),
        ("DCBA", [0xC3F5, 0x4841]),
    ],
)
def test_the_four_word_orders_of_12_56(order: str, registers: list[int]) -> None:
    assert encode(point("f32", word_order=order), 12.56) == registers


def test_scale_offset_and_sign_are_undone() -> None:
    assert raw_value(point(scale=0.1, offset=-40.0, sign=-1), -10.0) == pytest.approx(500.0)
    assert encode(point("u16", scale=0.1, offset=-40.0), raw_value(point("u16", scale=0.1, offset=-40.0), 25.3)) == [
        653
    ]


def test_no_value_is_the_sentinel_or_not_a_number() -> None:
    assert encode(point("i16", invalid=[-32768]), None) == [0x8000]
    assert encode(point("u32", invalid=[4294967295]), None) == [0xFFFF, 0xFFFF]
    assert math.isnan(struct.unpack(">f", bytes_of(encode(point("f32"), None)))[0])


def test_text_is_cut_and_padded() -> None:
    text = Point.model_validate({"signal": "pack_id", "address": 0, "stride": 10, "type": "str", "length": 3})
    assert bytes_of(encode(text, "S1-0042")) == b"S1-004"
    assert bytes_of(encode(text, "é")) == b"?\0\0\0\0\0"
    assert encode(text, None) == [0, 0, 0]


def test_an_enumeration_becomes_the_devices_own_number_and_one_it_does_not_know_no_value() -> None:
    keys = {"signal": "charger_state", "enum": {7: "charging", 9: "full"}}
    assert raw_value(point(**keys), ChargerState.CHARGING) == 7
    assert raw_value(point(**keys), ChargerState.FAULT) is None


def test_registers_between_points_exist_where_the_hole_is_small() -> None:
    assert runs([(1000, 1001), (1002, 1004), (1030, 1032)], 16) == [(1000, 1004), (1030, 1032)]

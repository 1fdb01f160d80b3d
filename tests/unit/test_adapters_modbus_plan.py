"""Reads are merged within the device's limits, and every word order is understood."""

import itertools
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.modbus_decode import numbers, text
from adapters.modbus_plan import MAXIMUM_BITS, Request, describe, plan
from config.binding import BoundDevice
from tests.support.adapters import device

SLOT_SIGNALS = ("soc", "soh", "temperature_c", "power_w", "voltage_v", "current_a", "cycle_count", "capacity_wh")


def rack(points: list[dict[str, Any]], **more: Any) -> BoundDevice:
    return device("modbus://127.0.0.1:1502", points, **more)


def requests(bound: BoundDevice) -> list[Request]:
    return [request for group in plan(bound) for request in group.requests]


def test_neighbours_are_read_together_and_a_wide_hole_is_not_bridged() -> None:
    bound = rack(
        [
            {"signal": "soc", "address": 0, "type": "u16", "stride": 10},
            {"signal": "power_w", "address": 2, "type": "f32", "stride": 10},
            {"signal": "power_w", "entity": "station", "address": 500, "type": "u32"},
        ],
        slots=3,
        max_hole=8,
    )
    assert [(r.address, r.count) for r in requests(bound)] == [(0, 24), (500, 2)]
    assert list(describe(bound)) == [
        "S1/cabinet default: 7 points every 1 s, requests: 2",
        "  holding 0-23: 24 to read, 6 points, 15 unused",
        "  holding 500-501: 2 to read, 1 points, 0 unused",
    ]


def test_bits_of_one_register_are_read_once() -> None:
    bound = rack(
        [
            {"signal": "occupied", "address": 3, "type": "u16", "stride": 1, "bit": 0},
            {"signal": "locked", "address": 3, "type": "u16", "stride": 1, "bit": 1},
        ],
        slots=1,
    )
    assert requests(bound) == [Request("holding", 3, 1, (0, 1))]


def test_each_poll_group_has_its_own_requests_and_interval() -> None:
    bound = rack(
        [
            {"signal": "soc", "address": 0, "type": "u16", "stride": 2},
            {"signal": "soh", "address": 1, "type": "u16", "stride": 2, "poll_group": "slow"},
        ],
        poll_groups={"slow": {"interval_s": 60.0}},
    )
    assert [(group.name, group.interval_s, len(group.requests)) for group in plan(bound)] == [
        ("default", 1.0, 1),
        ("slow", 60.0, 1),
    ]


def test_a_value_behind_the_last_address_is_refused() -> None:
    bound = rack([{"signal": "soc", "address": 65_535, "type": "u32", "stride": 10}], slots=1)
    with pytest.raises(ValueError, match="outside 0-65535"):
        plan(bound)


REGISTER_POINTS = st.lists(
    st.tuples(st.integers(0, 2000), st.sampled_from(["u16", "f32", "u64"]), st.integers(1, 40)),
    min_size=1,
    max_size=len(SLOT_SIGNALS),
)


@given(REGISTER_POINTS, st.integers(4, 125), st.integers(0, 124), st.integers(1, 20))
def test_every_point_is_read_whole_within_caps_and_holes(
    chosen: list[tuple[int, str, int]], max_read: int, max_hole: int, slots: int
) -> None:
    points = [
        {"signal": signal, "address": address, "type": kind, "stride": stride}
        for signal, (address, kind, stride) in zip(SLOT_SIGNALS, chosen, strict=False)
    ]
    bound = rack(points, max_read=max_read, max_hole=max_hole, slots=slots)
    served = []
    for request in requests(bound):
        assert 1 <= request.count <= max_read
        used = set()
        for row in request.rows:
            start = int(bound.points[row].address)
            places = range(start, start + bound.points[row].point.register_count)
            assert request.address <= places.start
            assert places.stop <= request.address + request.count
            used |= set(places)
            served.append(row)
        edges = sorted(used)
        assert edges[0] == request.address
        assert edges[-1] == request.address + request.count - 1
        assert all(after - before - 1 <= max_hole for before, after in itertools.pairwise(edges))
    assert sorted(served) == list(range(len(bound.points)))


@given(st.integers(1, 16), st.integers(1, 400))
def test_bits_are_read_within_the_protocol_s_limit(slots: int, stride: int) -> None:
    bound = rack([{"signal": "occupied", "address": 0, "table": "coil", "stride": stride}], slots=slots, max_hole=124)
    assert all(request.count <= MAXIMUM_BITS for request in requests(bound))
    assert sum(len(request.rows) for request in requests(bound)) == slots


@pytest.mark.parametrize(
    ("order", "places"),
    [("ABCD", [0, 1, 2, 3]), ("CDAB", [2, 3, 0, 1]), ("BADC", [1, 0, 3, 2]), ("DCBA", [3, 2, 1, 0])],
)
@pytest.mark.parametrize(
    ("kind", "form", "value"),
    [("u32", ">I", 0x01020304), ("i32", ">i", -123_456), ("f32", ">f", 21.5)],
)
def test_32_bit_values_in_every_word_order(order: str, places: list[int], kind: str, form: str, value: float) -> None:
    big_endian = struct.pack(form, value)
    wire = bytes(big_endian[place] for place in places)
    registers = np.frombuffer(wire, dtype=">u2").astype(np.uint16)[None, :]
    assert numbers(registers, kind, order).tolist() == [value]


@pytest.mark.parametrize(
    ("order", "places"),
    [
        ("ABCD", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("CDAB", [6, 7, 4, 5, 2, 3, 0, 1]),
        ("BADC", [1, 0, 3, 2, 5, 4, 7, 6]),
        ("DCBA", [7, 6, 5, 4, 3, 2, 1, 0]),
    ],
)
@pytest.mark.parametrize(
    ("kind", "form", "value"), [("u64", ">Q", 2**63 + 5), ("i64", ">q", -(2**40)), ("f64", ">d", 0.1)]
)
def test_64_bit_values_in_every_word_order(order: str, places: list[int], kind: str, form: str, value: float) -> None:
    big_endian = struct.pack(form, value)
    wire = bytes(big_endian[place] for place in places)
    registers = np.frombuffer(wire, dtype=">u2").astype(np.uint16)[None, :]
    assert numbers(registers, kind, order).tolist() == [value]


@pytest.mark.parametrize(
    ("wire", "order", "expected"),
    [
        (b"PK-7\0\0", "ABCD", "PK-7"),
        (b"KP7-\0\0", "BADC", "PK-7"),
        (b"PK-7  ", "CDAB", "PK-7  "),
        (b"\0\0\0\0", "ABCD", ""),
        (b"\xff\xff\xff\xff", "ABCD", ""),
        (b"\xc3\x28\x41\x42", "ABCD", None),
    ],
)
def test_text_in_registers(wire: bytes, order: str, expected: str | None) -> None:
    assert text(np.frombuffer(wire, dtype=">u2").astype(np.uint16), order) == expected

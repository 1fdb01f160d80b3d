"""Maps that no two makers draw alike: units, byte-counted addresses, halves of registers, exponents beside values."""

import struct
from typing import Any

import pytest

from adapters.convert import Converter
from adapters.modbus_decode import Poll
from adapters.modbus_plan import Request, describe, plan
from config.binding import BoundDevice
from tests.support.adapters import device
from tests.support.registers import wire
from twin.signals import ChargerState, Quality, Reason


def rack(points: list[dict[str, Any]], *, slots: int = 2, **more: Any) -> BoundDevice:
    return device("modbus://127.0.0.1:1502", points, slots=slots, **more)


def requests(bound: BoundDevice) -> list[Request]:
    return [request for group in plan(bound) for request in group.requests]


def read(bound: BoundDevice, words: dict[int, int], refused: dict[int, Reason | None] | None = None) -> dict[str, Any]:
    """What the points are, given registers by address; requests at ``refused`` addresses have that answer instead."""
    asked = requests(bound)
    answers: list[Any] = [
        (refused or {})[request.address]
        if request.address in (refused or {})
        else wire([words.get(request.address + place * request.step, 0) for place in range(request.count)])
        for request in asked
    ]
    texts: list[str] = []
    poll = Poll(asked, bound.points, Converter(bound.points))
    samples, _ = poll.samples(answers, [1.0] * len(asked), lambda text: texts.append(text) or 0)
    return {
        bound.points[row].path: value if quality == Quality.GOOD else Reason(int(reason))
        for row, value, quality, reason in zip(
            samples.rows, samples.values, samples.qualities, samples.reasons, strict=True
        )
    }


def one(words: list[int], **keys: Any) -> Any:
    """A slot's only point from the registers from 10 on."""
    point = {"signal": "power_w", "address": 10, "stride": 100, "type": "u16"} | keys
    (value,) = read(rack([point], slots=1), dict(enumerate(words, start=10))).values()
    return value


def test_each_slot_may_be_a_unit_and_the_station_one_of_its_own() -> None:
    bound = rack(
        [
            {"signal": "soc", "address": 5, "type": "u16"},
            {"signal": "temperature_c", "entity": "station", "address": 7, "type": "i16", "unit_id": 200},
        ],
        device={"unit_id": 11},
        unit_stride=1,
    )
    assert [(request.unit, request.address) for request in requests(bound)] == [(11, 5), (12, 5), (200, 7)]
    assert [line.split(":")[0] for line in describe(bound)][1:] == [
        "  holding 5-5",
        "  unit 12 holding 5-5",
        "  unit 200 holding 7-7",
    ]


def test_where_a_map_counts_bytes_registers_are_two_addresses_apart() -> None:
    bound = rack(
        [
            {"signal": "voltage_v", "address": 0x1290, "type": "u32", "scale": 0.001, "stride": 0x100},
            {"signal": "current_a", "address": 0x1298, "type": "i32", "scale": 0.001, "stride": 0x100},
        ],
        slots=1,
        address_step=2,
    )
    assert requests(bound) == [Request("holding", 0x1290, 6, (0, 1), 1, (), 2)]
    words = {0x1290: 0x0001, 0x1292: 0x0000, 0x1298: 0xFFFF, 0x129A: 0xFF9C}
    assert read(bound, words) == {"S1/slot/01/voltage_v": pytest.approx(65.536), "S1/slot/01/current_a": -0.1}


def test_a_device_that_answers_one_value_at_a_time_is_asked_for_one_at_a_time() -> None:
    points = [
        {"signal": "soc", "address": 4, "stride": 50, "type": "u16", "byte": "lo", "scale": 0.01},
        {"signal": "soh", "address": 4, "stride": 50, "type": "u16", "byte": "hi", "scale": 0.01},
        {"signal": "power_w", "address": 5, "stride": 50, "type": "u32"},
    ]
    bound = rack(points, slots=1, one_value_per_request=True)
    assert [(request.address, request.count, request.rows) for request in requests(bound)] == [
        (4, 1, (0, 1)),
        (5, 2, (2,)),
    ]


@pytest.mark.parametrize(
    ("keys", "word", "value"),
    [
        ({"byte": "hi"}, 0x5A17, 0x5A),
        ({"byte": "lo"}, 0x5A17, 0x17),
        ({"byte": "hi", "type": "i16"}, 0xFF17, -1),
        ({"byte": "hi", "word_order": "BADC"}, 0x5A17, 0x17),
        ({"byte": "lo", "invalid": [0xFF]}, 0x01FF, Reason.NOT_CONFIGURED),
        ({"bits": [4, 7]}, 0x5A17, 1),
        ({"bits": [8, 15], "scale": 0.5}, 0x5A17, 45),
        ({"bits": [0, 7], "invalid": [0xFFFF]}, 0xFFFF, Reason.NOT_CONFIGURED),
    ],
)
def test_parts_of_a_register(keys: dict[str, Any], word: int, value: Any) -> None:
    assert one([word], **keys) == value


def test_a_state_in_the_middle_of_a_long_word() -> None:
    keys = {"signal": "charger_state", "type": "u32", "bits": [8, 14], "enum": {"0": "idle", "0x04": "charging"}}
    assert one([0x0001, 0x8400], **keys) == ChargerState.CHARGING
    assert one([0x0001, 0x8500], **keys) is Reason.OUT_OF_RANGE


def test_states_and_truths_that_are_written_out() -> None:
    keys = {"type": "str", "length": 2, "enum": {"A": "idle", "C2": "charging"}}
    assert one([0x4332, 0], signal="charger_state", **keys) == ChargerState.CHARGING
    assert one([0x4432, 0], signal="charger_state", **keys) is Reason.OUT_OF_RANGE
    assert one([0, 0], signal="charger_state", **keys) is Reason.NOT_CONFIGURED
    assert one([0x4100, 0], signal="occupied", type="str", length=2, enum={"A": False, "B": True}) == 0.0
    assert one([2], signal="enabled", enum={1: True, 2: False}) == 0.0
    assert one([3], signal="enabled", enum={1: True, 2: False}) is Reason.OUT_OF_RANGE


def scaled(**more: Any) -> BoundDevice:
    points = [
        {"signal": "voltage_v", "address": 10, "stride": 20, "type": "u16", "scale_register": 60},
        {"signal": "current_a", "address": 11, "stride": 20, "type": "i16", "scale_register": 61, "sign": -1},
        {"signal": "soc", "address": 12, "stride": 20, "type": "u16", "scale": 0.01, "scale_register": 62},
    ]
    return rack(points, slots=1, **more)


@pytest.mark.parametrize("max_hole", [0, 124])
def test_exponents_scale_values_wherever_they_are_read(max_hole: int) -> None:
    words = {10: 7215, 11: 0xFF38, 12: 9150, 60: 0xFFFE, 61: 0xFFFF, 62: 0xFFFE}
    assert read(scaled(max_hole=max_hole), words) == {
        "S1/slot/01/voltage_v": pytest.approx(72.15),
        "S1/slot/01/current_a": pytest.approx(20.0),
        "S1/slot/01/soc": pytest.approx(0.915),
    }


def test_exponents_are_read_in_the_same_cycle_as_what_they_scale() -> None:
    assert [(request.address, request.rows, request.scales) for request in requests(scaled(max_hole=0))] == [
        (10, (0, 1, 2), ()),
        (60, (), (0, 1, 2)),
    ]
    assert [(request.rows, request.scales) for request in requests(scaled(max_hole=60))] == [((0, 1, 2), (0, 1, 2))]


@pytest.mark.parametrize(
    ("word", "reason"), [(0x8000, Reason.NOT_CONFIGURED), (11, Reason.SENSOR_FAILURE), (0x7FFF, Reason.SENSOR_FAILURE)]
)
def test_without_an_exponent_there_is_no_value(word: int, reason: Reason) -> None:
    seen = read(scaled(), {10: 7215, 11: 0, 12: 9150, 60: word, 62: 0xFFFE})
    assert seen["S1/slot/01/voltage_v"] is reason
    assert seen["S1/slot/01/soc"] == pytest.approx(0.915)


def test_what_becomes_of_the_exponents_request_becomes_of_the_values() -> None:
    bound = scaled(max_hole=0)
    assert set(read(bound, {}, {60: Reason.NO_COMMUNICATION}).values()) == {Reason.NO_COMMUNICATION}
    assert read(bound, {}, {60: None}) == {}


def test_a_word_order_that_reverses_registers_numbers_a_row_of_fault_words_from_the_first() -> None:
    keys = {"signal": "pack_fault_bits", "type": "u64", "word_order": "CDAB", "bits": [0, 47]}
    assert one([0x0001, 0x8000, 0x0002, 0xFFFF], **keys) == 1 | 0x8000 << 16 | 2 << 32


@pytest.mark.parametrize(
    ("keys", "value", "raw"),
    [
        ({"type": "u32", "scale": 0.001}, 16.0, 16_000),
        ({"type": "u16", "scale": 0.1, "offset": -3000.0}, 20.0, 30_200),
        ({"type": "u16", "scale_register": 5}, 20.0, 2000),
        ({"type": "u16", "write": {"minimum": 0, "maximum": 80, "address": 9, "scale": 0.5}}, 20.0, 40),
    ],
)
def test_what_is_written_for_a_value(keys: dict[str, Any], value: float, raw: float) -> None:
    point = {"signal": "current_limit_a", "address": 1, "stride": 9, "access": "rw"}
    (bound,) = rack([point | {"write": {"minimum": 0, "maximum": 80}} | keys], slots=1).points
    assert bound.point.raw_to_write(value, -2 if "scale_register" in keys else 0) == pytest.approx(raw)
    assert bound.write_address == (9 if isinstance(keys.get("write"), dict) else 1)


def test_what_is_written_for_a_truth() -> None:
    write = {"minimum": 0, "maximum": 1, "address": 50, "enum": {1: True, 2: False}}
    point = {"signal": "enabled", "address": 22, "stride": 9, "type": "u16", "enum": {3: True, 1: False}}
    (bound,) = rack([point | {"access": "rw", "write": write}], slots=1).points
    assert [bound.point.raw_to_write(value) for value in (1.0, 0.0)] == [1.0, 2.0]


def test_floats_of_many_orders_in_bulk() -> None:
    values = [1.5 * number for number in range(40)]
    words = dict(enumerate(struct.unpack(">80H", struct.pack(">40f", *values)), start=10))
    bound = rack([{"signal": "power_w", "address": 10, "stride": 2, "type": "f32"}], slots=40)
    assert list(read(bound, words).values()) == values


def test_nothing_is_not_less_than_nothing() -> None:
    assert str(one([0], sign=-1)) == "0.0"

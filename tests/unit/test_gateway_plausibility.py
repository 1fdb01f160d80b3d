"""Which mistake of a profile explains values that cannot be true; and that right values are left alone."""

import math
import struct
from typing import Any

import pytest

from config.binding import BoundDevice
from gateway.plausibility import findings
from gateway.plausibility_values import Finding, Observed, number
from tests.support.adapters import device
from twin.signals import Quality, Reason


def modbus(points: list[dict[str, Any]], slots: int = 3) -> BoundDevice:
    return device("modbus://127.0.0.1:1", points, slots=slots)


def seen(bound: BoundDevice, raws: dict[str, list[Any]], **more: Any) -> list[Observed]:
    """What was observed when each signal's slots had these raw values."""
    observed = []
    counts: dict[str, int] = {}
    for point in bound.points:
        name = point.signal.name
        raw = raws[name][counts.setdefault(name, 0)]
        counts[name] += 1
        value = number(point.point, raw)
        good = value is not None and point.signal.minimum <= value <= point.signal.maximum
        absent = raw is None
        observed.append(
            Observed(
                point,
                raw=raw,
                value=value if good else None,
                quality=Quality.GOOD if good else Quality.BAD,
                reason=Reason.NONE if good else Reason.NOT_CONFIGURED if absent else Reason.OUT_OF_RANGE,
                source_time=100.0,
                received_time=100.0,
                history=[(0.0, value)] if good and value is not None else [],
                **more,
            )
        )
    return observed


def wrong(bound: BoundDevice, observed: list[Observed], **more: Any) -> list[Finding]:
    return [found for found in findings(bound, observed, seconds=1.0, **more) if found.is_wrong]


SOC = {"signal": "soc", "address": 10, "stride": 1, "type": "u16", "scale": 0.001, "invalid": [65535]}
VOLTS = {"signal": "voltage_v", "address": 20, "stride": 2, "type": "f32"}
AMPS = {"signal": "current_a", "address": 40, "stride": 1, "type": "i16", "scale": 0.01}
WATTS = {"signal": "power_w", "address": 50, "stride": 1, "type": "u16"}
STATE = {"signal": "charger_state", "address": 60, "stride": 1, "type": "u16", "enum": {0: "idle", 1: "charging"}}


def test_right_values_are_left_alone() -> None:
    bound = modbus([SOC, VOLTS, AMPS, WATTS, STATE])
    raws = {
        "soc": [873, 65535, 995],
        "voltage_v": [72.5, 0.0, 75.0],
        "current_a": [1600, 0, 0],
        "power_w": [1160, 0, 0],
        "charger_state": [1, 0, 0],
    }
    assert wrong(bound, seen(bound, raws)) == []


def test_another_word_order_is_named_where_it_makes_the_value_true() -> None:
    bound = modbus([VOLTS])
    swapped = struct.unpack(">f", struct.pack(">HH", *reversed(struct.unpack(">HH", struct.pack(">f", 72.25)))))[0]
    (found,) = wrong(bound, seen(bound, {"voltage_v": [swapped, swapped, 0.0]}))
    assert found.kind == "word_order"
    assert "72.25 V" in found.message
    assert "word_order: CDAB" in found.remedy


def test_the_registers_tell_the_order_where_the_value_is_nan() -> None:
    bound = modbus([VOLTS], slots=1)
    words = list(struct.unpack(">HH", struct.pack(">f", 72.25)))
    registers = {("holding", 20): words[1], ("holding", 21): words[0]}
    (found,) = wrong(bound, seen(bound, {"voltage_v": [math.nan]}), registers=registers)
    assert found.kind == "word_order"


def test_exchanged_halves_of_a_counter_are_noticed() -> None:
    bound = modbus([{"signal": "energy_wh", "address": 10, "stride": 2, "type": "u32"}])
    (found,) = wrong(bound, seen(bound, {"energy_wh": [5 << 16, 9 << 16, 0]}))
    assert (found.kind, "word_order: CDAB" in found.remedy) == ("word_order", True)


@pytest.mark.parametrize(("raw", "scale"), [(873, 1.0), (87, 0.1), (8730, 0.001), (9, 0.001)])
def test_a_wrong_scale_is_named_with_the_right_one(raw: int, scale: float) -> None:
    bound = modbus([SOC | {"scale": scale}])
    (found,) = wrong(bound, seen(bound, {"soc": [raw, raw, raw]}))
    assert found.kind == "scale"
    right = float(found.remedy.split("scale: ")[1].split(" ")[0])
    assert 0.04 < raw * right <= 1.0


def test_power_that_is_not_voltage_times_current_is_noticed() -> None:
    bound = modbus([VOLTS, AMPS, WATTS])
    raws = {"voltage_v": [72.0] * 3, "current_a": [1000] * 3, "power_w": [72] * 3}
    (found,) = wrong(bound, seen(bound, raws))
    assert found.message == "power is 0.1 times voltage times current"


def test_a_current_out_of_a_pack_that_charges_has_the_wrong_sign() -> None:
    bound = modbus([AMPS, STATE])
    (found,) = wrong(bound, seen(bound, {"current_a": [-1600, 0, 0], "charger_state": [1, 0, 0]}))
    assert (found.kind, "sign: -1" in found.remedy) == ("sign", True)


def test_a_map_that_is_off_by_one_is_noticed_by_what_stands_beside() -> None:
    """Addresses one too high: each value is that of the next register."""
    bound = modbus(
        [
            {"signal": "soc", "address": 11, "stride": 10, "type": "u16", "scale": 0.001},
            {"signal": "capacity_wh", "address": 14, "stride": 10, "type": "u16"},
            {"signal": "voltage_v", "address": 16, "stride": 10, "type": "u16", "scale": 0.01},
        ]
    )
    registers = {}
    for slot in range(3):
        for place, word in ((10, 873), (11, 65000), (12, 0), (13, 1480), (14, 7), (15, 7250), (16, 3)):
            registers["holding", place + 10 * slot] = word
    raws = {"soc": [65000] * 3, "capacity_wh": [7] * 3, "voltage_v": [3] * 3}
    found = wrong(bound, seen(bound, raws), registers=registers)
    assert [(each.kind, each.about) for each in found] == [("address", "S1/cabinet")]
    assert "soc, capacity_wh, voltage_v" in found[0].message
    assert "earlier" in found[0].message


def test_what_a_device_refuses_is_named_but_not_the_packs_of_empty_slots() -> None:
    bound = modbus([SOC, VOLTS])
    raws = {"soc": [873, None, 873], "voltage_v": [72.0, 0.0, None]}
    found = wrong(bound, seen(bound, raws), empty=frozenset({2}))
    assert [(each.kind, each.about) for each in found] == [("refused", "S1 voltage_v of slot 3")]


def test_a_slot_without_any_value_of_a_pack_is_taken_to_be_empty() -> None:
    bound = modbus([SOC])
    assert wrong(bound, seen(bound, {"soc": [873, None, 873]})) == []


def test_raw_states_without_a_label_are_named() -> None:
    bound = modbus([STATE])
    observed = seen(bound, {"charger_state": [0, 7, 1]})
    observed[1].value, observed[1].quality, observed[1].reason = None, Quality.BAD, Reason.OUT_OF_RANGE
    (found,) = wrong(bound, observed)
    assert (found.kind, found.message) == ("enum", "raw 7 has no label")


def test_a_device_of_nothing_but_zeros_looks_wrong() -> None:
    bound = modbus([VOLTS, AMPS, WATTS])
    found = wrong(bound, seen(bound, {"voltage_v": [0.0] * 3, "current_a": [0] * 3, "power_w": [0] * 3}))
    assert [each.kind for each in found] == ["zero"]


def test_a_heartbeat_that_stands_still_looks_wrong_and_other_constants_are_a_note() -> None:
    bound = modbus([{"signal": "heartbeat", "entity": "station", "address": 1, "type": "u16"}, SOC])
    observed = seen(bound, {"heartbeat": [5], "soc": [500, 600, 700]})
    assert [each.kind for each in findings(bound, observed, seconds=10.0)] == ["constant"]
    bound = modbus([SOC])
    (note,) = findings(bound, seen(bound, {"soc": [500, 600, 700]}), seconds=10.0)
    assert not note.is_wrong


@pytest.mark.parametrize(("lag_s", "word"), [(40.0, "behind"), (-3.0, "ahead")])
def test_a_clock_that_goes_wrong_is_noticed(lag_s: float, word: str) -> None:
    points = [{"signal": "soc", "address": "nsu=x;s={slot}"}]
    bound = device("opc.tcp://127.0.0.1:1", points, slots=3)
    (found,) = wrong(bound, seen(bound, {"soc": [0.5, 0.6, 0.7]}, lags_s=[lag_s]))
    assert (found.kind, word in found.message) == ("clock", True)


def test_of_a_device_that_said_nothing_nothing_is_said() -> None:
    bound = modbus([SOC])
    assert findings(bound, [Observed(point) for point in bound.points], seconds=10.0) == []

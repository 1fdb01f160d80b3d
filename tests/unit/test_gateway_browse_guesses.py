"""What browse believes of names and registers, and the skeleton profiles that it makes of them."""

import struct
from pathlib import Path

import pytest

from adapters.browse_modbus import Found
from adapters.browse_mqtt import Topic, flatten, sparkplug_kind
from adapters.browse_opcua import Node, Tree
from config.loader import load_profile
from gateway.browse_names import factor_of, signal_of, states_of, templates
from gateway.browse_profile import of_modbus, of_mqtt, of_opcua, profile_name
from gateway.browse_registers import look, stride


@pytest.mark.parametrize(
    ("name", "entity", "value", "signal"),
    [
        ("Slots.Slot03.Pack.SoC", "slot", 87.0, "soc"),
        ("slot3|pack.state_of_charge", "slot", 0.5, "soc"),
        ("Bay1.MaxCellVoltage", "slot", 3.3, "cell_voltage_max_v"),
        ("Bay1.CurrentLimit", "slot", 10.0, "current_limit_a"),
        ("Bay1.Current", "slot", 10.0, "current_a"),
        ("Charger.State", "slot", 1, "charger_state"),
        ("pack|sn", "slot", "PK-1", "pack_id"),
        ("pack|capacity_wh", "slot", 1400.0, "capacity_wh"),
        ("door.open", "slot", True, "door_open"),
        ("meter.grid_limit_w", "station", 9000, "grid_limit_w"),
        ("Energy.AcActivePowerTotal", "station", 1.0, "power_w"),
        ("SwapCount", "station", 3, "swap_count"),
        ("Pack.SoC", "slot", "high", None),
        ("Unlock", "slot", True, None),
        ("Firmware", "station", "1.2", None),
    ],
)
def test_a_name_says_which_signal_it_is(name: str, entity: str, value: object, signal: str | None) -> None:
    assert signal_of(name, entity, value) == signal


def test_the_scale_comes_from_the_unit_the_name_or_the_size_of_the_values() -> None:
    assert factor_of("soc", "%", "SoC", [87.0]) == 0.01
    assert factor_of("soc", "", "soc_percent", [0.9]) == 0.01
    assert factor_of("soc", "", "SoC", [0.87, 0.5]) == 1.0
    assert factor_of("soc", "", "SoC", [870, 1000]) == 0.001
    assert factor_of("power_w", "kW", "Power", [1.2]) == 1000.0
    assert factor_of("power_w", "", "power_kw", [1.2]) == 1000.0
    assert factor_of("power_w", "W", "Power", [1200.0]) == 1.0


def test_the_words_of_a_device_for_its_states_are_understood() -> None:
    words = {0: "Standby", 1: "Charging", 2: "Charge complete", 9: "Error", 10: "Banana"}
    assert states_of(words) == {0: "idle", 1: "charging", 2: "full", 9: "fault"}


def test_addresses_that_differ_in_one_number_become_one_template() -> None:
    found, rest = templates(
        ["s=S1.Slot01.SoC", "s=S1.Slot02.SoC", "s=S1.Slot02.Temp", "s=S1.Slot01.Temp", "s=S1.Power"]
    )
    assert [(each.text, each.numbers) for each in found] == [
        ("s=S1.Slot{slot:02d}.SoC", (1, 2)),
        ("s=S1.Slot{slot:02d}.Temp", (1, 2)),
    ]
    assert rest == ["s=S1.Power"]


def test_a_brace_in_an_address_stays_a_brace() -> None:
    found, _ = templates(["a{x}/1", "a{x}/2"])
    assert found[0].text.format(slot=2) == "a{x}/2"


def f32(value: float, order: str) -> list[int]:
    words = list(struct.unpack(">HH", struct.pack(">f", value)))
    if order in {"CDAB", "DCBA"}:
        words.reverse()
    return [(word & 0xFF) << 8 | word >> 8 for word in words] if order in {"BADC", "DCBA"} else words


@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
def test_floats_are_recognised_with_their_word_order(order: str) -> None:
    words = [word for value in (72.25, 16.5, 1480.75) for word in f32(value, order)]
    sights = look(dict(enumerate(words, start=100)))
    assert [(sight.address, sight.type, sight.word_order, sight.value) for sight in sights] == [
        (100, "f32", order, 72.25),
        (102, "f32", order, 16.5),
        (104, "f32", order, 1480.75),
    ]


def test_small_integers_are_not_taken_for_floats() -> None:
    words = [11, 1, 0, 12000, 7405, 1621, 4515, 976, 241, 0, 69, 1464]
    assert {sight.type for sight in look(dict(enumerate(words)))} == {"u16"}


def test_texts_negative_numbers_and_marks_are_recognised() -> None:
    text = struct.unpack(">4H", b"PACK-07\0")
    words = dict(enumerate([*text, 0xFFFE, 0xFFFF, 5]))
    sights = {sight.address: sight for sight in look(words, words | {6: 9})}
    assert (sights[0].type, sights[0].value, sights[0].count) == ("str", "PACK-07", 4)
    assert sights[4].value == -2
    assert "no value" in sights[5].why
    assert sights[6].moves == 4.0


def blocks_of_slots(count: int = 4, step: int = 10) -> dict[int, int]:
    words: dict[int, int] = {}
    for slot in range(count):
        start = 100 + slot * step
        words.update(enumerate([3, 500 + slot, *struct.unpack(">4H", b"PK-%04d\0" % slot), 0, 0, 0, 0], start=start))
    return words


def test_the_block_of_a_slot_is_found_by_its_serial_number() -> None:
    assert stride(look(blocks_of_slots())) == (102, 10, 4)


def test_a_skeleton_of_registers_is_a_valid_profile_with_the_serial_numbers(tmp_path: Path) -> None:
    skeleton = of_modbus(Found(tables={"holding": blocks_of_slots()}), {}, "modbus://x")
    file = tmp_path / "x.yaml"
    file.write_text(skeleton.text("x"))
    (point,) = load_profile(file).points
    assert (point.signal, point.address, point.stride, point.type) == ("pack_id", 102, 10, "str")
    assert any("stride: 10, address: 101" in line for line in skeleton.candidates)


def test_a_skeleton_without_points_says_what_to_fill_in() -> None:
    text = of_modbus(Found(tables={"holding": {5: 17}}), {}, "modbus://x").text("x")
    assert "FILL IN at least one point" in text
    assert "address: 5, type: u16" in text
    assert "points: []" in text


def test_a_skeleton_of_a_tree_is_a_valid_profile(tmp_path: Path) -> None:
    def node(name: str, value: object, **more: object) -> Node:
        return Node(f"nsu=urn:x;s={name}", name, 0, True, value=value, **more)  # type: ignore[arg-type]

    words = {0: "Idle", 1: "Charging"}
    nodes = [node(f"Slot{slot}.SoC", 80.0, unit="%") for slot in (1, 2)]
    nodes += [node(f"Slot{slot}.State", 1, enum=words) for slot in (1, 2)]
    nodes += [node("Power", 1.5, unit="kW"), node("Vendor", "Acme")]
    skeleton = of_opcua(Tree(nodes, [], False, []), "opc.tcp://x")
    file = tmp_path / "x.yaml"
    file.write_text(skeleton.text("x"))
    points = {point.signal: point for point in load_profile(file).points}
    assert points["soc"].scale == 0.01
    assert points["soc"].address == "nsu=urn:x;s=Slot{slot}.SoC"
    assert points["charger_state"].enum == {0: "idle", 1: "charging"}
    assert points["power_w"].scale == 1000.0
    assert len(skeleton.candidates) == 1


def test_a_skeleton_of_topics_finds_time_and_availability(tmp_path: Path) -> None:
    topics = [Topic(f"cab/slot/{slot}", fields={"ts": 1.8e12, "pack.soc": 0.5}) for slot in (1, 2)]
    skeleton = of_mqtt([*topics, Topic("cab/status", text="online")], "mqtt://x")
    file = tmp_path / "x.yaml"
    file.write_text(skeleton.text("x"))
    profile = load_profile(file)
    assert (profile.time_field, profile.time_unit) == ("ts", "ms")
    assert profile.availability is not None
    assert profile.availability.topic == "cab/status"
    assert [(point.address, point.field) for point in profile.points] == [("cab/slot/{slot}", "pack.soc")]


def test_payloads_are_flattened_as_profiles_write_fields() -> None:
    assert flatten({"a": {"b": [1, {"c": None}]}}) == {"a.b.0": 1, "a.b.1.c": None}


def test_sparkplug_topics_are_known_by_their_names() -> None:
    kinds = [sparkplug_kind(topic) for topic in ("spBv1.0/g/NBIRTH/e", "spBv1.0/STATE/host", "spBv1.0", "a/b/c")]
    assert kinds == ["NBIRTH", "STATE", "", ""]


def test_a_profile_is_named_after_its_file() -> None:
    assert profile_name(Path("/x/My Cabinet_2.yaml")) == "my-cabinet-2"

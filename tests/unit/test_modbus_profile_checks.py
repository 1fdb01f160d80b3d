"""Whatever contradicts itself in a Modbus profile is named with its key and what to do."""

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from config.errors import ConfigError
from config.loader import load_profile, load_site
from config.profile import Point

SOC: dict[str, Any] = {"signal": "soc", "address": 0, "stride": 10, "type": "u16"}
LIMIT: dict[str, Any] = {"signal": "current_limit_a", "address": 5, "stride": 10, "type": "u16", "access": "rw"}


def profile(points: list[dict[str, Any]], **keys: Any) -> dict[str, Any]:
    return {"profile": "own", "title": "Own", "protocol": "modbus", "source": "vendor-doc", "points": points} | keys


def problems(tmp_path: Any, points: list[dict[str, Any]], **keys: Any) -> list[str]:
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(profile(points, **keys)))
    with pytest.raises(ConfigError) as caught:
        load_profile(file)
    return [f"{problem.key}: {problem.message}. {problem.remedy}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stride": None}, "stride: is missing. Give the address step from one slot to the next, or unit_stride"),
        ({"entity": "station", "signal": "power_w"}, "stride: is a step between slots, and this is the station's"),
        ({"field": "x"}, "field: belongs to MQTT"),
        ({"address": "nsu=x;s=y"}, "address: is no Modbus address"),
        ({"address": 70_000}, "address: is no Modbus address. Give a number from 0 to 65535, without the 4xxxx prefix"),
        ({"byte": "hi", "type": "u32"}, "byte: is half a register"),
        ({"bits": [0, 16]}, "bits: the value has bits 0 to 15 only"),
        ({"bits": [0, 8], "byte": "lo"}, "bits: the value has bits 0 to 7 only"),
        ({"bits": [0, 8], "type": "i16"}, "bits: counts the bits of an unsigned number. Use one of u16, u32, u64"),
        ({"signal": "occupied", "bit": 16}, "bit: the value has bits 0 to 15 only"),
        ({"type": "str", "length": 4}, "type: soc is no text"),
        ({"signal": "pack_id"}, "type: text signals are of type str"),
        ({"length": 4}, "length: belongs to type str, and type str needs it"),
        ({"scale_stride": 4}, "scale_stride: belongs to scale_register"),
        ({"signal": "occupied", "scale_register": 4}, "scale_register: is for quantities; occupied is bool"),
        ({"signal": "occupied", "enum": {"A": True}}, "enum: a u16 is never a text. Give numbers as keys"),
        ({"table": "coil", "type": "u16"}, "type: a coil holds bool, not u16"),
        ({"model": 802, "table": "coil", "type": None, "signal": "occupied"}, "table: SunSpec models lie in registers"),
    ],
)
def test_a_point_that_contradicts_itself(tmp_path: Any, change: dict[str, Any], said: str) -> None:
    point = {key: value for key, value in (SOC | change).items() if value is not None}
    found = problems(tmp_path, [point])
    assert any(line.startswith(f"points[0].{said}") for line in found), found


@pytest.mark.parametrize(
    ("change", "keys", "said"),
    [
        ({"unit_id": 3, "stride": None}, {"unit_stride": 1}, "points[0].unit_id: is the same for every slot"),
        ({"address": 7}, {"address_step": 2}, "points[0].address: 7 is not at the start of a register"),
        ({"stride": 7}, {"address_step": 2}, "points[0].stride: 7 is not at the start of a register"),
        ({"model": 802}, {"address_step": 2}, "points[0].model: SunSpec counts registers. Remove address_step"),
        ({"type": "u64"}, {"max_read": 2}, "points[0].type: the value takes 4 registers but max_read is 2"),
    ],
)
def test_a_point_that_contradicts_its_profile(
    tmp_path: Any, change: dict[str, Any], keys: dict[str, Any], said: str
) -> None:
    point = {key: value for key, value in (SOC | change).items() if value is not None}
    found = problems(tmp_path, [point], **keys)
    assert any(line.startswith(said) for line in found), found


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (
            {"signal": "enabled", "bit": 3, "write": {"minimum": 0, "maximum": 1}},
            "would overwrite the other bits of the register. Give write.address",
        ),
        ({"table": "input", "write": {"minimum": 0, "maximum": 9}}, "no client can write inputs. Give write.address"),
        ({"write": {"minimum": 0, "maximum": 9, "type": "str"}}, "a number is not written as str"),
        (
            {"signal": "pack_id", "type": "str", "length": 4, "write": {"minimum": 0, "maximum": 0}},
            "texts are not written",
        ),
    ],
)
def test_a_write_that_cannot_be(tmp_path: Any, point: dict[str, Any], said: str) -> None:
    found = problems(tmp_path, [LIMIT | point])
    assert any(line.startswith(f"points[0].write: {said}") for line in found), found


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"bit": 1}, "'bit' is for boolean signals; soc is analog"),
        ({"bits": [4, 2]}, "'bits' start at 4 and end before it, at 2"),
        ({"enum": {1: True}}, "'enum' is for enumerations and booleans; soc is analog"),
        ({"scale": 0}, "'scale' must not be zero"),
        ({"signal": "occupied", "enum": {1: "yes"}}, "unknown label 'yes'; occupied is true or false"),
        ({"signal": "occupied", "bit": 1, "enum": {1: True}}, "'bit' is true or false by itself"),
        ({"signal": "occupied", "scale": 0.1}, "'scale', 'offset' and 'sign' are for quantities; occupied is bool"),
        ({"signal": "charger_state"}, "charger_state needs 'enum'"),
        ({"signal": "charger_state", "enum": {1: "charge"}}, "unknown label 'charge'; known: charging, cooling"),
        ({"signal": "charge_state"}, "unknown slot signal 'charge_state'; known: capacity_wh"),
        ({"write": {"minimum": 0, "maximum": 1}}, "'write' needs access: rw"),
        ({"access": "rw", "write": {"minimum": 0, "maximum": 2}}, "'write' allows 0 to 2; soc lies from 0 to 1"),
        ({"access": "rw", "write": {"minimum": 1, "maximum": 0}}, "minimum 1 is above maximum 0"),
    ],
)
def test_a_point_that_makes_no_sense_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Point.model_validate(SOC | keys)
    assert said in str(caught.value)


SAFE: dict[str, Any] = {"fed_by": "poll", "timeout_s": 60, "signal": "current_limit_a", "fallback": 6}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"fail_safe": SAFE | {"signal": "power_limit_w"}}, "fail_safe.signal: 'power_limit_w' is no slot signal of"),
        ({"fail_safe": SAFE, "interval_s": 60}, "fail_safe.fed_by: is not fed in 60 s by reading every 60 s"),
        ({"fail_safe": SAFE | {"fed_by": "keepalive"}}, "fail_safe.fed_by: needs 'keepalive'"),
        (
            {"fail_safe": SAFE | {"fed_by": "keepalive"}, "keepalive": {"address": 6000, "interval_s": 60}},
            "keepalive.interval_s: 60 s are not shorter than the device's 60 s",
        ),
        (
            {"fail_safe": SAFE | {"fed_by": "write"}},
            "fail_safe.fed_by: current_limit_a is not written again within 60 s. Give its 'write' a refresh_s",
        ),
        ({"fail_safe": SAFE | {"timeout": {"type": "u16"}}}, "fail_safe.timeout: give 'address', 'write_address' or"),
    ],
)
def test_a_device_s_own_watchdog_that_nobody_would_feed(tmp_path: Any, keys: dict[str, Any], said: str) -> None:
    found = problems(tmp_path, [LIMIT | {"write": {"minimum": 0, "maximum": 32}}], **keys)
    assert any(line.startswith(said) for line in found), found


def test_keys_of_modbus_are_refused_elsewhere(tmp_path: Any) -> None:
    point = {"signal": "soc", "address": "t/{slot}", "field": "x"}
    found = problems(tmp_path, [point], protocol="mqtt", unit_stride=1)
    assert found == ["unit_stride: belongs to Modbus, not to mqtt. Remove it"]


def test_keys_of_an_enumeration_may_be_written_in_any_base_and_are_texts_where_the_value_is_one() -> None:
    number = Point.model_validate(SOC | {"signal": "occupied", "enum": {"0x11": True, "07": False, "2": True}})
    assert list(number.enum or {}) == [17, 7, 2]
    text = Point.model_validate(SOC | {"signal": "occupied", "type": "str", "length": 1, "enum": {"1": True}})
    assert list(text.enum or {}) == ["1"]


@pytest.mark.parametrize(
    ("points", "keys", "device", "said"),
    [
        ([SOC | {"stride": 9000}], {}, {}, "soc of profile 'own' would lie at registers 0 to 72000"),
        (
            [SOC | {"scale_register": 60_000, "scale_stride": 1000}],
            {},
            {},
            "scale_register of soc of profile 'own' would lie at registers 60000 to 68000",
        ),
        (
            [LIMIT | {"write": {"minimum": 0, "maximum": 1, "address": 65_500}}],
            {},
            {},
            "write.address of current_limit_a of profile 'own' would lie at registers 65500 to 65580",
        ),
        (
            [{"signal": "soc", "address": 0, "type": "u16"}],
            {"unit_stride": 1},
            {"unit_id": 250},
            "with unit_stride 1 the last of 9 slots would be unit 258. Units end at 255",
        ),
    ],
)
def test_more_slots_than_the_map_or_the_line_has_room_for(
    tmp_path: Any, points: list[dict[str, Any]], keys: dict[str, Any], device: dict[str, Any], said: str
) -> None:
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(profile(points, **keys)))
    station = {"id": "S1", "name": "One", "latitude": 0, "longitude": 0, "slots": 9, "grid_limit_w": 1}
    station["devices"] = [{"id": "d", "profile": "own.yaml", "url": "modbus://127.0.0.1:502"} | device]
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump({"site": "s", "name": "S", "stations": [station]}))
    with pytest.raises(ConfigError, match=said.replace(".", r"\.")):
        load_site(file)

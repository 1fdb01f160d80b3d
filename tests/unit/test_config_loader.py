"""A wrong site file or profile is refused whole, with every error by file, line and key."""

from pathlib import Path
from textwrap import dedent

import pytest

from config.errors import ConfigError
from config.loader import bundled_site, load_profile, load_site

GOOD_STATION = """\
  - id: {id}
    name: Harbour
    latitude: 59.9
    longitude: 10.7
    slots: 8
    grid_limit_w: 9000
    devices:
      - {{id: cabinet, profile: modbus-swap-cabinet, url: "modbus://127.0.0.1:50200"}}
"""


def write(folder: Path, text: str, name: str = "site.yaml") -> Path:
    file = folder / name
    file.write_text(dedent(text))
    return file


def problems(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_site(file)
    return [str(problem).removeprefix(f"{file.parent}/") for problem in caught.value.problems]


def site(stations: str) -> str:
    return "site: s\nname: S\nstations:\n" + stations


def test_the_bundled_demo_has_six_stations_on_three_protocols_and_a_retrofitted_one() -> None:
    loaded = load_site(bundled_site("demo"))
    protocols = {station.id: [device.scheme for device in station.devices] for station in loaded.site.stations}
    assert len(protocols) == 6
    assert {name for names in protocols.values() for name in names} == {"opc.tcp", "modbus", "mqtt"}
    assert ["opc.tcp", "modbus", "mqtt"] in protocols.values()


def test_points_are_numbered_once_over_the_whole_site() -> None:
    bound = load_site(bundled_site("demo")).bind()
    numbers = [point.number for device in bound for point in device.points]
    assert numbers == list(range(len(numbers)))
    paths = [point.path for device in bound for point in device.points]
    assert len(set(paths)) == len(paths)


def test_all_errors_are_named_at_once_with_line_and_key(tmp_path: Path) -> None:
    broken = GOOD_STATION.format(id="S001").replace("59.9", "159.9").replace("9000", "much")
    file = write(tmp_path, "nam: S\n" + site(broken).replace("name: S\n", "timezone: Mars/Phobos\n"))
    said = problems(file)
    assert said == [
        "site.yaml:1: nam: unknown key. Did you mean 'name'?",
        "site.yaml:1: name: is missing. Add 'name' here",
        "site.yaml:3: timezone: no such time zone; use a name such as Asia/Kolkata (got 'Mars/Phobos'). "
        "Correct the value",
        "site.yaml:7: stations[0].latitude: input should be less than or equal to 90 (got 159.9). Correct the value",
        "site.yaml:10: stations[0].grid_limit_w: input should be a valid number, "
        "unable to parse string as a number (got 'much'). Give a number",
    ]


def test_what_is_wrong_between_keys_is_named_too(tmp_path: Path) -> None:
    second = (
        GOOD_STATION.format(id="S001")
        .replace("modbus-swap-cabinet", "opcua-swap-cabinet")
        .replace('50200"', '50200", slots: 1-9')
    )
    said = problems(write(tmp_path, site(GOOD_STATION.format(id="S001") + second)))
    assert any("site.yaml:12: stations[1].id: 'S001' is already the id of stations[0]" in line for line in said)
    assert any("slot 9 is beyond the station's 8 slots" in line for line in said)
    assert any("scheme does not fit profile 'opcua-swap-cabinet', which speaks opcua" in line for line in said)


def test_two_devices_must_not_report_the_same_signal(tmp_path: Path) -> None:
    device = '      - {id: other, profile: modbus-swap-cabinet, url: "modbus://127.0.0.1:50201"}\n'
    said = problems(write(tmp_path, site(GOOD_STATION.format(id="S001") + device)))
    assert said == [
        "site.yaml:12: stations[0].devices[1].profile: heartbeat already comes from device 'cabinet'. "
        "Remove the point from one of the profiles"
    ]


def test_devices_on_one_serial_line_must_speak_at_one_speed(tmp_path: Path) -> None:
    serial = "modbus+serial:///dev/ttyUSB0"
    one = GOOD_STATION.format(id="S001").replace("modbus://127.0.0.1:50200", serial)
    two = GOOD_STATION.format(id="S002").replace(
        'url: "modbus://127.0.0.1:50200"', f'unit_id: 2, baudrate: 19200, url: "{serial}"'
    )
    assert load_site(write(tmp_path, site(one))).bind()[0].device.where == "/dev/ttyUSB0"
    assert problems(write(tmp_path, site(one + two))) == [
        "site.yaml:19: stations[1].devices[0].baudrate: baudrate is 19200 here, but 9600 for stations[0].devices[0] "
        "on the same line. Give all devices of a line the same"
    ]


def test_a_speed_is_for_serial_lines_only(tmp_path: Path) -> None:
    text = GOOD_STATION.format(id="S001").replace("url:", "parity: even, url:")
    (said,) = problems(write(tmp_path, site(text)))
    assert "'parity' is for serial lines" in said


def test_a_key_that_stands_twice_is_refused_and_the_rest_is_still_checked(tmp_path: Path) -> None:
    text = (
        GOOD_STATION.format(id="S001").replace("    slots: 8\n", "    slots: 8\n    slots: 9\n").replace("59.9", "99")
    )
    said = problems(write(tmp_path, site(text)))
    assert len(said) == 2
    assert "site.yaml:9: stations[0].slots: stands twice (first on line 8). Remove one of the two" in said


def test_an_unknown_profile_names_those_that_exist(tmp_path: Path) -> None:
    text = GOOD_STATION.format(id="S001").replace("modbus-swap-cabinet", "modbus-swap-cabinett")
    (said,) = problems(write(tmp_path, site(text)))
    assert "unknown profile 'modbus-swap-cabinett'" in said
    assert "modbus-swap-cabinet" in said


def test_a_wrong_profile_is_named_with_its_own_file_and_line(tmp_path: Path) -> None:
    write(
        tmp_path,
        """\
        profile: own
        title: Own
        protocol: modbus
        source: vendor-doc
        points:
          - {signal: soc, address: 1, type: u16}
          - {signal: soc, address: 2, stride: 4, type: u16, poll_group: fast}
        """,
        "own.yaml",
    )
    text = GOOD_STATION.format(id="S001").replace("modbus-swap-cabinet", "own.yaml")
    said = problems(write(tmp_path, site(text)))
    assert said == [
        "own.yaml:6: points[0].stride: is missing. Give the address step from one slot to the next, "
        "or unit_stride where each slot is a unit of its own",
        "own.yaml:7: points[1].poll_group: unknown poll group 'fast'. Define it under poll_groups",
        "own.yaml:7: points[1].signal: 'soc' is already mapped by points[0]. Keep one",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("- a\n- b\n", "is not a mapping of keys"),
        ("site: [", "is not valid YAML"),
        ("site: &a [*a]", "is nested too deeply"),
        (
            "a: &a [x, x, x, x]\n"
            + "".join(f"{n}: &{n} [{','.join([f'*{m}'] * 9)}]\n" for m, n in zip("abcdefg", "bcdefgh", strict=True)),
            "more than 500000 entries",
        ),
        ("site: !!python/object:os.system x", "is not valid YAML"),
        ("\x00", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_site_is_refused_with_its_reason(tmp_path: Path, text: str, message: str) -> None:
    said = problems(write(tmp_path, text))
    assert any(message in line for line in said), said


def test_a_file_that_is_not_there_is_an_error_of_input(tmp_path: Path) -> None:
    (said,) = problems(tmp_path / "none.yaml")
    assert "cannot be read: No such file or directory" in said


def test_every_bundled_profile_is_valid() -> None:
    folder = bundled_site("demo").parent.parent / "profiles"
    files = sorted(folder.glob("*.yaml"))
    assert files
    for file in files:
        assert load_profile(file).profile == file.stem


def test_classes_of_packs_and_what_the_cabinet_does_reach_the_model(tmp_path: Path) -> None:
    more = (
        "    pack: {rate_cap: [[0.5, 1.0], [0.9, 0.4]]}\n    other_packs: [{capacity_wh: 2000, share: 0.3}]\n"
        "    chargers: 6\n    share_tick_s: 10\n"
    )
    spec = load_site(write(tmp_path, site(GOOD_STATION.format(id="S001") + more))).site.stations[0].spec()
    assert [pack.capacity_wh for pack in spec.packs] == [1500.0, 2000.0]
    assert spec.packs[0].rate_cap == ((0.5, 1.0), (0.9, 0.4))
    assert spec.returned_shares == (0.7, 0.3)
    assert (spec.chargers, spec.share_tick_s) == (6, 10.0)


def test_classes_of_packs_that_cannot_be_are_refused(tmp_path: Path) -> None:
    more = "    pack: {rate_cap: [[0.9, 1.0], [0.5, 0.4]]}\n    other_packs: [{share: 0.6}, {share: 0.5}]\n"
    said = problems(write(tmp_path, site(GOOD_STATION.format(id="S001") + more)))
    assert any("must rise in SoC" in line for line in said)

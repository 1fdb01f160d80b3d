"""Recordings: what is written can be read, also after a crash, and replays by itself."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from config.loader import LoadedSite, load_site
from config.profile import Point
from gateway.recording import Recording, RecordingError, encode, header_of, suffix_of, to_parquet
from gateway.replay import RecordedStation, shown
from gateway.replay_site import placed, write_site
from simulators.encode import raw_value
from tests.support.emulators import one_station
from tests.support.peers import free_port
from twin.signals import Kind


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedSite:
    return one_station(
        tmp_path,
        [{"id": "cabinet", "profile": "modbus-swap-cabinet", "url": "modbus://192.0.2.7:502"}],
        demand={"swaps_per_day": 10, "profile": "lucknow"},
    )


def rows() -> list[dict[str, Any]]:
    common = {"monotonic_s": 1.0, "device": "S1/cabinet"}
    sample = {"quality": "good", "reason": "none", "source_time": 99.5}
    return [
        {"received_time": 100.0, **common, "link": "connected", "detail": "polling"},
        {"received_time": 100.0, **common, **sample, "point": "S1/slot/01/soc", "raw": 9950, "value": 0.995},
        {"received_time": 101.0, **common, **sample, "point": "S1/slot/01/pack_id", "raw": "PK", "value": "PK"},
        {"received_time": 102.0, **common, **sample, "point": "S1/slot/01/power_w", "raw": float("nan"), "value": None},
    ]


def written(loaded: LoadedSite, file: Path) -> Path:
    head = header_of(loaded, started=100.0, monotonic_s=1.0, version="1", anonymised=False)
    data = encode(head) + b"".join(encode(row) for row in rows())
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)
    return file


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_what_is_recorded_is_read_again(loaded: LoadedSite, tmp_path: Path, name: str) -> None:
    recording = Recording(written(loaded, tmp_path / name))
    read = list(recording.rows())
    assert len(read) == 4
    assert read[1]["raw"] == 9950
    assert read[3]["raw"] == "nan"
    assert not recording.truncated
    assert recording.header.site == loaded.site
    assert recording.header.profiles == loaded.profiles


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_a_recording_that_a_crash_cut_off_is_read_up_to_its_last_whole_row(
    loaded: LoadedSite, tmp_path: Path, name: str
) -> None:
    file = written(loaded, tmp_path / name)
    file.write_bytes(file.read_bytes()[:-12])
    recording = Recording(file)
    assert len(list(recording.rows())) <= 3
    assert recording.truncated


def test_parquet_holds_the_same(loaded: LoadedSite, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow (extra parquet)")
    source = written(loaded, tmp_path / "x.jsonl")
    to_parquet(source, tmp_path / "x.parquet")
    lines, table = Recording(source), Recording(tmp_path / "x.parquet")
    assert table.header.profiles == lines.header.profiles
    for line, row in zip(lines.rows(), table.rows(), strict=True):
        assert line == {key: value for key, value in row.items() if value is not None}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no recording"),
        (b"{", "no recording"),
        (b"[1]\n", "no recording"),
        (b'{"swaptwin_recording": 99}\n', "format 99"),
        (b'{"swaptwin_recording": 1, "site": {}}\n', "header cannot be used"),
        (b'{"swaptwin_recording": 1, "site": 3, "profiles": 4}\n', "header cannot be used"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_a_reason(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(content)
    with pytest.raises(RecordingError, match=words):
        Recording(file)


def test_a_gzip_file_that_is_none_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl.gz").write_bytes(b"plain text")
    with pytest.raises(RecordingError):
        Recording(tmp_path / "x.jsonl.gz")


def test_the_name_says_the_format() -> None:
    assert suffix_of(Path("a.b.jsonl.gz")) == ".jsonl.gz"
    with pytest.raises(RecordingError, match="rename it"):
        suffix_of(Path("a.csv"))


def test_a_line_is_plain_json() -> None:
    assert orjson.loads(encode({"raw": float("inf"), "value": None, "point": "x"})) == {"raw": "inf", "point": "x"}


def test_a_replay_is_served_on_loopback_and_a_gateway_can_be_given_its_site(loaded: LoadedSite, tmp_path: Path) -> None:
    header = Recording(written(loaded, tmp_path / "x.jsonl")).header
    port = free_port()
    moved = placed(header, None, port)
    url = moved.site.stations[0].devices[0].url
    assert url.startswith("modbus://127.0.0.1:")
    assert int(url.rsplit(":", 1)[1]) >= port
    folder = tmp_path / "gateway"
    folder.mkdir()
    write_site(moved, folder / "site.yaml")
    again = load_site(folder / "site.yaml")
    assert again.site.stations[0].devices[0].url == url
    assert again.profiles == loaded.profiles


def test_devices_that_shared_an_address_share_one_in_the_replay(tmp_path: Path) -> None:
    devices = [
        {"id": "a", "profile": "opcua-cabinet-doors", "url": "opc.tcp://192.0.2.7:4840", "slots": "1-4"},
        {"id": "b", "profile": "mqtt-packs", "url": "mqtt://192.0.2.8", "slots": "1-2"},
        {"id": "c", "profile": "mqtt-packs", "url": "mqtt://192.0.2.8", "slots": "3-4"},
    ]
    loaded = one_station(tmp_path, devices, broker="external")
    site = placed(Recording(written(loaded, tmp_path / "x.jsonl")).header, None, free_port()).site
    first, second, third = (device.url for device in site.stations[0].devices)
    assert second == third != first
    assert site.emulation.broker == "embedded"


def test_a_replay_on_another_site_needs_the_same_devices(loaded: LoadedSite, tmp_path: Path) -> None:
    header = Recording(written(loaded, tmp_path / "x.jsonl")).header
    (tmp_path / "other").mkdir()
    other = one_station(
        tmp_path / "other", [{"id": "rack", "profile": "modbus-swap-cabinet", "url": "modbus://127.0.0.1:5020"}]
    )
    with pytest.raises(RecordingError, match="has no device S1/cabinet"):
        placed(header, other, 52000)


@pytest.mark.parametrize(
    ("point", "raw"),
    [
        ({"signal": "soc", "address": 1, "type": "u16", "scale": 0.0001}, 9950),
        ({"signal": "soc", "address": 1, "type": "u16", "scale": 0.0001}, 23456),  # out of range, and shown as it was
        ({"signal": "current_a", "address": 1, "type": "i16", "scale": 0.01, "offset": -30.0, "sign": -1}, -123),
        ({"signal": "cycle_count", "address": 1, "type": "u32"}, 812),
    ],
)
def test_a_recorded_raw_value_is_served_as_it_was(point: dict[str, Any], raw: float) -> None:
    described = Point.model_validate(point)
    row = {"raw": float(raw), "value": None}
    again = raw_value(described, shown(described, described.definition.kind, row))
    assert again == pytest.approx(raw)


def test_what_had_no_value_has_none_in_the_replay() -> None:
    point = Point.model_validate({"signal": "soc", "address": 1, "type": "u16", "invalid": [65535]})
    assert shown(point, Kind.ANALOG, {"raw": 65535.0, "value": None}) is None
    assert shown(point, Kind.BOOL, {"raw": None, "value": None}) is None


def test_a_recording_cannot_be_written_to() -> None:
    with pytest.raises(KeyError, match="comes from a recording"):
        RecordedStation("S1", 1, 0.0).command("enabled", 1, 0.0)

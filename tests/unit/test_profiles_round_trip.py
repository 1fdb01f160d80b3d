"""What an emulated device sends is what its adapter reads: every point of the bundled profiles other than Modbus."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.convert import Converter
from adapters.mqtt_payload import parse, topics
from adapters.tower_frames import Deframer, report
from adapters.tower_frames import parse as parse_tower
from adapters.tower_points import TowerPoints
from config.binding import BoundDevice, bind
from config.loader import BUNDLED, load_profile
from config.profile import Profile
from config.site import Site
from simulators.encode import raw_value
from simulators.mqtt import _put
from simulators.tower import TowerFace
from twin.signals import Kind, Quality

URLS = {"opcua": "opc.tcp://127.0.0.1", "mqtt": "mqtt://127.0.0.1", "tower": "tower://127.0.0.1"}
PROFILES = {
    profile.profile: profile
    for profile in map(load_profile, sorted((BUNDLED / "profiles").glob("*.yaml")))
    if profile.protocol in URLS
}


def bound(profile: Profile) -> BoundDevice:
    device = {"id": "d", "profile": "p", "url": URLS[profile.protocol]}
    station = {"id": "S1", "name": "One", "latitude": 0, "longitude": 0, "slots": 2, "grid_limit_w": 1e4}
    site = Site.model_validate({"site": "t", "name": "T", "stations": [station | {"devices": [device]}]})
    return bind(site, {"p": profile})[0]


class Shown:
    """A station of which every value is what the test says."""

    time = 1_800_000_000.0

    def __init__(self, values: dict[tuple[str, int | None], Any]) -> None:
        self.values = values

    def value(self, signal: str, slot: int | None = None) -> Any:
        return self.values[signal, slot]


class Wire:
    """What a cabinet writes to."""

    def __init__(self) -> None:
        self.transport = self
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data

    def get_write_buffer_size(self) -> int:
        return 0


def by_tower(device: BoundDevice, shown: Shown) -> dict[int, object]:
    face = TowerFace(device, shown)  # type: ignore[arg-type]
    wire = Wire()
    face._writer = wire  # type: ignore[assignment]
    face._full_at = -math.inf
    face._report()
    points, raws = TowerPoints(device), {}
    for payload in Deframer().feed(wire.sent):
        raws.update(points.read(report(parse_tower(payload))))
    return raws


def by_mqtt(device: BoundDevice, shown: Shown) -> dict[int, object]:
    payloads: dict[str, dict[str, Any]] = {}
    for point in device.points:
        raw = raw_value(point.point, shown.value(point.point.signal, point.slot))
        _put(payloads.setdefault(str(point.address), {}), point.field or "", raw)
    raws: dict[int, object] = {}
    for name, topic in topics(device.points).items():
        raws.update(zip(*topic.read(parse(json.dumps(payloads[name]).encode())), strict=True))
    return raws


def by_opcua(device: BoundDevice, shown: Shown) -> dict[int, object]:
    return {
        row: raw_value(point.point, shown.value(point.point.signal, point.slot))
        for row, point in enumerate(device.points)
    }


CARRIED = {"tower": by_tower, "mqtt": by_mqtt, "opcua": by_opcua}


@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=40)
@given(data=st.data())
def test_what_is_sent_is_what_is_read(name: str, data: st.DataObject) -> None:
    device = bound(PROFILES[name])
    values: dict[tuple[str, int | None], Any] = {}
    for point in device.points:
        signal = point.signal
        if signal.kind is Kind.TEXT:
            value: Any = data.draw(st.from_regex(r"[A-Z0-9-]{1,20}", fullmatch=True))
        elif signal.kind is Kind.ENUM:
            value = data.draw(st.sampled_from([0, 1, 2, 4]))
        elif signal.kind is Kind.BOOL:
            value = data.draw(st.booleans())
        elif signal.kind is Kind.COUNTER:
            value = data.draw(st.integers(0, int(min(signal.maximum, 1e9))))
        else:
            value = data.draw(st.floats(max(signal.minimum, -1e4), min(signal.maximum, 1e4)))
        values[signal.name, point.slot] = value
    raws = CARRIED[device.profile.protocol](device, Shown(values))
    texts: list[str] = []
    samples = Converter(device.points).objects(
        list(raws),
        list(raws.values()),
        lambda text: texts.append(text) or len(texts) - 1,  # type: ignore[func-returns-value]
    )
    assert sorted(raws) == list(range(len(device.points)))
    for row, read, quality in zip(samples.rows, samples.values, samples.qualities, strict=True):
        point = device.points[row]
        value = values[point.point.signal, point.slot]
        assert quality == int(Quality.GOOD), point.path
        if point.signal.kind is Kind.TEXT:
            assert texts[int(read)] == value
        else:
            # Cabinets show three digits of the raw value.
            coarse = 0.5e-3 * abs(point.point.scale) if device.profile.protocol == "tower" else 0.0
            assert read == pytest.approx(float(value), rel=1e-9, abs=coarse + 1e-9), point.path

"""Tower frames and messages: only ``FrameError`` and ``ValueError`` come of any bytes."""

import json
import math

from adapters.convert import Converter
from adapters.tower_frames import MAXIMUM_FRAME, Deframer, FrameError, encode, parse, report
from adapters.tower_points import TowerPoints
from config.binding import bind
from config.loader import BUNDLED, load_profile
from config.profile import Point
from config.site import Site
from tests.fuzz.engine import target
from tests.fuzz.holds import Texts, check

_profile = load_profile(BUNDLED / "profiles" / "tower-tcp.yaml")
_alarm = Point(signal="smoke", entity="station", address="alarm:02135001")
SITE = Site.model_validate(
    {
        "site": "fuzz",
        "name": "Fuzz",
        "stations": [
            {
                "id": "S1",
                "name": "One",
                "latitude": 0.0,
                "longitude": 0.0,
                "slots": 3,
                "grid_limit_w": 1e4,
                "devices": [{"id": "cabinet", "profile": "tower-tcp", "url": "tower://127.0.0.1:7900"}],
            }
        ],
    }
)
_device = bind(SITE, {"tower-tcp": _profile.model_copy(update={"points": (*_profile.points, _alarm)})})[0]
_points, _converter, _intern = TowerPoints(_device), Converter(_device.points), Texts()


def _attributes() -> list[dict[str, object]]:
    values = {"pack_id": "PK-1", "charger_state": "1", "soc": 55.5, "occupied": "1", "enabled": 1, "door_open": "0"}
    return [
        {"id": point.address, "value": values.get(point.signal, "12.5")} | ({"doorId": door} if door else {})
        for point in _profile.points
        for door in (["1", 2, "03"] if point.entity == "slot" else [None])
    ]


_HEAD = {"txnNo": 1_800_000_000_123, "devId": "CAB-1"}
_DOCUMENTS: list[dict[str, object]] = [
    {"msgType": 100, **_HEAD, "imsi": "460", "hardVersion": "1", "softVersion": "2", "protocolVersion": "3"},
    {"msgType": 300, **_HEAD, "isFull": 1, "attrList": _attributes()},
    {"msgType": "310", **_HEAD, "isFull": "0", "attrList": _attributes()[:4]},
    {"msgType": 400, **_HEAD, "alarmList": [{"id": "02135001", "alarmTime": 1, "alarmmDesc": "x", "alarmFlag": 1}]},
    {"msgType": 501, **_HEAD, "result": 1},
]
_MESSAGES = [json.dumps(document).encode() for document in _DOCUMENTS]
_STREAMS = [b"".join(encode(document, framing) for document in _DOCUMENTS) for framing in ("length", "newline")]  # type: ignore[arg-type]


@target(_MESSAGES, share=2.0)
def tower_messages(data: bytes) -> None:
    try:
        message = parse(data)
        encode(message.answer(True), "length")
        assert math.isnan(message.time) or 1e9 <= message.time < 1e10
        said = report(message)
    except ValueError:
        return
    raws = _points.read(said)
    check(_converter.objects(list(raws), list(raws.values()), _intern), _device)


@target(_STREAMS)
def tower_frames(data: bytes) -> None:
    deframer, cut = Deframer(), max(1, len(data) // 3)
    frames: list[bytes] = []
    try:
        for start in range(0, len(data), cut):
            for frame in deframer.feed(data[start : start + cut]):
                assert 0 < len(frame) <= MAXIMUM_FRAME
                frames.append(frame)
    except FrameError:
        pass
    assert sum(map(len, frames)) <= len(data)
    for frame in frames:
        tower_messages(frame)

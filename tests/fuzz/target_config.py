"""Profiles and site files: only ``ConfigError`` comes of any text, and what is accepted can be bound and served."""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from adapters.registry import ADAPTERS, build
from config.binding import bind
from config.clock import ManualClock
from config.errors import ConfigError
from config.loader import load_profile, load_site
from config.site import Site
from simulators.encode import items
from tests.fuzz.engine import target
from tests.fuzz.target_tower import SITE

_FOLDER = tempfile.TemporaryDirectory(prefix="swaptwin-fuzz-")
_HERE = Path(_FOLDER.name)


def _profile(protocol: str, points: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    head = {"profile": "p", "title": "P", "protocol": protocol, "source": "reference", "interval_s": 1}
    return head | {"points": points} | more


_WRITE = {"minimum": 0, "maximum": 1}
_PROFILES: list[dict[str, Any]] = [
    _profile(
        "modbus",
        [
            {"signal": "soc", "address": 6, "type": "u16", "stride": 20, "scale": 0.01, "invalid": [65535]},
            {"signal": "pack_id", "address": 8, "type": "str", "length": 4, "stride": 20},
            {"signal": "charger_state", "address": 3, "type": "i16", "stride": 20, "enum": {"0": "idle"}},
            {"signal": "occupied", "address": 1, "type": "u16", "stride": 20, "bit": 3, "poll_group": "slow"},
            {"entity": "station", "signal": "heartbeat", "address": 900, "type": "u32", "word_order": "CDAB"},
        ],
        max_read=60,
        poll_groups={"slow": {"interval_s": 5}},
        watchdog={"signal": "heartbeat", "timeout_s": 5},
    ),
    _profile(
        "opcua",
        [
            {"signal": "soc", "address": "nsu=urn:a;s=Slot{slot:02d}.SoC", "deadband": 0.1},
            {
                "signal": "enabled",
                "address": "nsu=urn:a;i=5{index}",
                "access": "rw",
                "write": _WRITE,
            },
        ],
    ),
    _profile(
        "mqtt",
        [{"signal": "soc", "address": "a/{site}/{slot}", "field": "b.{index}.c", "offset": 1, "sign": -1}],
        time_field="ts",
        availability={"topic": "a/{device}/status"},
    ),
    _profile(
        "tower",
        [
            {"signal": "soc", "address": "02109001", "field": "{slot}"},
            {"entity": "station", "signal": "smoke", "address": "alarm:02135001", "max_age_s": 9},
        ],
        framing="newline",
    ),
]
_TEXT = b"""# A profile as people write it.
profile: p
title: P
protocol: mqtt
source: reference
points:
  - {signal: soc, address: "a/{slot}", field: soc, scale: 0.01}
  - {entity: station, signal: power_w, address: "a", field: p}
"""


@target([*(json.dumps(profile).encode() for profile in _PROFILES), _TEXT], share=0.05)
def profile_files(data: bytes) -> None:
    file = _HERE / "profile.yaml"
    file.write_bytes(data)
    try:
        profile = load_profile(file)
    except ConfigError as error:
        _explained(error, file)
        return
    (device,) = bind(SITE, {"tower-tcp": profile})
    items(device.points, lambda bound: bound.path)
    if profile.protocol not in ADAPTERS:
        return
    try:
        build(device, ManualClock(), random.Random(1))
    except ValueError as error:
        # A profile alone does not know how many slots there are: the loader of sites does, and refuses it.
        if "outside" not in str(error):
            raise


(_HERE / "profiles").mkdir()
(_HERE / "profiles" / "mine.yaml").write_text(json.dumps(_PROFILES[0]))
_SITE = Site.model_validate(SITE.model_dump(exclude_defaults=True)).model_dump(mode="json", exclude_defaults=True)
_STATION = _SITE["stations"][0]
_SITES: list[dict[str, Any]] = [
    _SITE,
    _SITE
    | {
        "timezone": "Asia/Kolkata",
        "gateway": {"port": 0, "writes": True},
        "calendar": [{"name": "x", "date": "2026-12-24", "multiplier": 0.5}],
        "stations": [
            _STATION
            | {
                "demand": {"swaps_per_day": 90, "profile": "lucknow"},
                "emulation": {"packs": 2, "seed": 3},
                "devices": [
                    {"id": "a", "profile": "mine", "url": "modbus://127.0.0.1:1502", "slots": "1-2", "unit_id": 3},
                    {"id": "b", "profile": "tower-tcp", "url": "tower://127.0.0.1", "slots": "3", "dev_id": "C"},
                ],
            },
            _STATION | {"id": "S2", "bays": 2},
        ],
    },
]


@target([json.dumps(site).encode() for site in _SITES], share=0.02)
def site_files(data: bytes) -> None:
    file = _HERE / "site.yaml"
    file.write_bytes(data)
    try:
        loaded = load_site(file)
    except ConfigError as error:
        _explained(error, file)
        return
    devices = loaded.bind()
    numbers = [point.number for device in devices for point in device.points]
    assert numbers == list(range(len(numbers)))
    for device in devices:
        assert device.profile.protocol not in ADAPTERS or build(device, ManualClock(), random.Random(1))
    for station in loaded.site.stations:
        station.spec()


def _explained(error: ConfigError, file: Path) -> None:
    """Each problem says where, what and what to do."""
    assert error.problems
    for problem in error.problems:
        assert problem.file.parent in {file.parent, *file.parents} or problem.file.exists()
        assert problem.line >= 1
        assert problem.message
        assert problem.remedy
        str(problem)

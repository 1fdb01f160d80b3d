"""Tower cabinets in profiles and site files: what is wrong is said before anything starts."""

from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigError
from config.profile import Profile
from tests.support.emulators import one_station

ONE = {"id": "a", "profile": "tower-tcp", "url": "tower://127.0.0.1:7900", "slots": "1-2"}
OTHER = ONE | {"id": "b", "slots": "3-4"}


def problems(folder: Path, *devices: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as raised:
        one_station(folder, list(devices))
    return str(raised.value)


def test_cabinets_at_one_address_need_a_dev_id_each(tmp_path: Path) -> None:
    assert "devices[1]: 2 cabinets come to 127.0.0.1:7900" in problems(tmp_path, ONE | {"dev_id": "A"}, OTHER)
    said = problems(tmp_path, ONE | {"dev_id": "A"}, OTHER | {"dev_id": "A"})
    assert "devices[1].dev_id: 'A' is already the dev_id of stations[0].devices[0]" in said


def test_a_dev_id_is_for_tower_cabinets(tmp_path: Path) -> None:
    modbus = {"id": "a", "profile": "modbus-swap-cabinet", "url": "modbus://127.0.0.1", "dev_id": "A"}
    assert "dev_id: is for tower:// addresses" in problems(tmp_path, modbus)


WRITE = {"minimum": 0, "maximum": 1}


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"signal": "soc", "address": 2109001}, "is no attribute id"),
        ({"signal": "soc", "address": "alarm:02109001"}, "an alarm is on or off"),
        ({"signal": "soc", "address": "02109001", "field": "7"}, "is no doorId of a slot"),
        (
            {"signal": "power_limit_w", "address": "1", "access": "rw", "write": WRITE},
            "no command",
        ),
        (
            {
                "signal": "enabled",
                "address": "1",
                "access": "rw",
                "write": {"minimum": 0, "maximum": 1, "refresh_s": 9},
            },
            "keep what they were told",
        ),
        ({"signal": "soc", "address": "1", "field": "{slot:q}"}, "pad numbers"),
        ({"entity": "station", "signal": "smoke", "address": "a{slot}"}, "are of slots"),
    ],
)
def test_a_wrong_point_is_named(point: dict[str, Any], message: str) -> None:
    head = {"profile": "p", "title": "P", "protocol": "tower", "source": "reference"}
    with pytest.raises(ValueError, match=message):
        Profile.model_validate(head | {"points": [point]})

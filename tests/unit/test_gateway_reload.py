"""A changed site file: what differs, what keeps its rows and what it holds, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from adapters.base import Batch, LinkState
from config.clock import ManualClock
from config.errors import ConfigError
from config.loader import LoadedSite, load_site
from gateway.hub import HISTORY, Hub, UnknownTopicError
from gateway.image import Image
from gateway.numbering import renumbered
from gateway.reload import Difference, check_changeable, difference
from twin.signals import Reason

Site = dict[str, Any]


def station(name: str, port: int, **changes: Any) -> Site:
    return {
        "id": name,
        "name": name,
        "latitude": 0,
        "longitude": 0,
        "slots": 2,
        "grid_limit_w": 4000,
        "devices": [{"id": "cabinet", "profile": "modbus-swap-cabinet", "url": f"modbus://127.0.0.1:{port}"}],
    } | changes


def site(*stations: Site, **gateway: Any) -> Site:
    return {"site": "test", "name": "Test", "gateway": gateway, "stations": list(stations)}


def loaded(folder: Path, content: Site) -> LoadedSite:
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return load_site(file)


class Change:
    """From one site to another."""

    def __init__(self, folder: Path, before: Site, after: Site) -> None:
        self.old = loaded(folder, before)
        self.before = self.old.bind()
        self.new = loaded(folder, after)
        self.after = renumbered(self.new.bind(), self.before)

    def difference(self) -> Difference:
        return difference(self.old, self.new, self.before, self.after)

    def numbers(self, station: str) -> list[int]:
        return [point.number for device in self.after if device.station.id == station for point in device.points]


A, B, C = station("A", 1), station("B", 2), station("C", 3)
POINTS_EACH = 8 + 2 * 16


def test_added_removed_changed_and_unchanged_are_told_apart(tmp_path: Path) -> None:
    other_limit = station("D", 4, grid_limit_w=5000)
    found = Change(tmp_path, site(A, B, station("D", 4)), site(station("A", 1) | {"name": "New name"}, C, other_limit))
    devices, stations = found.difference().devices, found.difference().stations
    assert (stations.added, stations.removed) == (("C",), ("B",))
    assert (stations.changed, stations.unchanged) == (("D",), ("A",))
    assert devices.unchanged == ("A/cabinet", "D/cabinet"), "another limit is no reason to connect anew"
    assert (devices.added, devices.removed, devices.changed) == (("C/cabinet",), ("B/cabinet",), ())


def test_a_device_with_another_address_or_interval_is_changed_and_its_station_with_it(tmp_path: Path) -> None:
    slower = station("A", 1)
    slower["devices"] = [slower["devices"][0] | {"interval_s": 5.0}]
    found = Change(tmp_path, site(A, B), site(slower, station("B", 9))).difference()
    assert found.devices.changed == ("A/cabinet", "B/cabinet")
    assert found.stations.changed == ("A", "B")


def test_unchanged_devices_keep_their_numbers_wherever_they_stand_in_the_file(tmp_path: Path) -> None:
    change = Change(tmp_path, site(A, B, C), site(C, A))
    assert change.numbers("A") == list(range(POINTS_EACH))
    assert change.numbers("C") == list(range(2 * POINTS_EACH, 3 * POINTS_EACH))


def test_numbers_of_devices_that_are_gone_are_given_away_again(tmp_path: Path) -> None:
    change = Change(tmp_path, site(A, B, C), site(A, station("D", 4), C, station("E", 5)))
    assert change.numbers("D") == list(range(POINTS_EACH, 2 * POINTS_EACH))
    assert change.numbers("E") == list(range(3 * POINTS_EACH, 4 * POINTS_EACH))


def told(image: Image, number: int, value: float, clock: ManualClock) -> None:
    """A device says the value of its point ``number``."""
    sink = next(sink for sink in image.sinks if sink.rows.start <= number < sink.rows.stop)
    codes = np.zeros(1, dtype=np.uint8)
    times = np.array([clock.now()])
    sink.push(Batch(np.array([number], dtype=np.int32), np.array([value]), codes, codes, times, clock.now()))


def test_the_image_keeps_what_unchanged_devices_hold_and_nothing_of_the_others(tmp_path: Path) -> None:
    clock = ManualClock()
    change = Change(tmp_path, site(A, B, C), site(A, station("D", 4), C))
    image = Image(change.before, clock)
    row = {name: number * POINTS_EACH for number, name in enumerate("ABC")}
    for name, value in (("A", 1.0), ("B", 2.0), ("C", 3.0)):
        told(image, row[name], value, clock)
    image.sinks[0].link.state = LinkState.CONNECTED
    kept, gone = image.sinks[0], image.sinks[1]
    seen = image.sequence
    changes = image.change[row["A"]]
    image.follow(change.after)
    assert (image.value[row["A"]], image.value[row["C"]]) == (1.0, 3.0)
    assert image.sinks[0] is kept
    assert image.change[row["A"]] == changes, "nobody need look at it again"
    assert np.isnan(image.value[row["B"]])
    assert image.reason[row["B"]] == Reason.NO_COMMUNICATION
    assert row["B"] in image.changed_since(seen)
    gone.push(
        Batch(
            np.array([row["B"]], dtype=np.int32),
            np.array([9.0]),
            np.zeros(1, dtype=np.uint8),
            np.zeros(1, dtype=np.uint8),
            np.array([clock.now()]),
            clock.now(),
        )
    )
    gone.lost("too late")
    assert np.isnan(image.value[row["B"]])
    told(image, row["B"], 4.0, clock)
    assert image.value[row["B"]] == 4.0
    assert image.reason[-1] == Reason.NOT_CONFIGURED


def test_a_smaller_site_leaves_rows_that_belong_to_nobody(tmp_path: Path) -> None:
    clock = ManualClock()
    change = Change(tmp_path, site(A, B, C), site(C))
    image = Image(change.before, clock)
    told(image, 2 * POINTS_EACH, 3.0, clock)
    image.follow(change.after)
    image.sweep()
    assert image.size == 3 * POINTS_EACH
    assert (image.reason[: 2 * POINTS_EACH] == Reason.NOT_CONFIGURED).all()
    assert image.value[2 * POINTS_EACH] == 3.0


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"port": 8001}, "gateway.port"),
        ({"host": "0.0.0.0"}, "gateway.host"),
        ({"data": "elsewhere"}, "gateway.data"),
        ({"writes": True}, "gateway.writes"),
    ],
)
def test_what_the_process_is_built_on_is_refused_by_file_line_and_key(tmp_path: Path, changes: Site, key: str) -> None:
    change = Change(tmp_path, site(A), site(A, **changes))
    with pytest.raises(ConfigError) as caught:
        check_changeable(change.old, change.new)
    (problem,) = caught.value.problems
    assert (problem.file, problem.key, problem.line) == (tmp_path / "site.yaml", key, 4)
    assert "while the gateway runs" in problem.message
    assert "Restart" in problem.remedy


def test_what_may_change_is_not_refused(tmp_path: Path) -> None:
    change = Change(tmp_path, site(A), site(A, B, replicas=50, forecast_interval_s=10, retention_days=3))
    check_changeable(change.old, change.new)


def test_a_topic_that_was_removed_is_unknown_and_never_resumed_if_it_comes_back() -> None:
    hub = Hub(ManualClock())
    woken = []
    for number in range(3):
        hub.publish("station/A", {"slot/01": {"soc": number}})
    hub.listen("station/A", lambda: woken.append(1))
    hub.remove("station/A")
    assert woken == [1]
    with pytest.raises(UnknownTopicError):
        hub.full("station/A")
    hub.publish("station/A", {"slot/01": {"soc": 9}})
    assert hub.since("station/A", 3) == "overflow"
    assert hub.seq("station/A") > 3 + HISTORY
    hub.remove("nobody/knows")

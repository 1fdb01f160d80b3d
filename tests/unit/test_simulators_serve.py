"""A site's emulation starts whole or not at all, tells the truth, and leaves nothing behind."""

import asyncio
import logging
import pickle
import socket
from pathlib import Path

import httpx
import pytest

from config.clock import RealClock
from config.errors import ConfigError, ListenError, Problem
from config.loader import LoadedSite, load_site
from tests.support.emulators import one_station, serving
from tests.support.peers import free_port
from tests.support.programs import demo_site


def modbus(folder: Path, port: int, **station: object) -> LoadedSite:
    devices = [{"id": "d", "profile": "modbus-swap-cabinet", "url": f"modbus://127.0.0.1:{port}"}]
    return one_station(folder, devices, **station)  # type: ignore[arg-type]


def can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def test_the_demo_site_serves_its_truth_and_frees_every_port(tmp_path: Path) -> None:
    loaded = load_site(demo_site(tmp_path))
    ports = {device.port for station in loaded.site.stations for device in station.devices}
    async with serving(loaded) as truth, httpx.AsyncClient() as client:
        assert not any(can_listen(port) for port in ports)
        said = (await client.get(truth)).json()
        assert list(said) == [station.id for station in loaded.site.stations]
        for station in loaded.site.stations:
            row = said[station.id]
            assert {"time", "ready", "occupied", "soc", "queue", "swaps", "lost"} <= set(row)
            assert len(row["occupied"]) == len(row["soc"]) == station.slots
            assert [soc is not None for soc in row["soc"]] == row["occupied"]
            assert sum(row["occupied"]) == station.slots - 1
        first = said["S001"]["time"]
        async with asyncio.timeout(10.0):
            while (await client.get(truth)).json()["S001"]["time"] == first:
                continue
    assert all(can_listen(port) for port in ports)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_one_taken_port_stops_the_whole_start_and_leaves_nothing(tmp_path: Path) -> None:
    loaded = load_site(demo_site(tmp_path))
    last = loaded.site.stations[-1].devices[1]
    ports = {device.port for station in loaded.site.stations for device in station.devices} - {last.port}
    with socket.create_server(("127.0.0.1", last.port)):
        with pytest.raises(ListenError) as caught:
            async with serving(loaded):
                pytest.fail("served")
        assert caught.value.key == "stations[5].devices[1].url"
        assert caught.value.port == last.port
    assert all(can_listen(port) for port in ports)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_a_taken_truth_port_is_named_by_its_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        loaded = modbus(tmp_path, free_port(), truth_port=owner.getsockname()[1])
        with pytest.raises(ListenError, match=r"emulation\.truth_port"):
            async with serving(loaded):
                pytest.fail("served")


@pytest.mark.parametrize("url", ["modbus://192.0.2.7:5020", "modbus://0.0.0.0:5020", "modbus://example.invalid:5020"])
async def test_an_emulator_refuses_to_listen_beyond_loopback(tmp_path: Path, url: str) -> None:
    loaded = one_station(tmp_path, [{"id": "d", "profile": "modbus-swap-cabinet", "url": url}])
    with pytest.raises(ListenError, match=r"stations\[0\]\.devices\[0\]\.url.*loopback"):
        async with serving(loaded):
            pytest.fail("served")


async def test_two_devices_cannot_be_the_same_unit_of_one_address(tmp_path: Path) -> None:
    url = f"modbus://127.0.0.1:{free_port()}"
    left = {"id": "left", "profile": "modbus-charger-rack", "url": url, "slots": "1"}
    right = {"id": "right", "profile": "modbus-charger-rack", "url": url, "slots": "2"}
    loaded = one_station(tmp_path, [left])
    site = loaded.site.model_copy(
        update={"stations": (loaded.site.stations[0], _second(loaded, right))},
    )
    with pytest.raises(ListenError, match=r"stations\[1\]\.devices\[0\]\.url.*unit_id 1"):
        async with serving(LoadedSite(loaded.file, site, loaded.profiles, loaded.shapes)):
            pytest.fail("served")


def _second(loaded: LoadedSite, device: dict[str, object]) -> object:
    station = loaded.site.stations[0]
    return type(station).model_validate(station.model_dump() | {"id": "S2", "devices": [device]})


async def test_a_bad_file_of_arrivals_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "arrivals.csv").write_text("station,time\nS1,tomorrow\n")
    port = free_port()
    with pytest.raises(ConfigError, match=r"arrivals\.csv:2: time"):
        async with serving(modbus(tmp_path, port, emulation={"arrivals": "arrivals.csv"})):
            pytest.fail("served")
    assert can_listen(port)


async def test_riders_of_a_file_come_at_their_times(tmp_path: Path) -> None:
    clock = RealClock(speed=60.0)
    start = clock.now()
    rows = "".join(f"S1,{start + 60.0 * minute}\n" for minute in range(5, 9))
    (tmp_path / "arrivals.csv").write_text("station,time\n" + rows)
    loaded = modbus(tmp_path, free_port(), emulation={"arrivals": "arrivals.csv", "packs": 0}, patience_s=60.0)
    async with serving(loaded, clock) as truth, httpx.AsyncClient() as client, asyncio.timeout(60.0):
        while (said := (await client.get(truth)).json()["S1"])["lost"] < 4:
            assert said["queue"] + said["lost"] <= 4
        assert said["time"] > start + 300.0


async def test_a_station_without_an_emulation_section_or_demand_is_served_all_the_same(tmp_path: Path) -> None:
    async with serving(modbus(tmp_path, free_port(), emulation=None)) as truth, httpx.AsyncClient() as client:
        said = (await client.get(truth)).json()["S1"]
        assert sum(said["occupied"]) == 3


async def test_starting_and_stopping_says_nothing_alarming(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with serving(load_site(demo_site(tmp_path))):
            pass
    assert not [record.getMessage() for record in caplog.records]


def test_an_error_keeps_what_it_says_on_its_way_between_processes(tmp_path: Path) -> None:
    taken = ListenError("stations[0].devices[0].url", "127.0.0.1", 50200, "Address already in use")
    wrong = ConfigError([Problem(tmp_path / "site.yaml", 3, "site", "is missing", "Add it")])
    for error in (taken, wrong):
        arrived = pickle.loads(pickle.dumps(error))
        assert (type(arrived), str(arrived), vars(arrived)) == (type(error), str(error), vars(error))

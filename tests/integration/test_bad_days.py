"""Devices away, emulators killed, the gateway killed, ports in use: said plainly, and mended without a human."""

import signal
import socket
from pathlib import Path

import pytest
import yaml

from tests.support.client import Stream, stream
from tests.support.programs import demo_site, program
from tests.support.web import address_in, get


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return demo_site(tmp_path)


def qualities(client: Stream) -> set[tuple[str, str | None]]:
    return {(station["quality"], station["reason"]) for station in client.state.get("stations", {}).values()}


def test_devices_away_are_a_state_and_come_in_without_a_restart(site: Path) -> None:
    with program("run", site) as gateway:
        address = address_in(gateway.wait_for("http://", 60.0))
        with stream(address, "stations") as client:
            client.until(lambda c: qualities(c) == {("bad", "no_communication")}, 10.0)
            with program("emulate", site) as emulators:
                emulators.wait_for("ground truth", 60.0)
                client.until(lambda c: qualities(c) == {("good", None)}, 20.0)
                emulators.signal(signal.SIGKILL)
                client.until(lambda c: ("good", None) not in qualities(c), 15.0)
            with program("emulate", site) as emulators:
                emulators.wait_for("ground truth", 60.0)
                client.until(lambda c: qualities(c) == {("good", None)}, 15.0)
        gateway.signal(signal.SIGINT)
        assert gateway.wait(15.0) == 0


def test_suspended_emulators_make_values_stale_and_the_twin_goes_on(site: Path) -> None:
    with program("emulate", site) as emulators, program("run", site) as gateway:
        emulators.wait_for("ground truth", 60.0)
        address = address_in(gateway.wait_for("http://", 60.0))
        with stream(address, "stations") as client:
            client.until(lambda c: qualities(c) == {("good", None)}, 20.0)
            emulators.signal(signal.SIGSTOP)
            client.until(lambda c: all(quality != "good" for quality, _ in qualities(c)), 10.0)
            client.until(lambda c: {s["ready_reason"] for s in c.state["stations"].values()} == {"substituted"}, 10.0)
            assert all(station["ready"] is not None for station in client.state["stations"].values())
            emulators.signal(signal.SIGCONT)
            client.until(lambda c: qualities(c) == {("good", None)}, 20.0)


def test_a_killed_gateway_keeps_its_history_and_goes_on(site: Path) -> None:
    with program("emulate", site) as emulators:
        emulators.wait_for("ground truth", 60.0)
        with program("run", site) as gateway:
            address = address_in(gateway.wait_for("http://", 60.0))
            with stream(address, "stations") as client:
                client.until(lambda c: qualities(c) == {("good", None)}, 20.0)
                client.until(lambda c: c.deltas >= 30, 30.0)
            before = get(f"{address}/api/v1/stations/S001/history?signal=power_w")
            gateway.signal(signal.SIGKILL)
            gateway.wait(10.0)
        with program("run", site) as gateway:
            address = address_in(gateway.wait_for("http://", 60.0))
            query = f"signal=power_w&from={before['from']}&to={before['to']}"
            after = get(f"{address}/api/v1/stations/S001/history?{query}")
            with stream(address, "stations") as client:
                client.until(lambda c: qualities(c) == {("good", None)}, 20.0)
    held = sum(value is not None for value in before["last"])
    assert held > 0
    assert sum(value is not None for value in after["last"]) >= held - 2


@pytest.mark.parametrize(
    ("command", "key"),
    [("run", "gateway.port"), ("emulate", "emulation.truth_port"), ("emulate", "stations[0].devices[0].url")],
)
def test_a_port_in_use_is_named_by_its_key_and_nothing_is_left(site: Path, command: str, key: str) -> None:
    settings = yaml.safe_load(site.read_text(encoding="utf-8"))
    port = {
        "gateway.port": settings["gateway"]["port"],
        "emulation.truth_port": settings["emulation"]["truth_port"],
        "stations[0].devices[0].url": int(settings["stations"][0]["devices"][0]["url"].rsplit(":", 1)[1]),
    }[key]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with program(command, site) as running:
            assert running.wait(60.0) == 1
        said = "\n".join(running.lines)
        assert f"{key}: cannot listen on 127.0.0.1:{port}" in said
        assert "Traceback" not in said


def test_a_wrong_site_file_ends_with_2_and_every_error(site: Path) -> None:
    site.write_text(site.read_text(encoding="utf-8").replace("slots: 12", "slots: none").replace("name: G", "nme: G"))
    for command in ("run", "emulate", "check"):
        with program(command, site) as running:
            assert running.wait(60.0) == 2
        said = "\n".join(running.lines)
        assert "stations[0].slots" in said
        assert "stations[0].nme: unknown key. Did you mean 'name'?" in said
        assert "nothing was started" in said
        assert "Traceback" not in said


def test_a_damaged_history_is_named_with_what_to_do(site: Path) -> None:
    folder = site.parent / "data"
    folder.mkdir()
    (folder / "swaptwin.db").write_bytes(b"not a database" * 1000)
    with program("run", site) as running:
        assert running.wait(60.0) == 1
    said = "\n".join(running.lines)
    assert "swaptwin.db" in said
    assert "nothing was started" in said
    assert "Traceback" not in said


def test_check_prints_what_would_be_read(site: Path) -> None:
    with program("check", site) as running:
        assert running.wait(60.0) == 0
    said = "\n".join(running.lines)
    for word in ("S006", "chargers", "modbus-charger-rack", "opcua", "mqtt"):
        assert word in said

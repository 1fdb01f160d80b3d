"""The acceptance test as a field engineer runs it: one command, a report, and an exit code that is the verdict."""

import json
import signal
from pathlib import Path

import pytest
import yaml

from tests.support.programs import free_ports, program

HOLDS = """\
scenario: away
title: The cabinet goes away and comes back
timeline:
  - at: 0.2
    inject: {label: cut, fault: comm_loss, target: S1/d}
    expect:
      - {device: S1/d, state: no_communication, within_s: 5}
      - {alarm: S1.d.device_away, state: unacknowledged, within_s: 10}
      - {alarm: sensor_failure, absent: true, holds_s: 1}
  - when: "time > 10 and S1.ready >= 0"
    clear: cut
    expect: {station: S1, quality: good, within_s: 10}
  - every: 1
    times: 2
    inject: {fault: soc_jump, target: S1, slots: "1", parameters: {by: -0.01}}
duration_s: 18
"""
FAILS = """\
scenario: impossible
title: A cabinet that is cut off and connected
timeline:
  - at: 0.2
    inject: {fault: comm_loss, target: S1/d}
    expect:
      - {device: S1/d, state: no_communication, within_s: 5}
      - {device: S1/d, state: connected, within_s: 0, holds_s: 1}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    gateway, truth, device = free_ports(3)
    described = {
        "site": "test",
        "name": "Test",
        "gateway": {"port": gateway, "data": str(tmp_path / "data"), "replicas": 20},
        "emulation": {"truth_port": truth},
        "stations": [
            {
                "id": "S1",
                "name": "One",
                "latitude": 0.0,
                "longitude": 0.0,
                "slots": 4,
                "grid_limit_w": 4000.0,
                "devices": [{"id": "d", "profile": "modbus-swap-cabinet", "url": f"modbus://127.0.0.1:{device}"}],
            }
        ],
    }
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    return file


def test_a_scenario_whose_expectations_hold_ends_with_zero_and_a_report(site: Path, tmp_path: Path) -> None:
    scenario, report = tmp_path / "scenario.yaml", tmp_path / "report.json"
    scenario.write_text(HOLDS)
    with program("emulate", site, "--scenario", scenario, "--json", report) as running:
        assert running.wait(90.0) == 0, running.lines
        assert "away: passed, 5 expectations held" in "\n".join(running.lines)
    said = json.loads(report.read_text(encoding="utf-8"))
    assert (said["passed"], said["failed"], len(said["expectations"])) == (True, 0, 5)
    assert [each["fault"] for each in said["injected"]] == ["comm_loss", "soc_jump", "soc_jump"]
    assert not (tmp_path / "data").exists()


def test_a_scenario_of_which_one_expectation_fails_ends_with_one_and_says_what_was_seen(
    site: Path, tmp_path: Path
) -> None:
    scenario, report = tmp_path / "scenario.yaml", tmp_path / "report.json"
    scenario.write_text(FAILS)
    with program("emulate", site, "--scenario", scenario, "--json", report) as running:
        assert running.wait(90.0) == 1, running.lines
    failed = [each for each in json.loads(report.read_text(encoding="utf-8"))["expectations"] if not each["passed"]]
    assert [each["why"] for each in failed] == ["state no_communication, quality bad, reason no_communication"]


def test_a_wrong_scenario_ends_with_two_and_nothing_is_started(site: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(HOLDS.replace("comm_loss", "comm_lost"))
    with program("emulate", site, "--scenario", scenario) as running:
        assert running.wait(60.0) == 2
    said = "\n".join(running.lines)
    assert f"{scenario}:5: timeline[0].inject.fault: no fault is called 'comm_lost'" in said
    assert "nothing was started" in said


def test_a_running_emulation_takes_orders_from_the_command_line(site: Path) -> None:
    url = f"http://127.0.0.1:{yaml.safe_load(site.read_text(encoding='utf-8'))['emulation']['truth_port']}"

    def fault(*arguments: str) -> tuple[int, str]:
        with program("fault", *arguments, "--url", url) as command:
            code = command.wait(60.0)
            return code, "\n".join(command.lines)

    assert fault("list")[0] == 1
    with program("emulate", site) as emulators:
        emulators.wait_for("ground truth at", 60.0)
        code, said = fault(
            "inject", "bias", "S1", "offset=-0.1", "--signal", "soc", "--slots", "1,2", "--duration", "60"
        )
        assert (code, said) == (0, "f1")
        code, said = fault("list")
        assert code == 0
        assert "bias" in said
        assert "offset=-0.1" in said
        code, said = fault("inject", "bias", "S1", "ofset=-0.1")
        assert code == 2
        assert "parameters." in said
        assert fault("clear", "f1") == (0, "1 cleared")
        assert "no fault acts" in fault("list")[1]
        assert "modbus_exception" in fault("list", "--catalogue")[1]
        emulators.signal(signal.SIGINT)
        assert emulators.wait(30.0) == 0

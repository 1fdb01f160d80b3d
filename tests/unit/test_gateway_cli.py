"""The command line: documented as it is, wrong input named with exit code 2, and no traceback."""

import re
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gateway.cli import app
from tests.support.emulators import one_station
from tests.support.peers import free_port

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
RUN = CliRunner()


def test_every_command_and_option_is_in_the_reference() -> None:
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert set(sections) >= {name for name in commands if name in OURS}
    missing = {
        f"{name} {option}"
        for name, command in commands.items()
        if name in OURS
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option != "--help" and option not in sections[name]
    }
    assert not missing


OURS = {"browse", "check", "record", "replay", "commission", "demo", "run", "emulate", "backtest", "watch"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["browse", "ftp://x"], "no address of a device"),
        (["browse", "modbus://"], "no address of a device"),
        (["browse", "modbus://h:99999"], "no address of a device"),
        (["browse", "opc.tcp://u:p@h"], "--password-env"),
        (["browse", "modbus://h", "--table", "foo"], "known: holding"),
        (["browse", "modbus://h", "--from", "9", "--to", "3"], "before --from"),
        (["browse", "mqtt://h", "--password-env", "NOT_SET_ANYWHERE"], "not set"),
        (["check", "no-such-file.yaml"], "cannot be read"),
        (["record", "no-such-file.yaml", "--out", "x.jsonl"], "cannot be read"),
        (["replay", "no-such-file.jsonl"], "cannot be read"),
        (["replay", "x.csv"], "rename it"),
        (["commission", "no-such-file.yaml"], "cannot be read"),
        (["watch", "--url", "localhost:8000"], "is no address"),
    ],
)
def test_wrong_input_is_named_with_exit_code_2(arguments: list[str], words: str) -> None:
    result = RUN.invoke(app, arguments)
    assert result.exit_code == 2, result.output
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("scheme", ["modbus", "opc.tcp", "mqtt"])
def test_a_device_that_is_not_there_is_named_with_exit_code_1(scheme: str) -> None:
    result = RUN.invoke(app, ["browse", f"{scheme}://127.0.0.1:{free_port()}", "--seconds", "1"])
    assert result.exit_code == 1
    assert "127.0.0.1" in result.output
    assert "Check address" in result.output


def test_a_site_whose_device_is_away_fails_the_check(tmp_path: Path) -> None:
    url = f"modbus://127.0.0.1:{free_port()}"
    loaded = one_station(tmp_path, [{"id": "cabinet", "profile": "modbus-swap-cabinet", "url": url}])
    result = RUN.invoke(app, ["check", str(loaded.file), "--connect", "--seconds", "1"])
    assert result.exit_code == 1
    assert "no value from S1/cabinet" in result.output


def test_a_recording_is_not_overwritten_unasked(tmp_path: Path) -> None:
    url = f"modbus://127.0.0.1:{free_port()}"
    loaded = one_station(tmp_path, [{"id": "cabinet", "profile": "modbus-swap-cabinet", "url": url}])
    kept = tmp_path / "r.jsonl"
    kept.write_text("precious")
    result = RUN.invoke(app, ["record", str(loaded.file), "--out", str(kept)])
    assert result.exit_code == 2
    assert kept.read_text() == "precious"
    result = RUN.invoke(app, ["record", str(loaded.file), "--out", str(tmp_path / "none" / "r.jsonl")])
    assert result.exit_code == 1
    assert "No such file or directory" in result.output


def test_what_an_extra_brings_is_asked_for_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"modbus://127.0.0.1:{free_port()}"
    loaded = one_station(tmp_path, [{"id": "cabinet", "profile": "modbus-swap-cabinet", "url": url}])
    for name in ("pyarrow", "pyarrow.parquet", "reportlab"):
        monkeypatch.setitem(sys.modules, name, None)
    result = RUN.invoke(app, ["record", str(loaded.file), "--out", str(tmp_path / "r.parquet"), "--seconds", "1"])
    assert result.exit_code == 2
    assert "swaptwin[parquet]" in result.output
    result = RUN.invoke(app, ["commission", str(loaded.file), "--pdf", str(tmp_path / "r.pdf")])
    assert result.exit_code == 2
    assert "swaptwin[pdf]" in result.output


def test_a_profile_is_checked_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("profile: p\ntitle: P\nprotocol: modbus\nsource: vendor-doc\npoints: []\n")
    result = RUN.invoke(app, ["check", str(file)])
    assert result.exit_code == 2
    assert "points: needs at least 1 item" in result.output

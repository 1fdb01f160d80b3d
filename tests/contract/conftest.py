"""Foreign peers that several contract tests need."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.peers import SOURCES


@pytest.fixture(scope="session")
def libmodbus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our small server on libmodbus, compiled here."""
    if not shutil.which("gcc") or not Path("/usr/include/modbus/modbus.h").exists():
        pytest.skip("needs gcc and libmodbus-dev")
    program = tmp_path_factory.mktemp("peers") / "modbus_server"
    source = str(SOURCES / "modbus_server.c")
    subprocess.run(
        ["gcc", "-O1", "-I/usr/include/modbus", "-o", str(program), source, "-lmodbus", "-lm"], check=True, timeout=60
    )
    return program

"""The web app's own tests: the stream's reducer and client, ranking and wording."""

import shutil
import subprocess

import pytest
from conftest import ROOT

DASHBOARD = ROOT / "gateway" / "dashboard"


def test_the_web_apps_own_tests_pass() -> None:
    npx = shutil.which("npx")
    if npx is None or not (DASHBOARD / "node_modules" / "vitest").is_dir():
        pytest.skip("npm or the web app's tools are not installed (npm ci in gateway/dashboard)")
    done = subprocess.run(
        [npx, "--no-install", "vitest", "run"], cwd=DASHBOARD, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

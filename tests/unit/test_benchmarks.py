"""Benchmarks are no timed tests; what is tested is that their figures are computed right and their page is complete."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.latency import table
from benchmarks.report import Outcome, quantile, shown

ROOT = Path(__file__).parents[2]


def test_latency_is_counted_from_the_change_and_only_where_both_saw_it() -> None:
    changes = [("opcua-0", 1, 100.0), ("opcua-0", 2, 101.0), ("mqtt-0", 1, 100.0)]
    streamed = {("opcua-0", 1): 100.3, ("mqtt-0", 1): 100.05}
    observed = {("opcua-0", 1): 100.2, ("opcua-0", 2): 101.2, ("mqtt-0", 1): 100.01}
    rows = {row[0]: row for row in table(changes, streamed, observed).rows}
    assert rows["opcua"][1:3] == [2, 1]
    assert rows["opcua"][3:] == pytest.approx([200.0, 200.0, 300.0, 300.0, 100.0, 1.5, 1.5])
    assert rows["mqtt"][-2] == pytest.approx(5.0)
    assert rows["modbus"][1:3] == [0, 0]


def test_an_outcome_is_json() -> None:
    outcome = Outcome([table([], {}, {})], 1.0, (1.0, 1.0))
    assert json.loads(json.dumps(outcome.as_json()))["tables"][0]["columns"][0] == "protocol"


def test_figures_of_nothing_are_no_figures() -> None:
    assert shown(quantile([], 0.5)) == "nan"


def test_an_unknown_benchmark_is_refused_with_the_names_of_those_there_are() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "speed"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert all(name in run.stderr for name in BENCHMARKS)


def test_every_benchmark_has_its_place_on_the_page() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert not [name for name in BENCHMARKS if f"## {name}" not in page.lower()]

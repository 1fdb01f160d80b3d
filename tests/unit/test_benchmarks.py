"""Benchmarks are no timed tests; what is tested is that their figures are computed right and their page is complete."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import soak
from benchmarks.__main__ import BENCHMARKS
from benchmarks.latency import table
from benchmarks.recovery import lanes
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


def test_a_bound_of_recovery_is_kept_only_if_all_came_back_in_time() -> None:
    lane = lanes()[0]
    lane.noticed_s, lane.flowing_s = [1.0] * 19 + [9.0], [2.0] * 19 + [30.0]
    assert lane.row()[1:6] == [20, 1.0, 1.4, 9.0, 2.0]
    assert lane.row()[-1] == "kept", "one of twenty may be late"
    lane.lost = 1
    assert lane.row()[-1] == "MISSED"
    lane.lost, lane.flowing_s = 0, [2.0] * 10 + [11.0] * 10
    assert lane.row()[-1] == "MISSED"


def device(name: str, protocol: str, missed: int) -> dict[str, object]:
    return {"id": f"{name}/cabinet", "station": name, "protocol": protocol, "missed_cycles": missed, "points": 120}


def test_the_soak_counts_missed_deadlines_and_changes_that_nobody_saw() -> None:
    seen = soak.Seen(
        came={("M", 1): (100.3, 100.2), ("Q", 1): (100.05, 90.0), ("O", 1): (100.4, 100.39)},
        memory_mb=[(float(time), 200.0) for time in range(100, 161, 5)],
        cpu_s=[(float(time), 0.5 * time) for time in range(100, 161, 5)],
    )
    changes = [("M", 1, 100.0), ("Q", 1, 100.0), ("Q", 2, 101.0), ("O", 1, 100.0)]
    first = [device("M", "modbus", 5), device("Q", "mqtt", 0), device("O", "opcua", 0)]
    last = [device("M", "modbus", 7), device("Q", "mqtt", 0), device("O", "opcua", 0)]
    what, process = soak.tables(seen, changes, first, last, 100.0, 160.0)
    rows = {row[0]: list(row[1:]) for row in what.rows}
    assert rows["modbus"] == [1, 60, 2, 1, 0, *[pytest.approx(100.0)] * 3]
    assert rows["mqtt"] == [1, 60, 0, 2, 1, *[pytest.approx(50.0)] * 3]
    assert rows["opcua"][5] == pytest.approx(10.0)
    assert "1.667 % of 180 deadlines" in what.notes[0]
    assert "MISSED" in what.notes[0]
    assert process.rows[0][-2:] == ["50 %", "flat"]


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
    assert not [name for name in (*BENCHMARKS, "recovery", "soak") if f"## {name}" not in page.lower()]

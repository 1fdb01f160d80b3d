"""Scenario files: conditions compute and never execute, wrong files are named by line and key, runs give a verdict."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.loader import BUNDLED, LoadedSite, bundled_site, load_site
from simulators.expression import Expression, ExpressionError
from simulators.scenario import load_scenario
from tests.support.emulators import one_station
from tests.support.peers import free_port

DATA = {
    "S1": {"ready": 3, "queue": 0, "soc": [0.5, None], "name": "x"},
    "time": 12.5,
    "stations": {"S-1": {"ready": 1}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("S1.ready < 4 and time > 10", True),
        ("not (S1.ready == 3) or S1.queue != 0", False),
        ("2 <= S1.ready <= 3", True),
        ("S1.ready * 2 - 1 == 5 and -S1.ready < 0", True),
        ("stations['S-1'].ready == 1", True),
        ("S1.soc[0] >= 0.5 and S1.soc[1] == null", True),
        ("S1.soc[1] < 1 or S1.soc[1] > 1", False),
        ("'x' in S1.name and len(S1.soc) == 2", True),
        ("max(S1.ready, 7) + min(1, 2) + abs(-1) == 9", True),
        ("true and not false", True),
    ],
)
def test_a_condition_computes(text: str, value: Any) -> None:
    assert Expression(text)(DATA) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "[1 for x in y]",
        "lambda: 1",
        "f'{a}'",
        "a if b else c",
        "open('x')",
        "S1.ready ** 9",
        "S1.ready(1)",
        "a[b]",
        "a[1:2]",
        "x := 1",
        "1e300 > 0",
        "S1.ready <",
        "",
        "not " * 100 + "a",
        "a" * 501,
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text)


@pytest.mark.parametrize(
    "text", ["S2.ready", "S1.reddy", "S1.name + 1", "S1.name * 100", "1 / S1.queue", "S1.name < 1", "sum(1)"]
)
def test_what_cannot_be_computed_says_so(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text)(DATA)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        Expression(text)(DATA)
    except ExpressionError:
        return


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedSite:
    url = f"modbus://127.0.0.1:{free_port()}"
    return one_station(tmp_path, [{"id": "d", "profile": "modbus-swap-cabinet", "url": url}])


WRONG = """\
scenario: wrong
title: Everything in it is
timeline:
  - at: 1
    inject: {fault: comm_lost, target: S1}
  - at: 2
    inject:
      - {fault: bias, target: S1, parameters: {offset: much}}
      - {fault: bias, target: S9, parameters: {offset: 1}}
  - at: 3
    clear: nobody
    expect:
      - {device: S1/cabinet, state: connected}
      - {point: S1/slot/3/soc, quality: good}
      - {point: S1/station/heartbeat, quality: good}
      - {station: S7, quality: bad}
      - {alarm: S1.slot.05.charger_fault}
      - {alarm: charger_falt}
      - {alarm: S1.d.device_away}
      - {alarm: mains_lost, absent: true}
      - {alarm: gateway.history_not_written}
  - when: "S8.ready > 1"
    clear: all
"""


def test_everything_that_does_not_fit_the_site_is_named_by_line_and_key(tmp_path: Path, loaded: LoadedSite) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(WRONG)
    with pytest.raises(ConfigError) as caught:
        load_scenario(file, loaded)
    found = [(problem.line, problem.key) for problem in caught.value.problems]
    assert found == [
        (5, "timeline[0].inject.fault"),
        (8, "timeline[1].inject[0].parameters.offset"),
        (9, "timeline[1].inject[1].target"),
        (11, "timeline[2].clear"),
        (13, "timeline[2].expect[0].device"),
        (14, "timeline[2].expect[1].point"),
        (15, "timeline[2].expect[2].point"),
        (16, "timeline[2].expect[3].station"),
        (17, "timeline[2].expect[4].alarm"),
        (18, "timeline[2].expect[5].alarm"),
        (22, "timeline[3].when"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("- 1\n", 1, "mapping"),
        ("scenario: a\ntitle: b\ntimeline: []\n", 3, "at least 1"),
        ("scenario: a\ntitle: b\nspede: 2\ntimeline:\n  - {at: 1, clear: all}\n", 3, "'speed'"),
        ("scenario: a\ntitle: b\ntimeline:\n  - {every: 1, clear: all}\n", 1, "duration_s"),
        ("scenario: a\ntitle: b\ntimeline:\n  - {at: 1, every: 1, clear: all}\n", 4, "exactly one"),
        ("scenario: a\ntitle: b\ntimeline:\n  - {at: 1}\n", 4, "nothing happens"),
        ("scenario: a\ntitle: b\ntimeline:\n  - {at: 1, expect: {station: S1}}\n", 4, "nothing is expected"),
        ("scenario: a\ntitle: b\ntimeline:\n  - {at: 1, expect: {quality: bad}}\n", 4, "one thing"),
        ("scenario: a\ntitle: b\ntimeline:\n  - {at: 1, expect: {station: S1, absent: true}}\n", 4, "stands alone"),
        ("scenario: a\ntitle: b\ntimeline:\n  - {at: 1, expect: {station: S1, that: 'f(x)'}}\n", 4, "not allowed"),
        ("scenario: a\ntitle: b\ntimeline:\n  - {at: 1, clear: all}\n    {\n", 5, "YAML"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused(
    tmp_path: Path, loaded: LoadedSite, text: str, line: int, what: str
) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_scenario(file, loaded)
    problem = caught.value.problems[0]
    assert what in f"{problem.message} {problem.remedy}"
    assert problem.line == line


def test_the_bundled_scenarios_fit_the_bundled_site_and_are_found_by_name() -> None:
    site = load_site(bundled_site("demo"))
    names = sorted(file.stem for file in (BUNDLED / "scenarios").glob("*.yaml"))
    assert len(names) >= 4
    for name in names:
        assert load_scenario(Path(name), site).scenario == name

"""The catalogue is complete, its page is up to date, and rules of site files are checked."""

from pathlib import Path

import pytest

from config.alarm_catalogue import CATALOGUE
from config.alarm_texts import TEXTS
from config.alarms import AlarmRules, rules
from config.document import parse, validate
from config.site import Site
from gateway.alarms.design import EXPLAINING, suppressing
from gateway.alarms.reference import page

ROOT = Path(__file__).parents[2]


def test_every_alarm_says_what_to_do_and_nothing_else_has_texts() -> None:
    assert set(CATALOGUE) == set(TEXTS)
    for condition in CATALOGUE.values():
        for text in TEXTS[condition.name]:
            assert text[0].isupper() or text.startswith("{")
        assert all(text.endswith(".") for text in TEXTS[condition.name][1:])
        assert not condition.title.endswith(".")
        assert condition.priority in (1, 2, 3, 4)
        assert (condition.deadband > 0.0) == (condition.limit is not None)


def test_what_suppresses_is_in_the_catalogue() -> None:
    assert CATALOGUE.keys() >= EXPLAINING
    assert suppressing().keys() <= CATALOGUE.keys()


def test_the_page_is_up_to_date() -> None:
    told = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
    assert told == page(), "run: python -m gateway.alarms.reference > docs/alarms.md"


def test_later_rules_win_key_by_key() -> None:
    site = AlarmRules.model_validate({"pack_hot": {"limit": 45.0, "priority": 1}})
    station = AlarmRules.model_validate({"pack_hot": {"limit": 48.0}, "smoke": {"enabled": False}})
    found = rules([site, None, station])
    hot = found["pack_hot"]
    assert (hot.limit, hot.priority, hot.deadband, hot.enabled) == (48.0, 1, 3.0, True)
    assert found["smoke"].enabled is False
    assert found["mains_lost"].priority == CATALOGUE["mains_lost"].priority


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("charger_falt: {priority: 1}", "alarms.charger_falt: unknown key. Did you mean 'charger_fault'?"),
        ("smoke: {limit: 3}", "alarms.smoke.limit: unknown key"),
        ("smoke: {priority: 5}", "alarms.smoke.priority"),
        ("pack_hot: {deadband: -1}", "alarms.pack_hot.deadband"),
        ("pack_hot: {on_delay_s: .nan}", "alarms.pack_hot.on_delay_s"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line(rule: str, said: str) -> None:
    text = f"site: a\nname: b\nalarms:\n  {rule}\nstations: []\n"
    problems = [str(problem) for problem in validate(Site, parse(text, Path("x.yaml")))[1]]
    assert any(problem.startswith(f"x.yaml:4: {said}") for problem in problems), problems

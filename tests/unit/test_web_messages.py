"""The web app has a text for every alarm and every fault of the catalogues, and its English is theirs."""

import json
import re
from pathlib import Path

import pytest

from config.alarm_catalogue import CATALOGUE
from simulators.faults.catalogue import CATALOGUE as FAULTS

MESSAGES = Path(__file__).parents[2] / "gateway" / "dashboard" / "src" / "i18n"
PARTS = ("title", "cause", "consequence", "action")


def texts(language: str) -> dict[str, dict[str, str]]:
    """Titles come with the first page, advice with the page of alarms."""
    titles = json.loads((MESSAGES / language / "alarms.json").read_text("utf-8"))["titles"]
    advice = json.loads((MESSAGES / language / "alarmpage.json").read_text("utf-8"))["advice"]
    assert titles.keys() == advice.keys()
    return {name: {"title": titles[name], **advice[name]} for name in titles}


def summaries(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((MESSAGES / language / "bench.json").read_text("utf-8"))["summary"]
    return found


def test_the_english_is_the_catalogues() -> None:
    told = {name: {part: getattr(each, part) for part in PARTS} for name, each in CATALOGUE.items()}
    web = {
        name: {part: re.sub(r"{{(\w+)}}", r"{\1}", text) for part, text in each.items()}
        for name, each in texts("en").items()
    }
    assert web == told


@pytest.mark.parametrize("language", ["de", "zh", "es"])
def test_every_alarm_is_translated(language: str) -> None:
    assert texts(language).keys() == CATALOGUE.keys()
    for name, each in texts(language).items():
        same = [part for part in PARTS if each[part] == texts("en")[name][part]]
        assert not same, f"{name}: {same} still English"


def test_every_fault_is_described_in_every_language() -> None:
    assert summaries("en") == {name: kind.summary for name, kind in FAULTS.items()}
    for language in ("de", "zh", "es"):
        assert summaries(language).keys() == FAULTS.keys()
        assert not set(summaries(language).values()) & set(summaries("en").values())

"""The web app has a text for every alarm of the catalogue, and its English is the catalogue's."""

import json
import re
from pathlib import Path

import pytest

from config.alarm_catalogue import CATALOGUE

MESSAGES = Path(__file__).parents[2] / "gateway" / "dashboard" / "src" / "i18n"
PARTS = ("title", "cause", "consequence", "action")


def texts(language: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((MESSAGES / language / "alarms.json").read_text("utf-8"))["text"]
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

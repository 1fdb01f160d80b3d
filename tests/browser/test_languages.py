"""Four languages, of which no text is left in another one or as a bare key."""

import json
import re
from typing import Any

import pytest
from conftest import ROOT, Bench, choose
from playwright.sync_api import Page, expect

MESSAGES = ROOT / "gateway" / "dashboard" / "src" / "i18n"
AREAS = sorted(file.stem for file in (MESSAGES / "en").glob("*.json"))
LANGUAGES = ["en", "de", "zh", "es"]
PATHS = ["/", "/station/S002", "/nowhere"]
TEXTS = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) found.push(walk.currentNode.data.trim());
  for (const element of document.querySelectorAll('*'))
    for (const name of ['aria-label', 'title', 'placeholder', 'data-label'])
      if (element.hasAttribute(name)) found.push(element.getAttribute(name).trim());
  return found.filter(text => text !== '');
}"""


def flat(messages: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in messages.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def messages(language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for area in AREAS:
        texts = flat(json.loads((MESSAGES / language / f"{area}.json").read_text(encoding="utf-8")))
        found |= {f"{area}:{key}": text for key, text in texts.items()}
    return found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_in_the_language_of_the_page(page: Page, bench: Bench, language: str, path: str) -> None:
    choose(page, language=language, map="open", plainMap="on")
    page.goto(bench.url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.wait_for_load_state("networkidle")
    shown = set(page.evaluate(TEXTS))
    english, own = messages("en"), messages(language)
    keys = {key.partition(":")[2] for key in english} & shown
    assert {key for key in keys if "." in key or re.search("[a-z][A-Z]", key)} == set(), "bare keys"
    known = set(own.values())
    assert {text for key, text in english.items() if text in shown and text != own.get(key)} <= known


def test_a_language_is_chosen_in_the_header_and_kept(page: Page, bench: Bench) -> None:
    page.goto(bench.url)
    page.locator(".settings summary").click()
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Netz")
    expect(page.locator("tr[data-station=S002] td").nth(7)).to_have_text("9,0 / 20,0 kW")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Netz")


@pytest.mark.parametrize("tag", ["zh-CN", "fr-FR"])
def test_the_browsers_language_is_taken_where_it_is_spoken(page: Page, bench: Bench, tag: str) -> None:
    page.add_init_script(f"Object.defineProperty(navigator, 'languages', {{ get: () => ['{tag}'] }})")
    page.goto(bench.url)
    expect(page.get_by_role("heading", level=1)).to_have_text({"zh-CN": "网络", "fr-FR": "Network"}[tag])

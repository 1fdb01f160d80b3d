"""Docs move with the code: every key of the schemas stands in its reference page, every example still holds."""

import doctest
import importlib
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from config.cabinet import Cabinet
from config.calendar import CalendarEntry
from config.loader import BUNDLED
from config.profile import (
    Availability,
    Command,
    DeviceRegister,
    FailSafe,
    Keepalive,
    Point,
    PollGroup,
    Profile,
    Sequence,
    Sparkplug,
    Watchdog,
    Write,
)
from config.site import (
    Charger,
    Demand,
    Device,
    EmulatedStation,
    EmulationSettings,
    GatewaySettings,
    OtherPack,
    Pack,
    Site,
    Station,
)
from twin.signals import SIGNALS

ROOT = Path(__file__).parents[2]

SITE_MODELS = (
    Site, Station, GatewaySettings, EmulationSettings, EmulatedStation, Device, Demand, Pack, OtherPack, Charger,
    CalendarEntry, Cabinet,
)  # fmt: skip
PROFILE_MODELS = (
    Profile, Point, Write, Sequence, PollGroup, Watchdog, Availability, FailSafe, DeviceRegister, Keepalive,
    Command, Sparkplug,
)  # fmt: skip


@pytest.mark.parametrize(("page", "models"), [("site-file.md", SITE_MODELS), ("profile.md", PROFILE_MODELS)])
def test_every_key_is_in_the_reference(page: str, models: tuple[type[BaseModel], ...]) -> None:
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z_][a-z0-9_]*", " ".join(re.findall(r"`[^`]+`", text))))
    keys = {(model, field.alias or name) for model in models for name, field in model.model_fields.items()}
    missing = {f"{model.__name__}.{key}" for model, key in keys if key not in words}
    assert not missing


def test_every_signal_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "profile.md").read_text(encoding="utf-8")
    assert not {name for _, name in SIGNALS if name not in text}


def test_every_shipped_profile_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "profile.md").read_text(encoding="utf-8")
    assert not [file.stem for file in (BUNDLED / "profiles").glob("*.yaml") if f"`{file.stem}`" not in text]


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"


@pytest.mark.parametrize(
    "module",
    [
        "twin.signals",
        "twin.demand",
        "twin.calendar",
        "config.clock",
        "config.document",
        "config.slots",
        "config.sparkplug",
        "gateway.csv_text",
        "gateway.stream",
        "gateway.today",
        "gateway.watch.words",
        "gateway.watch.rank",
        "gateway.watch.drawn",
        "gateway.watch.alarms",
    ],
)
def test_examples_in_docstrings_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_demand_profile_names_its_source_and_has_48_numbers() -> None:
    text = (BUNDLED / "demand" / "lucknow.yaml").read_text(encoding="utf-8")
    assert "source:" in text
    assert len(re.findall(r"0\.\d{5}", text)) == 48

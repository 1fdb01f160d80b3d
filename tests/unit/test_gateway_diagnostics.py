"""What an engineer sees of one device: raw beside scaled, each error in its class, and never a stale number as good."""

from typing import Any

import numpy as np
import orjson
import pytest

from adapters.convert import Converter
from adapters.raw_values import RawValues, kept_in
from gateway.api_diagnostics import DiagnosticsAnswer
from gateway.diagnostics import diagnostics
from tests.support.adapters import device
from tests.support.site_image import Telemetry


@pytest.fixture
def telemetry() -> Telemetry:
    made = Telemetry()
    made.say_all_well()
    return made


def shown(telemetry: Telemetry, raw: RawValues | None = None) -> dict[str, Any]:
    found = diagnostics(telemetry.image, telemetry.layout, telemetry.sink, raw, telemetry.clock.now())
    DiagnosticsAnswer.model_validate(orjson.loads(orjson.dumps(found)))
    return found


def point(found: dict[str, Any], path: str) -> dict[str, Any]:
    return next(each for each in found["points"] if each["path"] == path)


def test_a_point_is_shown_raw_and_scaled_with_its_place_and_its_unit(telemetry: Telemetry) -> None:
    raw = RawValues(telemetry.device.points)
    row = telemetry.row("soc", 1)
    raw.numbers[row - raw.first] = 9800.0
    soc = point(shown(telemetry, raw), "S003/slot/01/soc")
    assert (soc["raw"], soc["value"], soc["unit"], soc["quality"]) == (9800, 0.98, "", "good")
    assert soc["slot"] == 1
    assert soc["address"].split()[0] in {"holding", "input"}
    power = point(shown(telemetry), "S003/station/power_w")
    assert (power["raw"], power["value"], power["unit"], power["slot"]) == (None, 4200.0, "W", None)


def test_values_are_shown_as_what_they_are(telemetry: Telemetry) -> None:
    found = shown(telemetry)
    assert point(found, "S003/slot/01/charger_state")["value"] == "full"
    assert point(found, "S003/slot/01/occupied")["value"] is True
    assert point(found, "S003/slot/01/pack_id")["value"] == "PACK-1"


async def test_of_a_device_that_went_away_no_value_is_shown_but_when_it_last_had_one(telemetry: Telemetry) -> None:
    said_at = telemetry.clock.now()
    await telemetry.clock.advance(30.0)
    telemetry.sink.lost("unplugged")
    found = shown(telemetry)
    soc = point(found, "S003/slot/01/soc")
    assert (soc["value"], soc["quality"], soc["reason"]) == (None, "bad", "no_communication")
    assert soc["age_s"] == 30.0
    assert found["last_good"] == said_at


def test_errors_are_counted_by_class_and_round_trips_by_rank(telemetry: Telemetry) -> None:
    link = telemetry.sink.link
    link.note_error("refused")
    link.note_error("no_answer", 3)
    link.note_error("unreadable", 0)
    for number in range(1, 101):
        link.note_round_trip(number / 1000.0)
    found = shown(telemetry)
    assert (found["errors"], found["errors_by_class"]) == (4, {"no_answer": 3, "refused": 1})
    assert found["round_trip_s"]["max"] == 0.1
    assert found["round_trip_s"]["p50"] == pytest.approx(0.0505)
    assert found["poll_plan"]


def test_raw_values_are_kept_as_they_came_also_those_that_make_no_sense() -> None:
    points = [
        {"signal": "soc", "address": "t/{slot}", "field": "soc", "scale": 0.01},
        {"signal": "charger_state", "address": "t/{slot}", "field": "state", "enum": {"CHG": "charging"}},
        {"signal": "temperature_c", "address": "t/{slot}", "field": "temp"},
    ]
    bound = device("mqtt://localhost", points, slots=2)
    raw = RawValues(bound.points)
    with kept_in(raw):
        converter = Converter(bound.points)
    outside = Converter(bound.points)
    rows = list(range(len(bound.points)))
    assert [raw.of(row) for row in rows] == [None] * 6
    converter.objects(rows, [87, 42, "CHG", "broken", 25.5, None], lambda _: 1)
    assert [raw.of(row) for row in rows] == [87, 42, "CHG", "broken", 25.5, None]
    outside.objects(rows, [1, 1, "x", "x", 1, 1], lambda _: 1)
    converter.prepare(np.array([4]))(np.array([26.5]), np.zeros(0, dtype=np.uint64))
    assert [raw.of(row) for row in rows] == [87, 42, "CHG", "broken", 26.5, None]
    converter.objects([2], ["y" * 10_000], lambda _: 1)
    assert len(str(raw.of(2))) == 128

"""The vocabulary of one station over HTTP, with the ranges that its site file makes normal."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from config.loader import bundled_site, load_site
from config.site import OtherPack, Pack, Station
from gateway.answers import ApiError
from gateway.api_signals import SignalAnswer, signals_router
from gateway.layout import layouts
from gateway.normal_ranges import normal_range
from twin.signals import SIGNALS


@pytest.fixture(scope="module")
def station() -> Station:
    return load_site(bundled_site("demo")).site.stations[0]


async def ask(path: str) -> Any:
    app = FastAPI()
    app.include_router(signals_router(layouts(load_site(bundled_site("demo")).bind())))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        return await client.get(path)


async def test_every_word_is_listed_with_unit_limits_and_normal_range(station: Station) -> None:
    listed = TypeAdapter(list[SignalAnswer]).validate_json((await ask("/api/v1/stations/S001/signals")).content)
    assert {(each.entity, each.signal) for each in listed} == set(SIGNALS)
    by_name = {(each.entity, each.signal): each for each in listed}
    power = by_name["slot", "power_w"]
    assert (power.unit, power.reported) == ("W", True)
    assert power.normal == pytest.approx((0.0, 1.05 * station.charger.power_w))
    assert by_name["station", "power_w"].normal == (0.0, station.grid_limit_w)
    assert by_name["slot", "pack_id"].minimum is None
    assert by_name["station", "frequency_hz"].reported is False


async def test_an_unknown_station_is_refused_with_a_remedy() -> None:
    with pytest.raises(ApiError, match="no station is called 'S999'") as refused:
        await ask("/api/v1/stations/S999/signals")
    assert (refused.value.status, refused.value.remedy) == (404, "/api/v1/stations lists them.")


def test_ranges_cover_every_class_of_packs(station: Station) -> None:
    classes = {
        "pack": Pack(nominal_voltage_v=48.0, capacity_wh=1000.0),
        "other_packs": (OtherPack(nominal_voltage_v=72.0, capacity_wh=2000.0, share=0.3),),
    }
    mixed = station.model_copy(update=classes)
    assert normal_range(mixed, "slot", "voltage_v") == pytest.approx((37.44, 84.24))
    assert normal_range(mixed, "slot", "capacity_wh") == pytest.approx((800.0, 2100.0))


@pytest.mark.parametrize(("entity", "signal"), list(SIGNALS))
def test_a_range_lies_within_what_can_be_true(station: Station, entity: str, signal: str) -> None:
    found = normal_range(station, entity, signal)
    if found is not None:
        low, high = found
        word = SIGNALS[entity, signal]
        assert low is None or word.minimum <= low
        assert high is None or high <= word.maximum

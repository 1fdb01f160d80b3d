"""What changed is published, the loop gets its turn meanwhile, and a changed site file is followed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from config.cabinet import Cabinet
from gateway import publisher as module
from gateway.hub import Hub, UnknownTopicError
from gateway.layout import layouts
from gateway.numbering import renumbered
from gateway.publisher import REFRESH_S, Publisher
from tests.support.site_image import LOADED, Telemetry


class Watching(Hub):
    """A hub that notes which stations are published together."""

    def __init__(self, telemetry: Telemetry) -> None:
        super().__init__(telemetry.clock)
        self.together: list[set[str]] = []

    def publish(self, topic: str, updates, delete=(), replace=False) -> int:  # type: ignore[no-untyped-def]
        if topic == "stations":
            self.together.append(set(updates))
        return super().publish(topic, updates, delete, replace)


class Desk:
    def __init__(self) -> None:
        self.telemetry = Telemetry()
        self.hub = Watching(self.telemetry)
        self.layouts = dict(self.telemetry.layouts)
        self.publisher = Publisher(self.telemetry.image, self.layouts, self.hub, self.telemetry.clock, {}, {})
        self.hub.together.clear()


@asynccontextmanager
async def running() -> AsyncIterator[Desk]:
    desk = Desk()
    task = asyncio.create_task(desk.publisher.run())
    try:
        await desk.telemetry.clock.settle()
        yield desk
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_only_the_station_that_changed_is_published_at_once() -> None:
    async with running() as desk:
        desk.telemetry.say_all_well()
        await desk.telemetry.clock.advance(0.1)
        assert desk.hub.together == [{"S003"}]
        assert desk.hub.snapshot("stations")["S003"]["quality"] == "good"


async def test_a_station_that_was_just_published_is_not_published_again_for_its_age() -> None:
    async with running() as desk:
        await desk.telemetry.clock.advance(0.8 * REFRESH_S)
        desk.telemetry.say_all_well()
        await desk.telemetry.clock.advance(0.3 * REFRESH_S)
        assert desk.hub.together == [{"S003"}, set(desk.layouts) - {"S003"}]
        await desk.telemetry.clock.advance(REFRESH_S)
        assert desk.hub.together[-1] == set(desk.layouts)


async def test_many_stations_at_once_are_published_in_slices_between_which_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SLICE_S", 0.0)
    async with running() as desk:
        await desk.telemetry.clock.advance(REFRESH_S + 0.1)
        assert [len(names) for names in desk.hub.together] == [1] * len(desk.layouts)
        assert set.union(*desk.hub.together) == set(desk.layouts)


async def test_stations_and_devices_of_a_changed_site_file_take_the_place_of_the_old_ones() -> None:
    async with running() as desk:
        site = LOADED.site.model_copy(update={"stations": LOADED.site.stations[1:3]})
        bound = renumbered(type(LOADED)(LOADED.file, site, LOADED.profiles, LOADED.shapes).bind(), LOADED.bind())
        desk.telemetry.image.follow(bound)
        desk.layouts.clear()
        desk.layouts.update(layouts(bound))
        desk.publisher.follow(frozenset(desk.layouts))
        assert list(desk.hub.snapshot("stations")) == ["S002", "S003"]
        assert list(desk.hub.snapshot("devices")) == ["S002/cabinet", "S003/cabinet"]
        with pytest.raises(UnknownTopicError):
            desk.hub.snapshot("station/S001")
        desk.telemetry.layout = desk.layouts["S003"]
        desk.telemetry.say_all_well()
        await desk.telemetry.clock.advance(0.1)
        assert desk.hub.snapshot("stations")["S003"]["quality"] == "good"


def test_a_station_has_its_front_from_the_first_moment_and_another_one_after_a_change_of_the_site_file() -> None:
    desk = Desk()

    def front() -> object:
        return desk.hub.snapshot("station/S003")["station"]["layout"]["cells"]

    assert front() == [[4, 8, 12], [3, 7, 11], [2, 6, 10], [1, 5, 9]]
    station = desk.layouts["S003"].station.model_copy(update={"cabinets": (Cabinet(columns=6),)})
    desk.layouts["S003"] = replace(desk.layouts["S003"], station=station)
    desk.publisher.follow(frozenset(desk.layouts))
    assert front() == [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]]
    assert "layout" not in desk.hub.snapshot("stations")["S003"], "the list of all stations does without"


def test_what_the_day_has_brought_stands_in_every_summary() -> None:
    telemetry = Telemetry()
    hub = Hub(telemetry.clock)
    Publisher(telemetry.image, telemetry.layouts, hub, telemetry.clock, {}, {}, lambda name: {"swaps_today": len(name)})
    assert hub.snapshot("stations")["S003"]["swaps_today"] == 4
    assert hub.snapshot("station/S003")["station"]["swaps_today"] == 4

"""A pack's stay begins when its id is first seen in a slot and ends when it is seen to be gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.past import Stay, read_open_stays, read_stays
from gateway.stays import Stays
from gateway.store import Store
from tests.support.site_image import Telemetry
from twin.signals import Quality, Reason


@pytest.fixture
def telemetry() -> Telemetry:
    made = Telemetry()
    made.say_all_well()
    return made


@pytest.fixture
def store(telemetry: Telemetry, tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path, telemetry.clock, 30.0, 100.0)
    made.open()
    yield made
    made.close()


def tracker(telemetry: Telemetry, store: Store) -> Stays:
    stays = Stays(telemetry.image, telemetry.layouts, store, telemetry.clock)
    stays.restore()
    return stays


async def later(telemetry: Telemetry, stays: Stays, seconds: float = 2.0) -> None:
    await telemetry.clock.advance(seconds)
    stays.look("S003")


def current(stays: Stays, slot: int) -> Stay:
    stay = stays.current("S003", slot)
    assert stay is not None
    return stay


async def test_a_stay_has_what_the_pack_was_like(telemetry: Telemetry, store: Store) -> None:
    stays = tracker(telemetry, store)
    start = telemetry.clock.now()
    telemetry.say({("soc", 1): 0.2, ("temperature_c", 1): 36.0})
    stays.look("S003")
    for soc, temperature_c in ((0.5, 41.5), (0.8, 33.0)):
        telemetry.say({("soc", 1): soc, ("temperature_c", 1): temperature_c})
        await later(telemetry, stays)
    now = telemetry.clock.now()
    assert current(stays, 1) == Stay("PACK-1", "S003", 1, start, now, 0.2, 0.8, 41.5)
    assert stays.current("S003", 12) is None
    assert stays.current("S003", 99) is None
    assert stays.current("S001", 1) is None


async def test_another_pack_or_an_empty_slot_ends_it(telemetry: Telemetry, store: Store) -> None:
    stays = tracker(telemetry, store)
    stays.look("S003")
    telemetry.say({("pack_id", 1): float(telemetry.sink.intern("NEW")), ("occupied", 2): 0.0})
    await later(telemetry, stays)
    assert current(stays, 1).pack == "NEW"
    assert stays.current("S003", 2) is None
    store.close()
    for pack in ("PACK-1", "PACK-2"):
        (stay,) = read_stays(store.file, pack, 0.0, 1e11, 10)
        assert stay.ended


async def test_the_same_pack_that_comes_back_begins_anew(telemetry: Telemetry, store: Store) -> None:
    stays = tracker(telemetry, store)
    stays.look("S003")
    first = current(stays, 1)
    telemetry.say({("occupied", 1): 0.0})
    await later(telemetry, stays)
    telemetry.say({("occupied", 1): 1.0})
    await later(telemetry, stays)
    assert current(stays, 1).pack == first.pack
    assert current(stays, 1).start > first.start


async def test_a_broken_link_ends_nothing(telemetry: Telemetry, store: Store) -> None:
    stays = tracker(telemetry, store)
    stays.look("S003")
    before = current(stays, 1)
    seen = before.last
    telemetry.say({("pack_id", 1): float("nan")}, Quality.BAD, Reason.SENSOR_FAILURE)
    telemetry.sink.lost("unplugged")
    await later(telemetry, stays, 600.0)
    assert current(stays, 1) is before
    assert before.last == seen
    telemetry.say_all_well()
    await later(telemetry, stays)
    assert current(stays, 1) is before
    assert before.last == telemetry.clock.now()


async def test_a_stay_goes_on_over_a_restart_unless_the_pack_has_gone_meanwhile(
    telemetry: Telemetry, store: Store
) -> None:
    stays = tracker(telemetry, store)
    stays.look("S003")
    start = current(stays, 1).start
    store.close()
    again = Store(store.file.parent, telemetry.clock, 30.0, 100.0)
    again.open()
    telemetry.say({("pack_id", 2): float(telemetry.sink.intern("OTHER")), ("occupied", 3): 0.0})
    restarted = tracker(telemetry, again)
    await later(telemetry, restarted)
    again.close()
    assert current(restarted, 1).start == start
    assert current(restarted, 2).pack == "OTHER"
    left = {stay.pack for stay in read_open_stays(again.file)}
    assert "PACK-1" in left
    assert not {"PACK-2", "PACK-3"} & left

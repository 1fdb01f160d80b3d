"""Swaps and probable lost swaps of the local day: counted on over restarts, from midnight to midnight."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.clock import ManualClock
from gateway.ledger_tables import insert
from gateway.store import Store
from gateway.today import Today, day_of
from tests.support.site_image import LOADED
from twin.demand import Intensity
from twin.live import LiveTwin
from twin.observation import Estimate

STATION = LOADED.site.stations[2]
BERLIN = ZoneInfo("Europe/Berlin")
PER_S = 0.01


def local(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def today(clock: ManualClock, zone: str = "Europe/Berlin") -> Today:
    def riders(_: str, start: float, seconds: float) -> Intensity:
        return Intensity(start, seconds, np.array([PER_S]))

    return Today(LOADED.site.stations, zone, clock, riders)


def estimate(time: float, swaps: int = 0, ready: int = 5, alone: bool = False) -> Estimate:
    made = LiveTwin(STATION.spec(), time).estimate()
    substituted = np.full(STATION.slots, alone)
    return replace(made, time=time, swaps=swaps, ready=ready, substituted=substituted)


@pytest.mark.parametrize(
    ("now", "zone", "hours"),
    [
        ("2026-03-28T12:00", "Europe/Berlin", 24.0),
        ("2026-03-29T12:00", "Europe/Berlin", 23.0),
        ("2026-10-25T02:30", "Europe/Berlin", 25.0),
        ("2026-04-24T12:00", "Africa/Cairo", 23.0),  # where midnight itself does not exist
        ("2026-11-01T12:00", "America/Havana", 25.0),  # where midnight comes twice
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(now: str, zone: str, hours: float) -> None:
    at = local(now, ZoneInfo(zone))
    start, end = day_of(at, ZoneInfo(zone))
    assert start <= at < end
    assert (end - start) / 3600.0 == hours
    assert datetime.fromtimestamp(start - 1.0, ZoneInfo(zone)).date() < datetime.fromisoformat(now).date()
    assert datetime.fromtimestamp(end, ZoneInfo(zone)).date() > datetime.fromisoformat(now).date()


async def test_swaps_are_counted_until_the_local_midnight() -> None:
    clock = ManualClock(local("2026-10-25T23:59:50"))
    counts = today(clock)
    before = estimate(clock.now(), swaps=3)
    counts.stepped(STATION.id, before, None)
    counts.stepped(STATION.id, estimate(clock.now() + 1.0, swaps=5), before)
    assert counts.of(STATION.id)["swaps_today"] == 5
    await clock.advance(9.0)
    assert counts.of(STATION.id)["swaps_today"] == 5
    await clock.advance(1.0)
    assert counts.of(STATION.id) == {"swaps_today": 0, "lost_today": 0.0}


def test_a_twin_that_starts_anew_takes_no_swap_back() -> None:
    clock = ManualClock()
    counts = today(clock)
    counts.stepped(STATION.id, estimate(clock.now(), swaps=4), None)
    counts.stepped(STATION.id, estimate(clock.now(), swaps=0), estimate(clock.now(), swaps=4))
    assert counts.of(STATION.id)["swaps_today"] == 4


def stocked_out(clock: ManualClock, counts: Today, minutes: int, alone: bool = False) -> None:
    before = estimate(clock.now(), ready=0, alone=alone)
    for second in range(1, 60 * minutes + 1):
        after = estimate(clock.now() + second, ready=0, alone=alone)
        counts.stepped(STATION.id, after, before)
        before = after


def test_while_no_pack_is_ready_riders_are_probably_lost_but_not_at_once() -> None:
    clock = ManualClock()
    counts = today(clock)
    stocked_out(clock, counts, 60)
    expected = PER_S * 3600.0 - PER_S * STATION.patience_s  # all who came, less those who still wait
    assert counts.of(STATION.id)["lost_today"] == pytest.approx(expected, rel=0.02)


def test_riders_are_not_guessed_to_be_lost_at_a_station_of_which_nothing_is_known() -> None:
    clock = ManualClock()
    counts = today(clock)
    stocked_out(clock, counts, 10, alone=True)
    assert counts.of(STATION.id)["lost_today"] == 0.0


def test_nobody_is_lost_where_packs_are_ready() -> None:
    clock = ManualClock()
    counts = today(clock)
    counts.stepped(STATION.id, estimate(clock.now() + 600.0), estimate(clock.now()))
    assert counts.of(STATION.id)["lost_today"] == 0.0


async def test_after_a_restart_the_day_goes_on(tmp_path: Path) -> None:
    clock = ManualClock(local("2026-03-29T12:00"))
    store = Store(tmp_path, clock, 30.0, 100.0)
    store.open()
    midnight = local("2026-03-29T00:00")
    for number, (at, kind) in enumerate([(-1.0, "swap"), (1.0, "swap"), (9000.0, "swap"), (9001.0, "lost")]):
        row = (number, midnight + at, STATION.id, kind, 1, "A", "B", 1.0, 0.2)
        store.keep_now([(insert("swaps"), row)])
    store.append(
        [(f"{STATION.id}/station/lost_today", midnight + at, lost, 0, 0) for at, lost in ((-9, 5.0), (9, 1.5))]
    )
    store.append([("S999/station/lost_today", midnight + 5.0, 4.0, 0, 0)])
    store.close()
    counts = today(clock)
    counts.restore(store.file)
    assert counts.of(STATION.id) == {"swaps_today": 2, "lost_today": 1.5}
    assert counts.of("S001") == {"swaps_today": 0, "lost_today": 0.0}

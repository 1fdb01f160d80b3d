"""Alarms on a real process image: what devices, twin and forecast say, and what operators see of it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.base import LinkState
from config.alarm_catalogue import CATALOGUE
from config.alarms import AlarmRules
from config.loader import LoadedSite
from gateway.alarms.book import Note, stored, view
from gateway.alarms.engine import AlarmEngine
from gateway.alarms.site import WatchedSite
from gateway.alarms.state import State
from gateway.alarms.watch_quality import AwayWatch
from gateway.alarms.watches import Sources
from gateway.hub import Hub
from tests.support.site_image import LOADED, Telemetry
from twin.drift import Drift
from twin.live import LiveTwin
from twin.signals import ChargerState, Quality, Reason

FAULT = "S003.slot.03.charger_fault"
AWAY = "S003.cabinet.device_away"
Json = Any


def with_rules(site: Json = None, station: Json = None) -> LoadedSite:
    """The demo's site file with alarm rules."""
    stations = tuple(
        each.model_copy(update={"alarms": AlarmRules.model_validate(station or {})}) if each.id == "S003" else each
        for each in LOADED.site.stations
    )
    made = LOADED.site.model_copy(update={"alarms": AlarmRules.model_validate(site or {}), "stations": stations})
    return LoadedSite(LOADED.file, made, LOADED.profiles, LOADED.shapes)


class Bench:
    """The demo's image, of which station S003 reports, and its alarms."""

    def __init__(self, loaded: LoadedSite = LOADED) -> None:
        self.telemetry = Telemetry("S003")
        self.clock = self.telemetry.clock
        self.hub = Hub(self.clock)
        self.estimates: dict[str, Json] = {}
        self.forecasts: dict[str, Json] = {}
        self.summaries: dict[str, Json] = {}
        self.store_fails = False
        self.kept: list[Note] = []
        sources = Sources(self.estimates, self.forecasts, self.summaries, lambda: self.store_fails, lambda: None)
        image, layouts = self.telemetry.image, self.telemetry.layouts
        self.engine = AlarmEngine(loaded, image, layouts, self.clock, self.hub, sources, self.keep)
        self.telemetry.sink.link.state = LinkState.CONNECTED

    async def keep(self, notes: Sequence[Note]) -> None:
        self.kept += notes

    def say(self, values: dict[tuple[str, int | None], float], **how: Json) -> None:
        self.telemetry.say(values, **how)

    async def after(self, seconds: float, step_s: float = 0.5) -> None:
        """Let time pass, with all that the station reports standing as it is."""
        for _ in range(round(seconds / step_s)):
            await self.clock.advance(step_s)
            self.telemetry.sink.confirm(self.clock.now())
            self.telemetry.image.sweep()
            self.engine.look()

    def states(self) -> dict[str, str]:
        return {entry.about.id: entry.alarm.state.value for entry in self.engine.book}

    def changes(self, name: str) -> list[str]:
        return [note.change.value for note in self.engine.book.take() if note.entry.about.id == name]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    made.telemetry.say_all_well()
    made.engine.look()
    assert made.states() == {}
    yield made
    assert made.engine.health()["failing"] == []


async def test_a_charger_fault_comes_after_its_delay_and_goes_after_the_other(bench: Bench) -> None:
    bench.say({("charger_state", 3): float(ChargerState.FAULT)})
    await bench.after(1.5)
    assert bench.states() == {}
    await bench.after(1.0)
    assert bench.states() == {FAULT: "unacknowledged"}
    bench.say({("charger_state", 3): float(ChargerState.CHARGING)})
    await bench.after(9.0)
    assert bench.states() == {FAULT: "unacknowledged"}
    await bench.after(2.0)
    assert bench.states() == {FAULT: "returned"}
    assert bench.changes(FAULT) == ["raised", "returned"]


async def test_an_alarm_shows_its_value_its_limit_and_what_to_do(bench: Bench) -> None:
    bench.say({("temperature_c", 5): 54.5})
    await bench.after(12.0)
    [alarm] = [view(entry) for entry in bench.engine.book]
    assert alarm["id"] == "S003.slot.05.pack_hot"
    assert (alarm["value"], alarm["limit"], alarm["unit"]) == (54.5, 50.0, "C")
    assert alarm["title"] == "Pack in slot 5 hot"
    assert (alarm["text_key"], alarm["text_values"]) == ("pack_hot", {"station": "S003", "slot": 5})


async def test_a_value_that_hovers_at_its_limit_does_not_chatter(bench: Bench) -> None:
    for number in range(400):
        bench.say({("temperature_c", 5): 50.4 if number % 2 else 48.5})
        await bench.after(0.5)
    bench.say({("temperature_c", 5): 50.4})
    await bench.after(15.0)
    for number in range(400):
        bench.say({("temperature_c", 5): 50.4 if number % 2 else 48.5})
        await bench.after(0.5)
    assert bench.changes("S003.slot.05.pack_hot") == ["raised"]
    bench.say({("temperature_c", 5): 46.5})
    await bench.after(31.0)
    assert bench.states() == {"S003.slot.05.pack_hot": "returned"}


async def test_the_graver_alarm_of_the_same_cause_hides_the_lesser(bench: Bench) -> None:
    bench.say({("temperature_c", 5): 65.0})
    await bench.after(12.0)
    assert bench.states() == {
        "S003.slot.05.pack_overheated": "unacknowledged",
        "S003.slot.05.pack_hot": "suppressed",
    }
    bench.say({("temperature_c", 5): 52.0})
    await bench.after(12.0)
    assert bench.states()["S003.slot.05.pack_hot"] == "unacknowledged"


async def test_an_alarm_of_a_pack_goes_with_the_pack(bench: Bench) -> None:
    bench.say({("temperature_c", 5): 54.5})
    await bench.after(12.0)
    bench.say({("occupied", 5): 0.0})
    await bench.after(32.0)
    assert bench.states() == {"S003.slot.05.pack_hot": "returned"}


async def test_a_device_away_hides_its_slots_alarms_and_nothing_new_comes(bench: Bench) -> None:
    bench.say({("charger_state", 3): float(ChargerState.FAULT)})
    await bench.after(3.0)
    bench.telemetry.sink.link.state = LinkState.AWAY
    bench.telemetry.sink.lost("cable")
    for _ in range(20):
        await bench.clock.advance(0.5)
        bench.telemetry.image.sweep()
        bench.engine.look()
    assert bench.states() == {AWAY: "unacknowledged", FAULT: "suppressed"}
    assert bench.engine.health()["active"] == {"priority_1": 0, "priority_2": 1, "priority_3": 0, "priority_4": 0}
    bench.telemetry.sink.link.state = LinkState.CONNECTED
    bench.telemetry.say_all_well()
    bench.say({("charger_state", 3): float(ChargerState.FAULT)})
    await bench.after(6.0)
    assert bench.states() == {AWAY: "returned", FAULT: "unacknowledged"}
    assert bench.changes(FAULT) == ["raised", "suppressed", "unsuppressed"]


async def test_a_fire_that_takes_the_network_with_it_is_still_an_alarm(bench: Bench) -> None:
    bench.say({("temperature_c", 5): 70.0})
    await bench.after(3.0)
    bench.telemetry.sink.link.state = LinkState.AWAY
    bench.telemetry.sink.lost("cable burnt")
    await bench.after(10.0)
    assert bench.states()["S003.slot.05.pack_overheated"] == "unacknowledged"


def test_an_accelerated_site_does_not_shorten_what_cables_need() -> None:
    slow, fast = (WatchedSite(LOADED, *_image(speed), speed) for speed in (1.0, 60.0))
    for watch, pace in ((AwayWatch(slow), 1.0), (AwayWatch(fast), 60.0)):
        away, known = np.ones(len(watch.sources), dtype=np.bool_), np.ones(len(watch.sources), dtype=np.bool_)
        assert len(watch.delays.step(away, known, 0.0)) == 0
        assert len(watch.delays.step(away, known, 4.9 * pace)) == 0
        assert len(watch.delays.step(away, known, 5.0 * pace)) == len(watch.sources)


def _image(speed: float) -> Json:
    telemetry = Telemetry("S003", speed)
    return telemetry.image, telemetry.layouts


async def test_devices_at_one_address_are_one_alarm() -> None:
    bench = Bench()
    shared = [sink for sink in bench.telemetry.image.sinks if sink.device.device.where == "127.0.0.1:18830"]
    assert len(shared) > 1
    for sink in shared:
        sink.link.state = LinkState.AWAY
    await bench.after(10.0)
    states = bench.states()
    assert states.pop("gateway.127-0-0-1-18830.connection_away") == "unacknowledged"
    assert states == {f"{sink.device.id.replace('/', '.')}.device_away": "suppressed" for sink in shared}


async def test_sensors_that_fail_or_lie(bench: Bench) -> None:
    bench.say({("soc", 2): np.nan}, quality=Quality.BAD, reason=Reason.SENSOR_FAILURE)
    bench.say({("temperature_c", 4): 9_999.0})
    bench.say({("soc", 12): np.nan}, quality=Quality.BAD, reason=Reason.SENSOR_FAILURE)
    await bench.after(11.0)
    assert bench.states() == {
        "S003.slot.02.sensor_failure": "unacknowledged",
        "S003.slot.04.sensor_out_of_range": "unacknowledged",
    }, "slot 12 is empty: it has no pack that could measure"


async def test_power_above_the_limit_in_force(bench: Bench) -> None:
    bench.say({("power_w", None): 8300.0})
    await bench.after(12.0)
    assert bench.states() == {}
    bench.say({("grid_limit_w", None): 6000.0})
    await bench.after(12.0)
    [alarm] = [view(entry) for entry in bench.engine.book]
    assert (alarm["id"], alarm["value"], alarm["limit"]) == ("S003.grid_limit_exceeded", 8300.0, 6300.0)
    assert alarm["unit"] == "W"


async def test_the_same_pack_id_in_two_slots(bench: Bench) -> None:
    bench.say({("pack_id", 7): float(bench.telemetry.sink.intern("PACK-2"))})
    await bench.after(31.0)
    assert set(bench.states()) == {"S003.slot.02.pack_id_twice", "S003.slot.07.pack_id_twice"}


def forecast(bench: Bench, chance: float, **more: Json) -> Json:
    made = {"generated_at": bench.clock.now(), "quality": "good", "data_age_s": 1.0}
    return made | {"stockout_probability": {"1800": chance}} | more


async def test_a_stockout_is_expected_when_two_forecasts_say_so_and_no_sooner_not(bench: Bench) -> None:
    name = "S003.stockout_expected"
    for chance in (0.6, 0.4, 0.7, 0.3, 0.9):
        bench.forecasts["S003"] = forecast(bench, chance)
        await bench.after(30.0)
    assert bench.states() == {}
    bench.forecasts["S003"] = forecast(bench, 0.8)
    await bench.after(1.0)
    assert bench.states() == {name: "unacknowledged"}
    for chance in (0.45, 0.4, 0.36, 0.2, 0.45, 0.3):
        bench.forecasts["S003"] = forecast(bench, chance)
        await bench.after(30.0)
    assert bench.states() == {name: "unacknowledged"}
    bench.forecasts["S003"] = forecast(bench, 0.1)
    await bench.after(1.0)
    assert bench.states() == {name: "returned"}


async def test_a_forecast_that_rests_on_old_data(bench: Bench) -> None:
    bench.forecasts["S003"] = forecast(bench, 0.0, data_age_s=880.0)
    await bench.after(15.0)
    assert bench.states() == {}
    await bench.after(40.0)
    assert bench.states() == {"S003.forecast_too_old": "unacknowledged"}


async def test_a_stockout_is_told_only_where_telemetry_says_so(bench: Bench) -> None:
    bench.summaries["S003"] = {"ready": 0, "ready_quality": "uncertain"}
    await bench.after(15.0)
    assert bench.states() == {}
    bench.summaries["S003"] = {"ready": 0, "ready_quality": "good"}
    await bench.after(11.0)
    assert bench.states() == {"S003.stockout": "unacknowledged"}


async def test_drifts_of_the_twin_and_a_twin_that_has_just_started(bench: Bench) -> None:
    quiet = LiveTwin(bench.telemetry.layout.station.spec(), bench.clock.now()).estimate()
    bench.estimates["S003"] = replace(quiet, drifts=(Drift("degraded charger", 2, 1000.0, -0.3),))
    await bench.after(0.5)
    assert bench.states() == {"S003.slot.03.charger_degraded": "unacknowledged"}
    bench.estimates["S003"] = quiet
    await bench.after(600.0, step_s=10.0)
    assert bench.states() == {"S003.slot.03.charger_degraded": "unacknowledged"}
    await bench.after(1300.0, step_s=10.0)
    assert bench.states() == {"S003.slot.03.charger_degraded": "returned"}


async def test_the_gateways_own_trouble(bench: Bench) -> None:
    bench.store_fails = True
    await bench.after(6.0)
    assert bench.states() == {"gateway.history_not_written": "unacknowledged"}


async def test_rules_of_site_and_station() -> None:
    bench = Bench(
        with_rules(
            {"pack_hot": {"limit": 40.0, "on_delay_s": 0.0}, "charger_fault": {"enabled": False}},
            {"pack_hot": {"limit": 45.0, "priority": 1}},
        )
    )
    bench.telemetry.say_all_well()
    bench.say({("temperature_c", 1): 44.0, ("temperature_c", 2): 46.0, ("charger_state", 3): 4.0})
    await bench.after(5.0)
    [entry] = bench.engine.book
    assert (entry.about.id, entry.about.priority) == ("S003.slot.02.pack_hot", 1)
    assert bench.engine.about(FAULT) is None


async def test_a_shelved_alarm_comes_back_when_its_time_is_over(bench: Bench) -> None:
    bench.say({("charger_state", 3): float(ChargerState.FAULT)})
    await bench.after(3.0)
    about = bench.engine.about(FAULT)
    assert about is not None
    now = bench.clock.now()
    bench.engine.book.shelved(about, now, "ana", now + 60.0, "part ordered")
    await bench.after(59.0)
    assert bench.states() == {FAULT: "shelved"}
    await bench.after(2.0)
    assert bench.states() == {FAULT: "unacknowledged"}


async def test_after_a_restart_all_stands_as_it_did_and_what_is_gone_is_cleared(bench: Bench) -> None:
    bench.say({("charger_state", 3): float(ChargerState.FAULT)})
    await bench.after(3.0)
    about = bench.engine.about(FAULT)
    assert about is not None
    bench.engine.book.acknowledged(about, bench.clock.now(), "ana")
    kept = {entry.about.id: stored(entry.alarm) for entry in bench.engine.book}
    kept["S999.slot.01.charger_fault"] = kept[FAULT] | {"acknowledged": False}
    kept["S003.no_such_condition"] = kept[FAULT] | {"of another version": 1}

    again = Bench()
    again.engine.restore(kept, 17)
    assert again.states() == {FAULT: "acknowledged"}
    assert [(note.seq, note.change.value) for note in again.engine.book.take()] == [(18, "cleared"), (19, "cleared")]
    again.engine.look()
    await again.after(60.0)
    assert again.states()[FAULT] == "acknowledged"
    again.telemetry.say_all_well()
    await again.after(12.0)
    assert FAULT not in again.states()
    assert again.changes(FAULT) == ["cleared"]


async def test_a_changed_site_file_keeps_what_it_still_has(bench: Bench) -> None:
    bench.say({("charger_state", 3): float(ChargerState.FAULT), ("temperature_c", 5): 54.0})
    await bench.after(12.0)
    bench.engine.follow(with_rules({"pack_hot": {"enabled": False}, "charger_fault": {"priority": 1}}))
    [entry] = bench.engine.book
    assert (entry.about.id, entry.about.priority, entry.alarm.state) == (FAULT, 1, State.UNACKNOWLEDGED)
    await bench.after(30.0)
    assert bench.states() == {FAULT: "unacknowledged"}


async def test_what_a_changed_rule_no_longer_hides_is_shown(bench: Bench) -> None:
    bench.say({("temperature_c", 5): 65.0})
    await bench.after(12.0)
    assert bench.states()["S003.slot.05.pack_hot"] == "suppressed"
    bench.engine.follow(with_rules({"pack_overheated": {"enabled": False}}))
    assert bench.states() == {"S003.slot.05.pack_hot": "unacknowledged"}


async def test_a_shelving_does_not_outlast_a_clock_that_is_set_back(bench: Bench) -> None:
    about = bench.engine.about(FAULT)
    assert about is not None
    now = bench.clock.now()
    bench.engine.book.shelved(about, now, "ana", now + 3_600.0, "part ordered")
    bench.engine.book.end_shelvings(now - 50_000.0)
    assert bench.states() == {FAULT: "shelved"}
    bench.engine.book.end_shelvings(now - 100_000.0)
    assert bench.states() == {}


async def test_every_change_is_kept_before_it_is_told(bench: Bench) -> None:
    told: list[tuple[int, int]] = []
    bench.hub.listen("alarms", lambda: told.append((bench.hub.event("alarms"), len(bench.kept))))
    running = asyncio.ensure_future(bench.engine.run())
    bench.say({("charger_state", 3): float(ChargerState.FAULT)})
    await bench.clock.advance(3.0)
    assert bench.hub.snapshot("alarms")[FAULT]["state"] == "unacknowledged"
    assert told == [(1, 1)]
    running.cancel()
    await asyncio.wait([running])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from([0.0, 2.0, 3.0, 4.0, None]), st.floats(0.5, 12.0)), min_size=1, max_size=25))
async def test_no_alarm_changes_faster_than_its_delays(said: list[tuple[float | None, float]]) -> None:
    bench = Bench()
    bench.telemetry.say_all_well()
    for value, seconds in said:
        if value is None:
            bench.say({("charger_state", 3): np.nan}, quality=Quality.BAD, reason=Reason.SENSOR_FAILURE)
        else:
            bench.say({("charger_state", 3): value})
        await bench.after(seconds)
    notes = [note for note in bench.engine.book.take() if note.entry.about.id == FAULT]
    assert [note.change.value for note in notes] == ["raised", "returned"] * (len(notes) // 2) + ["raised"] * (
        len(notes) % 2
    )
    condition = CATALOGUE["charger_fault"]
    for before, after in pairwise(notes):
        delay_s = condition.off_delay_s if after.change.value == "returned" else condition.on_delay_s
        assert after.time - before.time >= delay_s

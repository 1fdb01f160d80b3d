"""What clients see is honest: every number with its quality, nulls where nothing is known."""

import dataclasses

import numpy as np
import orjson
import pytest

from adapters.base import LinkState
from gateway.views import Fields, device_view, station_view
from tests.support.site_image import Telemetry
from twin.drift import Drift
from twin.observation import Estimate
from twin.signals import ChargerState, Quality, Reason
from twin.spec import SlotPhase, StationState


@pytest.fixture
def telemetry() -> Telemetry:
    made = Telemetry()
    made.say_all_well()
    return made


def estimate(telemetry: Telemetry, ready: int) -> Estimate:
    """A twin that believes in ``ready`` charged packs and otherwise empty slots."""
    slots = telemetry.layout.station.slots
    holds = np.arange(slots) < ready
    state = StationState(
        time=telemetry.clock.now(),
        phase=np.where(holds, SlotPhase.DONE, SlotPhase.EMPTY).astype(np.int8),
        soc=np.where(holds, 0.99, np.nan),
        temperature_c=np.full(slots, 30.0),
        derated=np.zeros(slots, dtype=np.bool_),
        cooling_until=np.zeros(slots),
        bay_until=np.full(1, np.inf),
        bay_slot=np.zeros(1, dtype=np.int64),
    )
    return Estimate(state.time, state, ready, np.ones(slots, dtype=np.bool_), np.full(slots, np.nan), 0)


def view(telemetry: Telemetry, twin: Estimate | None = None) -> tuple[Fields, dict[str, Fields]]:
    made = station_view(telemetry.image, telemetry.layout, twin, None, telemetry.clock.now())
    orjson.dumps([made.summary, made.slots])
    return made.summary, made.slots


def test_a_station_that_reports_is_good_and_counted_from_telemetry(telemetry: Telemetry) -> None:
    summary, slots = view(telemetry)
    count = telemetry.layout.station.slots
    assert (summary["quality"], summary["reason"]) == ("good", None)
    assert (summary["ready"], summary["ready_quality"]) == (count - 1, "good")
    assert summary["occupied"] == count - 1
    assert summary["power_w"] == 4200.0
    assert summary["data_age_s"] == 0.0
    assert summary["stockout_probability"] is None
    assert len(slots) == count


def test_an_empty_slot_has_no_pack_and_is_not_bad_for_it(telemetry: Telemetry) -> None:
    _, slots = view(telemetry)
    empty = slots[f"slot/{telemetry.layout.station.slots:02d}"]
    assert (empty["occupied"], empty["ready"], empty["soc"], empty["pack_id"]) == (False, False, None, None)
    assert empty["quality"] == "good"
    assert not {"soc", "pack_id", "soh"} & set(empty["not_good"])


def test_a_station_never_heard_of_shows_nulls_and_not_zeros() -> None:
    telemetry = Telemetry()
    summary, slots = view(telemetry, estimate(telemetry, 5))
    assert (summary["quality"], summary["reason"]) == ("bad", "no_communication")
    assert [summary[name] for name in ("ready", "occupied", "charging", "power_w", "data_time", "data_age_s")] == [
        None
    ] * 6
    assert slots["slot/01"]["ready"] is None


async def test_a_stale_value_stays_with_its_mark_and_the_count_is_the_twins(telemetry: Telemetry) -> None:
    await telemetry.clock.advance(20.0)
    telemetry.image.sweep()
    summary, slots = view(telemetry, estimate(telemetry, 7))
    assert (summary["quality"], summary["reason"]) == ("uncertain", "stale")
    assert (summary["ready"], summary["ready_quality"], summary["ready_reason"]) == (7, "uncertain", "substituted")
    assert summary["data_age_s"] == 20.0
    assert slots["slot/01"]["soc"] == 0.98
    assert slots["slot/01"]["not_good"]["soc"] == "uncertain/stale"


def test_a_lost_station_shows_nulls_and_the_twins_belief_apart(telemetry: Telemetry) -> None:
    telemetry.sink.lost("unplugged")
    summary, slots = view(telemetry, estimate(telemetry, 7))
    assert (summary["quality"], summary["reason"]) == ("bad", "no_communication")
    assert summary["ready"] == 7
    assert slots["slot/01"]["soc"] is None
    assert slots["slot/01"]["twin"] == {
        "soc": 0.99,
        "temperature_c": 30.0,
        "quality": "uncertain",
        "reason": "substituted",
        "drift": [],
    }


@pytest.mark.parametrize("state", [ChargerState.COOLING, ChargerState.FAULT, ChargerState.DISABLED])
def test_a_full_pack_that_may_not_be_handed_out_is_not_ready(telemetry: Telemetry, state: ChargerState) -> None:
    before = view(telemetry)[0]["ready"]
    telemetry.say({("charger_state", 1): float(state)})
    summary, slots = view(telemetry)
    assert summary["ready"] == before - 1
    assert slots["slot/01"]["ready"] is False
    assert slots["slot/01"]["charger_state"] == state.name.lower()


def test_one_bad_sensor_makes_its_slot_bad_and_says_why(telemetry: Telemetry) -> None:
    telemetry.say({("soc", 2): float("nan")}, quality=Quality.BAD, reason=Reason.SENSOR_FAILURE)
    summary, slots = view(telemetry)
    assert (summary["quality"], summary["reason"]) == ("bad", "sensor_failure")
    assert slots["slot/02"]["quality"] == "bad"
    assert slots["slot/01"]["quality"] == "good"


def test_a_value_that_does_not_matter_for_readiness_leaves_the_station_good(telemetry: Telemetry) -> None:
    telemetry.say({("soh", 2): float("nan")}, quality=Quality.BAD, reason=Reason.SENSOR_FAILURE)
    summary, slots = view(telemetry)
    assert summary["quality"] == "good"
    assert slots["slot/02"]["not_good"]["soh"] == "bad/sensor_failure"


def test_a_device_counts_its_points_by_quality(telemetry: Telemetry) -> None:
    telemetry.sink.link.state = LinkState.CONNECTED
    shown = device_view(telemetry.image, telemetry.layout, telemetry.sink, telemetry.clock.now())
    assert shown["id"] == "S003/cabinet"
    assert shown["points"] == len(telemetry.device.points)
    assert shown["good"] > 0
    telemetry.sink.lost("unplugged")
    telemetry.sink.link.state = LinkState.AWAY
    shown = device_view(telemetry.image, telemetry.layout, telemetry.sink, telemetry.clock.now())
    assert (shown["state"], shown["quality"], shown["good"]) == ("no_communication", "bad", 0)


def test_drifts_are_shown_with_the_station_and_with_their_slot(telemetry: Telemetry) -> None:
    drifts = (Drift("degraded charger", 1, 1000.0, -0.3), Drift("station power mismatch", None, 2000.0, 0.2))
    summary, slots = view(telemetry, dataclasses.replace(estimate(telemetry, 7), drifts=drifts))
    assert summary["drifts"] == [
        {"kind": "degraded charger", "slot": 2, "since": 1000.0, "magnitude": -0.3},
        {"kind": "station power mismatch", "slot": None, "since": 2000.0, "magnitude": 0.2},
    ]
    assert slots["slot/02"]["twin"]["drift"] == [{"kind": "degraded charger", "since": 1000.0, "magnitude": -0.3}]
    assert slots["slot/01"]["twin"]["drift"] == []


@pytest.mark.parametrize("missing", [("charger_state",), ("charger_state", "occupied")])
def test_a_device_that_does_not_report_chargers_is_good_by_what_it_reports(
    telemetry: Telemetry, missing: tuple[str, ...]
) -> None:
    telemetry.say({("soc", 2): 0.5})
    slots = telemetry.layout.station.slots
    telemetry.say({("soc", slots): float("nan")}, quality=Quality.BAD, reason=Reason.SENSOR_FAILURE)
    for signal in missing:
        telemetry.layout.slot[signal][:] = -1
    summary, shown = view(telemetry)
    assert summary["ready"] == slots - 2
    assert (summary["charging"], summary["occupied"]) == (slots - 1, slots - 1)
    assert summary["ready_quality"] == "good"
    assert shown["slot/02"]["quality"] == "good"
    assert shown["slot/02"]["charger_state"] == "charging"
    assert shown["slot/02"]["not_good"]["charger_state"] == "uncertain/substituted"
    assert shown[f"slot/{slots:02d}"]["occupied"] is False

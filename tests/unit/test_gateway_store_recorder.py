"""The history gets every change of state and quality, and measurements thinned."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from adapters.base import LinkState
from config.clock import ManualClock
from gateway.recorder import Recorder
from gateway.store import Row, Store
from tests.support.site_image import Telemetry
from twin.drift import Drift
from twin.live import LiveTwin
from twin.signals import Quality, Reason


class Kept(Store):
    """A store that was never opened: what is appended stays in its queue, where a test can look."""

    def __init__(self, clock: ManualClock, folder: object) -> None:
        super().__init__(folder, clock, 30.0, 100.0)  # type: ignore[arg-type]

    def take(self) -> list[Row]:
        rows = list(self._samples)
        self._samples.clear()
        return rows


@pytest.fixture
def telemetry() -> Telemetry:
    made = Telemetry()
    made.say_all_well()
    return made


@pytest.fixture
def store(telemetry: Telemetry, tmp_path: object) -> Kept:
    return Kept(telemetry.clock, tmp_path)


def recorder(telemetry: Telemetry, store: Kept) -> Recorder:
    summary = {"ready": 11, "ready_quality": "good", "stockout_probability": {"3600": 0.25}}
    return Recorder(telemetry.image, store, telemetry.clock, {"S003": summary})


def paths(rows: Iterable[Row]) -> set[str]:
    return {row[0] for row in rows}


def test_what_changed_is_recorded_once_with_its_own_time(telemetry: Telemetry, store: Kept) -> None:
    said_at = telemetry.clock.now()
    records = recorder(telemetry, store)
    records.record()
    first = store.take()
    assert ("S003/slot/01/soc", said_at, 0.98, 0, 0) in first
    assert ("S003/station/ready", said_at, 11.0, 0, 0) in first
    assert ("S003/station/stockout_probability_3600", said_at, 0.25, 0, 0) in first
    records.record()
    assert store.take() == []


async def test_states_are_recorded_at_once_and_measurements_not_more_often_than_every_5_s(
    telemetry: Telemetry, store: Kept
) -> None:
    records = recorder(telemetry, store)
    records.record()
    store.take()
    seen: list[str] = []
    for number in range(1, 10):
        await telemetry.clock.advance(1.0)
        telemetry.say({("power_w", None): 1000.0 + number, ("occupied", 1): float(number % 2)})
        records.record()
        seen += [row[0] for row in store.take()]
    assert seen.count("S003/slot/01/occupied") == 8  # of nine readings the first was as before
    assert seen.count("S003/station/power_w") == 1


async def test_a_change_of_quality_is_recorded_at_once_as_of_now(telemetry: Telemetry, store: Kept) -> None:
    records = recorder(telemetry, store)
    records.record()
    store.take()
    await telemetry.clock.advance(4.0)
    telemetry.image.sweep()
    records.record()
    now = telemetry.clock.now()
    assert ("S003/slot/01/soc", now, 0.98, int(Quality.UNCERTAIN), int(Reason.STALE)) in store.take()
    telemetry.sink.lost("unplugged")
    records.record()
    assert ("S003/slot/01/soc", now, None, int(Quality.BAD), int(Reason.NO_COMMUNICATION)) in store.take()


async def test_what_does_not_change_is_recorded_again_so_that_silence_means_absence(
    telemetry: Telemetry, store: Kept
) -> None:
    records = recorder(telemetry, store)
    records.record()
    everything = paths(store.take())
    records.record(keep=True)
    assert paths(store.take()) == everything


def test_a_device_that_goes_or_comes_is_an_event(telemetry: Telemetry, store: Kept) -> None:
    records = recorder(telemetry, store)
    telemetry.sink.link.state = LinkState.AWAY
    telemetry.sink.link.detail = "connection refused"
    records.record()
    [(_, row)] = store._records
    assert row[1:3] == ("S003", "device_state")
    assert '"detail":"connection refused"' in row[3]


def test_a_drift_alarm_is_an_event_when_it_comes_and_when_it_goes(telemetry: Telemetry, store: Kept) -> None:
    records = recorder(telemetry, store)
    twin = LiveTwin(telemetry.layout.station.spec(), telemetry.clock.now())
    quiet = twin.estimate()
    alarmed = replace(quiet, drifts=(Drift("degraded charger", 1, 1000.0, -0.3),))
    told: list[tuple[str, object, object]] = []
    store.event = lambda _, __, kind, detail: told.append((kind, detail["slot"], detail["state"]))  # type: ignore[method-assign]
    for before, after in ((None, quiet), (quiet, alarmed), (alarmed, alarmed), (alarmed, quiet), (quiet, quiet)):
        records.drifts("S003", after, before)
    assert told == [("drift", 2, "on"), ("drift", 2, "off")]

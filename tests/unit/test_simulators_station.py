"""The physical station keeps its rules: grid limit, swaps, patience, and bounded work after a pause."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config.site import Station
from simulators.riders import ListedRiders, drawn_riders
from simulators.station import PhysicalStation, share
from simulators.truth import truth_of
from twin.signals import PACK_SIGNALS, SIGNALS, ChargerState

START = 1_800_000_000.0


def config(**changes: Any) -> Station:
    data: dict[str, Any] = {
        "id": "S1",
        "name": "one",
        "latitude": 26.8,
        "longitude": 80.9,
        "slots": 6,
        "grid_limit_w": 5000.0,
        "devices": [{"id": "d", "profile": "modbus-swap-cabinet", "url": "modbus://127.0.0.1:5020"}],
    }
    return Station.model_validate(data | changes)


def station(arrivals: list[float] | None = None, **changes: Any) -> PhysicalStation:
    """A station to which riders come at the given seconds after its start."""
    times = [START + seconds for seconds in arrivals or []]
    return PhysicalStation(config(**changes), ListedRiders(times, START), START)


def busy(seed: int = 1, **changes: Any) -> PhysicalStation:
    built = config(demand={"swaps_per_day": 400, "half_hourly": [1.0] * 48}, emulation={"seed": seed}, **changes)
    return PhysicalStation(built, drawn_riders(built, [1.0] * 48, ZoneInfo("UTC"), START), START)


def run(emulated: PhysicalStation, seconds: float, step_s: float = 10.0) -> list[dict[str, object]]:
    rows = []
    end = emulated.time + seconds
    while emulated.time < end:
        emulated.advance(min(emulated.time + step_s, end))
        rows.append(truth_of(emulated))
    return rows


def test_power_never_exceeds_the_grid_limit_and_uses_it_when_many_charge() -> None:
    emulated = busy()
    powers = []
    for _ in range(720):
        emulated.advance(emulated.time + 10.0)
        powers.append(float(emulated.value("power_w") or 0.0))
    assert max(powers) <= 5000.0
    assert sum(power > 4990.0 for power in powers) > 100


def test_the_same_seed_gives_the_same_station_and_another_seed_another() -> None:
    assert run(busy(seed=7), 3600.0) == run(busy(seed=7), 3600.0)
    assert run(busy(seed=7), 3600.0) != run(busy(seed=8), 3600.0)


def test_a_returned_pack_goes_into_the_empty_slot_before_the_full_one_is_handed_out() -> None:
    emulated = station([5.0], emulation={"packs": 5})
    empty = next(slot for slot in emulated.slots if slot.pack is None)
    stock = {slot.number: slot.pack.serial for slot in emulated.slots if slot.pack}
    emulated.advance(START + 6.0)
    assert emulated.value("door_open", empty.number) is True
    assert emulated.value("occupied", empty.number) is False
    emulated.advance(START + 30.0)
    assert emulated.value("charger_state", empty.number) == ChargerState.COOLING
    assert sum(emulated.value("occupied", slot.number) is True for slot in emulated.slots) == 6
    emulated.advance(START + 70.0)
    gone = [number for number in stock if emulated.value("occupied", number) is False]
    assert len(gone) == 1
    assert emulated.value("swap_count") == 1
    assert not any(emulated.value("door_open", slot.number) for slot in emulated.slots)


def test_without_an_empty_slot_the_full_one_is_emptied_first_and_takes_the_returned_pack() -> None:
    emulated = station([5.0], emulation={"packs": 6})
    before = {slot.number: emulated.value("pack_id", slot.number) for slot in emulated.slots}
    emulated.advance(START + 30.0)
    emptied = [slot.number for slot in emulated.slots if slot.pack is None]
    assert len(emptied) == 1
    emulated.advance(START + 70.0)
    after = {slot.number: emulated.value("pack_id", slot.number) for slot in emulated.slots}
    assert [number for number in after if after[number] != before[number]] == emptied


def test_a_promised_pack_is_no_longer_ready_and_its_slot_shows_it() -> None:
    emulated = station([5.0], emulation={"packs": 5})
    ready = emulated.ready
    emulated.advance(START + 6.0)
    assert emulated.ready == ready - 1
    shown = [slot for slot in emulated.slots if slot.pack and emulated.value("locked", slot.number) is False]
    assert [emulated.value("charger_state", slot.number) for slot in shown] == [ChargerState.IDLE]


def test_ready_packs_can_be_counted_from_what_the_devices_show() -> None:
    emulated = busy()
    for _ in range(1800):
        emulated.advance(emulated.time + 1.0)
        shown = sum(
            emulated.value("charger_state", slot.number) in {ChargerState.CHARGING, ChargerState.FULL}
            and float(emulated.value("soc", slot.number) or 0.0) >= 0.95
            for slot in emulated.slots
        )
        assert shown == emulated.ready


def test_one_bay_serves_one_rider_at_a_time_and_two_bays_two() -> None:
    for bays, queue in ((1, 2), (2, 1)):
        emulated = station([5.0, 5.5, 5.7], bays=bays, emulation={"packs": 5, "seed": 3})
        assert emulated.ready >= 3
        emulated.advance(START + 8.0)
        assert emulated.queue == queue


def test_riders_who_find_nothing_wait_and_then_leave_as_lost() -> None:
    emulated = station([1.0, 2.0, 3.0], emulation={"packs": 0}, patience_s=30.0)
    emulated.advance(START + 5.0)
    assert emulated.queue + emulated.lost == 3
    run(emulated, 600.0)
    assert (emulated.queue, emulated.lost, emulated.swaps) == (0, 3, 0)


def test_packs_are_neither_made_nor_lost_by_swapping() -> None:
    emulated = busy()
    for row in run(emulated, 6 * 3600.0, step_s=60.0):
        occupied = sum(bool(flag) for flag in row["occupied"])  # type: ignore[attr-defined]
        # Full house minus one, give or take the swap under way.
        assert 4 <= occupied <= 6
    serials = [slot.pack.serial for slot in emulated.slots if slot.pack]
    assert len(serials) == len(set(serials))
    assert emulated.swaps > 10


def test_an_empty_slot_has_no_pack_values_and_every_signal_lies_in_its_range() -> None:
    emulated = busy()
    run(emulated, 1800.0)
    for (entity, name), signal in SIGNALS.items():
        for slot in [None] if entity == "station" else [slot.number for slot in emulated.slots]:
            value = emulated.value(name, slot)
            if slot is not None and name in PACK_SIGNALS and emulated.slots[slot - 1].pack is None:
                assert value is None
            elif not isinstance(value, str):
                assert value is not None
                assert signal.minimum <= value <= signal.maximum


def test_telemetry_lives_at_night_when_nobody_comes() -> None:
    emulated = station([])
    run(emulated, 4 * 3600.0, step_s=60.0)
    powers, temperatures = set(), set()
    for _ in range(60):
        emulated.advance(emulated.time + 1.0)
        powers.add(emulated.value("power_w"))
        temperatures.add(emulated.value("temperature_c"))
    assert len(powers) > 20
    assert len(temperatures) > 1


def test_a_pause_of_a_year_is_caught_up_by_living_through_its_last_hour_only() -> None:
    emulated = busy()
    steps = 0
    step = emulated._step

    def counted(seconds: float) -> None:
        nonlocal steps
        steps += 1
        step(seconds)

    emulated._step = counted  # type: ignore[method-assign]
    emulated.advance(START + 365 * 86_400.0)
    assert steps <= 720
    assert emulated.time == START + 365 * 86_400.0
    assert emulated.swaps + emulated.lost + emulated.queue < 60


def test_a_clock_that_goes_back_changes_nothing() -> None:
    emulated = busy()
    run(emulated, 60.0)
    before = truth_of(emulated)
    emulated.advance(START)
    assert truth_of(emulated) == before


def test_truth_tells_every_signal_of_every_slot() -> None:
    emulated = busy()
    run(emulated, 600.0)
    truth = truth_of(emulated)
    for signal in ("soc", "temperature_c", "charger_state", "power_w", "door_open"):
        told = truth[signal]
        assert isinstance(told, list)
        assert len(told) == len(emulated.slots)
    first = emulated.slots[0]
    assert first.pack is not None
    assert truth["temperature_c"][0] == first.pack.temperature_c  # type: ignore[index]
    assert truth["power_w"][0] == round(first.power_w, 1)  # type: ignore[index]


def test_a_disabled_slot_neither_charges_nor_hands_out() -> None:
    emulated = station([5.0])
    for slot in emulated.slots:
        slot.charger.enabled = False
    run(emulated, 120.0)
    assert emulated.ready == emulated.swaps == 0
    assert {emulated.value("charger_state", slot.number) for slot in emulated.slots} == {ChargerState.DISABLED}


@pytest.mark.parametrize(
    ("wanted", "available", "shares"),
    [
        ([], 10.0, []),
        ([5.0, 5.0], 100.0, [5.0, 5.0]),
        ([1.0, 50.0, 50.0], 41.0, [1.0, 20.0, 20.0]),
        ([5.0, 5.0], -1.0, [0.0, 0.0]),
    ],
)
def test_power_is_shared_fairly(wanted: list[float], available: float, shares: list[float]) -> None:
    assert share(wanted, available) == shares

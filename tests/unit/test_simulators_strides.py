"""The station in long strides lives the life of the station that is stepped."""

from typing import Any

import numpy as np
import pytest

from config.site import Station
from simulators.riders import ListedRiders
from simulators.station import PhysicalStation
from simulators.strides import StridingStation

START = 1_800_000_000.0


def config(**changes: Any) -> Station:
    data: dict[str, Any] = {
        "id": "S1",
        "name": "one",
        "latitude": 26.8,
        "longitude": 80.9,
        "slots": 8,
        "grid_limit_w": 5000.0,
        # The base load's noise is drawn in other portions: without a base load both are the same to the last step.
        "base_load_w": 0.0,
        "devices": [{"id": "d", "profile": "modbus-swap-cabinet", "url": "modbus://127.0.0.1:5020"}],
    }
    return Station.model_validate(data | changes)


def arrivals(per_day: float, days: float, seed: int = 1) -> list[float]:
    rng = np.random.default_rng(seed)
    count = rng.poisson(per_day * days)
    return sorted((START + rng.random(count) * days * 86_400.0).tolist())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bays": 3, "grid_limit_w": 3000.0},
        {"emulation": {"packs": 8}},
        {"other_packs": [{"capacity_wh": 2200.0, "nominal_voltage_v": 48.0, "share": 0.4}]},
        {"chargers": 3},
        {"pack": {"rate_cap": [[0.2, 0.3], [0.5, 0.7], [0.9, 0.2]]}},
        {"share_tick_s": 20.0, "grid_limit_w": 3000.0},
    ],
)
def test_hours_in_strides_end_with_the_same_packs_as_hours_in_steps(changes: dict[str, Any]) -> None:
    times = arrivals(240, 0.25)
    stepped = PhysicalStation(config(**changes), ListedRiders(times, START), START)
    striding = StridingStation(config(**changes), ListedRiders(times, START), START)
    ready = []
    for minute in range(1, 361):
        stepped.advance(START + 60.0 * minute)
        striding.advance(START + 60.0 * minute)
        assert striding.ready == stepped.ready
        assert (striding.swaps, striding.lost, striding.queue) == (stepped.swaps, stepped.lost, stepped.queue)
        ready.append(stepped.ready)
        held = [slot.pack.soc if slot.pack else 0.0 for slot in stepped.slots]
        assert striding.soc.tolist() == pytest.approx(held, abs=1e-7)
        assert striding.state.tolist() == [int(slot.charger.state) for slot in stepped.slots]
    warm = [slot.pack.temperature_c if slot.pack else 0.0 for slot in stepped.slots]
    assert striding.temperature_c.tolist() == pytest.approx(warm, abs=1e-3)
    assert stepped.swaps > 15
    assert min(ready) == 0 < max(ready)
    assert striding.value("energy_wh") == pytest.approx(stepped.value("energy_wh"), rel=1e-4)


def test_every_moment_without_a_ready_pack_is_listed() -> None:
    times = arrivals(300, 0.1)
    stepped = PhysicalStation(config(), ListedRiders(times, START), START)
    striding = StridingStation(config(), ListedRiders(times, START), START)
    striding.advance(START + 8_640.0)
    seconds = []
    for second in range(1, 8_641):
        stepped.advance(START + second)
        if stepped.ready == 0:
            seconds.append(START + second)
    changes = np.array(striding.ready_since)
    standing = changes[np.searchsorted(changes[:, 0], np.arange(1, 8_641) + START, side="right") - 1, 1]
    assert (START + 1 + np.flatnonzero(standing == 0)).tolist() == seconds
    assert seconds

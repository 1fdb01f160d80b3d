"""Only good telemetry enters the twin."""

import numpy as np
import pytest

from gateway.observe import observe
from tests.support.site_image import Telemetry
from twin.observation import Observation
from twin.signals import ChargerState, Quality, Reason


@pytest.fixture
def telemetry() -> Telemetry:
    made = Telemetry()
    made.say_all_well()
    return made


def seen(telemetry: Telemetry) -> Observation:
    return observe(telemetry.image, telemetry.layout, telemetry.clock.now())


def test_good_telemetry_is_told_slot_by_slot(telemetry: Telemetry) -> None:
    observation = seen(telemetry)
    slots = telemetry.layout.station.slots
    assert observation.known.all()
    assert observation.occupied.tolist() == [True] * (slots - 1) + [False]
    assert observation.soc[0] == 0.98
    assert np.isnan(observation.soc[-1])
    assert observation.pack[-1] == -1
    assert len(set(observation.pack[:-1])) == slots - 1
    assert observation.grid_limit_w == 8000.0
    assert np.isnan(observation.swap_count)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5, 1.01, 655.35])
def test_values_that_cannot_be_true_never_enter_the_twin(telemetry: Telemetry, value: float) -> None:
    telemetry.say({("soc", 1): value})
    assert np.isnan(seen(telemetry).soc[0])


async def test_a_stale_value_never_enters_the_twin(telemetry: Telemetry) -> None:
    await telemetry.clock.advance(10.0)
    telemetry.image.sweep()
    observation = seen(telemetry)
    assert not observation.known.any()
    assert np.isnan(observation.soc).all()
    assert np.isnan(observation.grid_limit_w)


def test_a_bad_or_uncertain_value_never_enters_the_twin(telemetry: Telemetry) -> None:
    telemetry.say({("soc", 1): 0.3}, quality=Quality.UNCERTAIN, reason=Reason.SUBSTITUTED)
    telemetry.say({("charger_state", 2): float("nan")}, quality=Quality.BAD, reason=Reason.SENSOR_FAILURE)
    observation = seen(telemetry)
    assert np.isnan(observation.soc[0])
    assert not observation.known[1]
    assert observation.known[2]


@pytest.mark.parametrize("state", [ChargerState.FAULT, ChargerState.DISABLED])
def test_a_faulted_or_disabled_slot_is_out(telemetry: Telemetry, state: ChargerState) -> None:
    telemetry.say({("charger_state", 1): float(state)})
    assert seen(telemetry).out[0]
    assert not seen(telemetry).out[1]


def test_a_slot_out_of_service_is_out(telemetry: Telemetry) -> None:
    telemetry.say({("enabled", 1): 0.0})
    assert seen(telemetry).out[0]


def test_an_unlocked_pack_is_promised_and_not_out(telemetry: Telemetry) -> None:
    telemetry.say({("locked", 1): 0.0, ("locked", 2): 1.0})
    observation = seen(telemetry)
    assert observation.promised is not None
    assert observation.promised.tolist()[:2] == [True, False]
    assert not observation.out[0]


def test_where_charger_states_are_not_reported_power_or_soc_tells_them(telemetry: Telemetry) -> None:
    telemetry.layout.slot["charger_state"][:] = -1
    telemetry.say({("soc", 1): 0.5, ("soc", 2): 0.999, ("soc", 3): 0.5, ("power_w", 3): 0.0, ("power_w", 4): 900.0})
    observation = seen(telemetry)
    assert observation.known.all()
    assert observation.charging.tolist()[:4] == [True, False, False, True]
    assert not observation.out.any()


def test_where_occupancy_is_not_reported_soc_tells_it(telemetry: Telemetry) -> None:
    for signal in ("charger_state", "occupied"):
        telemetry.layout.slot[signal][:] = -1
    slots = telemetry.layout.station.slots
    telemetry.say({("soc", slots): float("nan")}, quality=Quality.BAD, reason=Reason.SENSOR_FAILURE)
    observation = seen(telemetry)
    assert observation.known.all()
    assert observation.occupied.tolist() == [True] * (slots - 1) + [False]
    telemetry.sink.lost("unplugged")
    assert not seen(telemetry).known.any()

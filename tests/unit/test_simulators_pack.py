"""The emulated pack and charger obey physics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.charger import Charger
from simulators.pack import Pack, PackClass, cell_ocv_v
from twin.signals import ChargerState

KIND = PackClass(capacity_wh=1500.0, nominal_voltage_v=72.0)


def pack(soc: float = 0.0, soh: float = 1.0, temperature_c: float = 28.0) -> Pack:
    return Pack(KIND, "P-1", soc=soc, soh=soh, temperature_c=temperature_c, cycles=0.0)


def charge(
    battery: Pack, charger: Charger, *, step_s: float = 1.0, ambient_c: float = 28.0
) -> list[tuple[float, float, float, float]]:
    """Charge until full: time, power, state of charge and heat after each step."""
    charger.receive(battery, 0.0)
    rows: list[tuple[float, float, float, float]] = []
    now = 0.0
    while charger.state is not ChargerState.FULL and now < 6 * 3600:
        allowed_w = charger.wanted_w(battery, now)
        now += step_s
        power_w = charger.step(battery, allowed_w, ambient_c, now, step_s)
        rows.append((now, power_w, battery.soc, battery.heat_w))
    return rows


def test_a_full_charge_takes_75_to_90_minutes() -> None:
    rows = charge(pack(), Charger(1200.0, 0.995, 0.0))
    assert 75.0 <= rows[-1][0] / 60.0 <= 90.0
    assert rows[-1][2] >= 0.99


@given(soc=st.floats(0.0, 0.9), soh=st.floats(0.7, 1.0), power_w=st.floats(300.0, 2500.0))
def test_energy_in_is_energy_stored_plus_heat(soc: float, soh: float, power_w: float) -> None:
    battery = pack(soc, soh)
    charge_ah = battery.charge_ah
    rows = np.array(charge(battery, Charger(power_w, 0.995, 0.0), step_s=5.0, ambient_c=10.0))
    put_in_wh = rows[:, 1].sum() * 5.0 / 3600.0
    heat_wh = rows[:, 3].sum() * 5.0 / 3600.0
    curve = np.linspace(soc, battery.soc, 2001)
    stored_wh = np.trapezoid([cell_ocv_v(point) for point in curve], curve) * KIND.cells * charge_ah
    assert put_in_wh == pytest.approx(stored_wh + heat_wh, rel=0.02)


@given(soc=st.floats(0.0, 0.95), power_w=st.floats(200.0, 3000.0), hot=st.floats(10.0, 58.0))
def test_charge_only_rises_and_power_stays_below_the_cap(soc: float, power_w: float, hot: float) -> None:
    rows = np.array(charge(pack(soc, temperature_c=hot), Charger(power_w, 0.995, 0.0), step_s=5.0))
    assert (np.diff(rows[:, 2]) >= 0.0).all()
    assert rows[:, 1].max() <= power_w * (1.0 + 1e-9)


def test_at_the_voltage_limit_the_current_tapers_and_the_voltage_stands() -> None:
    battery, charger = pack(0.8), Charger(1200.0, 0.995, 0.0)
    charger.receive(battery, 0.0)
    currents, now = [], 0.0
    while charger.state is not ChargerState.FULL:
        charger.step(battery, charger.wanted_w(battery, now), 28.0, now, 1.0)
        now += 1.0
        if charger.current_a * battery.voltage_v(charger.current_a) < 1199.0 and charger.current_a > 0.0:
            assert battery.voltage_v(charger.current_a) == pytest.approx(KIND.limit_v, rel=1e-3)
            currents.append(charger.current_a)
    assert len(currents) > 600
    assert (np.diff(currents) <= 1e-9).all()
    assert currents[-1] < 0.3 * currents[0]


def test_a_returned_pack_rests_before_it_is_charged() -> None:
    battery, charger = pack(0.2), Charger(1200.0, 0.995, cooldown_s=60.0)
    charger.receive(battery, 1000.0)
    assert charger.state is ChargerState.COOLING
    assert charger.wanted_w(battery, 1059.0) == 0.0
    assert charger.wanted_w(battery, 1060.0) == pytest.approx(1200.0)


def test_a_hot_pack_is_charged_at_half_power_until_it_has_cooled_and_a_burning_one_not_at_all() -> None:
    battery, charger = pack(0.3, temperature_c=46.0), Charger(1200.0, 0.995, 0.0)
    charger.receive(battery, 0.0)
    assert charger.wanted_w(battery, 0.0) == pytest.approx(600.0)
    battery.temperature_c = 43.0
    assert charger.wanted_w(battery, 0.0) == pytest.approx(600.0)
    battery.temperature_c = 41.0
    assert charger.wanted_w(battery, 0.0) == pytest.approx(1200.0)
    battery.temperature_c = 61.0
    assert charger.wanted_w(battery, 0.0) == 0.0
    assert charger.state is ChargerState.FAULT


def test_a_new_pack_holds_its_rated_energy_and_an_aged_one_less() -> None:
    curve = np.linspace(0.0, 1.0, 5001)
    energy_wh = np.trapezoid([cell_ocv_v(point) for point in curve], curve) * KIND.cells * KIND.charge_ah
    assert energy_wh == pytest.approx(1500.0, rel=1e-3)
    assert pack(soh=0.8).capacity_wh == pytest.approx(1200.0)


def test_charging_ages_a_pack_by_half_a_cycle_each_way() -> None:
    battery = pack(0.0)
    charge(battery, Charger(1200.0, 0.995, 0.0))
    battery.ride(0.0, 30.0)
    assert battery.cycles == pytest.approx(0.995, abs=0.01)
    assert battery.soh < 1.0

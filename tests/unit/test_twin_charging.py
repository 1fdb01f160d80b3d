"""Charging in closed form agrees with reference curves and with integration in small steps."""

import doctest
import os
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin import charging
from twin.spec import PackSpec, ThermalSpec

PACK = PackSpec()
CURVES = Path(os.environ.get("SWAPTWIN_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data")) / "curves"
RATES = st.floats(0.1, 3.0).map(lambda c: c / 3600.0)
SOCS = st.floats(0.0, 0.99)


def curve(cell: str, rate: str) -> tuple[np.ndarray, np.ndarray]:
    file = CURVES / f"cccv_{cell}_{rate}.csv"
    if not file.exists():
        pytest.skip(f"reference curve {file} is not there; set SWAPTWIN_SHARED_DATA")
    table = np.genfromtxt(file, delimiter=",", names=True)
    return table["t_s"], table["soc_charge"]


@pytest.mark.parametrize("cell", ["Prada2013", "Chen2020"])
@pytest.mark.parametrize("rate", ["0.5C", "1C"])
def test_a_fitted_pack_follows_the_reference_curve(cell: str, rate: str) -> None:
    pack = charging.fit_pack([curve(cell, "0.5C"), curve(cell, "1C")], capacity_wh=1500.0)
    time_s, soc = curve(cell, rate)
    limit = float((soc[5] - soc[0]) / (time_s[5] - time_s[0]))
    model = [charging.soc_after(pack, float(soc[0]), float(time), limit) for time in time_s]
    assert np.abs(np.array(model) - soc).max() < 0.01
    to_95 = charging.seconds_to_soc(pack, float(soc[0]), 0.95, limit)
    assert abs(to_95 - np.interp(0.95, soc, time_s)) < 60.0


def test_curves_without_a_taper_are_refused() -> None:
    time_s = np.arange(0.0, 600.0, 60.0)
    with pytest.raises(ValueError, match="no taper"):
        charging.fit_pack([(time_s, 0.2 + time_s / 3600.0)], capacity_wh=1500.0)


@given(SOCS, RATES, st.floats(0.0, 7200.0))
def test_soc_agrees_with_integration_in_small_steps(soc: float, limit: float, seconds: float) -> None:
    stepped, steps = soc, 2000
    for _ in range(steps):
        half = stepped + charging.charge_rate(PACK, stepped, limit) * seconds / steps / 2.0
        stepped += charging.charge_rate(PACK, half, limit) * seconds / steps
    assert charging.soc_after(PACK, soc, seconds, limit) == pytest.approx(stepped, abs=2e-5)


@given(SOCS, SOCS, RATES)
def test_the_time_to_a_soc_is_when_the_charge_gets_there(soc: float, target: float, limit: float) -> None:
    seconds = charging.seconds_to_soc(PACK, soc, target, limit)
    assert charging.soc_after(PACK, soc, seconds, limit) == pytest.approx(max(soc, target), abs=1e-9)


def test_a_charge_never_ends_without_power_or_beyond_the_taper() -> None:
    assert charging.seconds_to_soc(PACK, 0.5, 0.6, 0.0) == inf
    assert charging.seconds_to_soc(PACK, 0.5, PACK.soc_infinity, 1e-4) == inf
    assert charging.soc_after(PACK, 0.5, 3600.0, 0.0) == 0.5


@given(st.floats(20.0, 60.0), RATES, st.floats(0.0, 7200.0), st.sampled_from([900.0, 1800.0, 3600.0]))
def test_temperature_agrees_with_integration_in_small_steps(
    start_c: float, rate: float, seconds: float, constant_s: float
) -> None:
    thermal = ThermalSpec(time_constant_s=constant_s)
    tau_s = 1800.0
    steps = 2000
    step_s = seconds / steps
    steady = taper = start_c

    def slope(temperature_c: float, c_rate: float) -> float:
        final_c = thermal.ambient_c + thermal.rise_k_per_c2 * c_rate**2
        return (final_c - temperature_c) / constant_s

    for step in range(steps):
        c_rate = rate * 3600.0
        falling = c_rate * np.exp(-(step + 0.5) * step_s / tau_s)
        steady += slope(steady + 0.5 * step_s * slope(steady, c_rate), c_rate) * step_s
        taper += slope(taper + 0.5 * step_s * slope(taper, falling), falling) * step_s
    assert charging.temperature_after(thermal, start_c, seconds, rate) == pytest.approx(steady, abs=0.01)
    assert charging.temperature_after_taper(thermal, tau_s, start_c, seconds, rate) == pytest.approx(taper, abs=0.01)


@given(st.floats(20.0, 60.0), st.floats(30.0, 55.0), RATES)
def test_a_threshold_is_passed_when_the_temperature_gets_there(start_c: float, threshold_c: float, rate: float) -> None:
    thermal = ThermalSpec()
    seconds = charging.seconds_to_temperature(thermal, start_c, threshold_c, rate)
    if seconds < inf:
        assert charging.temperature_after(thermal, start_c, seconds, rate) == pytest.approx(threshold_c, abs=1e-6)
    else:
        end_c = charging.temperature_after(thermal, start_c, 1e6, rate)
        assert (start_c - threshold_c) * (end_c - threshold_c) >= -1e-6 or abs(end_c - threshold_c) < 1e-6


@given(st.floats(20.0, 44.99), RATES, st.floats(60.0, 4000.0))
def test_derating_in_the_taper_comes_at_the_first_crossing(start_c: float, rate: float, tau_s: float) -> None:
    thermal = ThermalSpec()
    seconds = charging.seconds_to_derate_taper(thermal, tau_s, start_c, rate)
    times = np.linspace(0.0, min(seconds, 20_000.0), 400)
    course = [charging.temperature_after_taper(thermal, tau_s, start_c, float(time), rate) for time in times]
    assert max(course) <= thermal.derate_above_c + 1e-3
    if seconds < inf:
        assert course[-1] == pytest.approx(thermal.derate_above_c, abs=1e-3)


@given(st.lists(st.floats(0.0, 5000.0), min_size=1, max_size=40), st.floats(0.0, 60_000.0))
def test_water_filling_uses_the_limit_and_no_more(demands: list[float], available: float) -> None:
    level = charging.water_level(demands, available)
    shares = [min(demand, level) for demand in demands]
    assert sum(shares) <= available * (1.0 + 1e-9)
    assert sum(shares) == pytest.approx(min(sum(demands), available), rel=1e-9, abs=1e-9)


def test_the_examples_hold() -> None:
    result = doctest.testmod(charging)
    assert result.attempted > 0
    assert result.failed == 0

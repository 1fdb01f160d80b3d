"""Raw values become values, quality and reason; nothing wrong ever enters as good."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.convert import Converter, clamped
from tests.support.adapters import device
from twin.signals import ChargerState, Kind, Quality, Reason

STATES = {0: "idle", 1: "charging", 7: "fault"}


def point(signal: str, **more: Any) -> dict[str, Any]:
    return {"signal": signal, "address": "t/{slot}", "field": "x"} | more


def one(raw: object, signal: str, **more: Any) -> tuple[float, Quality, Reason]:
    """What a single raw value becomes."""
    texts: list[str] = []

    def intern(text: str) -> int:
        texts.append(text)
        return 7

    bound = device("mqtt://localhost", [point(signal, **more)], slots=1)
    samples = Converter(bound.points).objects([0], [raw], intern)
    return float(samples.values[0]), Quality(int(samples.qualities[0])), Reason(int(samples.reasons[0]))


@pytest.mark.parametrize(
    ("raw", "signal", "more", "value"),
    [
        (0.5, "soc", {}, 0.5),
        (87, "soc", {"scale": 0.01}, 0.87),
        (1000, "soc", {"scale": 0.001}, 1.0),
        (100.00000001, "soc", {"scale": 0.01}, 1.0),
        (2981, "temperature_c", {"scale": 0.1, "offset": -273.1}, 25.0),
        (120, "power_w", {"scale": 10, "sign": -1}, -1200.0),
        (5, "power_w", {"offset": 1, "sign": -1}, -6.0),
        (True, "occupied", {}, 1.0),
        (0, "occupied", {}, 0.0),
        (0b1010, "occupied", {"bit": 3}, 1.0),
        (0b1010, "occupied", {"bit": 2}, 0.0),
        (2**63, "occupied", {"bit": 63}, 1.0),
        (2**63, "occupied", {"bit": 0}, 0.0),
        (7, "charger_state", {"enum": STATES}, ChargerState.FAULT),
        (7.0, "charger_state", {"enum": STATES}, ChargerState.FAULT),
        ("  PK-0001 ", "pack_id", {}, 7.0),
        (4711, "pack_id", {}, 7.0),
    ],
)
def test_good_values_are_scaled_mapped_and_kept(raw: object, signal: str, more: dict[str, Any], value: float) -> None:
    got, quality, reason = one(raw, signal, **more)
    assert got == pytest.approx(value)
    assert (quality, reason) == (Quality.GOOD, Reason.NONE)


@pytest.mark.parametrize(
    ("raw", "signal", "more", "reason"),
    [
        (None, "soc", {}, Reason.NOT_CONFIGURED),
        (65535, "soc", {"invalid": [65535], "scale": 0.001}, Reason.NOT_CONFIGURED),
        (65535, "occupied", {"invalid": [65535], "bit": 0}, Reason.NOT_CONFIGURED),
        (255, "charger_state", {"invalid": [255], "enum": STATES}, Reason.NOT_CONFIGURED),
        ("", "pack_id", {}, Reason.NOT_CONFIGURED),
        (math.nan, "soc", {}, Reason.SENSOR_FAILURE),
        (math.inf, "power_w", {}, Reason.SENSOR_FAILURE),
        (10**400, "power_w", {}, Reason.SENSOR_FAILURE),
        ("0.5", "soc", {}, Reason.SENSOR_FAILURE),
        (True, "soc", {}, Reason.SENSOR_FAILURE),
        ([0.5], "soc", {}, Reason.SENSOR_FAILURE),
        ({}, "pack_id", {}, Reason.SENSOR_FAILURE),
        ("x" * 500, "pack_id", {}, Reason.SENSOR_FAILURE),
        ("a\x00b", "pack_id", {}, Reason.SENSOR_FAILURE),
        (-1, "occupied", {"bit": 0}, Reason.SENSOR_FAILURE),
        (True, "occupied", {"bit": 1}, Reason.SENSOR_FAILURE),
        (1.5, "occupied", {"bit": 0}, Reason.SENSOR_FAILURE),
        (1.2, "soc", {}, Reason.OUT_OF_RANGE),
        (-0.1, "soc", {}, Reason.OUT_OF_RANGE),
        (300.0, "temperature_c", {}, Reason.OUT_OF_RANGE),
        (2, "occupied", {}, Reason.OUT_OF_RANGE),
        (3, "charger_state", {"enum": STATES}, Reason.OUT_OF_RANGE),
        (1.5, "charger_state", {"enum": STATES}, Reason.OUT_OF_RANGE),
        (1e308, "power_w", {"scale": 1e10}, Reason.OUT_OF_RANGE),
    ],
)
def test_wrong_values_are_bad_say_why_and_are_nan(
    raw: object, signal: str, more: dict[str, Any], reason: Reason
) -> None:
    value, quality, why = one(raw, signal, **more)
    assert math.isnan(value)
    assert (quality, why) == (Quality.BAD, reason)


def test_a_sentinel_of_32_bits_is_found_where_the_profile_writes_it_in_decimals() -> None:
    bound = device("mqtt://localhost", [point("temperature_c", invalid=[-59.1])], slots=1)
    conversion = Converter(bound.points).prepare(np.array([0]), np.array([True]))
    samples = conversion(np.array([-59.1], dtype=np.float32).astype(np.float64), np.zeros(0, dtype=np.uint64))
    assert samples.reasons[0] == Reason.NOT_CONFIGURED


def test_the_device_s_own_doubt_is_kept() -> None:
    bound = device("mqtt://localhost", [point("soc")], slots=3)
    samples = Converter(bound.points).objects([0, 1, 2], [0.5, 0.5, None], lambda text: 0)
    doubted = samples.limited_by(
        np.array([Quality.UNCERTAIN, Quality.BAD, Quality.BAD], dtype=np.uint8),
        np.array([Reason.STALE, Reason.SENSOR_FAILURE, Reason.NO_COMMUNICATION], dtype=np.uint8),
    )
    assert doubted.values[0] == 0.5
    assert np.isnan(doubted.values[1:]).all()
    assert doubted.qualities.tolist() == [Quality.UNCERTAIN, Quality.BAD, Quality.BAD]
    assert doubted.reasons.tolist() == [Reason.STALE, Reason.SENSOR_FAILURE, Reason.NO_COMMUNICATION]


def test_a_clock_that_runs_ahead_gives_the_time_of_arrival() -> None:
    times, ahead = clamped(np.array([90.0, 104.0, 106.0, math.nan]), 100.0, 5.0)
    assert times.tolist() == [90.0, 104.0, 100.0, 100.0]
    assert ahead == 1


POINTS = [
    point("soc", scale=0.001, invalid=[65535]),
    point("temperature_c", scale=0.1, offset=-40),
    point("occupied"),
    point("enabled", bit=5),
    point("charger_state", enum=STATES),
    point("pack_id"),
    point("cycle_count"),
    point("power_w", sign=-1),
]
BOUND = device("mqtt://localhost", POINTS, slots=1)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-10, 70000),
    st.floats(),
    st.text(max_size=200),
    st.lists(st.integers(), max_size=2),
    st.binary(max_size=4),
)


@given(st.lists(st.tuples(st.integers(0, len(POINTS) - 1), ANYTHING), max_size=30))
def test_whatever_enters_as_good_is_finite_and_in_range(given_values: list[tuple[int, object]]) -> None:
    rows = [row for row, _ in given_values]
    samples = Converter(BOUND.points).objects(rows, [raw for _, raw in given_values], lambda text: len(text))
    assert samples.rows.tolist() == rows
    for row, value, quality, reason in zip(rows, samples.values, samples.qualities, samples.reasons, strict=True):
        signal = BOUND.points[row].signal
        if quality == Quality.GOOD:
            assert math.isfinite(value)
            assert reason == Reason.NONE
            assert signal.kind is Kind.TEXT or signal.minimum <= value <= signal.maximum
        else:
            assert math.isnan(value)
            assert reason != Reason.NONE

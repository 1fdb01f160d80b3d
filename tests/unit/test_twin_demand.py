"""Demand is learned from what was seen while packs were ready, forgets, keeps local time, and says how sure it is."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.calendar import Calendar, Occasion
from twin.learned_demand import DemandModel

QUARTER_S = 900.0
DAY_S = 86_400.0
MONDAY = 1_767_571_200.0
"""Monday, 5 January 2026, 00:00 UTC."""
PRIOR = [60.0 / DAY_S] * 48


def taught(
    model: DemandModel, per_day: float, days: int, *, start: float = MONDAY, seed: int = 1, cv: float = 0.0
) -> DemandModel:
    """Show a model ``days`` of riders: Poisson around an even day, or with a level that differs from day to day."""
    rng = np.random.default_rng(seed)
    for day in range(days):
        level = rng.gamma(cv**-2, cv**2) if cv else 1.0
        for quarter, count in enumerate(rng.poisson(per_day * level / 96.0, 96).tolist()):
            begin = start + day * DAY_S + quarter * QUARTER_S
            model.observe(begin, begin + QUARTER_S, count, QUARTER_S)
    return model


def occasion(start: str, end: str, multiplier: float) -> Occasion:
    return Occasion(datetime.fromisoformat(start), datetime.fromisoformat(end), multiplier)


def per_day(model: DemandModel, start: float, days: float = 7.0) -> float:
    return float(model.intensity(start, days * DAY_S).rates_per_s.mean()) * DAY_S


def test_before_anything_is_seen_the_prior_holds_with_wide_bands() -> None:
    stated, unknown = DemandModel("UTC", PRIOR), DemandModel("UTC")
    assert per_day(stated, MONDAY) == pytest.approx(60.0)
    assert unknown.intensity(MONDAY, 7200.0).dispersion > 1.0
    assert 0.3 < stated.intensity(MONDAY, 7200.0).dispersion < 0.8


@given(seen=st.floats(0.0, 600.0), prior=st.floats(1.0, 600.0), days=st.integers(1, 10))
@settings(max_examples=25, deadline=None)
def test_what_is_expected_lies_between_the_prior_and_what_was_seen(seen: float, prior: float, days: int) -> None:
    model = DemandModel("UTC", [prior / DAY_S] * 48)
    for quarter in range(96 * days):
        begin = MONDAY + quarter * QUARTER_S
        model.observe(begin, begin + QUARTER_S, seen / 96.0, QUARTER_S)
    low, high = sorted((seen, prior))
    later = MONDAY + (days + 14) * DAY_S  # when today's level is forgotten
    assert low * 0.98 - 0.1 <= per_day(model, later) <= high * 1.02 + 0.1


def test_known_rates_are_found_within_sampling_error() -> None:
    model = taught(DemandModel("UTC", PRIOR), 200.0, 42)
    sigma = (200.0 / 42.0) ** 0.5
    assert per_day(model, MONDAY + 60 * DAY_S) == pytest.approx(200.0, abs=3.0 * sigma)


def test_the_shape_of_the_day_and_of_the_week_is_learned() -> None:
    model = DemandModel("UTC", PRIOR)
    for quarter in range(96 * 42):
        begin = MONDAY + quarter * QUARTER_S
        busy = 8 <= quarter % 96 // 4 < 10 and quarter // 96 % 7 < 5
        model.observe(begin, begin + QUARTER_S, 6.0 if busy else 0.5, QUARTER_S)
    after = MONDAY + 49 * DAY_S
    at_nine = [float(model.intensity(after + day * DAY_S + 9 * 3600.0, 900.0).rates_per_s[0]) * 900.0 for day in (0, 5)]
    assert at_nine[0] == pytest.approx(6.0, rel=0.15)
    assert at_nine[1] == pytest.approx(0.5, abs=0.3)


def test_forecasts_of_poisson_demand_are_calibrated() -> None:
    """Counts of the next hour lie as often within the stated spread as a Gamma-Poisson number would."""
    model = taught(DemandModel("UTC", PRIOR), 120.0, 28)
    rng = np.random.default_rng(7)
    squares = []
    for hour in range(24 * 28):
        begin = MONDAY + 28 * DAY_S + hour * 3600.0
        said = model.intensity(begin, 3600.0)
        mean = float(said.rates_per_s[:4].sum()) * QUARTER_S
        counts = rng.poisson(120.0 / 96.0, 4).tolist()
        squares.append((sum(counts) - mean) ** 2 / (mean + (said.dispersion * mean) ** 2))
        for quarter, count in enumerate(counts):
            now = begin + quarter * QUARTER_S
            model.observe(now, now + QUARTER_S, count, QUARTER_S)
    sigma = (2.0 / len(squares)) ** 0.5
    assert np.mean(squares) == pytest.approx(1.0, abs=4.0 * sigma)


def test_demand_that_varies_more_than_a_poisson_process_gets_a_wider_forecast() -> None:
    steady = taught(DemandModel("UTC", PRIOR), 200.0, 28)
    restless = taught(DemandModel("UTC", PRIOR), 200.0, 28, cv=0.6)
    now = MONDAY + 28 * DAY_S
    assert steady.intensity(now, 7200.0).dispersion < 0.15
    assert restless.intensity(now, 7200.0).dispersion > 2.0 * steady.intensity(now, 7200.0).dispersion


def test_a_busy_morning_raises_the_next_hours_and_not_next_week() -> None:
    model = taught(DemandModel("UTC", PRIOR), 100.0, 28, cv=0.4)
    now = MONDAY + 28 * DAY_S
    usual = float(model.intensity(now, 7200.0).rates_per_s.mean())
    for quarter in range(12):
        model.observe(now + quarter * QUARTER_S, now + (quarter + 1) * QUARTER_S, 4, QUARTER_S)
    now += 3 * 3600.0
    raised = model.intensity(now, 10 * DAY_S).rates_per_s
    assert raised[:8].mean() > 1.4 * usual
    assert raised[8 * 96 :].mean() < 1.1 * usual


def test_old_riders_are_forgotten() -> None:
    model = taught(taught(DemandModel("UTC", PRIOR), 300.0, 28), 60.0, 140, start=MONDAY + 28 * DAY_S)
    assert per_day(model, MONDAY + 175 * DAY_S) < 85.0


def test_time_without_a_ready_pack_changes_nothing_but_the_time() -> None:
    blind = taught(DemandModel("UTC", PRIOR), 100.0, 14)
    now = MONDAY + 14 * DAY_S
    before = blind.state()
    blind.observe(now, now + 5 * 3600.0, 0, 0.0)
    after = blind.state()
    assert {**after, "time": None, "open": None} == {**before, "time": None, "open": None}


def test_a_station_that_is_empty_half_of_the_time_is_not_taken_for_a_quiet_one() -> None:
    rng = np.random.default_rng(3)
    model = DemandModel("UTC", PRIOR)
    for quarter in range(96 * 28):
        begin = MONDAY + quarter * QUARTER_S
        model.observe(begin, begin + QUARTER_S, int(rng.poisson(100.0 / 96.0)), 0.5 * QUARTER_S)
    assert per_day(model, MONDAY + 40 * DAY_S) == pytest.approx(200.0, rel=0.06)


def test_a_restored_model_goes_on_exactly_as_the_one_that_was_saved() -> None:
    model = taught(DemandModel("Europe/Oslo", PRIOR), 100.0, 9)
    now = MONDAY + 9 * DAY_S
    model.observe(now, now + 130.0, 1, 130.0)  # in the middle of a quarter hour
    again = DemandModel("Europe/Oslo", PRIOR).restore(json.loads(json.dumps(model.state())))
    for one in (model, again):
        one.observe(now + 130.0, now + 8000.0, 9, 7000.0)
    assert again.state() == model.state()
    here, there = model.intensity(now + 8000.0, 7200.0), again.intensity(now + 8000.0, 7200.0)
    assert here.rates_per_s.tolist() == there.rates_per_s.tolist()
    assert here.dispersion == there.dispersion


@pytest.mark.parametrize("damage", [{}, {"version": 99}, {"weekly": {"counts": [1.0]}}, {"level": {"mean": []}}])
def test_a_damaged_state_is_refused(damage: dict[str, object]) -> None:
    state = {**DemandModel("UTC").state(), **damage} if damage else {}
    with pytest.raises(ValueError, match="no state of a demand model"):
        DemandModel("UTC").restore(state)


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_days_with_a_clock_change_follow_the_local_clock(date: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Oslo")
    rates = [0.001 * (half_hour + 1) for half_hour in range(48)]
    midnight = datetime.fromisoformat(date).replace(tzinfo=zone).timestamp()
    said = DemandModel("Europe/Oslo", rates).intensity(midnight, hours * 3600.0).rates_per_s
    assert len(said) == hours * 4
    at = [datetime.fromtimestamp(midnight + (step + 0.5) * QUARTER_S, zone) for step in range(len(said))]
    assert said == pytest.approx([rates[local.hour * 2 + local.minute // 30] for local in at])


def test_a_rhythm_in_local_time_is_not_smeared_by_a_clock_change() -> None:
    zone = ZoneInfo("Europe/Oslo")
    model = DemandModel("Europe/Oslo", PRIOR)
    begin = datetime(2026, 3, 2, tzinfo=zone).timestamp()
    for quarter in range(96 * 56):
        now = begin + quarter * QUARTER_S
        busy = datetime.fromtimestamp(now, zone).hour == 12
        model.observe(now, now + QUARTER_S, 8.0 if busy else 0.0, QUARTER_S)
    sunday = datetime(2026, 5, 5, tzinfo=zone).timestamp()
    rates = model.intensity(sunday, DAY_S).rates_per_s.reshape(24, 4).sum(axis=1) * QUARTER_S
    assert int(rates.argmax()) == 12
    assert rates[[9, 10, 14, 15]].max() < 1.0


def test_a_holiday_is_expected_as_one_and_not_learned_as_an_ordinary_day() -> None:
    holiday = occasion("2026-01-14T00", "2026-01-15T00", 0.25)
    coming = occasion("2026-02-04T00", "2026-02-05T00", 0.25)
    model = DemandModel("UTC", PRIOR, occasions=(holiday, coming))
    for quarter in range(96 * 28):
        begin = MONDAY + quarter * QUARTER_S
        model.observe(begin, begin + QUARTER_S, 0.5 if quarter // 96 == 9 else 2.0, QUARTER_S)
    wednesday = MONDAY + 37 * DAY_S
    assert per_day(model, wednesday, 1.0) == pytest.approx(192.0, rel=0.03)
    assert per_day(model, datetime(2026, 2, 4, tzinfo=ZoneInfo("UTC")).timestamp(), 1.0) == pytest.approx(
        48.0, rel=0.03
    )


def test_a_closed_day_teaches_nothing() -> None:
    closed = occasion("2026-01-05T00", "2026-01-06T00", 0.0)
    model = DemandModel("UTC", PRIOR, occasions=(closed,))
    for quarter in range(96):
        model.observe(MONDAY + quarter * QUARTER_S, MONDAY + (quarter + 1) * QUARTER_S, 0, QUARTER_S)
    assert per_day(model, MONDAY + DAY_S) == pytest.approx(60.0)
    assert model.intensity(MONDAY + DAY_S / 2, 7200.0).rates_per_s.max() == 0.0


def test_occasions_that_overlap_multiply_and_end_when_they_say() -> None:
    fair = occasion("2026-06-01T18", "2026-06-01T22", 3.0)
    june = occasion("2026-06-01T00", "2026-07-01T00", 0.5)
    calendar = Calendar("Asia/Kolkata", (fair, june))
    evening = datetime(2026, 6, 1, 18, tzinfo=ZoneInfo("Asia/Kolkata")).timestamp()
    assert [calendar.multiplier(evening + hours * 3600.0) for hours in (-1, 0, 3, 4)] == [0.5, 1.5, 1.5, 0.5]


def test_demand_of_zero_is_expected_and_unlearned_when_riders_come() -> None:
    model = DemandModel("UTC", [0.0] * 48)
    assert per_day(model, MONDAY) == 0.0
    assert np.isfinite(model.intensity(MONDAY, 7200.0).dispersion)
    taught(model, 96.0, 14)
    assert per_day(model, MONDAY + 21 * DAY_S) == pytest.approx(96.0, rel=0.1)


def test_a_station_where_nobody_comes_goes_towards_zero() -> None:
    model = taught(DemandModel("UTC", PRIOR), 0.0, 28)
    said = model.intensity(MONDAY + 28 * DAY_S, 7200.0)
    assert said.rates_per_s.sum() * QUARTER_S < 0.1
    assert np.isfinite(said.dispersion)


@pytest.mark.parametrize(
    ("start", "end", "swaps", "exposure_s"),
    [(900.0, 900.0, 0, 0.0), (0.0, 900.0, -1, 900.0), (0.0, 900.0, 1, 901.0), (float("nan"), 900.0, 1, 1.0)],
)
def test_observations_that_make_no_sense_are_refused(start: float, end: float, swaps: float, exposure_s: float) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        DemandModel("UTC").observe(MONDAY + start, MONDAY + end, swaps, exposure_s)


def test_observations_out_of_order_are_refused() -> None:
    model = DemandModel("UTC")
    model.observe(MONDAY, MONDAY + 900.0, 1, 900.0)
    with pytest.raises(ValueError, match="in order of time"):
        model.observe(MONDAY + 600.0, MONDAY + 1000.0, 1, 100.0)


@pytest.mark.parametrize("rates", [[1.0] * 47, [-1.0] * 48, [float("nan")] * 48])
def test_a_prior_that_is_no_day_is_refused(rates: list[float]) -> None:
    with pytest.raises(ValueError, match="48 numbers"):
        DemandModel("UTC", rates)


def test_a_peak_that_only_quiet_days_can_serve_is_not_learned_from_quiet_days_alone() -> None:
    """Twenty packs at most, and three more every quarter hour: on a busy day most of the peak finds none."""
    rng = np.random.default_rng(1)
    heeding, leaving_out = DemandModel("UTC"), DemandModel("UTC")
    rates = 1.0 + 9.0 * np.exp(-0.5 * ((np.arange(96) - 70) / 3.0) ** 2)
    peak = slice(66, 74)
    came = np.zeros(96)
    for day in range(28):
        level, packs = rng.gamma(6.0, 1.0 / 6.0), 20
        for quarter, rate in enumerate(rates.tolist()):
            start = MONDAY + 86_400.0 * day + 900.0 * quarter
            packs = min(packs + 3, 20)
            riders = np.sort(rng.uniform(0.0, 900.0, rng.poisson(level * rate)))
            came[quarter] += len(riders) / 28.0
            exposure_s = 0.0 if packs == 0 else 900.0 if len(riders) < packs else float(riders[packs - 1])
            served = min(len(riders), packs)
            packs -= served
            heeding.observe(start, start + 900.0, served, exposure_s, 900.0 - exposure_s)
            leaving_out.observe(start, start + 900.0, served, exposure_s)
    learned = heeding.weekly_rates.reshape(7, 96)[:, peak].sum() / 7.0
    assert learned == pytest.approx(came[peak].sum(), rel=0.12)
    assert leaving_out.weekly_rates.reshape(7, 96)[:, peak].sum() / 7.0 < 0.9 * came[peak].sum()


def test_where_no_pack_was_ever_ready_demand_does_not_run_away() -> None:
    model = taught(DemandModel("UTC"), 96.0, 28)
    for quarter in range(96 * 90):
        start = MONDAY + 28.0 * 86_400.0 + 900.0 * quarter
        model.observe(start, start + 900.0, 0.0, 0.0, 900.0)
    assert per_day(model, MONDAY + 120.0 * 86_400.0) == pytest.approx(96.0, rel=0.1)

"""Scores say what the textbooks say."""

from math import isnan, log

import numpy as np
import pytest

from twin import scores


def test_scores_of_four_forecasts_are_those_of_a_hand_calculation() -> None:
    said, happened = [0.0, 0.25, 0.75, 1.0], [0, 1, 1, 1]
    assert scores.brier(said, happened) == pytest.approx((0.5625 + 0.0625) / 4)
    assert scores.fair_brier(said, happened, 4) == pytest.approx((0.5625 + 0.0625 - 2 * 0.1875 / 3) / 4)
    assert scores.log_loss(said, happened, 4) == pytest.approx(-(2 * log(0.875) + log(0.25) + log(0.75)) / 4)
    assert scores.auc(said, happened) == 1.0
    assert scores.expected_calibration_error(said, happened) == pytest.approx((0.75 + 0.25) / 4)


def test_half_of_the_ties_count_for_the_area_under_the_curve() -> None:
    assert scores.auc([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1]) == 0.5
    assert scores.auc([0.2, 0.5, 0.5, 0.9], [0, 1, 0, 0]) == pytest.approx(1.5 / 3)
    assert isnan(scores.auc([0.2, 0.3], [0, 0]))


def test_reliability_counts_every_forecast_once() -> None:
    table = scores.reliability([0.0, 0.05, 0.1, 0.95, 1.0], [0, 1, 0, 1, 1])
    assert table.count.tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert table.said[0] == pytest.approx(0.025)
    assert table.happened[[0, 1, 9]].tolist() == [0.5, 0.0, 1.0]
    assert isnan(table.happened[5])


def test_the_truth_scores_best_on_average() -> None:
    rng = np.random.default_rng(1)
    chance = rng.random(50_000)
    outcome = (rng.random(50_000) < chance).astype(float)
    for wrong in (np.clip(chance + 0.1, 0, 1), chance**2, np.full_like(chance, 0.5)):
        assert scores.brier(chance, outcome) < scores.brier(wrong, outcome)
        assert scores.log_loss(chance, outcome, 200) < scores.log_loss(wrong, outcome, 200)
    assert scores.expected_calibration_error(chance, outcome) < 0.01


def test_fair_brier_does_not_depend_on_the_number_of_members() -> None:
    rng = np.random.default_rng(2)
    chance = rng.random(200_000)
    outcome = (rng.random(200_000) < chance).astype(float)
    exact = scores.brier(chance, outcome)
    for members in (5, 50):
        shares = rng.binomial(members, chance) / members
        assert scores.fair_brier(shares, outcome, members) == pytest.approx(exact, abs=0.002)
    assert scores.brier(rng.binomial(5, chance) / 5, outcome) > exact + 0.02


def test_crps_of_a_small_ensemble_is_that_of_a_hand_calculation() -> None:
    # |1-2|, |3-2|, |5-2| are 5/3 on average; the pairs (1,3), (1,5), (3,5) differ by 8/3 on average, half of it counts.
    assert scores.crps([[3.0, 1.0, 5.0]], [2.0]).tolist() == pytest.approx([5 / 3 - 4 / 3])


def test_fair_crps_does_not_depend_on_the_number_of_members() -> None:
    rng = np.random.default_rng(3)
    outcome = rng.normal(size=40_000)
    means = [scores.crps(rng.normal(size=(40_000, members)), outcome).mean() for members in (2, 10, 40)]
    assert means == pytest.approx([1 / np.sqrt(np.pi)] * 3, abs=0.012)  # of a standard normal forecast of itself


def test_pit_of_counts_is_uniform_where_forecast_and_outcome_are_alike() -> None:
    rng = np.random.default_rng(4)
    ensemble, outcome = rng.poisson(2.0, size=(20_000, 30)), rng.poisson(2.0, size=20_000)
    histogram, _ = np.histogram(scores.pit(ensemble, outcome, rng), bins=10, range=(0, 1))
    assert histogram.tolist() == pytest.approx([2000] * 10, rel=0.1)
    shifted, _ = np.histogram(scores.pit(ensemble + 2, outcome, rng), bins=10, range=(0, 1))
    assert shifted[0] > 4000


def test_an_interval_over_days_is_wider_than_one_over_forecasts_that_share_their_outcome() -> None:
    rng = np.random.default_rng(5)
    values = np.repeat(rng.normal(size=30), 48)  # one outcome a day
    days, single = np.repeat(np.arange(30), 48), np.arange(len(values))

    def width(block: np.ndarray) -> float:
        low, high = scores.bootstrap(block, lambda cases: float(values[cases].mean()), resamples=200)
        return high - low

    assert width(days) > 4 * width(single)
    assert width(days) == pytest.approx(2 * 1.645 * values.std() / np.sqrt(30), rel=0.3)


def test_skill_is_the_avoided_part_of_the_loss() -> None:
    assert scores.skill(0.05, 0.10) == 0.5
    assert scores.skill(0.10, 0.10) == 0.0
    assert isnan(scores.skill(0.0, 0.0))


@pytest.mark.parametrize(("said", "happened"), [([], []), ([0.1], [0, 1]), ([1.2], [1]), ([float("nan")], [1])])
def test_what_cannot_be_scored_is_refused(said: list[float], happened: list[int]) -> None:
    with pytest.raises(ValueError, match=r"probabilit"):
        scores.brier(said, happened)

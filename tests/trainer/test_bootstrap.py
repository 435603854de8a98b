"""Bootstrap intervals: against a plain loop, and how often they hold the truth."""

import numpy as np
import pytest

from trainer.ranking.bootstrap import interval, intervals, paired_interval, with_p_values


def test_equals_a_plain_loop_up_to_the_noise_of_resampling():
    values = np.random.default_rng(0).exponential(size=40)
    rng = np.random.default_rng(1)
    means = [np.mean(rng.choice(values, len(values))) for _ in range(4000)]
    result = interval(values, resamples=4000)
    assert result.value == values.mean()
    # The standard deviation of the mean is about 0.16; a quantile of 4,000 draws is within 0.02.
    np.testing.assert_allclose(
        [result.low, result.high], np.quantile(means, [0.025, 0.975]), atol=0.03
    )


def test_two_values_worked_by_hand():
    # The mean of two draws from {0, 1} is 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4.
    result = interval(np.array([0.0, 1.0]), level=0.4, resamples=5000)
    assert (result.value, result.low, result.high) == (0.5, 0.5, 0.5)
    result = interval(np.array([0.0, 1.0]), level=0.6, resamples=5000)
    assert (result.low, result.high) == (0, 1)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    # Many zeros and a skewed rest, as nDCG over queries is; the mean is 0.6 * 1/3.
    samples = rng.beta(1, 2, (400, 60)) * (rng.random((400, 60)) < 0.6)
    results = [interval(sample, resamples=400, seed=i) for i, sample in enumerate(samples)]
    covered = np.mean([result.low <= 0.2 <= result.high for result in results])
    assert 0.91 < covered < 0.98


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(3).random(50)
    assert interval(values) == interval(values)
    assert interval(values) != interval(values, seed=1)


def test_memory_blocks_do_not_change_the_interval(monkeypatch):
    values = np.random.default_rng(4).random(50)
    expected = interval(values, resamples=100)
    monkeypatch.setattr("trainer.ranking.bootstrap._MAX_DRAWN", 7)
    actual = interval(values, resamples=100)
    np.testing.assert_allclose([actual.low, actual.high], [expected.low, expected.high])


def test_a_single_value_is_its_own_interval():
    result = interval(np.array([0.25]))
    assert (result.value, result.low, result.high) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("values", [[], [0.5, np.nan]])
def test_nothing_to_average_is_nan(values):
    result = interval(np.array(values))
    assert np.isnan([result.value, result.low, result.high]).all()


@pytest.mark.parametrize(
    "arguments", [{"level": 0}, {"level": 1}, {"resamples": 0}, {"values": np.zeros((2, 2))}]
)
def test_senseless_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=r"must lie between|One value a query"):
        interval(**{"values": np.zeros(3), **arguments})


def test_intervals_of_a_matrix_are_those_of_its_columns(monkeypatch):
    values = np.random.default_rng(7).random((50, 3)) - [0, 0.5, 2]
    values[4, 1] = np.nan
    for _ in range(2):
        for column, result in enumerate(intervals(values)):
            expected = interval(values[:, column])
            np.testing.assert_allclose(
                [result.value, result.low, result.high],
                [expected.value, expected.low, expected.high],
                rtol=1e-12,
            )
        monkeypatch.setattr("trainer.ranking.bootstrap._MAX_DRAWN", 130)
    assert np.isnan([result.low for result in intervals(np.zeros((0, 2)))]).tolist() == [True] * 2
    with pytest.raises(ValueError, match="One row a query"):
        intervals(np.zeros(3))


def test_a_model_does_not_differ_from_itself():
    values = np.random.default_rng(5).random(30)
    result = paired_interval(values, values)
    assert (result.value, result.low, result.high) == (0, 0, 0)


def test_pairing_sees_a_small_difference_between_hard_and_easy_queries():
    rng = np.random.default_rng(6)
    old = rng.random(200)
    new = old + 0.01 + 0.01 * rng.standard_normal(200)
    result = paired_interval(new, old)
    assert 0 < result.low < 0.01 < result.high < 0.02
    # Unpaired, the two intervals overlap almost entirely.
    assert interval(old).high > interval(new).low + 0.05


def test_pairing_needs_the_same_queries():
    with pytest.raises(ValueError, match="same queries"):
        paired_interval(np.zeros(3), np.zeros(1))


def test_a_p_value_worked_by_hand():
    # The mean of two draws from {-1, 3} is -1, 1, 3 with probabilities 1/4, 1/2, 1/4: a quarter is
    # at most 0, so that p is about twice that.
    (found,), (p_value,) = with_p_values(np.array([[-1.0], [3.0]]), p_resamples=20_000)
    assert (found.value, found.low, found.high) == (1, -1, 3)
    assert p_value == pytest.approx(0.5, abs=0.02)


def test_p_values_at_their_ends():
    values = np.column_stack([np.zeros(9), np.ones(9), -np.ones(9), np.full(9, np.nan)])
    found, p_values = with_p_values(values, resamples=100, p_resamples=199)
    # Nothing differs; all draws are on one side, and the sample counts as one of them.
    np.testing.assert_allclose(p_values, [1, 0.01, 0.01, np.nan])
    assert np.isnan(found[3].low)
    assert np.isnan(with_p_values(np.zeros((0, 2)))[1]).tolist() == [True, True]


def test_tested_intervals_are_those_of_intervals_to_the_bit(monkeypatch):
    values = np.random.default_rng(8).random((50, 3)) - [0, 0.5, 2]
    assert with_p_values(values)[0] == intervals(values)
    monkeypatch.setattr("trainer.ranking.bootstrap._MAX_DRAWN", 130)
    assert with_p_values(values)[0] == intervals(values)


def test_true_differences_of_nothing_are_significant_about_as_often_as_they_may_be():
    rng = np.random.default_rng(9)
    _, p_values = with_p_values(
        rng.exponential(size=(100, 600)) - 1, resamples=200, p_resamples=2000
    )
    assert 0.03 < np.mean(p_values <= 0.05) < 0.09


def test_p_values_need_no_fewer_draws_than_intervals():
    with pytest.raises(ValueError, match="p_resamples must be at least resamples, not 100"):
        with_p_values(np.zeros((3, 1)), p_resamples=100)

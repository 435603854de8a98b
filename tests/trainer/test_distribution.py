"""Figures of who is retrieved, by hand and by what their definitions demand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.ranking.distribution import (
    coverage,
    gini,
    hubness,
    occurrences,
    popularity_bias,
    popularity_percentile,
)

TOP = np.array([[3, 1, 0], [3, 0, 2], [1, 3, -1]])


def test_occurrences_count_the_first_k_and_no_empty_place():
    assert occurrences(TOP, 1, 5).tolist() == [0, 1, 0, 2, 0]
    assert occurrences(TOP, 3, 5).tolist() == [2, 2, 1, 3, 0]


@pytest.mark.parametrize(
    ("counts", "covered", "unequal", "skewed"),
    [
        # Lorenz: (-3 * 0 - 1 * 0 + 1 * 1 + 3 * 3) / (4 * 4). Mean 1, deviations -1 -1 0 2.
        ([3, 0, 1, 0], 1 / 2, 10 / 16, (6 / 4) / 1.5**1.5),
        ([2, 2, 2], 1, 0, 0),
        ([0, 0, 0, 7], 1 / 4, 3 / 4, 2 / math.sqrt(3)),
    ],
)
def test_hand_worked(counts, covered, unequal, skewed):
    counts = np.array(counts)
    assert coverage(counts) == pytest.approx(covered)
    assert gini(counts) == pytest.approx(unequal)
    assert hubness(counts) == pytest.approx(skewed)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any), st.integers(2, 9))
def test_order_and_scale_change_nothing(counts, times):
    counts = np.array(counts)
    for figure in (coverage, gini, hubness):
        assert figure(counts[::-1]) == pytest.approx(figure(counts))
        assert figure(counts * times) == pytest.approx(figure(counts))
    assert -1e-12 <= gini(counts) <= 1 - 1 / len(counts) + 1e-12


def test_nothing_retrieved_has_no_figure():
    assert np.isnan([figure(np.zeros(3, int)) for figure in (coverage, gini, hubness)]).all()


def test_the_percentile_halves_ties():
    # One less and two equal of four: (1 + 2 / 2) / 4.
    np.testing.assert_allclose(
        popularity_percentile(np.array([5, 900, 5, 0])), [1 / 2, 7 / 8, 1 / 2, 1 / 8]
    )
    assert len(popularity_percentile(np.zeros(0))) == 0


def test_the_bias_compares_what_is_retrieved_with_the_truth():
    percentile = np.array([0.2, 0.4, 0.6, 0.8])
    bias = popularity_bias(TOP, 3, percentile, np.array([0.5, 0.2, 0.6]))
    # (0.8 + 0.4 + 0.2) / 3, (0.8 + 0.2 + 0.6) / 3, (0.4 + 0.8) / 2.
    np.testing.assert_allclose(bias, [1.4 / 3 - 0.5, 1.6 / 3 - 0.2, 0], atol=1e-12)

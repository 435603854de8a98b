"""Which neighbours two models share, by hand and against sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.ranking.stability import chance_overlap, overlap


def test_hand_worked():
    left = np.array([[4, 2, 0], [1, 2, -1], [3, 0, 1]])
    right = np.array([[2, 1, 4], [2, 1, -1], [2, 4, 5]])
    np.testing.assert_allclose(overlap(left, right, 3), [2 / 3, 1, 0])
    np.testing.assert_allclose(overlap(left, right, 2), [1 / 2, 1, 0])
    np.testing.assert_allclose(overlap(left, right, 1), [0, 0, 0])
    assert chance_overlap(5, 3) == 3 / 4
    assert chance_overlap(5, 9) == 1


@given(st.integers(1, 8), st.integers(1, 10), st.integers(0, 2**32))
def test_equals_sets(num_candidates, k, seed):
    rng = np.random.default_rng(seed)
    # Query q is candidate q; it comes last, as none.
    lists = [
        [
            [v for v in rng.permutation(num_candidates) if v != q] + [-1]
            for q in range(num_candidates)
        ]
        for _ in range(2)
    ]
    left, right = (np.array(rows) for rows in lists)
    expected = []
    for mine, yours in zip(*lists):
        mine, yours = ({v for v in row[:k] if v >= 0} for row in (mine, yours))
        expected.append(len(mine & yours) / len(mine) if mine else np.nan)
    np.testing.assert_allclose(overlap(left, right, k), expected)
    np.testing.assert_array_equal(overlap(left, right, k), overlap(right, left, k))


def test_chance_is_what_random_rankings_have():
    rng = np.random.default_rng(0)
    left, right = (np.array([rng.permutation(20) for _ in range(3000)]) for _ in range(2))
    # 21 candidates: the query is none of the 20 that are ranked.
    assert overlap(left, right, 5).mean() == pytest.approx(chance_overlap(21, 5), abs=0.01)


def test_a_lone_candidate_has_no_neighbour():
    assert np.isnan(overlap(np.array([[-1]]), np.array([[-1]]), 3)).all()
    assert np.isnan(chance_overlap(1, 3))


def test_other_queries_are_refused():
    with pytest.raises(ValueError, match="same queries"):
        overlap(np.zeros((2, 3)), np.zeros((3, 3)), 1)

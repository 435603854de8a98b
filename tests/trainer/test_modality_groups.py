"""Groups of artists by their modalities, who retrieves whom, and the entropy of it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.graphs import vectors, words
from trainer.ranking.modality_groups import (
    ModalityGroups,
    group_entropy,
    group_matrix,
    modality_groups,
)


def content_of(patterns, names="abcd"):
    """One vector modality a letter; artist i has the letters of patterns[i]."""
    return {
        name: vectors([[1.0] if name in pattern else None for pattern in patterns])
        for name in names
    }


def test_the_groups_are_what_artists_have():
    content = {
        "tags": words([{"x": 1.0}, {}, {"x": 1.0}, {}, {"y": 1.0}]),
        "audio": vectors([[1.0], None, None, [2.0], [1.0]]),
    }
    groups = modality_groups(content, np.array([0, 1, 2, 3, 4]))
    assert groups.names == ("audio+tags", "audio", "none", "tags")
    assert groups.group.tolist() == [0, 2, 3, 1, 0]
    assert groups.sizes().tolist() == [2, 1, 1, 1]
    np.testing.assert_allclose(groups.shares(), [0.4, 0.2, 0.2, 0.2])
    # Of some artists, in their order.
    groups = modality_groups(content, np.array([3, 1, 3]))
    assert groups.names == ("audio", "none")
    assert groups.group.tolist() == [0, 1, 0]


def test_rare_sets_are_one_group_together():
    patterns = ["", "a", "b", "c", "d", "ab", "ac", "ad", "bc", "bd"] + ["abcd"] * 3
    groups = modality_groups(content_of(patterns), np.arange(len(patterns)))
    kept = ("a+b+c+d", "a", "a+b", "a+c", "a+d", "b", "b+c", "b+d")
    assert groups.names == (*kept, "other")
    assert groups.sizes().tolist() == [3, 1, 1, 1, 1, 1, 1, 1, 3]
    assert groups.group.tolist() == [8, 1, 5, 8, 8, 2, 3, 4, 6, 7, 0, 0, 0]


def test_without_modalities_all_are_one_group():
    groups = modality_groups({}, np.arange(3))
    assert groups.names == ("none",) and groups.group.tolist() == [0, 0, 0]
    assert modality_groups({}, np.arange(0)).names == ()


GROUPS = ModalityGroups(("p", "q", "r"), np.array([0, 0, 1, 1]))


def test_the_matrix_by_hand():
    lists = np.array([[1, 2, 3, -1], [2, 3, 0, -1], [3, 0, 1, -1], [0, 1, 2, -1]])
    nan = math.nan
    np.testing.assert_allclose(
        group_matrix(lists, GROUPS, 2), [[1 / 4, 3 / 4, 0], [3 / 4, 1 / 4, 0], [nan] * 3]
    )
    np.testing.assert_allclose(
        group_matrix(lists, GROUPS, 9), [[2 / 6, 4 / 6, 0], [4 / 6, 2 / 6, 0], [nan] * 3]
    )


@given(st.integers(2, 9), st.integers(1, 4), st.integers(1, 10), st.integers(0, 2**32))
def test_the_matrix_equals_plain_loops(num_artists, num_groups, k, seed):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, num_groups, num_artists)
    lists = [[v for v in rng.permutation(num_artists) if v != q] + [-1] for q in range(num_artists)]
    groups = ModalityGroups(tuple("abcd"[:num_groups]), group)
    matrix = group_matrix(np.array(lists), groups, k)
    entropies = []
    for g in range(num_groups):
        retrieved = [
            group[v] for q in range(num_artists) if group[q] == g for v in lists[q][:k] if v >= 0
        ]
        if not retrieved:
            assert np.isnan(matrix[g]).all()
            continue
        shares = [retrieved.count(h) / len(retrieved) for h in range(num_groups)]
        np.testing.assert_allclose(matrix[g], shares)
        entropies.append(-sum(p * math.log(p) for p in shares if p))
    assert group_entropy(matrix) == pytest.approx(sum(entropies) / len(entropies))


def test_the_entropy_of_a_few_matrices():
    assert group_entropy(np.eye(3)) == 0
    assert group_entropy(np.full((5, 5), 1 / 5)) == pytest.approx(math.log(5))
    # One modality of three: 4 of 7 groups have it and find each other, the rest find nothing.
    single = np.zeros((7, 7))
    single[:4, :4] = 1 / 4
    assert group_entropy(single) == pytest.approx(4 / 7 * math.log(4))
    half = np.array([[1, 0], [math.nan, math.nan]])
    assert group_entropy(half) == 0
    assert np.isnan(group_entropy(np.full((2, 2), math.nan)))
    assert np.isnan(group_entropy(np.zeros((0, 0))))

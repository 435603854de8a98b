"""The two accuracies of small lists by hand, and against every order that the truth allows."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.slow_ranking import edit_distance
from trainer.ranking.small_lists import edit_distance_accuracy, true_weights, unordered_accuracy


def accuracies(found, truth, n):
    """Of one query: `found` by place with 0 for no positive, `truth` in falling order."""
    arguments = (
        np.array([found], np.float32),
        np.array([truth], np.float32),
        np.array([len(truth)]),
        n,
    )
    return unordered_accuracy(*arguments)[0], edit_distance_accuracy(*arguments)[0]


@pytest.mark.parametrize(
    ("found", "truth", "n", "unordered", "edited"),
    [
        # b a c against a b c: all are there, two are substituted.
        ([2, 3, 1], [3, 2, 1], 3, 1, 1 / 3),
        # x a b against a b c: insert c and delete x.
        ([0, 3, 2], [3, 2, 1], 3, 2 / 3, 1 / 3),
        # c is not among the two truest.
        ([1, 3, 0], [3, 2, 1], 2, 1 / 2, 0),
        # Two positives are compared over two places, whatever n is.
        ([0, 2, 1], [2, 1], 10, 1 / 2, 0),
        # Without weights only the number of hits counts.
        ([0, 1, 1], [1, 1, 1, 1], 3, 2 / 3, 2 / 3),
        # Of three that weigh the same only two are among the first three, after a.
        ([1, 1, 1], [2, 1, 1, 1], 3, 2 / 3, 2 / 3),
        ([0, 0, 0], [3, 2, 1], 3, 0, 0),
    ],
)
def test_hand_worked(found, truth, n, unordered, edited):
    assert accuracies(found, truth, n) == pytest.approx((unordered, edited))


@st.composite
def lists(draw):
    """A ranking of positives and others, the positives' weights, and n."""
    weights = draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=5))
    others = draw(st.integers(0, 4))
    ranking = draw(st.permutations(range(len(weights) + others)))
    return ranking, weights, draw(st.integers(1, 7))


@given(lists())
def test_equals_the_best_of_all_orders_of_the_truth(drawn):
    ranking, weights, n = drawn
    length = min(n, len(weights))
    unordered, edited = [], []
    for order in itertools.permutations(range(len(weights))):
        if all(weights[u] >= weights[v] for u, v in itertools.pairwise(order)):
            listed, true = list(ranking[:length]), list(order[:length])
            unordered.append(len(set(listed) & set(true)) / length)
            edited.append(1 - edit_distance(listed, true) / length)
    found = [weights[v] if v < len(weights) else 0 for v in ranking]
    result = accuracies(found, sorted(weights, reverse=True), n)
    assert result == pytest.approx((max(unordered), max(edited)))


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_without_weights_both_are_the_same(seed, n):
    rng = np.random.default_rng(seed)
    found = (rng.random((6, 20)) < 0.4).astype(np.float32)
    num_positives = found.sum(axis=1).astype(np.int64) + 1
    truth = (np.arange(25) < num_positives[:, None]).astype(np.float32)
    np.testing.assert_allclose(
        unordered_accuracy(found, truth, num_positives, n),
        edit_distance_accuracy(found, truth, num_positives, n),
    )


def test_the_true_list_falls_and_is_filled_up():
    positives = sp.csr_matrix(np.array([[0, 1, 3, 2], [0, 0, 5, 0]], np.float32))
    assert true_weights(positives, 2).tolist() == [[3, 2], [5, 0]]

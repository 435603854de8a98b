"""The pairwise term against its definition, and how validation chooses it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from trainer.network import EMBEDDING
from trainer.pairwise import COUNT, VISITED, VISITS, PairwiseTerm
from trainer.ranking.validation_sample import ValidationSample
from trainer.systems.base import pairwise_scorer

NUM, REACH = 9, 4


def some_visits(seed: int = 0) -> np.ndarray:
    """[NUM, NUM] r, at most REACH a row; the last artist visits nobody."""
    rng = np.random.default_rng(seed)
    dense = np.zeros((NUM, NUM), np.float32)
    for row in range(NUM - 1):
        columns = rng.choice(NUM, rng.integers(1, REACH + 1), replace=False)
        dense[row, columns] = rng.random(len(columns)) + 0.1
    return dense


def profile_of(visits: np.ndarray, embedding: np.ndarray, count: np.ndarray):
    """As the network gives it: the strongest first, filled up with zeros of any column."""
    order = np.argsort(-visits, axis=1, kind="stable")[:, :REACH]
    return {
        EMBEDDING: tf.constant(embedding),
        VISITED: tf.constant(order, tf.int32),
        VISITS: tf.constant(np.take_along_axis(visits, order, axis=1)),
        COUNT: tf.constant(count, tf.float32),
    }


def slow_score(visits, embedding, count, constants, u, v) -> float:
    a, b, gamma = constants
    total = visits[u].sum() * visits[v].sum()
    overlap = sum(np.sqrt(p * q / total) for p, q in zip(visits[u], visits[v]) if p * q > 0)
    common = np.sqrt(sum(p * q for p, q in zip(visits[u], visits[v])))
    return embedding[u] @ embedding[v] + max(count[v], 1) ** gamma * (a * overlap + b * common)


def term(a: float, b: float, gamma: float) -> PairwiseTerm:
    made = PairwiseTerm()
    made.constants.assign([a, b, gamma])
    return made


@pytest.mark.parametrize("constants", [(1.0, 0.0, 0.0), (0.0, 2.0, 0.3), (0.5, 7.0, -0.1)])
def test_it_equals_its_definition(constants):
    rng = np.random.default_rng(1)
    visits, count = some_visits(), rng.integers(0, 6, NUM)
    embedding = rng.normal(size=(NUM, 3)).astype(np.float32)
    query = np.array([0, 8, 3])
    candidate = np.array([[1, 2, 8, 0], [8, 0, 1, 1], [3, 4, 5, 6]])
    found = term(*constants).score(profile_of(visits, embedding, count), query, candidate)
    expected = [
        [slow_score(visits, embedding, count, constants, u, v) for v in row]
        for u, row in zip(query, candidate, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_two_paths_by_hand():
    """Both go to artist 0, one of them with half its walks: overlap sqrt(1/2), common sqrt(1/8)."""
    visits = np.zeros((3, 3), np.float32)
    visits[1, 0], visits[2, 0], visits[2, 1] = 0.5, 0.25, 0.25
    profile = profile_of(visits, np.zeros((3, 2), np.float32), np.array([1, 1, 4]))
    found = term(2.0, 1.0, 0.5).score(profile, np.array([1]), np.array([[2]]))
    np.testing.assert_allclose(found, [[4**0.5 * (2 * 0.5**0.5 + 0.125**0.5)]], rtol=1e-6)


@pytest.mark.parametrize("num_queries, num_candidates", [(0, 3), (2, 0), (0, 0)])
def test_nobody_may_be_asked_about(num_queries, num_candidates):
    profile = profile_of(some_visits(), np.zeros((NUM, 2), np.float32), np.ones(NUM))
    found = tf.function(term(1.0, 1.0, 0.2).score)(
        profile, np.zeros(num_queries, np.int64), np.zeros((num_queries, num_candidates), np.int64)
    )
    assert found.shape == (num_queries, num_candidates)


def split_of_two_groups():
    """Artists whose walks tell the groups apart, while their vectors say the opposite."""
    group = np.arange(12) % 3
    hidden = sp.csr_matrix((group[:, None] == group) & ~np.eye(12, dtype=bool))
    visits = sp.csr_matrix(np.eye(3, dtype=np.float32)[group] * 0.2)
    sample = ValidationSample(hidden.astype(np.float32), np.arange(12))
    return group, visits, sample


def test_validation_chooses_what_helps():
    group, visits, sample = split_of_two_groups()
    wrong = np.eye(3, dtype=np.float32)[(group + np.arange(12) // 3) % 3]
    made = PairwiseTerm()
    assert made.is_zero
    made.choose(wrong, visits, np.ones(12), sample)
    assert not made.is_zero
    a, b, gamma = made.constants.numpy()
    embedded = wrong @ wrong.T
    same = group[:, None] == group
    # The most that a vector can say against a pair is 1; the term says more.
    assert (a + b * 0.2) > 1
    both = embedded + (a + b * 0.2) * same
    assert sample.score(lambda q, c: both[q][:, c]) == pytest.approx(1)


def test_what_does_not_help_stays_zero():
    group, visits, sample = split_of_two_groups()
    made = PairwiseTerm()
    made.choose(np.eye(3, dtype=np.float32)[group], visits, np.ones(12), sample)
    assert made.is_zero


@pytest.mark.parametrize("helps", [True, False])
def test_without_a_query_or_a_visit_it_stays_zero(helps):
    group, visits, sample = split_of_two_groups()
    nobody = ValidationSample(sp.csr_matrix((12, 12)), np.arange(12))
    made = PairwiseTerm()
    embedding = np.zeros((12, 3), np.float32)
    if helps:
        made.choose(embedding, visits, np.ones(12), nobody)
    else:
        made.choose(embedding, sp.csr_matrix((12, 3), dtype=np.float32), np.ones(12), sample)
    assert made.is_zero


def test_of_many_candidates_the_nearest_are_scored_as_pairs(monkeypatch):
    monkeypatch.setattr("trainer.systems.base.SHORTLIST", 3)
    rng = np.random.default_rng(4)
    embedding = rng.normal(size=(8, 2)).astype(np.float32)
    exact = rng.normal(size=(8, 8)).astype(np.float32) - 5
    asked = []

    def pair_score(queries, candidates):
        asked.append(candidates.shape)
        return np.take_along_axis(exact[queries], candidates, axis=1)

    queries, candidates = np.array([0, 5]), np.array([7, 2, 3, 1, 6, 4])
    found = pairwise_scorer(embedding, pair_score)(queries, candidates)
    assert asked == [(2, 3)]
    near = embedding[queries] @ embedding[candidates].T
    for row, query in enumerate(queries):
        by_vector = np.argsort(-near[row])
        first, rest = by_vector[:3], by_vector[3:]
        np.testing.assert_array_equal(found[row, first], exact[query, candidates[first]])
        expected = [*first[np.argsort(-exact[query, candidates[first]])], *rest]
        assert np.argsort(-found[row]).tolist() == expected
    few = pairwise_scorer(embedding, pair_score)(queries, candidates[:3])
    np.testing.assert_array_equal(few, exact[np.ix_(queries, candidates[:3])])

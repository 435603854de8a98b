"""The queries on which constants are chosen."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from trainer.ranking import validation_sample
from trainer.ranking.ndcg import query_ndcg
from trainer.ranking.validation_sample import ValidationSample

ARTISTS = np.array([1, 4, 6, 7, 9])


def hidden(*pairs) -> sp.csr_matrix:
    rows, columns = zip(*[*pairs, *[(b, a) for a, b in pairs]], strict=True)
    return sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(10, 10))


def test_it_asks_for_places_and_scores_as_the_judge_does():
    truth = hidden((1, 6), (6, 9))
    scores = np.random.default_rng(0).normal(size=(10, 10)).astype(np.float32)
    sample = ValidationSample(truth, ARTISTS)
    assert sample.queries.tolist() == [0, 2, 4]
    here = scores[np.ix_(ARTISTS, ARTISTS)]
    expected = query_ndcg(lambda q, c: scores[np.ix_(q, c)], truth, ARTISTS).ndcg.mean()
    assert sample.score(lambda q, c: here[np.ix_(q, c)]) == pytest.approx(expected)


def test_edges_to_other_splits_and_of_no_weight_hide_nothing():
    truth = hidden((0, 4), (1, 6))
    truth.data[:] = [0 if {row, column} == {1, 6} else 1 for row, column in zip(*truth.nonzero())]
    assert not ValidationSample(truth, ARTISTS)
    assert not ValidationSample(sp.csr_matrix((10, 10)), np.array([], int))


def test_a_large_split_is_sampled_the_same_way_each_time(monkeypatch):
    num = 300
    ring = sp.csr_matrix(
        (np.ones(num), (np.arange(num), (np.arange(num) + 1) % num)), shape=(num, num)
    )
    everyone = np.arange(num)
    few = ValidationSample(ring + ring.T, everyone, max_queries=40).queries
    assert len(few) == 40 and (np.diff(few) > 0).all()
    again = ValidationSample(ring + ring.T, everyone, max_queries=40).queries
    np.testing.assert_array_equal(few, again)
    monkeypatch.setattr(validation_sample, "_MAX_SCORES", 7 * num)
    assert len(ValidationSample(ring + ring.T, everyone).queries) == 7

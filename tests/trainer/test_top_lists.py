"""The first places of a ranking are the same, however one asks for them."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from trainer.ranking.evaluation import evaluate_ranking
from trainer.ranking.ranking import top_lists


@st.composite
def rankings(draw):
    num_artists = draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    square = (num_artists, num_artists)
    # Few values, so that many scores tie.
    scores = rng.integers(0, 4, square).astype(np.float32)
    truth = sp.csr_matrix(rng.random(square) < draw(st.floats(0, 1)), dtype=np.float32)
    candidates = rng.permutation(num_artists)[: draw(st.integers(2, num_artists))]
    return lambda q, c: scores[np.ix_(q, c)], scores, truth, candidates


@given(rankings(), st.integers(1, 15), st.integers(1, 5))
def test_they_are_the_best_without_the_query(drawn, k, block):
    scorer, scores, _, candidates = drawn
    lists = top_lists(scorer, candidates, candidates, k, block=block)
    assert lists.dtype == np.int32
    assert lists.shape == (len(candidates), min(k, len(candidates)))
    for query, row in zip(candidates, lists):
        others = [v for v in candidates if v != query]
        found = [candidates[place] for place in row if place >= 0]
        best = sorted((scores[query, v] for v in others), reverse=True)
        assert len(set(found)) == len(found) == min(k, len(others))
        assert query not in found
        assert [scores[query, v] for v in found] == best[:k]
        # No place is left out but the last.
        assert (row[: len(found)] >= 0).all()


@given(rankings(), st.integers(1, 15), st.integers(0, 3))
def test_an_evaluation_keeps_the_same_lists(drawn, places, seed):
    scorer, _, truth, candidates = drawn
    popularity = np.zeros(truth.shape[0])
    judged = evaluate_ranking(
        scorer, truth, candidates, popularity, k=[2], seed=seed, block=3, places=places
    )
    expected = top_lists(scorer, judged.queries, candidates, places, seed=seed)
    assert judged.top is not None
    np.testing.assert_array_equal(judged.top, expected)
    unasked = evaluate_ranking(scorer, truth, candidates, popularity, k=[2], seed=seed)
    assert unasked.top is None
    for name, values in unasked.per_query.items():
        np.testing.assert_array_equal(judged.per_query[name], values)


def test_more_places_than_any_metric_looks_at_are_kept():
    num_artists = 260
    scores = np.random.default_rng(0).random((num_artists, num_artists)).astype(np.float32)
    truth = sp.csr_matrix(np.eye(num_artists, k=1, dtype=np.float32))
    judged = evaluate_ranking(
        lambda q, c: scores[np.ix_(q, c)],
        truth,
        np.arange(num_artists),
        np.zeros(num_artists),
        k=[1],
        places=250,
    )
    assert judged.top is not None and judged.top.shape == (num_artists - 1, 250)


def test_bad_numbers_are_refused():
    artists = np.arange(2)
    with pytest.raises(ValueError, match="at least 1"):
        top_lists(lambda q, c: np.zeros((len(q), len(c))), artists, artists, 0)
    with pytest.raises(ValueError, match="NaN"):
        top_lists(lambda q, c: np.full((len(q), len(c)), np.nan), artists, artists, 1)

"""Ranks and lists against a full sort, also where few scores are ordered at all."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.ranking import ranking, score_tile
from trainer.ranking.pair_hash import hash_each, hash_pairs

KINDS = ("distinct", "few", "constant", "rounded", "extreme")


def scores_of(kind, shape, rng):
    if kind == "distinct":
        return rng.permutation(np.prod(shape)).reshape(shape)
    if kind == "few":
        return rng.integers(0, 3, shape)
    if kind == "constant":
        return np.zeros(shape)
    if kind == "rounded":
        return np.round(rng.standard_normal(shape), 1)
    return rng.choice([-np.inf, np.inf, 0.0, -0.0, 1, 1e-42], shape)


def sorted_whole(scores, query, candidates, seed):
    """Positions of all candidates but the query, best first."""
    ties = hash_pairs(seed, np.array([query]), candidates)[0] >> np.uint64(32)
    order = np.lexsort((ties, -scores.astype(np.float64)))
    return order[candidates[order] != query]


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    num_artists = draw(st.sampled_from([2, 5, 30, 90, 700]))
    candidates = rng.permutation(num_artists)[: rng.integers(1, num_artists + 1)]
    scores = scores_of(draw(st.sampled_from(KINDS)), (num_artists,) * 2, rng).astype(np.float32)
    truth = sp.csr_matrix(rng.random(scores.shape) < draw(st.sampled_from([2 / num_artists, 0.3])))
    return candidates, scores, truth, rng.permutation(num_artists)[:20]


@settings(deadline=None, max_examples=60)
@given(cases(), st.sampled_from([1, 3, 20, 200]), st.sampled_from([50, 2000, 2**17]), st.booleans())
def test_equals_a_full_sort(case, cutoff, tile, sorts):
    candidates, scores, truth, queries = case
    hidden = ranking.hidden_positives(truth, candidates, queries)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_tile, "_TILE", tile)
        patch.setattr(score_tile, "_MAX_PASSES", 2 if sorts else 256)
        both = [
            list(
                ranking.ranking_blocks(
                    lambda q, c: scores[np.ix_(q, c)],
                    hidden,
                    candidates,
                    cutoff,
                    seed=4,
                    block=7,
                    hits_only=hits_only,
                )
            )
            for hits_only in (False, True)
        ]
    for block, hits_only in zip(*both, strict=True):
        ranks = np.split(block.positive_ranks(), np.cumsum(block.num_positives)[:-1])
        np.testing.assert_array_equal(block.hits, hits_only.hits)
        for row, query in enumerate(hidden.queries[block.part]):
            expected = sorted_whole(scores[query, candidates], query, candidates, 4)
            positives = block.positives[row].toarray()[0]
            assert ranks[row].tolist() == (1 + np.flatnonzero(positives[expected])).tolist()
            places = np.full(min(cutoff, len(candidates)), -1)
            places[: len(expected)] = expected[: len(places)]
            assert block.top[row].tolist() == places.tolist()
            found = np.where(places >= 0, positives[places], 0)
            assert block.weights[row].tolist() == found.tolist()


def test_more_true_values_are_counted_than_a_byte_holds():
    found = np.zeros((3, 8 * 2000), bool)
    found[1] = True
    found[2, ::3] = True
    assert score_tile._num_true(found).tolist() == found.sum(axis=1).tolist()


def test_a_pairs_number_is_the_same_alone_and_among_others():
    queries, candidates = np.array([5, 0, 7]), np.array([2, 5])
    all_pairs = hash_pairs(-3, queries, candidates)
    alone = hash_each(-3, np.array([7, 5]), np.array([2, 5]))
    assert alone.tolist() == [all_pairs[2, 0], all_pairs[0, 1]]

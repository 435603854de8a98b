"""nDCG@k against hand-worked values, a slow reference, and what a random order must score."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from trainer.ranking.ndcg import query_ndcg


def truth_of(pairs, num_artists):
    row, column = np.array(pairs, np.int64).reshape(-1, 2).T
    return sp.csr_matrix((np.ones(len(row), np.float32), (row, column)), (num_artists,) * 2)


def scorer_of(matrix):
    """A scorer that reads the [num_artists, num_artists] `matrix`."""
    return lambda queries, candidates: matrix[np.ix_(queries, candidates)]


def constant(queries, candidates):
    return np.zeros((len(queries), len(candidates)), np.float32)


def slow_ndcg(scores, truth, candidates, k):
    """The definition in plain loops, for scores without ties: {query: nDCG@k}, num_skipped."""
    result, num_skipped = {}, 0
    for query in candidates:
        others = [v for v in candidates if v != query]
        positives = [v for v in others if truth[query, v]]
        if not positives:
            num_skipped += 1
            continue
        ranking = sorted(others, key=lambda v: -scores[query, v])
        dcg = sum(1 / np.log2(r + 1) for r, v in enumerate(ranking[:k], 1) if v in positives)
        ideal = sum(1 / np.log2(r + 1) for r in range(1, min(len(positives), k) + 1))
        result[query] = dcg / ideal
    return result, num_skipped


def test_hand_worked():
    # Query 0 ranks 1, 2, 3, 4; its positives 2 and 4 are at ranks 2 and 4.
    scores = np.array([[9, 4, 3, 2, 1]] * 5, np.float32)
    judged = query_ndcg(scorer_of(scores), truth_of([(0, 2), (0, 4)], 5), np.arange(5))
    dcg = 1 / np.log2(3) + 1 / np.log2(5)
    ideal = 1 / np.log2(2) + 1 / np.log2(3)
    assert judged.queries.tolist() == [0]
    assert judged.num_skipped == 4
    np.testing.assert_allclose(judged.ndcg, [dcg / ideal])


def test_the_cut_off_and_the_ideal_over_all_positives():
    # Positives at ranks 1, 3 and 4, k = 2: the ideal is two hits although one is retrieved.
    scores = np.array([[9, 4, 3, 2, 1]] * 5, np.float32)
    truth = truth_of([(0, 1), (0, 3), (0, 4)], 5)
    judged = query_ndcg(scorer_of(scores), truth, np.arange(5), k=2)
    np.testing.assert_allclose(judged.ndcg, [1 / (1 + 1 / np.log2(3))])


def test_only_candidates_are_ranked_and_count_as_positives():
    scores = np.array([[0, 9, 8, 7, 6]] * 5, np.float32)
    # Artist 1 is of another split: neither a candidate nor a positive that is missed.
    judged = query_ndcg(
        scorer_of(scores), truth_of([(0, 1), (0, 3), (2, 1)], 5), np.array([4, 3, 2, 0])
    )
    assert judged.queries.tolist() == [0]
    assert judged.num_skipped == 3
    np.testing.assert_allclose(judged.ndcg, [1 / np.log2(3)])


def test_a_query_is_neither_ranked_nor_its_own_positive():
    scores = np.eye(3, dtype=np.float32)
    scores[0, 0] = np.nan
    scores[1] = [1, 5, 0]
    truth = truth_of([(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)], 3)
    judged = query_ndcg(scorer_of(scores), truth, np.arange(3), k=1)
    assert judged.queries.tolist() == [0, 1]
    assert judged.ndcg[1] == 1


@st.composite
def rankings(draw):
    num_artists = draw(st.integers(2, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    # Distinct scores of both signs and many magnitudes.
    flat = (rng.permutation(num_artists**2) - num_artists**2 // 2) * 10.0 ** draw(
        st.integers(-20, 20)
    )
    truth = sp.csr_matrix(rng.random((num_artists, num_artists)) < draw(st.floats(0, 1)))
    candidates = rng.permutation(num_artists)[: draw(st.integers(1, num_artists))]
    k = draw(st.integers(1, 16))
    return flat.reshape(num_artists, -1).astype(np.float32), truth, candidates, k


@given(rankings(), st.integers(1, 5))
def test_equals_the_slow_reference(drawn, block):
    scores, truth, candidates, k = drawn
    judged = query_ndcg(scorer_of(scores), truth, candidates, k=k, block=block)
    expected, num_skipped = slow_ndcg(scores, truth, candidates, k)
    assert judged.queries.tolist() == list(expected)
    assert judged.num_skipped == num_skipped
    np.testing.assert_allclose(judged.ndcg, list(expected.values()))


@pytest.mark.parametrize("k", [1, 7, 200])
def test_a_constant_score_is_worth_a_random_order(k):
    num_artists, num_positives = 41, 5
    truth = truth_of([(0, v) for v in range(1, 1 + num_positives)], num_artists)
    draws = [
        query_ndcg(constant, truth, np.arange(num_artists), k=k, seed=seed).ndcg[0]
        for seed in range(500)
    ]
    # Each of the 40 places holds a positive with probability 5 / 40.
    discount = 1 / np.log2(np.arange(min(k, num_artists - 1)) + 2)
    expected = discount.sum() * num_positives / 40 / discount[:num_positives].sum()
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws) - expected) < 4 * error


def test_ties_across_the_cut_off_are_broken_evenly():
    # Artist 1 is first; 2 ... 9 are tied for the second and last place of k = 2.
    scores = np.zeros((10, 10), np.float32)
    scores[:, 1] = 1
    truth = truth_of([(0, 9)], 10)
    hits = [
        query_ndcg(scorer_of(scores), truth, np.arange(10), k=2, seed=seed).ndcg[0] > 0
        for seed in range(500)
    ]
    # Probability 1 / 8; standard error 0.015.
    assert abs(np.mean(hits) - 1 / 8) < 0.06


def test_minus_zero_ties_with_zero():
    scores = np.zeros((40, 40), np.float32)
    tied = scores.copy()
    tied[:, ::2] = -0.0
    truth = truth_of([(u, (u + 1) % 40) for u in range(40)], 40)
    judged = [query_ndcg(scorer_of(each), truth, np.arange(40), k=5) for each in (scores, tied)]
    np.testing.assert_array_equal(judged[0].ndcg, judged[1].ndcg)


def test_infinite_scores_are_ordered():
    scores = np.array([[0, -np.inf, 1, np.inf]] * 4, np.float32)
    judged = query_ndcg(scorer_of(scores), truth_of([(0, 2), (1, 3), (2, 1)], 4), np.arange(4))
    np.testing.assert_allclose(judged.ndcg, [1 / np.log2(3), 1, 1 / 2])


def some_ties(num_artists=60):
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 3, (num_artists, num_artists)).astype(np.float32)
    return scorer_of(scores), sp.csr_matrix(rng.random((num_artists, num_artists)) < 0.1)


def test_the_order_of_ties_is_the_same_for_any_block_size(monkeypatch):
    scorer, truth = some_ties()
    expected = query_ndcg(scorer, truth, np.arange(60), k=10).ndcg
    for block in (1, 7, 60):
        judged = query_ndcg(scorer, truth, np.arange(60), k=10, block=block)
        np.testing.assert_array_equal(judged.ndcg, expected)
    monkeypatch.setattr("trainer.ranking.ranking._MAX_SCORES", 150)
    np.testing.assert_array_equal(query_ndcg(scorer, truth, np.arange(60), k=10).ndcg, expected)


def test_the_order_of_ties_does_not_depend_on_the_other_queries_or_the_order_of_candidates():
    scorer, truth = some_ties()
    everyone = np.arange(60)
    expected = query_ndcg(scorer, truth, everyone, k=10)
    some = np.array([44, 3, 17])
    few = query_ndcg(scorer, truth, everyone, k=10, queries=some)
    np.testing.assert_array_equal(few.ndcg, expected.ndcg[np.searchsorted(expected.queries, some)])
    turned = query_ndcg(scorer, truth, everyone[::-1], k=10)
    np.testing.assert_array_equal(turned.queries, expected.queries[::-1])
    np.testing.assert_array_equal(turned.ndcg, expected.ndcg[::-1])


def test_the_order_of_ties_changes_with_the_seed_only():
    scorer, truth = some_ties()
    first, again, other = (
        query_ndcg(scorer, truth, np.arange(60), k=10, seed=seed).ndcg for seed in (0, 0, -1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_nan_scores_are_refused():
    scores = np.zeros((3, 3), np.float32)
    scores[1, 2] = np.nan
    with pytest.raises(ValueError, match="The scores of 1 queries are NaN"):
        query_ndcg(scorer_of(scores), truth_of([(0, 1), (1, 0)], 3), np.arange(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "at least 1"),
        ({"block": 0}, "at least 1"),
        ({"candidates": np.array([0, 1, 1])}, "twice"),
        ({"scorer": lambda queries, candidates: np.zeros((1, 1))}, "shape"),
    ],
)
def test_senseless_arguments_are_refused(change, message):
    arguments = {"scorer": constant, "truth": truth_of([(0, 1)], 3), "candidates": np.arange(3)}
    with pytest.raises(ValueError, match=message):
        query_ndcg(**{**arguments, **change})


@pytest.mark.parametrize("candidates", [[], [0], [1, 2]])
def test_no_query_to_judge(candidates):
    judged = query_ndcg(constant, truth_of([(0, 1)], 3), np.array(candidates, np.int64))
    assert len(judged.queries) == len(judged.ndcg) == 0
    assert judged.num_skipped == len(candidates)

"""Each metric of a ranking by hand, and all of one pass against plain loops."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.slow_ranking import figures
from trainer.ranking import metrics
from trainer.ranking.evaluation import METRIC, evaluate_ranking
from trainer.ranking.names import OF_LISTS, PER_QUERY, metric_names
from trainer.ranking.ndcg import query_ndcg

# Positives at ranks 2, 3 and 6 of the first query, 1 of the second; places below 4 are not kept.
HITS = np.array([[0, 1, 1, 0], [1, 0, 0, 0]], bool)
NUM_POSITIVES = np.array([3, 1])
RANKS = np.array([2, 3, 6, 1])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (metrics.ndcg(HITS, NUM_POSITIVES, 2), [0.6309297535 / 1.6309297535, 1]),
        (metrics.hit_ratio(HITS, 1), [0, 1]),
        (metrics.hit_ratio(HITS, 2), [1, 1]),
        (metrics.recall(HITS, NUM_POSITIVES, 2), [1 / 3, 1]),
        (metrics.recall(HITS, NUM_POSITIVES, 4), [2 / 3, 1]),
        (metrics.precision(HITS, 2), [1 / 2, 1 / 2]),
        (metrics.precision(HITS, 4), [2 / 4, 1 / 4]),
        # Of 10 places only 4 could be filled.
        (metrics.precision(HITS, 10), [2 / 10, 1 / 10]),
        (metrics.r_precision(RANKS, NUM_POSITIVES), [2 / 3, 1]),
        (metrics.average_precision(RANKS, NUM_POSITIVES), [(1 / 2 + 2 / 3 + 3 / 6) / 3, 1]),
        (metrics.reciprocal_rank(RANKS, NUM_POSITIVES), [1 / 2, 1]),
    ],
)
def test_hand_worked(values, expected):
    np.testing.assert_allclose(values, expected)


def scorer_of(matrix):
    return lambda queries, candidates: matrix[np.ix_(queries, candidates)]


@st.composite
def rankings(draw, max_artists=13):
    num_artists = draw(st.integers(2, max_artists))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    square = (num_artists, num_artists)
    scores = rng.permutation(num_artists**2).reshape(square).astype(np.float32)
    # Distinct weights.
    truth = (1 + rng.permutation(num_artists**2)).reshape(square) / num_artists
    truth *= rng.random(square) < draw(st.floats(0, 1))
    popularity = rng.integers(0, 4, num_artists)
    candidates = rng.permutation(num_artists)[: draw(st.integers(2, num_artists))]
    k = draw(st.lists(st.integers(1, 16), min_size=1, max_size=3, unique=True))
    return scores, truth, candidates, popularity, k


@given(rankings(), st.integers(1, 5))
def test_equals_plain_loops(drawn, block):
    scores, truth, candidates, popularity, k = drawn
    judged = evaluate_ranking(
        scorer_of(scores), sp.csr_matrix(truth), candidates, popularity, k=k, block=block
    )
    found, of_lists = figures(
        lambda u, v: scores[u, v],
        lambda u, v: truth[u, v],
        list(candidates),
        popularity,
        k,
    )
    if not found:
        assert all(len(values) == 0 for values in judged.per_query.values())
        assert np.isnan(list(judged.of_lists.values())).all()
        return
    for name, values in found.items():
        np.testing.assert_allclose(judged.per_query[name], values, atol=1e-12, err_msg=name)
    assert set(found) == set(judged.per_query)
    assert judged.of_lists == pytest.approx(of_lists, abs=1e-9)


@given(rankings())
def test_all_are_bounded_and_those_that_must_grow_with_k_do(drawn):
    scores, truth, candidates, popularity, _ = drawn
    judged = evaluate_ranking(
        scorer_of(scores), sp.csr_matrix(truth), candidates, popularity, k=(1, 2, 5, 30)
    )
    for name, values in judged.per_query.items():
        low = -1 if name.startswith("popularity") else 0
        assert ((values >= low) & (values <= 1)).all(), name
    for name in ("hit_ratio", "recall"):
        grown = np.diff([judged.per_query[f"{name}@{k}"] for k in (1, 2, 5, 30)], axis=0)
        assert (grown >= 0).all()
    assert (judged.per_query["recall@30"] == 1).all()
    if len(judged.queries):
        covered = [judged.of_lists[f"coverage@{k}"] for k in (1, 2, 5, 30)]
        assert covered == sorted(covered)
        # Each retrieves all but itself. NaN for no query is tested above.
        assert abs(judged.of_lists["gini@30"]) <= 1


@given(rankings())
def test_a_perfect_ranking_has_one(drawn):
    _, truth, candidates, popularity, _ = drawn
    judged = evaluate_ranking(
        scorer_of(truth), sp.csr_matrix(truth), candidates, popularity, k=(1, 30)
    )
    for name, values in judged.per_query.items():
        if not name.startswith(("popularity", "precision@30", "recall@1")):
            np.testing.assert_allclose(values, 1, err_msg=name)


def with_ties(num_artists=60):
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 3, (num_artists, num_artists)).astype(np.float32)
    truth = rng.integers(1, 4, scores.shape) * (rng.random(scores.shape) < 0.1)
    return scorer_of(scores), sp.csr_matrix(truth), rng.integers(0, 9, num_artists)


def test_neither_the_order_of_candidates_nor_the_size_of_a_block_changes_anything(monkeypatch):
    scorer, truth, popularity = with_ties()
    expected = evaluate_ranking(scorer, truth, np.arange(60), popularity, k=(5, 20))
    turned = evaluate_ranking(scorer, truth, np.arange(60)[::-1], popularity, k=(5, 20))
    small = evaluate_ranking(scorer, truth, np.arange(60), popularity, k=(5, 20), block=7)
    monkeypatch.setattr("trainer.ranking.ranking._MAX_SCORES", 150)
    fewer = evaluate_ranking(scorer, truth, np.arange(60), popularity, k=(5, 20))
    for name, values in expected.per_query.items():
        np.testing.assert_allclose(turned.per_query[name][::-1], values, err_msg=name)
        np.testing.assert_array_equal(small.per_query[name], values, err_msg=name)
        np.testing.assert_array_equal(fewer.per_query[name], values, err_msg=name)
    assert expected.of_lists == turned.of_lists == small.of_lists == fewer.of_lists


def test_ndcg_is_that_of_query_ndcg_bit_for_bit_whatever_else_is_asked_for():
    scorer, truth, popularity = with_ties(300)
    for k in (200, 7, 500):
        expected = query_ndcg(scorer, truth, np.arange(300), k=k).ndcg
        judged = evaluate_ranking(scorer, truth, np.arange(300), popularity, k=(k, 450))
        np.testing.assert_array_equal(judged.per_query[f"ndcg@{k}"], expected)
    expected = query_ndcg(scorer, truth, np.arange(300)).ndcg
    np.testing.assert_array_equal(judged.ndcg, expected)
    np.testing.assert_array_equal(judged.per_query[METRIC], expected)


def test_ties_are_worth_a_random_order():
    # One positive among 40 that are all tied: its rank is uniform over 1 ... 40.
    truth = sp.csr_matrix(([1.0], ([0], [1])), (41, 41))
    draws = [
        evaluate_ranking(
            lambda q, c: np.zeros((len(q), len(c))),
            truth,
            np.arange(41),
            np.zeros(41),
            k=(10,),
            seed=seed,
        ).per_query
        for seed in range(400)
    ]
    harmonic = np.mean(1 / np.arange(1, 41))
    for name, expected in (("mrr", harmonic), ("map", harmonic), ("recall@10", 1 / 4)):
        values = np.array([drawn[name][0] for drawn in draws])
        assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values)), name


def test_a_positive_below_the_cut_off_counts_for_what_has_none():
    # 300 candidates, the only positive comes last of 299.
    scores = np.tile(-np.arange(300, dtype=np.float32), (300, 1))
    truth = sp.csr_matrix(([1.0], ([0], [299])), (300, 300))
    judged = evaluate_ranking(scorer_of(scores), truth, np.arange(300), np.zeros(300), k=(10,))
    assert judged.per_query["mrr"].tolist() == judged.per_query["map"].tolist() == [1 / 299]
    assert judged.per_query["r_precision"].tolist() == judged.ndcg.tolist() == [0]


@pytest.mark.parametrize("k", [(), (0,), (10, -1)])
def test_a_cut_off_below_one_is_refused(k):
    with pytest.raises(ValueError, match="k must be one or more numbers of at least 1"):
        evaluate_ranking(
            scorer_of(np.eye(2)), sp.csr_matrix(np.ones((2, 2))), np.arange(2), np.ones(2), k=k
        )


def test_all_that_is_measured_has_a_name_and_a_direction():
    truth = sp.csr_matrix(np.ones((3, 3)))
    judged = evaluate_ranking(scorer_of(np.eye(3)), truth, np.arange(3), np.zeros(3), k=(2, 200))
    measured = [*judged.per_query, *judged.of_lists]
    assert set(metric_names((2, 200))) == set(measured)
    assert len(metric_names((2, 200))) == len(measured)
    assert {name.partition("@")[0] for name in judged.per_query} == set(PER_QUERY)
    assert {name.partition("@")[0] for name in judged.of_lists} == set(OF_LISTS)

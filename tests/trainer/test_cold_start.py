"""Deezer's cold-start protocol, by hand and against plain loops."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from trainer.ranking import cold_start, metrics
from trainer.ranking.cold_start import evaluate_cold_start

# Edges at ranks 2, 3 and 6 of the first query, of 3 in all; of the second at rank 4, its only one.
FOUND = np.array([[0, 2, 1, 0, 0, 4], [0, 0, 0, 0.5, 0, 0]])
IDEAL = np.array([[4, 2, 1, 0, 0, 0], [0.5, 0, 0, 0, 0, 0]])
NUM_POSITIVES = np.array([3, 1])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (cold_start.average_precision(FOUND, NUM_POSITIVES, 3), [(1 / 2 + 2 / 3) / 3, 0]),
        (
            cold_start.average_precision(FOUND, NUM_POSITIVES, 9),
            [(1 / 2 + 2 / 3 + 3 / 6) / 3, 1 / 4],
        ),
        # The released code never counts more than R places: 3 of 6 become 3 of 3, 1 of 4 all.
        (
            cold_start.released_average_precision(FOUND, NUM_POSITIVES, 9),
            [(1 / 2 + 2 / 3 + 3 / 3) / 3, 1],
        ),
        (
            cold_start.graded_ndcg(FOUND, IDEAL, 2),
            [(2 / math.log2(3)) / (4 + 2 / math.log2(3)), 0],
        ),
        (
            cold_start.graded_ndcg(FOUND, IDEAL, 9),
            [
                (2 / math.log2(3) + 1 / 2 + 4 / math.log2(7)) / (4 + 2 / math.log2(3) + 1 / 2),
                1 / math.log2(5),
            ],
        ),
    ],
)
def test_hand_worked(values, expected):
    np.testing.assert_allclose(values, expected)


def test_equal_weights_give_the_binary_ndcg():
    flat = np.where(FOUND > 0, 0.25, 0)
    binary = metrics.ndcg(FOUND > 0, NUM_POSITIVES, 5)
    ideal = np.where(IDEAL > 0, 0.25, 0)
    np.testing.assert_allclose(cold_start.graded_ndcg(flat, ideal, 5), binary)


def slow_figures(ranking, weight, k):
    """A query's figures, as the released code computes them: a loop over the first k places."""
    total = sum(1 for v in weight if weight[v])
    hits, precisions, released, gain = 0, [], [], 0.0
    for rank, v in enumerate(ranking[:k], 1):
        gain += weight[v] / math.log2(rank + 1)
        if weight[v]:
            hits += 1
            precisions.append(hits / rank)
            released.append(hits / min(total, rank))
    best = sorted(weight.values(), reverse=True)[:k]
    ideal = sum(w / math.log2(rank + 1) for rank, w in enumerate(best, 1))
    return {
        f"recall@{k}": hits / total,
        f"map@{k}": sum(precisions) / total,
        f"released_map@{k}": sum(released) / total,
        f"graded_ndcg@{k}": gain / ideal,
    }


@st.composite
def catalogues(draw):
    num_artists = draw(st.integers(2, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    square = (num_artists, num_artists)
    scores = rng.permutation(num_artists**2).reshape(square).astype(np.float32)
    truth = rng.integers(1, 6, square) * (rng.random(square) < draw(st.floats(0, 1)))
    candidates = rng.permutation(num_artists)[: draw(st.integers(1, num_artists))]
    queries = rng.permutation(num_artists)[: draw(st.integers(1, num_artists))]
    k = draw(st.lists(st.integers(1, 16), min_size=1, max_size=3, unique=True))
    return scores, truth.astype(np.float32), queries, candidates, k


@given(catalogues(), st.integers(1, 5))
def test_equals_plain_loops(drawn, block):
    scores, truth, queries, candidates, k = drawn
    found = evaluate_cold_start(
        lambda q, c: scores[np.ix_(q, c)],
        sp.csr_matrix(truth),
        queries,
        candidates,
        k=k,
        block=block,
    )
    expected = {}
    for query in queries:
        others = [v for v in candidates if v != query]
        weight = {v: float(truth[query, v]) for v in others}
        if not any(weight.values()):
            continue
        ranking = sorted(others, key=lambda v, query=query: -scores[query, v])
        expected[query] = {
            name: value for cut in k for name, value in slow_figures(ranking, weight, cut).items()
        }
    assert found.queries.tolist() == list(expected)
    assert found.num_skipped == len(queries) - len(expected)
    for name, values in found.per_query.items():
        np.testing.assert_allclose(
            values, [figures[name] for figures in expected.values()], atol=1e-12, err_msg=name
        )
    assert len(found.per_query) == 4 * len(k)


def test_bad_cutoffs_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        evaluate_cold_start(
            lambda q, c: np.zeros((len(q), len(c))), sp.eye(2, format="csr"), [0], [0, 1], k=[0]
        )

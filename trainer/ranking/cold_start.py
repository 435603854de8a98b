"""The cold-start protocol of Deezer: who of the whole catalogue is similar to an artist of today?

Salha-Galvan, Hennequin, Chapus, Tran and Vazirgiannis, "Cold start similar artists ranking with
gravity-inspired graph autoencoders" (RecSys 2021), section 4.1; the formulas are those of its
released code, deezer/similar_artists_ranking, `src/evaluation.py`. A query is an artist of whom
content alone is known. All artists, warm and cold, are ranked for it and compared with its true
neighbours among them. Every artist of theirs has R = 20 true neighbours, ours any number.

In the functions of one metric `found` is [num_queries, cutoff], the weight of the edge to each
place of the ranking, 0 where there is none, down to min(k, num_candidates) at least, and
`num_positives` is [num_queries] int64, at least 1. They return [num_queries] float64 in [0, 1].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import scipy.sparse as sp

from trainer.ranking.metrics import recall
from trainer.ranking.ranking import hidden_positives, ranking_blocks
from trainer.ranking.small_lists import true_weights
from trainer.systems.base import Scorer

CUTOFFS: Final = (20, 100, 200)
"""The K of the paper's tables."""


@dataclasses.dataclass(frozen=True)
class ColdStartScores:
    """What the protocol measures.

    Attributes:
      queries: [num_queries] int64 rows of the graph.
      per_query: by name, [num_queries] float64.
      num_skipped: queries left out because they have no true neighbour among the candidates.
    """

    queries: np.ndarray
    per_query: Mapping[str, np.ndarray]
    num_skipped: int


def evaluate_cold_start(
    scorer: Scorer,
    truth: sp.csr_matrix,
    queries: np.ndarray,
    candidates: np.ndarray,
    *,
    k: Sequence[int] = CUTOFFS,
    seed: int = 0,
    block: int = 1024,
) -> ColdStartScores:
    """Ranks the candidates for each query that has a true neighbour.

    For each k, as `name@k`: `recall` (over all R, as in the released code), `map`
    (`average_precision`), `released_map` (`released_average_precision`), `graded_ndcg`.

    Args:
      scorer: scores a block of queries against all candidates; it must not know an edge of theirs.
      truth: [num_artists, num_artists] CSR; row q holds the weights, above 0, of q's edges.
      queries: [num_queries] int64 rows.
      candidates: [num_candidates] int64 rows, unique; a query is no candidate of itself.
      k: cut-off ranks.
      seed: of the order of ties.
      block: most queries that are scored at once; fewer where there are very many candidates.

    Returns:
      What was measured of the queries that have a true neighbour.

    Raises:
      ValueError: a score is NaN, the scores have the wrong shape, a candidate comes twice, or a
        cut-off or block is below 1.
    """
    if not k or min(k) < 1:
        raise ValueError(f"k must be one or more numbers of at least 1, not {list(k)}.")
    hidden = hidden_positives(truth, candidates, queries)
    nothing = np.zeros((0, 1))
    parts = [_per_query(nothing, nothing, np.zeros(0, np.int64), k)]
    for ranked in ranking_blocks(scorer, hidden, candidates, max(k), seed=seed, block=block):
        ideal = true_weights(ranked.positives, max(k))
        parts.append(_per_query(ranked.weights, ideal, ranked.num_positives, k))
    per_query = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return ColdStartScores(hidden.queries, per_query, hidden.num_skipped)


def average_precision(found: np.ndarray, num_positives: np.ndarray, k: int) -> np.ndarray:
    """The precision at each positive among the first k, over all positives.

    AP@k = 1 / R * sum over the ranks r <= k that hold a positive of h(r) / r, h(r) the positives
    with rank <= r. For k = R that is also the released code's.
    """
    hits = found[:, :k] != 0
    precision = np.cumsum(hits, axis=1) / (np.arange(hits.shape[1]) + 1)
    return np.where(hits, precision, 0).sum(axis=1) / num_positives


def released_average_precision(found: np.ndarray, num_positives: np.ndarray, k: int) -> np.ndarray:
    """AP@k as the released code has it, for comparison with the figures of the paper alone.

    There precision is taken over min(R, r) places: 1 / R * sum of h(r) / min(R, r). Below rank R it
    is larger than AP@k; with R = 1 it is recall@k.
    """
    hits = found[:, :k] != 0
    places = np.minimum(num_positives[:, None], np.arange(hits.shape[1]) + 1)
    return np.where(hits, np.cumsum(hits, axis=1) / places, 0).sum(axis=1) / num_positives


def graded_ndcg(found: np.ndarray, ideal: np.ndarray, k: int) -> np.ndarray:
    """nDCG@k whose gain is the weight of the edge.

    nDCG@k = sum of weight(r) / log2(r + 1) over the ranks r <= k, over the same sum of the best
    possible order, which `ideal` ([num_queries, places] weights, falling) holds. Where all weights
    are equal it is `metrics.ndcg`.
    """
    return np.minimum(_gain(found[:, :k]) / _gain(ideal[:, :k]), 1)  # The two round differently.


def _gain(weights: np.ndarray) -> np.ndarray:
    discount = 1 / np.log2(np.arange(weights.shape[1]) + 2)
    return (weights * discount).sum(axis=1)


def _per_query(
    found: np.ndarray, ideal: np.ndarray, num_positives: np.ndarray, k: Sequence[int]
) -> dict[str, np.ndarray]:
    hits = found != 0
    return {
        **{f"recall@{cut}": recall(hits, num_positives, cut) for cut in k},
        **{f"map@{cut}": average_precision(found, num_positives, cut) for cut in k},
        **{
            f"released_map@{cut}": released_average_precision(found, num_positives, cut)
            for cut in k
        },
        **{f"graded_ndcg@{cut}": graded_ndcg(found, ideal, cut) for cut in k},
    }

"""Metrics of a query's ranking with binary gain: one value for each query.

Everywhere `hits` is [num_queries, cutoff] bool, the best place first, and reaches at least down to
min(k, num_candidates); `num_positives` is [num_queries] int64, at least 1; and the result is
[num_queries] float64 in [0, 1]. The metrics without a cut-off take `positive_ranks`,
[sum of num_positives] int64: the ranks from 1 of each query's positives in the whole ranking,
ascending, one query after the other.
"""

from __future__ import annotations

import numpy as np


def ndcg(hits: np.ndarray, num_positives: np.ndarray, k: int) -> np.ndarray:
    """Normalised discounted cumulative gain (000, section 4.3).

    nDCG@k = sum of 1 / log2(r + 1) over the ranks r <= k that hold a positive,
             over the same sum for ranks 1 ... min(num_positives, k).
    """
    hits = hits[:, :k]
    cutoff = hits.shape[1]
    discount = 1 / np.log2(np.arange(cutoff) + 2)
    ideal = np.concatenate([[0], np.cumsum(discount)])[np.minimum(num_positives, cutoff)]
    # Not a matrix product: that may sum in another order when the block has another size.
    gain = np.where(hits, discount, 0).sum(axis=1)
    return np.minimum(gain / ideal, 1)  # The two sums round differently.


def hit_ratio(hits: np.ndarray, k: int) -> np.ndarray:
    """Whether any of the first k is a positive (HR@K; 001, section 3.1, gives no formula).

    HR@k = 1 if the first positive's rank <= k, else 0; its mean is the share of queries with a hit.
    """
    return hits[:, :k].any(axis=1).astype(np.float64)


def recall(hits: np.ndarray, num_positives: np.ndarray, k: int) -> np.ndarray:
    """The share of the positives that are among the first k (named in 003, section 2.6).

    recall@k = |positives with rank <= k| / num_positives; below 1 for all who have more than k.
    """
    return hits[:, :k].sum(axis=1) / num_positives


def precision(hits: np.ndarray, k: int) -> np.ndarray:
    """The share of positives among the first k (named in 003, section 2.6).

    precision@k = |positives with rank <= k| / k, also where there are fewer than k candidates: a
    place that stays empty is no hit.
    """
    return hits[:, :k].sum(axis=1) / k


def r_precision(positive_ranks: np.ndarray, num_positives: np.ndarray) -> np.ndarray:
    """Precision at the number of positives (named in 003, section 2.6).

    R-precision = |positives with rank <= R| / R, R = num_positives, as in Manning, Raghavan and
    Schütze, "Introduction to Information Retrieval", section 8.4.
    """
    hit = positive_ranks <= np.repeat(num_positives, num_positives)
    return _sums(hit.astype(np.float64), num_positives) / num_positives


def average_precision(positive_ranks: np.ndarray, num_positives: np.ndarray) -> np.ndarray:
    """The precision at each positive, averaged; its mean over queries is MAP (001, section 3.1).

    AP = 1 / R * sum over i = 1 ... R of i / r_i, where r_i is the rank of the i-th positive.

    001 gives a cut-off for HR and none for MAP, so that it is taken over the whole ranking, as in
    Manning, Raghavan and Schütze, section 8.4.
    """
    starts = np.cumsum(num_positives) - num_positives
    place = np.arange(len(positive_ranks)) - np.repeat(starts, num_positives) + 1
    return np.minimum(_sums(place / positive_ranks, num_positives) / num_positives, 1)


def reciprocal_rank(positive_ranks: np.ndarray, num_positives: np.ndarray) -> np.ndarray:
    """One over the rank of the first positive; its mean over queries is MRR.

    Of Voorhees, "The TREC-8 question answering track report" (1999); over the whole ranking.
    """
    return 1 / positive_ranks[np.cumsum(num_positives) - num_positives]


def _sums(values: np.ndarray, num_positives: np.ndarray) -> np.ndarray:
    """The sum of each query's values."""
    return np.add.reduceat(values, np.cumsum(num_positives) - num_positives)

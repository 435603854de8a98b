"""From a judgement to the contents of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import scipy.sparse as sp

from components.retrieval_evaluator.page.contents import (
    Change,
    Changes,
    DegreeBin,
    Exposure,
    Neighbor,
)
from trainer.ranking.bootstrap import interval
from trainer.ranking.distribution import popularity_percentile
from trainer.ranking.evaluation import RankingScores

TRUTH: Final = "truth"
"""Among the systems of an Exposure: the hidden positives themselves."""
CANDIDATES: Final = "candidates"
"""Among the systems of an Exposure: all candidates."""
NUM_CHANGES: Final = 10
NUM_BANDS: Final = 10


def degree_bins(degree: np.ndarray, scores: Mapping[str, np.ndarray]) -> Sequence[DegreeBin]:
    """Mean scores of queries with 0, 1, 2, 3-4, 5-8, … edges; bins without a query are left out.

    Args:
      degree: [num_queries] int, the edges that a query's messages may come along.
      scores: by system, [num_queries] float.
    """
    # 0 -> 0, 1 -> 1, 2 -> 2, 3-4 -> 3, 5-8 -> 4, …
    place = np.where(degree > 0, np.ceil(np.log2(np.maximum(degree, 1))).astype(int) + 1, 0)
    bins = []
    for one in np.unique(place):
        chosen = place == one
        low, high = (int(one), int(one)) if one < 3 else (2 ** (one - 2) + 1, 2 ** (one - 1))
        values = {system: interval(score[chosen]) for system, score in scores.items()}
        bins.append(DegreeBin(int(low), int(high), int(chosen.sum()), values))
    return bins


def exposure(
    lists: Mapping[str, np.ndarray],
    truth: sp.csr_matrix,
    queries: np.ndarray,
    candidates: np.ndarray,
    popularity: np.ndarray,
) -> Exposure | None:
    """How the places in the lists are shared among the less and the more popular.

    Args:
      lists: by system, [num_queries, k] rows of the first k artists; -1 where there are fewer.
      truth: [num_artists, num_artists] CSR of hidden edges.
      queries: [num_queries] rows.
      candidates: [num_candidates] rows.
      popularity: [num_artists], in any unit; NaN where unknown.

    Returns:
      None where there is no list or no query, or where nobody's popularity is known.
    """
    known = candidates[~np.isnan(popularity[candidates])]
    if not lists or not len(queries) or not len(known):
        return None
    band = np.full(len(popularity), -1)
    band[candidates] = NUM_BANDS
    percentile = popularity_percentile(popularity[known])
    band[known] = np.minimum((percentile * NUM_BANDS).astype(int), NUM_BANDS - 1)

    def shares(artists: np.ndarray) -> np.ndarray:
        counts = np.bincount(band[artists], minlength=NUM_BANDS + 1)
        return counts / max(counts.sum(), 1)

    found = {CANDIDATES: shares(candidates)}
    found |= {system: shares(rows[rows >= 0]) for system, rows in lists.items()}
    positives = truth[queries].indices
    found[TRUTH] = shares(positives[band[positives] >= 0])
    return Exposure(max(rows.shape[1] for rows in lists.values()), found)


def changes(
    other: str,
    before: RankingScores,
    after: RankingScores,
    lists: tuple[np.ndarray, np.ndarray],
    truth: sp.csr_matrix,
    candidates: np.ndarray,
    name: np.ndarray,
) -> Changes | None:
    """The queries whose nDCG@200 rose and fell most.

    Args:
      other: the name of the system that is compared with.
      before: of that system.
      after: of the new model, over the same queries.
      lists: ([num_queries, k], [num_queries, k]) rows of the first artists, before and after.
      truth: [num_artists, num_artists] CSR of hidden edges.
      candidates: [num_candidates] rows; other ends of hidden edges do not count.
      name: [num_artists] of the artists.

    Returns:
      None where the two have no common query.
    """
    if not len(after.queries) or not np.array_equal(before.queries, after.queries):
        return None
    difference = after.ndcg - before.ndcg
    order = np.argsort(difference, kind="stable")

    def change(query: int) -> Change:
        row = after.queries[query]
        positives = np.intersect1d(truth[row].indices, candidates)

        def neighbors(artists: np.ndarray) -> Sequence[Neighbor]:
            return [Neighbor(str(name[a]), bool(a in positives)) for a in artists if a >= 0]

        old, new = (neighbors(rows[query]) for rows in lists)
        return Change(
            str(name[row]),
            len(positives),
            float(before.ndcg[query]),
            float(after.ndcg[query]),
            old,
            new,
        )

    losses = [change(query) for query in order[:NUM_CHANGES] if difference[query] < 0]
    gains = [change(query) for query in order[::-1][:NUM_CHANGES] if difference[query] > 0]
    return Changes(other, gains, losses)

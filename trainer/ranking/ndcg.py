"""nDCG@k with binary gain: how well a system ranks the hidden positives of a split."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse as sp

from trainer.ranking.metrics import ndcg
from trainer.ranking.ranking import hidden_positives, ranking_blocks
from trainer.systems.base import Scorer


@dataclasses.dataclass(frozen=True)
class QueryScores:
    """The score of each query that can be judged.

    Attributes:
      queries: [num_queries] int64 rows of the graph.
      ndcg: [num_queries] float64 in [0, 1].
      num_skipped: queries left out because they have no positive among the candidates.
    """

    queries: np.ndarray
    ndcg: np.ndarray
    num_skipped: int


def query_ndcg(
    scorer: Scorer,
    truth: sp.csr_matrix,
    candidates: np.ndarray,
    *,
    k: int = 200,
    seed: int = 0,
    block: int = 1024,
    queries: np.ndarray | None = None,
) -> QueryScores:
    """Scores each query's ranking of the candidates by `metrics.ndcg` (000, section 4.3).

    A query is not a candidate of itself. Equal scores come in a random order that depends on `seed`
    and on the pair (query, candidate) alone.

    Args:
      scorer: scores a block of queries against all candidates; compared as float32.
      truth: [num_artists, num_artists] CSR; row q's nonzero columns are q's hidden positives. Those
        that are not candidates do not count.
      candidates: [num_candidates] int64 rows, unique: the artists of the judged split.
      k: the cut-off rank.
      seed: of the order of ties.
      block: most queries that are scored at once; fewer where there are very many candidates.
      queries: [num_queries] int64 rows; the candidates if None.

    Returns:
      The nDCG@k of the queries that have a positive, in the order of `queries`.

    Raises:
      ValueError: a score is NaN, the scores have the wrong shape, a candidate comes twice, or k or
        block is below 1.
    """
    hidden = hidden_positives(truth, candidates, queries)
    scores = np.zeros(len(hidden.queries))
    for ranked in ranking_blocks(
        scorer, hidden, candidates, k, seed=seed, block=block, hits_only=True
    ):
        scores[ranked.part] = ndcg(ranked.hits, ranked.num_positives, k)
    return QueryScores(hidden.queries, scores, hidden.num_skipped)

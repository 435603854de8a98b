"""nDCG@k with binary gain: how well a system ranks the hidden positives of a split."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import scipy.sparse as sp

from trainer.ranking.pair_hash import hash_pairs
from trainer.systems.base import Scorer

# At most so many scores are held at once; each takes about 40 bytes while it is ranked.
_MAX_SCORES: Final = 2**22


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
    """Scores each query's ranking of the candidates (000, section 4.3).

      nDCG@k = sum of 1 / log2(r + 1) over the ranks r <= k that hold a positive,
               over the same sum for ranks 1 ... min(num_positives, k).

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
    candidates = np.asarray(candidates, np.int64)
    queries = candidates if queries is None else np.asarray(queries, np.int64)
    if k < 1 or block < 1:
        raise ValueError(f"k and block must be at least 1, not {k} and {block}.")
    if len(np.unique(candidates)) != len(candidates):
        raise ValueError("A candidate comes twice.")
    positives = _positives(truth, queries, candidates)
    num_positives = np.diff(positives.indptr)
    judged = np.flatnonzero(num_positives)
    cutoff = min(k, len(candidates))
    discount = 1 / np.log2(np.arange(cutoff) + 2)
    ideal = np.concatenate([[0], np.cumsum(discount)])[np.minimum(num_positives[judged], cutoff)]
    gain = np.zeros(len(judged))
    step = max(1, min(block, _MAX_SCORES // max(1, len(candidates))))
    for start in range(0, len(judged), step):
        part = judged[start : start + step]
        top = _top(scorer, queries[part], candidates, cutoff, seed)
        hit = np.take_along_axis(positives[part].toarray(), top, axis=1)
        # Not a matrix product: that may sum in another order when the block has another size.
        gain[start : start + step] = np.where(hit, discount, 0).sum(axis=1)
    ndcg = np.minimum(gain / ideal, 1)  # The two sums round differently.
    return QueryScores(queries[judged], ndcg, len(queries) - len(judged))


def _positives(truth: sp.csr_matrix, queries: np.ndarray, candidates: np.ndarray) -> sp.csr_matrix:
    """[num_queries, num_candidates] CSR bool, without the queries themselves."""
    found = truth[queries][:, candidates].tocoo()
    keep = (found.data != 0) & (queries[found.row] != candidates[found.col])
    return sp.csr_matrix(
        (np.ones(keep.sum(), bool), (found.row[keep], found.col[keep])), shape=found.shape
    )


def _top(
    scorer: Scorer, queries: np.ndarray, candidates: np.ndarray, cutoff: int, seed: int
) -> np.ndarray:
    """Positions of the best `cutoff` candidates of each query, best first."""
    shape = (len(queries), len(candidates))
    scores = np.array(scorer(queries, candidates), np.float32)
    if scores.shape != shape:
        raise ValueError(f"The scores have shape {scores.shape}, not {shape}.")
    itself = queries[:, None] == candidates[None, :]
    scores[itself] = 0
    if np.isnan(scores).any():
        raise ValueError(f"The scores of {np.isnan(scores).any(axis=1).sum()} queries are NaN.")
    # One integer orders a candidate: its score above, the random order of ties below.
    key = _falling(scores).astype(np.uint64) << np.uint64(32)
    key |= hash_pairs(seed, queries, candidates) >> np.uint64(32)
    key[itself] = np.iinfo(np.uint64).max
    top = np.argpartition(key, cutoff - 1, axis=1)[:, :cutoff]
    order = np.argsort(np.take_along_axis(key, top, axis=1), axis=1)
    return np.take_along_axis(top, order, axis=1)


def _falling(scores: np.ndarray) -> np.ndarray:
    """Maps float32 to uint32 so that a higher score becomes a lower integer; -0 equals 0."""
    bits = (scores + np.float32(0)).view(np.uint32)
    return np.where(bits >> np.uint32(31), bits, bits ^ np.uint32(0x7FFFFFFF))

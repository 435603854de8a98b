"""Ranks the candidates of each query, a block of queries at a time: each score is computed once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

import numpy as np
import scipy.sparse as sp

from trainer.ranking.pair_hash import hash_pairs
from trainer.systems.base import Scorer

# At most so many scores are held at once; each takes about 40 bytes while it is ranked.
_MAX_SCORES: Final = 2**22


@dataclasses.dataclass(frozen=True)
class HiddenPositives:
    """The queries that can be judged, and what they are judged by.

    Attributes:
      queries: [num_queries] int64 rows of the graph.
      positives: [num_queries, num_candidates] CSR, the weights of the hidden edges in the type that
        the truth has; no row is empty, and no query is a positive of itself.
      num_skipped: queries left out because they have no positive among the candidates.
    """

    queries: np.ndarray
    positives: sp.csr_matrix
    num_skipped: int

    @property
    def num_positives(self) -> np.ndarray:
        """[num_queries] int64, at least 1."""
        return np.diff(self.positives.indptr).astype(np.int64)


@dataclasses.dataclass(frozen=True)
class RankingBlock:
    """The rankings of some queries, best first.

    Attributes:
      part: the place of these queries among all judged ones.
      top: [num_queries, cutoff] int64 positions among the candidates; -1 in the last place where
        the query itself is one of the `cutoff` candidates.
      weights: [num_queries, cutoff], of the hidden edges to `top`; 0: no positive.
      positives: [num_queries, num_candidates] CSR, as in HiddenPositives.
      key: [num_queries, num_candidates] uint64; a lower one comes first, the query's own last.
    """

    part: slice
    top: np.ndarray
    weights: np.ndarray
    positives: sp.csr_matrix
    key: np.ndarray

    @property
    def hits(self) -> np.ndarray:
        """[num_queries, cutoff] bool: which places of `top` hold a positive."""
        return self.weights != 0

    @property
    def num_positives(self) -> np.ndarray:
        """[num_queries] int64, at least 1."""
        return np.diff(self.positives.indptr).astype(np.int64)

    def positive_ranks(self) -> np.ndarray:
        """[sum of num_positives] int64 ranks from 1 of all positives, also below the cut-off.

        Each query's are ascending and follow those of the query before it. Nothing is sorted but
        the positives, so that this costs O(num_candidates log num_positives) a query.
        """
        hits, found = self.hits, [np.zeros(0, np.int64)]
        for row, key in enumerate(self.key):
            above = np.flatnonzero(hits[row])
            columns = self.positives.indices[slice(*self.positives.indptr[row : row + 2])]
            below = np.setdiff1d(columns, self.top[row, above], assume_unique=True)
            edges = np.sort(key[below])
            # How many candidates come no later than each of these positives, itself included.
            place = np.searchsorted(edges, key, side="left")
            counts = np.bincount(place, minlength=len(edges) + 1)[: len(edges)]
            found += [above + 1, np.cumsum(counts)]
        return np.concatenate(found)


def hidden_positives(
    truth: sp.csr_matrix, candidates: np.ndarray, queries: np.ndarray | None = None
) -> HiddenPositives:
    """Finds the queries that have a positive among the candidates.

    Args:
      truth: [num_artists, num_artists] CSR; row q's nonzero columns are q's hidden positives. Those
        that are not candidates do not count.
      candidates: [num_candidates] int64 rows, unique.
      queries: [num_queries] int64 rows; the candidates if None.

    Raises:
      ValueError: a candidate comes twice.
    """
    candidates = np.asarray(candidates, np.int64)
    queries = candidates if queries is None else np.asarray(queries, np.int64)
    if len(np.unique(candidates)) != len(candidates):
        raise ValueError("A candidate comes twice.")
    found = truth[queries][:, candidates].tocoo()
    keep = (found.data != 0) & (queries[found.row] != candidates[found.col])
    positives = sp.csr_matrix(
        (found.data[keep], (found.row[keep], found.col[keep])), shape=found.shape
    )
    judged = np.flatnonzero(np.diff(positives.indptr))
    return HiddenPositives(queries[judged], positives[judged], len(queries) - len(judged))


def ranking_blocks(
    scorer: Scorer,
    hidden: HiddenPositives,
    candidates: np.ndarray,
    cutoff: int,
    *,
    seed: int = 0,
    block: int = 1024,
) -> Iterator[RankingBlock]:
    """Ranks the candidates of every judged query.

    A query is not a candidate of itself. Equal scores come in a random order that depends on `seed`
    and on the pair (query, candidate) alone.

    Args:
      scorer: scores a block of queries against all candidates; compared as float32.
      hidden: the queries and their positives.
      candidates: [num_candidates] int64 rows, as `hidden` was made with.
      cutoff: how many of the best are ranked, at most; no more than there are candidates.
      seed: of the order of ties.
      block: most queries that are scored at once; fewer where there are very many candidates.

    Yields:
      Blocks in the order of `hidden.queries`.

    Raises:
      ValueError: a score is NaN, the scores have the wrong shape, or cutoff or block is below 1.
    """
    candidates = np.asarray(candidates, np.int64)
    for part in _parts(len(hidden.queries), len(candidates), cutoff, block):
        queries, positives = hidden.queries[part], hidden.positives[part]
        key, itself = _keys(scorer, queries, candidates, seed)
        top = _best(key, cutoff)
        weights = np.take_along_axis(positives.toarray(), top, axis=1)
        top[np.take_along_axis(itself, top, axis=1)] = -1
        yield RankingBlock(part, top, weights, positives, key)


def top_lists(
    scorer: Scorer,
    queries: np.ndarray,
    candidates: np.ndarray,
    k: int,
    *,
    seed: int = 0,
    block: int = 1024,
) -> np.ndarray:
    """The first k of each query's ranking, whether or not it has a positive.

    The order is that of `ranking_blocks`. Memory: 4 * k bytes a query.

    Args:
      scorer: scores a block of queries against all candidates; compared as float32.
      queries: [num_queries] int64 rows of the graph.
      candidates: [num_candidates] int64 rows, unique.
      k: how long a list is, at most; no longer than there are candidates.
      seed: of the order of ties.
      block: most queries that are scored at once; fewer where there are very many candidates.

    Returns:
      [num_queries, min(k, num_candidates)] int32 positions among the candidates, best first; -1 in
      the last place of a list that has room for the query itself.

    Raises:
      ValueError: a score is NaN, the scores have the wrong shape, or k or block is below 1.
    """
    queries, candidates = np.asarray(queries, np.int64), np.asarray(candidates, np.int64)
    lists = np.zeros((len(queries), min(k, len(candidates))), np.int32)
    for part in _parts(len(queries), len(candidates), k, block):
        key, itself = _keys(scorer, queries[part], candidates, seed)
        top = _best(key, k)
        lists[part] = np.where(np.take_along_axis(itself, top, axis=1), -1, top)
    return lists


def _parts(num_queries: int, num_candidates: int, cutoff: int, block: int) -> Iterator[slice]:
    """Blocks of queries whose scores are held at once."""
    if cutoff < 1 or block < 1:
        raise ValueError(f"k and block must be at least 1, not {cutoff} and {block}.")
    step = max(1, min(block, _MAX_SCORES // max(1, num_candidates)))
    for start in range(0, num_queries, step):
        yield slice(start, start + step)


def _best(key: np.ndarray, cutoff: int) -> np.ndarray:
    """[num_queries, at most cutoff] int64 positions of the lowest keys, ascending."""
    cutoff = min(cutoff, key.shape[1])
    top = np.argpartition(key, cutoff - 1, axis=1)[:, :cutoff]
    order = np.argsort(np.take_along_axis(key, top, axis=1), axis=1)
    return np.take_along_axis(top, order, axis=1)


def _keys(
    scorer: Scorer, queries: np.ndarray, candidates: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """[num_queries, num_candidates] uint64, lower is better, and bool: the query itself."""
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
    return key, itself


def _falling(scores: np.ndarray) -> np.ndarray:
    """Maps float32 to uint32 so that a higher score becomes a lower integer; -0 equals 0."""
    bits = (scores + np.float32(0)).view(np.uint32)
    return np.where(bits >> np.uint32(31), bits, bits ^ np.uint32(0x7FFFFFFF))

"""Ranks the candidates of each query, a block of queries at a time: each score is computed once.

Memory, beside what the scorer holds: 4 bytes for each score of a block of `block_size` queries, at
most 16 MiB, or one row of num_candidates scores if that is more; and what a ScoreTile takes. The
time is linear in num_queries * num_candidates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

import numpy as np
import scipy.sparse as sp

from trainer.ranking.score_tile import ScoreTile, tile_rows
from trainer.systems.base import Scorer

# At most so many scores are held at once.
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
      ranks: [sum of num_positives] int64, see `positive_ranks`.
    """

    part: slice
    top: np.ndarray
    weights: np.ndarray
    positives: sp.csr_matrix
    ranks: np.ndarray

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

        Each query's are ascending and follow those of the query before it.
        """
        return self.ranks


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


def block_size(num_candidates: int, block: int = 1024) -> int:
    """How many queries are scored at once, the same whoever scores them and where.

    A matrix product may round otherwise where it has another shape, so that scores in the same
    blocks are the same to the last bit.
    """
    return max(1, min(block, _MAX_SCORES // max(1, num_candidates)))


def ranking_blocks(
    scorer: Scorer,
    hidden: HiddenPositives,
    candidates: np.ndarray,
    cutoff: int,
    *,
    seed: int = 0,
    block: int = 1024,
    hits_only: bool = False,
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
      hits_only: leaves `top` at -1 and gives no true rank to positives below the cut-off, for
        metrics that need neither.

    Yields:
      Blocks in the order of `hidden.queries`.

    Raises:
      ValueError: a score is NaN, the scores have the wrong shape, or cutoff or block is below 1.
    """
    candidates = np.asarray(candidates, np.int64)
    for part, tiles in _tiles(scorer, hidden.queries, candidates, cutoff, seed, block):
        positives = hidden.positives[part]
        ranks = np.zeros(positives.nnz, np.int64)
        top = np.full((positives.shape[0], min(cutoff, len(candidates))), -1)
        for rows, tile in tiles:
            indptr = positives.indptr[rows.start : rows.start + len(tile.scores) + 1]
            edges = slice(indptr[0], indptr[-1])
            ranks[edges] = tile.ranks(
                positives.indices[edges], indptr - indptr[0], below=not hits_only
            )
            if not hits_only:
                top[rows] = tile.best()
        yield RankingBlock(part, top, *_by_rank(ranks, positives, top.shape[1]))


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
    for part, tiles in _tiles(scorer, queries, candidates, k, seed, block):
        for rows, tile in tiles:
            lists[part][rows] = tile.best()
    return lists


def _tiles(
    scorer: Scorer, queries: np.ndarray, candidates: np.ndarray, cutoff: int, seed: int, block: int
) -> Iterator[tuple[slice, Iterator[tuple[slice, ScoreTile]]]]:
    """Blocks of queries that are scored at once, and in each the tiles that are ranked at once."""
    if cutoff < 1 or block < 1:
        raise ValueError(f"k and block must be at least 1, not {cutoff} and {block}.")
    cutoff = min(cutoff, len(candidates))
    own = _places(candidates, queries)
    step = block_size(len(candidates), block)
    num_rows = tile_rows(max(1, len(candidates)))

    def tiles_of(part: slice, scores: np.ndarray) -> Iterator[tuple[slice, ScoreTile]]:
        for first in range(0, len(scores), num_rows):
            rows = slice(first, first + num_rows)
            mine = queries[part][rows], own[part][rows]
            try:
                yield rows, ScoreTile(scores[rows], *mine, candidates, cutoff, seed)
            except FloatingPointError:
                num_nan = _num_nan(scores, own[part])
                raise ValueError(f"The scores of {num_nan} queries are NaN.") from None

    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        scores = np.asarray(scorer(queries[part], candidates))
        shape = (len(queries[part]), len(candidates))
        if scores.shape != shape:
            raise ValueError(f"The scores have shape {scores.shape}, not {shape}.")
        yield part, tiles_of(part, scores)


def _by_rank(
    ranks: np.ndarray, positives: sp.csr_matrix, cutoff: int
) -> tuple[np.ndarray, sp.csr_matrix, np.ndarray]:
    """`weights`, `positives` and `ranks` of a block, whose ranks are in the order of the CSR."""
    num_positives = np.diff(positives.indptr)
    rows = np.repeat(np.arange(len(num_positives)), num_positives)
    weights = np.zeros((len(num_positives), cutoff), positives.dtype)
    near = ranks <= cutoff
    weights[rows[near], ranks[near] - 1] = positives.data[near]
    return weights, positives, ranks[np.lexsort((ranks, rows))]


def _places(candidates: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """[num_queries] int64, the place of each query among the candidates, -1 for none."""
    if not len(candidates):
        return np.full(len(queries), -1)
    order = np.argsort(candidates)
    found = np.searchsorted(candidates, queries, sorter=order)
    place = order[np.minimum(found, len(candidates) - 1)]
    return np.where(candidates[place] == queries, place, -1)


def _num_nan(scores: np.ndarray, own: np.ndarray) -> int:
    """How many queries have a score that is NaN, their own aside."""
    unknown = np.isnan(np.asarray(scores, np.float32))
    among = np.flatnonzero(own >= 0)
    unknown[among, own[among]] = False
    return int(unknown.any(axis=1).sum())

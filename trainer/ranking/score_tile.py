"""The scores of a few queries, ranked without sorting them.

Few scores are ever ordered. Whoever is among the best scores no less than a threshold that a few
maxima give, and a positive's rank is the number of scores above its own: plain passes over the
scores, which stay in a processor's cache.

Memory: at most 100 bytes for each of max(2^17, num_candidates) scores, reached only where nearly
all scores are equal: 13 MiB, or 100 * num_candidates bytes beyond 131,072 candidates. Where scores
differ it is a tenth of that.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trainer.ranking.pair_hash import hash_each

# So many scores are ranked at once.
_TILE: Final = 2**17
# A query with more positives than this sorts its scores, instead of a pass for each positive.
_MAX_PASSES: Final = 256
_NO_KEY: Final = np.iinfo(np.uint64).max


def tile_rows(num_candidates: int) -> int:
    """How many queries make a tile."""
    return max(1, _TILE // num_candidates)


class ScoreTile:
    """The scores of `tile_rows` queries, or fewer.

    Args:
      scores: [num_queries, num_candidates].
      queries: [num_queries] int64 rows.
      own: [num_queries] int64, each query's place among the candidates, -1 for none.
      candidates: [num_candidates] int64 rows.
      cutoff: how many of the best are wanted.
      seed: of the order of ties.

    Raises:
      FloatingPointError: a score is NaN.
    """

    def __init__(
        self,
        scores: np.ndarray,
        queries: np.ndarray,
        own: np.ndarray,
        candidates: np.ndarray,
        cutoff: int,
        seed: int,
    ):
        # A copy, as the query's own score is overwritten.
        self.scores = np.array(scores, np.float32, order="C")
        self._queries, self._own, self._candidates = queries, own, candidates
        self._cutoff, self._seed = cutoff, seed
        among = np.flatnonzero(own >= 0)
        self.scores[among, own[among]] = -np.inf
        if np.isnan(self.scores.max(axis=1)).any():
            raise FloatingPointError("a score is NaN")
        self._find_near()

    def ranks(self, columns: np.ndarray, indptr: np.ndarray, *, below: bool) -> np.ndarray:
        """The rank from 1 of each positive, as the CSR `columns` and `indptr` give them.

        Unless those `below` the cut-off are wanted, they may be num_candidates.
        """
        num_positives = np.diff(indptr)
        rows = np.repeat(np.arange(len(self.scores)), num_positives)
        wanted = self.scores[rows, columns]
        higher = np.full(len(columns), self.scores.shape[1] - 1)
        equal = np.zeros(len(columns), np.int64)
        width = self._near_scores.shape[1]
        # Where nearly all are tied, they are counted faster than gathered.
        few = width <= 8 * self._cutoff
        near = (wanted >= self._least[rows]) & few
        step = max(1, _TILE // max(1, width))
        for part in np.split(np.flatnonzero(near), range(step, np.count_nonzero(near), step)):
            beside, score = self._near_scores[rows[part]], wanted[part, None]
            higher[part] = _num_true(beside > score)
            equal[part] = _num_true(beside == score)
        if below or not few:
            self._count_all(rows, wanted, ~near, higher, equal)
        ranks = 1 + higher
        tied = np.flatnonzero(equal > 1)
        if len(tied):
            ranks[tied] += self._ties_before(rows[tied], columns[tied])
        return ranks

    def best(self) -> np.ndarray:
        """[num_queries, cutoff] int64 positions, best first; -1 for the query's own."""
        row, place, column = self._near
        itself = column == self._own[row]
        keys = np.full(self._near_scores.shape, _NO_KEY)
        columns = np.full(keys.shape, -1)
        keys[row, place] = np.where(itself, _NO_KEY, self._keys(row, column))
        columns[row, place] = np.where(itself, -1, column)
        if keys.shape[1] > 4 * self._cutoff:
            first = np.argpartition(keys, self._cutoff - 1, axis=1)[:, : self._cutoff]
            keys = np.take_along_axis(keys, first, axis=1)
            columns = np.take_along_axis(columns, first, axis=1)
        order = np.argsort(keys, axis=1)[:, : self._cutoff]
        return np.take_along_axis(columns, order, axis=1)

    def _find_near(self) -> None:
        """Finds all scores that reach a threshold which no fewer than `cutoff` of them do."""
        num_queries, num_candidates = self.scores.shape
        # The cutoff-th of the maxima of disjoint parts; twice as many parts find about 1.4 times
        # the cut-off where the best lie anywhere.
        size = max(1, num_candidates // (2 * self._cutoff))
        num_parts = num_candidates // size
        maxima = self.scores[:, : size * num_parts].reshape(num_queries, size, num_parts)
        last = num_parts - self._cutoff
        self._least = np.partition(maxima.max(axis=1), last, axis=1)[:, last]
        found = np.flatnonzero(self.scores >= self._least[:, None])
        row = found // num_candidates
        counts = np.bincount(row, minlength=num_queries)
        place = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
        self._near = row, place, found - row * num_candidates
        # Those of each query in a row, filled up with what is neither above nor equal to any.
        width = -(-counts.max(initial=0) // 8) * 8
        self._near_scores = np.full((num_queries, width), np.nan, np.float32)
        self._near_scores[row, place] = self.scores.ravel()[found]

    def _count_all(
        self,
        rows: np.ndarray,
        wanted: np.ndarray,
        which: np.ndarray,
        higher: np.ndarray,
        equal: np.ndarray,
    ) -> None:
        """Counts the scores of `rows` that are above and equal to those `wanted`, for `which`."""
        starts = np.searchsorted(rows, np.arange(len(self.scores) + 1))
        many = np.diff(starts) > _MAX_PASSES
        for row in np.flatnonzero(many):
            part = slice(starts[row], starts[row + 1])
            rising = np.sort(self.scores[row])
            end = np.searchsorted(rising, wanted[part], side="right")
            higher[part] = len(rising) - end
            equal[part] = end - np.searchsorted(rising, wanted[part])
        num_candidates = self.scores.shape[1]
        step = max(1, 2 * _TILE // num_candidates)
        found = np.zeros((step, -(-num_candidates // 8) * 8), bool)
        which = np.flatnonzero(which & ~many[rows])
        for some in np.split(which, range(step, len(which), step)):
            scores = self.scores if len(self.scores) == 1 else self.scores[rows[some]]
            room = found[: len(some)]
            np.greater(scores, wanted[some, None], out=room[:, :num_candidates])
            higher[some] = _num_true(room)
            np.equal(scores, wanted[some, None], out=room[:, :num_candidates])
            equal[some] = _num_true(room)

    def _ties_before(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Of each pair (row, column), how many of equal score come before it; rows ascend."""
        before = np.zeros(len(rows), np.int64)
        scores = self.scores[rows, columns]
        # Pairs of one row and score have the same ties.
        order = np.lexsort((scores, rows))
        row_of, score_of = rows[order], scores[order]
        changes = (row_of[1:] != row_of[:-1]) | (score_of[1:] != score_of[:-1])
        for group in np.split(order, 1 + np.flatnonzero(changes)):
            row, score = rows[group[0]], scores[group[0]]
            equal = np.flatnonzero(self.scores[row] == score)
            ties = self._order_of_ties(row, equal[equal != self._own[row]])
            mine = self._order_of_ties(row, columns[group])
            if len(group) > _MAX_PASSES:
                before[group] = np.searchsorted(np.sort(ties), mine)
            else:
                before[group] = [np.count_nonzero(ties < number) for number in mine]
        return before

    def _keys(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """uint64 by pair, the lower the better: the score above, the random order of ties below."""
        key = _falling(self.scores[rows, columns]).astype(np.uint64) << np.uint64(32)
        return key | self._order_of_ties(rows, columns)

    def _order_of_ties(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        hashes = hash_each(self._seed, self._queries[rows], self._candidates[columns])
        return hashes >> np.uint64(32)


def _num_true(found: np.ndarray) -> np.ndarray:
    """[num_rows] int64: what `found.sum(axis=1)` is, of [num_rows, 8 * any] bool, C-contiguous.

    Eight are added at a time, as the bytes of one integer, and at most 255 to each byte.
    """
    words = found.view(np.uint64)
    sums = np.add.reduceat(words, np.arange(0, words.shape[1], 255), axis=1)
    return sums.view(np.uint8).sum(axis=1, dtype=np.int64)


def _falling(scores: np.ndarray) -> np.ndarray:
    """Maps float32 to uint32 so that a higher score becomes a lower integer; -0 equals 0."""
    bits = (scores + np.float32(0)).view(np.uint32)
    return np.where(bits >> np.uint32(31), bits, bits ^ np.uint32(0x7FFFFFFF))

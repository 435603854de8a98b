"""Some queries of the validation split, on which constants are chosen."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from trainer.ranking.ndcg import query_ndcg
from trainer.systems.base import Scorer

# At most so many scores belong to a sample (64 MiB), whatever the size of the split.
_MAX_SCORES = 2**24


class ValidationSample:
    """All queries of the split, or a random part of them; all its artists are candidates.

    Attributes:
      queries: [num_queries] int64 places among the artists; empty where nothing is hidden.

    Args:
      validation: [num_artists, num_artists] CSR, the hidden edges inside the split.
      artists: [num] int64 rows, the split's.
      max_queries: the most that are asked.
    """

    def __init__(self, validation: sp.csr_matrix, artists: np.ndarray, max_queries: int = 2000):
        self._hidden = validation[artists][:, artists].tocsr()
        self._hidden.eliminate_zeros()
        self._candidates = np.arange(len(artists))
        asked = np.flatnonzero(np.diff(self._hidden.indptr))
        most = min(max_queries, max(1, _MAX_SCORES // max(1, len(artists))))
        if len(asked) > most:
            asked = np.sort(np.random.default_rng(0).choice(asked, most, replace=False))
        self.queries = asked

    def __bool__(self) -> bool:
        """Whether there is any query."""
        return len(self.queries) > 0

    def places(self) -> np.ndarray:
        """[num] int64: of each artist that is a query, its place among the queries."""
        places = np.zeros(len(self._candidates), np.int64)
        places[self.queries] = np.arange(len(self.queries))
        return places

    def score(self, scorer: Scorer) -> float:
        """Mean nDCG@200; the scorer is asked for places among the artists, not for rows."""
        judged = query_ndcg(scorer, self._hidden, self._candidates, queries=self.queries)
        return float(judged.ndcg.mean())

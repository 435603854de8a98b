"""Consistent@k: do the retrieved artists share the query's descriptive tags (001, section 3.1)?

001: "Consistent@K is defined by calculating the same number of meta tags between two artists"; the
tags are genre, region and popularity (section 2), and the figures of its table 1 are percentages.
It needs no similar artists that are known, so that it also speaks of the long tail: "artists and
music without relationship labels" (section 1).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.sparse as sp

# At most so many places of lists are compared at once.
_MAX_PLACES: Final = 2**17


def consistency(
    lists: np.ndarray, queries: np.ndarray, candidates: np.ndarray, tags: sp.csr_matrix, k: int
) -> np.ndarray:
    """The share of a query's tags that a retrieved artist has, averaged over the first k.

    Consistent@k = 1 / n * sum over the retrieved v of |T_q and T_v| / |T_q|, T the artists' sets of
    tags, n the places that are filled, at most k.

    Where an artist has one tag (a country), that is the share of those retrieved with the same one.
    Who has no tag has none in common.

    Args:
      lists: [num_queries, places] int32 positions among the candidates, best first; -1 for none.
      queries: [num_queries] int64 rows of the graph.
      candidates: [num_candidates] int64 rows.
      tags: [num_artists, num_tags] CSR; row v's nonzero columns are v's tags, each once.
      k: how far down a list counts.

    Returns:
      [num_queries] float64 in [0, 1]; NaN for a query without a tag or without any candidate.
    """
    owned = sp.csr_matrix(
        (np.ones(tags.nnz, np.float32), tags.indices, tags.indptr), shape=tags.shape
    )
    listed = lists[:, :k]
    number = np.diff(owned.indptr)[queries]
    found = np.full(len(queries), np.nan)
    step = max(1, _MAX_PLACES // max(1, listed.shape[1]))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        query, place = np.nonzero(listed[part] >= 0)
        retrieved = candidates[listed[part][query, place]]
        of_query = owned[queries[part][query]]
        shared = np.asarray(of_query.multiply(owned[retrieved]).sum(axis=1), np.float64).ravel()
        size = len(queries[part])
        total = np.bincount(query, shared, minlength=size)
        whole = number[part] * np.bincount(query, minlength=size)
        np.divide(total, whole, out=found[part], where=whole > 0)
    return found

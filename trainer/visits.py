"""Truncated random walks: which artists the walks from an artist visit, and how much.

The diffusion of Gasteiger et al. 2019 ('Diffusion improves graph learning', equation 1) with
personalised-PageRank coefficients over a few hops, kept sparse after every hop.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.sparse as sp

_MAX_PRODUCTS: Final = 2**23
"""Visits that are added up at once, 12 bytes each; one artist's are never divided."""


def walk_matrix(edges: sp.csr_matrix) -> sp.csr_matrix:
    """S = D^-1/2 A D^-1/2, the hop of a walk.

      S[v, u] = w / sqrt(d_v * max(d_u, w)),   d = the sums of the rows of A

    so that it also holds for an artist that nobody lists back.

    Args:
      edges: [num_artists, num_artists] CSR, positive weights; row v lists v's neighbours.

    Returns:
      [num_artists, num_artists] CSR float32.
    """
    degree = np.asarray(edges.sum(axis=1), np.float64).ravel()
    target = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
    scale = degree[target] * np.maximum(degree[edges.indices], edges.data)
    data = (edges.data / np.sqrt(scale)).astype(np.float32)
    return sp.csr_matrix((data, edges.indices, edges.indptr), shape=edges.shape)


def visits(
    edges: sp.csr_matrix,
    artists: np.ndarray,
    known: np.ndarray,
    *,
    hops: int,
    decay: float,
    reach: int,
) -> sp.csr_matrix:
    """r_v of some artists: whom their walks visit, and how much.

      t_0 = 0,   t_k = top_reach(decay * S (I + t_(k-1))),
      r_v = top_reach(decay * (S (I + t_(hops-1)))_v over the known artists)

    Only artists that such a walk comes through have their t_k found, a block of them at a time.

    Args:
      edges: [num_artists, num_artists] CSR; nothing else carries a walk.
      artists: [num] int64 rows.
      known: [num_artists] bool; only they are counted as visited, all others are passed through.
      hops: length of the walks, at least 1.
      decay: what is left of a walk after each hop, in (0, 1].
      reach: the most visited artists that are kept after each hop; of equal ones the first.

    Returns:
      [num, num_artists] CSR float32 with sorted columns.
    """
    step = walk_matrix(edges) * np.float32(decay)
    start = sp.identity(edges.shape[0], np.float32, format="csr")
    # Whose t_k are asked for, the last hop's first: the neighbours of those that ask.
    asked = [np.asarray(artists, np.int64)]
    for _ in range(hops - 1):
        asked.append(np.unique(step[asked[-1]].indices).astype(np.int64))
    before = start
    for rows in reversed(asked[1:]):
        before = start + _placed(_after_hop(step[rows], before, reach), rows, edges.shape)
    return _after_hop(step[asked[0]], before, reach, known)


def _after_hop(
    step: sp.csr_matrix, before: sp.csr_matrix, reach: int, known: np.ndarray | None = None
) -> sp.csr_matrix:
    """top_reach(step @ before), over the known artists alone if they are given."""
    products = np.concatenate([[0], np.cumsum(np.diff(before.indptr)[step.indices])])[step.indptr]
    parts: list[sp.csr_matrix] = []
    first = 0
    while first < step.shape[0] or not parts:
        last = np.searchsorted(products, products[first] + _MAX_PRODUCTS, side="right") - 1
        last = min(max(int(last), first + 1), step.shape[0])
        found = (step[first:last] @ before).tocsr()
        if known is not None:
            found.data[~known[found.indices]] = 0
        parts.append(strongest(found, reach))
        first = last
    return sp.vstack(parts, format="csr") if len(parts) > 1 else parts[0]


def _placed(matrix: sp.csr_matrix, rows: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    """The rows of a matrix as those rows of a larger one; `rows` ascend."""
    counts = np.zeros(shape[0], np.int64)
    counts[rows] = np.diff(matrix.indptr)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return sp.csr_matrix((matrix.data, matrix.indices, indptr), shape=shape)


def shares(visited: sp.csr_matrix) -> sp.csr_matrix:
    """x_v = sqrt(r_v / |r_v|_1): rows of length 1, or 0 for an artist that visits nobody.

    Args:
      visited: [num, num_artists] CSR, from `visits`.

    Returns:
      [num, num_artists] CSR float32 with the same columns.
    """
    total = np.asarray(visited.sum(axis=1), np.float64).ravel()
    row = np.repeat(np.arange(visited.shape[0]), np.diff(visited.indptr))
    data = np.sqrt(visited.data / total[row]).astype(np.float32)
    return sp.csr_matrix((data, visited.indices, visited.indptr), shape=visited.shape)


def strongest(matrix: sp.csr_matrix, reach: int) -> sp.csr_matrix:
    """The `reach` largest positive values of each row, of equal ones those of the first columns.

    No column may come twice in a row. Columns of the result are sorted.
    """
    matrix = matrix.tocsr()
    keep = matrix.data > 0
    for row in np.flatnonzero(np.diff(matrix.indptr) > reach):
        span = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values = matrix.data[span]
        bound = np.partition(values, len(values) - reach)[len(values) - reach]
        above = values > bound
        ties = np.flatnonzero(values == bound)
        if len(ties) > 1:
            ties = ties[np.argsort(matrix.indices[span][ties], kind="stable")]
        above[ties[: reach - above.sum()]] = True
        keep[span] &= above
    indptr = np.concatenate([[0], np.cumsum(keep)])[matrix.indptr]
    kept = sp.csr_matrix((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)
    # What is kept is a part of it, and sorted faster.
    kept.sort_indices()
    return kept

"""Truncated random walks: which artists the walks from an artist visit, and how much.

The diffusion of Gasteiger et al. 2019 ('Diffusion improves graph learning', equation 1) with
personalised-PageRank coefficients over a few hops, kept sparse after every hop.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


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
    visited = sp.csr_matrix(edges.shape, dtype=np.float32)
    start = sp.identity(edges.shape[0], np.float32, format="csr")
    for _ in range(hops - 1):
        visited = strongest(step @ (start + visited), reach)
    found = (step[artists] @ (start + visited)).tocsr()
    found.data[~known[found.indices]] = 0
    return strongest(found, reach)


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
    """The `reach` largest positive values of each row, of equal ones those of the first columns."""
    matrix = matrix.tocsr()
    matrix.sort_indices()
    keep = matrix.data > 0
    for row in np.flatnonzero(np.diff(matrix.indptr) > reach):
        span = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values = matrix.data[span]
        bound = np.partition(values, len(values) - reach)[len(values) - reach]
        above = values > bound
        above[np.flatnonzero(values == bound)[: reach - above.sum()]] = True
        keep[span] &= above
    indptr = np.concatenate([[0], np.cumsum(keep)])[matrix.indptr]
    return sp.csr_matrix((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)

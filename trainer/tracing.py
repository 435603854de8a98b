"""Neighbourhoods: which artists and edges a mini-batch needs (000, algorithm 1, lines 1-7)."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse as sp


@dataclasses.dataclass(frozen=True)
class Block:
    """The mean aggregation of one graph convolution, A_k = A[V_{k-1}, V_k], row-normalised.

    Attributes:
      target: [num_edges] int64 in 0..num_targets-1, ascending.
      source: [num_edges] int64 in 0..num_sources-1.
      weight: [num_edges] float32; the weights of one target's edges sum to 1.
      num_targets: |V_k|; V_k is the first num_targets artists of V_{k-1}.
      num_sources: |V_{k-1}|.
    """

    target: np.ndarray
    source: np.ndarray
    weight: np.ndarray
    num_targets: int
    num_sources: int


@dataclasses.dataclass(frozen=True)
class Trace:
    """A mini-batch with all that its embeddings depend on.

    Attributes:
      artists: [|V_0|] int64 rows of the graph, those of the batch first.
      blocks: one a graph convolution, the first convolution first.
    """

    artists: np.ndarray
    blocks: tuple[Block, ...]


def without_edges_among(edges: sp.csr_matrix, artists: np.ndarray) -> sp.csr_matrix:
    """Deletes the edges that have both ends in `artists` ([num] int64 rows)."""
    member = np.zeros(edges.shape[0], bool)
    member[artists] = True
    # Only the rows of `artists` can lose anything.
    place = _places(edges, np.unique(artists))
    keep = np.ones(edges.nnz, bool)
    keep[place[member[edges.indices[place]]]] = False
    return _edges_kept(edges, keep)


def strongest_neighbors(edges: sp.csr_matrix, fan_out: int) -> sp.csr_matrix:
    """At most `fan_out` neighbours an artist, by falling weight (0: all of them)."""
    return _first_neighbors(edges, -edges.data, fan_out)


def random_neighbors(edges: sp.csr_matrix, fan_out: int, rng: np.random.Generator) -> sp.csr_matrix:
    """At most `fan_out` neighbours an artist, drawn uniformly without repetition (0: all)."""
    return _first_neighbors(edges, rng.random(edges.nnz, dtype=np.float32), fan_out)


def trace(edges: sp.csr_matrix, batch: np.ndarray, num_convolutions: int) -> Trace:
    """Traces `num_convolutions` hops back from the artists of `batch` ([num] int64, unique)."""
    position = np.full(edges.shape[0], -1, np.int64)
    artists = np.asarray(batch, np.int64)
    position[artists] = np.arange(len(artists))
    blocks = []
    for _ in range(num_convolutions):
        rows = edges[artists]
        # A mask finds the new ones in ascending order without sorting all that are heard.
        new = np.zeros(edges.shape[0], bool)
        new[rows.indices] = True
        new[artists] = False
        found = np.flatnonzero(new)
        num_targets = len(artists)
        position[found] = num_targets + np.arange(len(found))
        artists = np.concatenate([artists, found])
        degrees = np.diff(rows.indptr)
        target = np.repeat(np.arange(num_targets), degrees)
        totals = np.bincount(target, weights=rows.data, minlength=num_targets)
        blocks.append(
            Block(
                target=target,
                source=position[rows.indices],
                weight=(rows.data / np.repeat(totals, degrees)).astype(np.float32),
                num_targets=num_targets,
                num_sources=len(artists),
            )
        )
    return Trace(artists, tuple(reversed(blocks)))


def _first_neighbors(edges: sp.csr_matrix, key: np.ndarray, fan_out: int) -> sp.csr_matrix:
    degrees = np.diff(edges.indptr)
    longer = np.flatnonzero(degrees > fan_out)
    if not fan_out or not len(longer):
        return edges
    # Most lists are short enough: only the others are sorted.
    place, degrees = _places(edges, longer), degrees[longer]
    row = np.repeat(np.arange(len(longer)), degrees)
    order = np.lexsort((key[place], row))
    rank = np.arange(len(place)) - np.repeat(np.cumsum(degrees) - degrees, degrees)
    keep = np.ones(edges.nnz, bool)
    keep[place[order[rank >= fan_out]]] = False
    return _edges_kept(edges, keep)


def _places(edges: sp.csr_matrix, rows: np.ndarray) -> np.ndarray:
    """Where in `edges.indices` the lists of some rows stand, one list after the other."""
    degrees = edges.indptr[rows + 1] - edges.indptr[rows]
    ends = np.cumsum(degrees)
    return np.arange(degrees.sum()) + np.repeat(edges.indptr[rows] - (ends - degrees), degrees)


def _edges_kept(edges: sp.csr_matrix, keep: np.ndarray) -> sp.csr_matrix:
    indptr = np.concatenate([[0], np.cumsum(keep)])[edges.indptr]
    return sp.csr_matrix((edges.data[keep], edges.indices[keep], indptr), shape=edges.shape)

"""How blocks of artists hear one another: what a block says, with the edges along which it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from components.bulk_embedder.served_edges import Edges


class Said(NamedTuple):
    """What the artists of one block say to those of another.

    Attributes:
      edges: between them; a source is a row of `said`.
      said: arrays [num_sources, ...], of those sources alone that have an edge here.
    """

    edges: Edges
    said: tuple[np.ndarray, ...]


def by_source(number: int, edges: sp.csr_matrix, block: int) -> Iterator[tuple[int, tuple]]:
    """The edges of a block of targets, apart by the blocks of their sources.

    Args:
      number: of the block of targets.
      edges: [num_targets, num_artists] CSR.
      block: artists of a block.

    Yields:
      (block of the sources, (block of the targets, Edges)).
    """
    found = edges.tocoo()
    sources = found.col // block
    order = np.argsort(sources, kind="stable")
    starts = np.flatnonzero(np.diff(sources[order], prepend=-1))
    for part in np.split(order, starts[1:]) if len(order) else ():
        own = Edges(
            found.row[part].astype(np.int32),
            (found.col[part] % block).astype(np.int32),
            found.data[part],
        )
        yield int(sources[part[0]]), (number, own)


def said_along(edges: Edges, *arrays: np.ndarray) -> Said:
    """What the sources of some edges say, of [num_artists of the block, ...] each."""
    used, place = np.unique(edges.source, return_inverse=True)
    renumbered = edges._replace(source=place.astype(np.int32))
    return Said(renumbered, tuple(array[used] for array in arrays))


def row_sums(
    target: np.ndarray, column: np.ndarray, weight: np.ndarray, rows: int, values: np.ndarray
) -> np.ndarray:
    """[rows, width] float64: of each target the sum of weight * values[column]."""
    matrix = sp.csr_matrix((weight.astype(np.float64), (target, column)), (rows, len(values)))
    return matrix @ values.astype(np.float64)

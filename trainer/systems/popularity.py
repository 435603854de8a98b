"""The most popular artists first, whoever is asked for."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from trainer.graph import ArtistGraph
from trainer.systems.base import Scorer, System


def popularity_order(graph: ArtistGraph, edges: sp.csr_matrix) -> np.ndarray:
    """Numbers that order the artists by popularity.

    Args:
      graph: whose popularity it is.
      edges: [num_artists, num_artists] CSR, the visible edges.

    Returns:
      [num_artists] float32: the rank of an artist's popularity, 0 where it is unknown; the number
      of its visible edges in a catalogue that gives no popularity at all.
    """
    known = ~np.isnan(graph.popularity)
    if not known.any():
        return np.diff(edges.maximum(edges.T).tocsr().indptr).astype(np.float32)
    # Ranks leave room below the least popular artist, whatever the unit is.
    popularity = np.zeros(len(graph), np.float32)
    popularity[known] = 1 + np.unique(graph.popularity[known], return_inverse=True)[1]
    return popularity


class Popularity(System):
    """score(u, v) = rank of v's popularity, unknown below all known.

    In a catalogue that gives no popularity at all, the number of v's visible edges stands for it.
    """

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Learns nothing."""

    def scorer(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Scorer:
        """The candidate's popularity, the same for each query."""
        popularity = popularity_order(graph, edges)
        return lambda queries, candidates: np.tile(popularity[candidates], (len(queries), 1))

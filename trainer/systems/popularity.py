"""The most popular artists first, whoever is asked for."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from trainer.graph import ArtistGraph
from trainer.systems.base import Scorer, System


class Popularity(System):
    """score(u, v) = rank of v's popularity, unknown below all known.

    In a catalogue that gives no popularity at all, the number of v's visible edges stands for it.
    """

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Learns nothing."""

    def scorer(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Scorer:
        """The candidate's popularity, the same for each query."""
        known = ~np.isnan(graph.popularity)
        if known.any():
            # Ranks leave room below the least popular artist, whatever the unit is.
            popularity = np.zeros(len(graph), np.float32)
            popularity[known] = 1 + np.unique(graph.popularity[known], return_inverse=True)[1]
        else:
            popularity = np.diff(edges.maximum(edges.T).tocsr().indptr).astype(np.float32)
        return lambda queries, candidates: np.tile(popularity[candidates], (len(queries), 1))

"""Artists are similar when they are connected to the same artists."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp

from trainer.graph import ArtistGraph
from trainer.systems.base import Scorer, System


class CommonNeighbours(System):
    """score(u, v) = sum of weight(w) over the artists w that u and v are both connected to.

    Edge weights of the catalogue are not used: an edge is there or it is not.

    Args:
      weighting: 'none' gives each w the weight 1; 'adamic_adar' gives it 1 / log(degree(w))
        (Adamic and Adar 2003), so that a hub says less.
    """

    def __init__(self, weighting: Literal["none", "adamic_adar"] = "none"):
        if weighting not in ("none", "adamic_adar"):
            raise ValueError(f"weighting is 'none' or 'adamic_adar', not {weighting!r}.")
        self._weighting = weighting

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Learns nothing."""

    def scorer(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Scorer:
        """Weighted counts of common neighbours, 0 for a cold artist."""
        adjacency = edges.maximum(edges.T).astype(bool).astype(np.float32).tocsr()
        weighted = adjacency
        if self._weighting == "adamic_adar":
            # A common neighbour of two artists has at least two neighbours.
            degrees = np.maximum(np.diff(adjacency.indptr), 2)
            weighted = (adjacency @ sp.diags(1 / np.log(degrees))).astype(np.float32).tocsr()
        return lambda queries, candidates: (weighted[queries] @ adjacency[candidates].T).toarray()

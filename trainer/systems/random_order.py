"""A random score for each pair: the floor of floors."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from trainer.graph import ArtistGraph
from trainer.ranking.pair_hash import hash_pairs
from trainer.systems.base import Scorer, System


class RandomOrder(System):
    """Knows nothing: uniform scores in [0, 1) that depend on the seed and the pair alone."""

    def __init__(self, seed: int = 0):
        self._seed = seed

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Learns nothing."""

    def scorer(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Scorer:
        """Random scores."""

        def scores(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
            # The upper 24 bits: what float32 holds exactly.
            bits = hash_pairs(self._seed, queries, candidates) >> np.uint64(40)
            return bits.astype(np.float32) * np.float32(2**-24)

        return scores

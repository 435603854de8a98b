"""What every system is: trained or not, it scores how similar artists are on a visible graph."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from trainer.graph import ArtistGraph

Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(queries [num_queries] int64 rows, candidates [num_candidates] int64 rows) -> [num_queries,
num_candidates] float32, higher is more similar, finite. A query's score with itself is ignored."""

SCORE: Final = "score"
"""The scorer that every system has."""
PAIRWISE: Final = "pairwise"
"""One that adds to the dot product of two vectors what no vector holds."""
SHORTLIST: Final = 1000
"""The artists with the nearest vectors that are scored as pairs, if no more are asked for."""


class System(abc.ABC):
    """Scores artist pairs. `fit` once, then `scorer` for each condition that is judged.

    A system sees edges only through the `edges` that it is handed: what a split hides never reaches
    it. Artists that have no edge there are *cold* and must still get a finite score.
    """

    @abc.abstractmethod
    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Learns from the training edges; may choose its constants on the validation split.

        Args:
          graph: the catalogue; graph.training_edges() may be learnt from.
          validation: [num_artists, num_artists] CSR, symmetric; the hidden edges inside the
            validation split, to be predicted from graph.visible_edges("val").
        """

    @abc.abstractmethod
    def scorer(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Scorer:
        """Returns this system's scores where `edges` ([num_artists, num_artists] CSR) are known."""

    def scorers(self, graph: ArtistGraph, edges: sp.csr_matrix) -> dict[str, Scorer]:
        """`scorer` as SCORE, and PAIRWISE where the system has it."""
        return {SCORE: self.scorer(graph, edges)}


class EmbeddingSystem(System):
    """A system whose artists are vectors; their dot product is the score."""

    @abc.abstractmethod
    def embed(self, graph: ArtistGraph, edges: sp.csr_matrix) -> np.ndarray:
        """Returns [num_artists, dim] float32 (zeros for an artist without any)."""

    def scorer(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Scorer:
        """Dot products of the embeddings."""
        return dot_products(self.embed(graph, edges))


class DotProducts:
    """Scores pairs by the dot product of their embeddings.

    The candidates' vectors are kept from one call to the next, [num_candidates, dim], as all blocks
    of queries have the same candidates.

    Attributes:
      embedding: [num_artists, dim].
    """

    def __init__(self, embedding: np.ndarray):
        self.embedding = embedding
        self._candidates: np.ndarray | None = None
        self._vectors = embedding[:0]

    def __call__(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """[num_queries, num_candidates], in the type of the embedding."""
        if self._candidates is None or not np.array_equal(self._candidates, candidates):
            self._candidates, self._vectors = candidates.copy(), self.embedding[candidates]
        return self.embedding[queries] @ self._vectors.T


def dot_products(embedding: np.ndarray) -> Scorer:
    """Scores pairs by the dot product of their embeddings, [num_artists, dim]."""
    return DotProducts(embedding)


def pairwise_scorer(
    embedding: np.ndarray, pair_score: Callable[[np.ndarray, np.ndarray], Any]
) -> Scorer:
    """Ranks as `similar` does: the candidates with the nearest vectors are scored as pairs.

    All others come after those, in the order of their dot products.

    Args:
      embedding: [num_artists, dim] float32.
      pair_score: scores each query, [num], with its own candidates, [num, some].
    """
    near = dot_products(embedding)

    def scores(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        found = near(queries, candidates)
        if len(candidates) <= SHORTLIST:
            each = np.broadcast_to(candidates, found.shape)
            return np.asarray(pair_score(queries, each), np.float32)
        best = np.argpartition(-found, SHORTLIST, axis=1)[:, :SHORTLIST]
        exact = np.asarray(pair_score(queries, candidates[best]), np.float32)
        found += exact.min(axis=1, keepdims=True) - found.max(axis=1, keepdims=True) - 1
        np.put_along_axis(found, best, exact, axis=1)
        return found

    return scores

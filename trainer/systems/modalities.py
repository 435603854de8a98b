"""Content as it comes: one modality by itself, or all of them reduced together (003, section 2.5).

What 003 compares its contrastive encoders with. Nothing is learnt from edges, and none is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.random_projection import GaussianRandomProjection

from catalogues.errors import InputError, nearest
from trainer.config import BAG, FACTORS, FeatureConfig
from trainer.content import ContentEncoder, raw_content
from trainer.graph import TRAIN, ArtistGraph
from trainer.systems.base import EmbeddingSystem

DIMENSIONS: Final = 200
"""The most that is left of all modalities together: the width of the contrastive embedding."""
_LEAST_VARIANCE: Final = 1e-10
"""Share of the variance that a principal component must have."""


class SingleModality(EmbeddingSystem):
    """Cosine similarity of one modality; an artist without it is similar to nobody.

    Args:
      modality: its name.
      statistics: `content.json` of the catalogue.

    Raises:
      InputError: the catalogue has no such modality.
    """

    def __init__(self, modality: str, statistics: Mapping[str, Any]):
        known = [entry["name"] for entry in statistics["modalities"]]
        if modality not in known:
            raise InputError(
                f"modality:{modality}: the catalogue has no modality '{modality}'"
                f"{nearest(modality, known)}; it has {', '.join(known) or 'none'}."
            )
        self._encoder = _encoder(statistics, (modality,))

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Learns nothing."""

    def embed(self, graph: ArtistGraph, edges: sp.csr_matrix) -> np.ndarray:
        """The modality's vectors, l2-normalised; the edges are not used."""
        vectors, present = _content(self._encoder, graph)
        return _unit_length(vectors * present)


class ReducedContent(EmbeddingSystem):
    """Cosine similarity of all modalities side by side, reduced to DIMENSIONS at most.

    The reduction is fitted on the training artists that have every modality; where there are fewer
    than two of them, on those that have any. In place of a missing modality stands the mean of the
    training artists that have it. Modalities are taken as they come, the larger has the larger
    say: the paper treats them "as a single feature vector". An artist without any modality is
    similar to nobody.

    Args:
      reduction: principal components, or a projection by a Gaussian random matrix.
      statistics: `content.json` of the catalogue.
      seed: of the random matrix, and of the principal components where they are found by sampling.
    """

    def __init__(
        self,
        reduction: Literal["pca", "random_projection"],
        statistics: Mapping[str, Any],
        seed: int = 0,
    ):
        self._encoder = _encoder(statistics)
        self._reduction, self._seed = reduction, seed

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Learns means and the reduction from the training artists."""
        vectors, present = _content(self._encoder, graph)
        training = graph.split == TRAIN
        known = present & training[:, None]
        number = known.sum(axis=0)
        total = np.where(known, vectors, 0).sum(axis=0, dtype=np.float64)
        self._mean = (total / np.maximum(number, 1)).astype(np.float32)
        some = training & present.any(axis=1)
        # What no training artist has is asked of nobody.
        every = some & present[:, number > 0].all(axis=1)
        rows = every if every.sum() > 1 else some
        dimensions = min(DIMENSIONS, vectors.shape[1], int(rows.sum()))
        self._kept = np.zeros(0, np.int64)
        if dimensions:
            self._reducer = (
                PCA(dimensions, random_state=self._seed)
                if self._reduction == "pca"
                else GaussianRandomProjection(dimensions, random_state=self._seed)
            ).fit(self._filled(vectors, present)[rows])
            # Directions in which these artists do not differ are found by chance.
            differing = getattr(self._reducer, "explained_variance_ratio_", np.ones(dimensions))
            self._kept = np.flatnonzero(differing > _LEAST_VARIANCE)

    def embed(self, graph: ArtistGraph, edges: sp.csr_matrix) -> np.ndarray:
        """[num_artists, at most DIMENSIONS], l2-normalised; the edges are not used."""
        if not len(self._kept):
            return np.zeros((len(graph), 1), np.float32)
        vectors, present = _content(self._encoder, graph)
        reduced = self._reducer.transform(self._filled(vectors, present))[:, self._kept]
        return _unit_length(reduced.astype(np.float32) * present.any(axis=1, keepdims=True))

    def _filled(self, vectors: np.ndarray, present: np.ndarray) -> np.ndarray:
        return np.where(present, vectors, self._mean).astype(np.float64)


def _encoder(statistics: Mapping[str, Any], modalities: tuple[str, ...] = ()) -> ContentEncoder:
    """Words as factors, as in the paper; as bags where older examples have no factors."""
    words = all(
        "factors" in entry for entry in statistics["modalities"] if entry["kind"] == "categories"
    )
    config = FeatureConfig(modalities, FACTORS if words else BAG)
    return ContentEncoder(config, statistics, random=False)


def _content(encoder: ContentEncoder, graph: ArtistGraph) -> tuple[np.ndarray, np.ndarray]:
    """Values and whether they are known, both [num_artists, num_values] of the modalities."""
    features = encoder(raw_content(graph)).numpy()
    values = [features[:, part.start : part.start + part.width] for part in encoder.layout]
    known = [
        np.broadcast_to(features[:, part.flag, None] > 0, value.shape)
        for part, value in zip(encoder.layout, values, strict=True)
    ]
    nothing = np.zeros((len(graph), 0), np.float32)
    return np.hstack([*values, nothing]), np.hstack([*known, nothing.astype(bool)])


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)

"""Nearest neighbours on content alone: no graph, no training."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import scipy.sparse as sp

from trainer.graph import TRAIN, ArtistGraph, CategoryContent, VectorContent
from trainer.systems.base import EmbeddingSystem, Scorer

NUM_WORDS: Final = 1000
"""Words of a category modality that are used: those of the most training artists."""


class NearestContent(EmbeddingSystem):
    """Cosine similarity of all content, each modality with the same say.

    Vectors are standardised with the training artists' mean and standard deviation, bags of words
    are log1p(weight) * idf over the training artists' most frequent words. Each modality is
    l2-normalised; an artist's embedding is those that it has, concatenated and divided by the
    square root of their number. Missing content says nothing, so an artist without any scores 0.
    """

    def __init__(self) -> None:
        self._modalities: dict[str, _Standard | _Vocabulary] = {}

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Learns means, deviations and vocabularies from the training artists."""
        self._modalities = {}
        training = graph.split == TRAIN
        for name, content in graph.content.items():
            if (content.present & training).any():
                known = _Standard if isinstance(content, VectorContent) else _Vocabulary
                self._modalities[name] = known.of(content, training)  # type: ignore[arg-type]

    def embed(self, graph: ArtistGraph, edges: sp.csr_matrix) -> np.ndarray:
        """Concatenated content; the edges are not used."""
        return self._embed_rows(graph, np.arange(len(graph)))

    def scorer(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Scorer:
        """Dot products, without ever holding the wide vectors of the whole catalogue."""

        def scores(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
            return self._embed_rows(graph, queries) @ self._embed_rows(graph, candidates).T

        return scores

    def _embed_rows(self, graph: ArtistGraph, rows: np.ndarray) -> np.ndarray:
        parts = [
            _unit_length(modality.vectors(graph.content[name], rows))  # type: ignore[arg-type]
            for name, modality in self._modalities.items()
            if name in graph.content
        ]
        # A catalogue without content still needs vectors to multiply.
        return _unit_length(np.hstack(parts or [np.zeros((len(rows), 1), np.float32)]))


@dataclasses.dataclass(frozen=True)
class _Standard:
    """The training artists' mean and standard deviation, each [dim] float32."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, content: VectorContent, training: np.ndarray) -> _Standard:
        known = content.values[content.present & training]
        mean = known.mean(axis=0, dtype=np.float64)
        deviation = known.std(axis=0, dtype=np.float64)
        # A column that is constant among the training artists tells nobody apart: it is dropped.
        constant = deviation <= 1e-6 * np.abs(mean)
        return cls(
            mean.astype(np.float32), np.where(constant, np.inf, deviation).astype(np.float32)
        )

    def vectors(self, content: VectorContent, rows: np.ndarray) -> np.ndarray:
        """[num_rows, dim] float32, zeros where unknown."""
        standard = (content.values[rows] - self.mean) / self.deviation
        return standard * content.present[rows, None]


@dataclasses.dataclass(frozen=True)
class _Vocabulary:
    """The words that are used, by column, and their idf ([num_columns] float32)."""

    column: dict[str, int]
    idf: np.ndarray

    @classmethod
    def of(cls, content: CategoryContent, training: np.ndarray) -> _Vocabulary:
        number: dict[str, int] = {}
        bags = _bags(content, np.flatnonzero(training), number, grow=True)
        num_artists = np.bincount(bags.indices, minlength=len(number))
        # By name where as many artists have them, so that the order of the artists plays no part.
        most = sorted(number, key=lambda word: (-num_artists[number[word]], word))[:NUM_WORDS]
        frequency = num_artists[[number[word] for word in most]]
        idf = np.log((1 + content.present[training].sum()) / (1 + frequency)) + 1
        return cls({word: i for i, word in enumerate(most)}, idf.astype(np.float32))

    def vectors(self, content: CategoryContent, rows: np.ndarray) -> np.ndarray:
        """[num_rows, num_columns] float32, zeros where unknown."""
        bags = _bags(content, rows, self.column, grow=False)
        return bags.toarray() * self.idf


def _bags(
    content: CategoryContent, rows: np.ndarray, column: dict[str, int], *, grow: bool
) -> sp.csr_matrix:
    """log1p(weight) by artist and word; words beyond `column` are added to it or left out."""
    lengths = np.diff(content.offsets)[rows]
    artist = np.repeat(np.arange(len(rows)), lengths)
    # Position of each word: its artist's offset, and its place in the artist's bag.
    place = np.arange(len(artist)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    position = np.repeat(content.offsets[rows], lengths) + place
    words = content.words[position]
    if grow:
        for word in words:
            column.setdefault(word, len(column))
    columns = np.fromiter((column.get(word, -1) for word in words), np.int64, len(words))
    used = columns >= 0
    weights = np.log1p(np.maximum(content.weights[position[used]], 0))
    bags = sp.coo_matrix(
        (weights.astype(np.float32), (artist[used], columns[used])),
        shape=(len(rows), len(column)),
    )
    return bags.tocsr()


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)

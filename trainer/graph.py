"""The artist graph in memory, and the parts of it that each use may see."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np
import scipy.sparse as sp

SPLITS: Final = ("train", "val", "test")
TRAIN, VAL, TEST = range(3)


@dataclasses.dataclass(frozen=True)
class VectorContent:
    """One vector an artist, where it is known.

    Attributes:
      values: [num_artists, dim] float32, zeros where unknown.
      present: [num_artists] bool.
    """

    values: np.ndarray
    present: np.ndarray


@dataclasses.dataclass(frozen=True)
class CategoryContent:
    """A bag of weighted words an artist (tags, a country), empty where unknown.

    Attributes:
      words: [num_words] object, the words of all artists one after the other.
      weights: [num_words] float32.
      offsets: [num_artists + 1] int64; artist v has words offsets[v]:offsets[v + 1].
    """

    words: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """[num_artists] bool: whether the artist has any word."""
        return np.diff(self.offsets) > 0


Content = VectorContent | CategoryContent


@dataclasses.dataclass(frozen=True)
class ArtistGraph:
    """All artists of a catalogue with the edges that the split leaves visible.

    Attributes:
      artist_id: [num_artists] object, sorted, unique.
      name: [num_artists] object.
      popularity: [num_artists] float32, NaN where unknown.
      split: [num_artists] int8, an index into SPLITS.
      content: raw content by modality.
      neighbors: [num_artists, num_artists] CSR float32; row v holds the artists that v's ego graph
        lists, with the edges' weights. Only training artists are ever listed, by those of any
        split. Hidden edges are not here.
      weighted: whether the catalogue gives weights.
      meta: descriptive columns by name, [num_artists] object, '' where unknown; no model sees them.
    """

    artist_id: np.ndarray
    name: np.ndarray
    popularity: np.ndarray
    split: np.ndarray
    content: Mapping[str, Content]
    neighbors: sp.csr_matrix
    weighted: bool
    meta: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.artist_id)

    def artists(self, split: str) -> np.ndarray:
        """Rows of the artists of a split, [num] int64, ascending."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def training_edges(self) -> sp.csr_matrix:
        """Edges among training artists only, [num_artists, num_artists] CSR float32."""
        return _rows_kept(self.neighbors, self.split == TRAIN)

    def visible_edges(self, split: str) -> sp.csr_matrix:
        """Edges that may carry messages while `split` is judged (000, section 4.3, figure 3).

        Training edges, and the edges between training artists and those of `split` in both
        directions. Edges inside `split` are hidden, artists of the third split stand alone.
        """
        judged = self.split == SPLITS.index(split)
        return self._with_edges_of(judged & (self.split != TRAIN))

    def served_edges(self) -> sp.csr_matrix:
        """All edges that no split hides, in both directions: what a pushed model knows."""
        return self._with_edges_of(self.split != TRAIN)

    def _with_edges_of(self, added: np.ndarray) -> sp.csr_matrix:
        lists = _rows_kept(self.neighbors, added)
        return (self.training_edges() + lists + lists.T).tocsr()


def _rows_kept(matrix: sp.csr_matrix, keep: np.ndarray) -> sp.csr_matrix:
    degrees = np.diff(matrix.indptr)
    kept = np.repeat(keep, degrees)
    indptr = np.concatenate([[0], np.cumsum(np.where(keep, degrees, 0))])
    return sp.csr_matrix(
        (matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape, dtype=np.float32
    )

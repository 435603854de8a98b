"""The descriptive tags of a catalogue's artists: what rankings are held to be consistent with."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.sparse as sp

from trainer.graph import ArtistGraph, CategoryContent
from trainer.ranking.distribution import popularity_percentile

POPULARITY_BAND: Final = "popularity_band"
NUM_BANDS: Final = 4
"""Quartiles."""


def descriptive_tags(graph: ArtistGraph) -> dict[str, sp.csr_matrix]:
    """The tags of each kind, as 001 has genre, region and popularity (section 2).

    They are: the words of each modality of words, whatever their weights; each descriptive column,
    unless a modality of words has its name; POPULARITY_BAND where any popularity is known.

    Args:
      graph: the catalogue.

    Returns:
      By kind, [num_artists, num_tags] CSR float32, 1 where the artist has the tag.
    """
    tags = {}
    for name, content in graph.content.items():
        if isinstance(content, CategoryContent):
            artist = np.repeat(np.arange(len(graph)), np.diff(content.offsets))
            tags[name] = _tag_matrix(len(graph), artist, content.words)
    for name, column in graph.meta.items():
        known = np.flatnonzero(column != "")
        tags.setdefault(name, _tag_matrix(len(graph), known, column[known]))
    known = np.flatnonzero(~np.isnan(graph.popularity))
    if len(known):
        band = popularity_bands(graph.popularity[known])
        tags.setdefault(POPULARITY_BAND, _tag_matrix(len(graph), known, band))
    return tags


def popularity_bands(popularity: np.ndarray) -> np.ndarray:
    """The quartile of each popularity among all.

    Args:
      popularity: [num] float, no NaN.

    Returns:
      [num] int64 from 0, the least popular, to NUM_BANDS - 1; equally popular artists share a band.
    """
    return np.floor(NUM_BANDS * popularity_percentile(popularity)).astype(np.int64)


def _tag_matrix(num_artists: int, artist: np.ndarray, tag: np.ndarray) -> sp.csr_matrix:
    names, column = np.unique(tag.astype(str), return_inverse=True)
    matrix = sp.csr_matrix(
        (np.ones(len(artist), np.float32), (artist, column)), shape=(num_artists, len(names))
    )
    # A word that an artist has twice was added up.
    matrix.data[:] = 1
    return matrix

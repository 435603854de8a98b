"""Catalogues with some of their content taken away: what 003 compares embeddings on."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from trainer.graph import ArtistGraph, CategoryContent, Content, VectorContent
from trainer.ranking.modality_groups import ModalityGroups


def with_modalities(graph: ArtistGraph, names: Sequence[str]) -> ArtistGraph:
    """The graph with these modalities alone; the others are gone from it."""
    return dataclasses.replace(graph, content={name: graph.content[name] for name in names})


def keeping(graph: ArtistGraph, kept: Mapping[str, np.ndarray]) -> ArtistGraph:
    """The graph with the content of some artists taken away.

    Args:
      graph: the catalogue.
      kept: by modality, [num_artists] bool: who keeps it. A modality that is not named is missing
        for all artists, and stays a modality of the graph.
    """
    nobody = np.zeros(len(graph), bool)
    content = {name: _kept(graph.content[name], kept.get(name, nobody)) for name in graph.content}
    return dataclasses.replace(graph, content=content)


def combinations(names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """All non-empty sets of modalities, the largest first (003, table 1)."""
    sizes = range(len(names), 0, -1)
    return tuple(found for size in sizes for found in itertools.combinations(names, size))


def random_groups(
    graph: ArtistGraph, artists: np.ndarray, names: Sequence[str], seed: int
) -> tuple[ArtistGraph, ModalityGroups]:
    """Groups of equal size, drawn at random, each with one set of modalities (003, section 2.4).

    Args:
      graph: the catalogue.
      artists: [num] int64 rows of artists that have all the modalities.
      names: of the modalities.
      seed: of the draw.

    Returns:
      The graph in which each of the artists keeps its group's modalities alone and nobody else has
      any; and the groups, of these artists. Sizes differ by one at most.
    """
    sets = combinations(names)
    shuffled = np.random.default_rng(seed).permutation(len(artists))
    group = np.empty(len(artists), np.int64)
    group[shuffled] = np.arange(len(artists)) % len(sets)
    kept = {}
    for name in names:
        has = np.array([name in members for members in sets])
        kept[name] = np.zeros(len(graph), bool)
        kept[name][artists] = has[group]
    return keeping(graph, kept), ModalityGroups(tuple(map("+".join, sets)), group)


def _kept(content: Content, keep: np.ndarray) -> Content:
    if isinstance(content, VectorContent):
        values = np.where(keep[:, None], content.values, 0).astype(content.values.dtype)
        return VectorContent(values, content.present & keep)
    lengths = np.diff(content.offsets)
    words = np.repeat(keep, lengths)
    offsets = np.concatenate([[0], np.cumsum(np.where(keep, lengths, 0))]).astype(np.int64)
    return CategoryContent(content.words[words], content.weights[words], offsets)

"""One embedding for each modality of an artist: what a model makes of that modality alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from components.retrieval_evaluator.saved_model import Judged
from trainer.graph import ArtistGraph, CategoryContent, Content, VectorContent


class ModalityEmbeddings(NamedTuple):
    """What a model makes of each modality.

    Attributes:
      modalities: names, sorted; those that the model reads and at least one of the artists has.
      embedding: [num_modalities, num_artists, dim] float32.
      present: [num_modalities, num_artists] bool, whether the artist has the modality.
    """

    modalities: Sequence[str]
    embedding: np.ndarray
    present: np.ndarray


def modality_embeddings(
    model: Judged, graph: ArtistGraph, artists: np.ndarray
) -> ModalityEmbeddings:
    """Embeds artists from one modality at a time: all others are missing, and there is no edge.

    003 has an encoder for each modality, whose outputs it compares (section 2.6). Models here have
    one for all of them together, which must do with any of them missing.

    Args:
      model: what embeds.
      graph: the catalogue.
      artists: [num_artists] int64 rows to embed.
    """
    names = [name for name in model.reads(graph) if graph.content[name].present[artists].any()]
    alone = dataclasses.replace(
        graph,
        artist_id=graph.artist_id[artists],
        name=graph.name[artists],
        popularity=graph.popularity[artists],
        split=graph.split[artists],
        neighbors=sp.csr_matrix((len(artists), len(artists)), dtype=np.float32),
        meta={},
        content={},
    )
    embedding = [
        model.embed(
            dataclasses.replace(alone, content={name: _rows(graph.content[name], artists)}),
            alone.neighbors,
        ).embedding
        for name in names
    ]
    present = [graph.content[name].present[artists] for name in names]
    return ModalityEmbeddings(
        names,
        np.stack(embedding) if names else np.zeros((0, len(artists), 0), np.float32),
        np.array(present, bool).reshape(len(names), len(artists)),
    )


def _rows(content: Content, artists: np.ndarray) -> Content:
    """The content of some artists, in their order."""
    if isinstance(content, VectorContent):
        return VectorContent(content.values[artists], content.present[artists])
    lengths = np.diff(content.offsets)[artists]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    place = np.arange(offsets[-1]) + np.repeat(content.offsets[artists] - offsets[:-1], lengths)
    return CategoryContent(content.words[place], content.weights[place], offsets)

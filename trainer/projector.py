"""The embedding map of TensorBoard's projector."""

from __future__ import annotations

import os

import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector

from trainer.graph import SPLITS, ArtistGraph, CategoryContent

_TENSOR = "artist_embedding.tsv"
_METADATA = "artist_metadata.tsv"
_MOST = 10_000
"""The projector runs in the browser; with more points than this it no longer turns."""


def write_projector(log_dir: str, graph: ArtistGraph, embedding: np.ndarray) -> None:
    """Writes embeddings and labels where TensorBoard's projector looks for them.

    Args:
      log_dir: of the training.
      graph: gives names, splits and each categories modality's first word.
      embedding: [num_artists, dim] float32.
    """
    tf.io.gfile.makedirs(log_dir)
    # The most connected ones where there are too many: those a person can name.
    degrees = np.diff(graph.neighbors.indptr)
    shown = np.sort(np.argsort(-degrees, kind="stable")[:_MOST])
    words = {
        name: content for name, content in graph.content.items()
        if isinstance(content, CategoryContent)
    }  # fmt: skip
    with tf.io.gfile.GFile(os.path.join(log_dir, _TENSOR), "w") as file:
        for vector in embedding[shown]:
            file.write("\t".join(f"{number:.5g}" for number in vector) + "\n")
    with tf.io.gfile.GFile(os.path.join(log_dir, _METADATA), "w") as file:
        file.write("\t".join(["name", "split", *words]) + "\n")
        for row in shown:
            labels = [_first_word(content, row) for content in words.values()]
            cells = [graph.name[row], SPLITS[graph.split[row]], *labels]
            # Tabs and line ends are the table's own.
            file.write("\t".join(" ".join(cell.split()) for cell in cells) + "\n")
    config = projector.ProjectorConfig()
    config.embeddings.add(tensor_name="artists", tensor_path=_TENSOR, metadata_path=_METADATA)
    projector.visualize_embeddings(log_dir, config)


def _first_word(content: CategoryContent, row: int) -> str:
    start, end = content.offsets[row : row + 2]
    return str(content.words[start]) if end > start else ""

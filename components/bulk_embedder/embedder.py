"""From a model and ego-graph examples to a folder of embeddings, on Beam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np

from components import beam_progress
from components.bulk_embedder import layers, progress, walks
from components.bulk_embedder.served_edges import ReadCatalogue
from components.bulk_embedder.shards import WriteShards
from trainer.bulk_model import LAYERS, BulkPlan


def embed_catalogue(
    pipeline: beam.Pipeline, model: str, plan: BulkPlan, examples_uri: str, folder: str, about: dict
) -> None:
    """Adds the embedding of a whole catalogue to a Beam pipeline.

    Every artist is embedded from its content and the edges that no split hides, as the model itself
    keeps it; side inputs are 64 ids, 64 sizes and two numbers.

    Args:
      pipeline: where to.
      model: path of the SavedModel, that all workers see.
      plan: of its bulk model.
      examples_uri: the folder of the Examples artifact, that all workers see.
      folder: gets the files, see `WriteShards`.
      about: text that each file carries, by name.
    """
    block = layers.BLOCK if plan.kind == LAYERS else walks.BLOCK
    catalogue = pipeline | "Catalogue" >> ReadCatalogue(examples_uri, block, plan.fan_out)
    own = catalogue["artists"] | "Content" >> beam.MapTuple(_examples)
    inputs: dict[str, Any] = {"own": own, "edges": catalogue["edges"]}
    if plan.kind == LAYERS:
        embeddings = inputs | "Layers" >> layers.Layers(model, plan)
    else:
        inputs["rows"] = catalogue["rows"]
        embeddings = inputs | "Walks" >> walks.Walks(model, plan)
    embeddings = embeddings | "Embedded" >> beam.Map(_told)
    ids = catalogue["artists"] | "Ids" >> beam.MapTuple(_ids)
    _ = {"ids": ids, "embeddings": embeddings} | "Files" >> WriteShards(folder, block, about)


def _examples(block: int, artists: Iterable[tuple[int, str, bytes]]) -> tuple[int, np.ndarray]:
    """(block, [num] object of examples, in the order of rows)."""
    ordered = sorted(artists)
    if [place for place, _, _ in ordered] != list(range(len(ordered))):
        raise ValueError(f"block {block} of the artists is not whole")
    beam_progress.tell(progress.READING, len(ordered))
    examples = np.empty(len(ordered), object)
    examples[:] = [example for _, _, example in ordered]
    return block, examples


def _ids(block: int, artists: Iterable[tuple[int, str, bytes]]) -> tuple[int, list[str]]:
    return block, [key for _, key, _ in sorted(artists)]


def _told(keyed: tuple[int, np.ndarray]) -> tuple[int, np.ndarray]:
    beam_progress.tell(progress.EMBEDDING, len(keyed[1]))
    return keyed

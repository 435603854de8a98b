"""Where rooted subgraphs lie beside the ego graphs, and what describes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.loading import modality_names

ARTIST: Final = "artist"
SIMILAR: Final = "similar"
KNOWN: Final = "known_id"
"""All artists that the root's ego graph lists: the pairs of a batch are found among them, and no
message reads them."""
SUBGRAPH_SPLITS: Final = ("train", "val")
SUBGRAPH_SCHEMA_FILE: Final = "subgraph_schema.pbtxt"


def subgraph_folder(examples_uri: str, split: str) -> str:
    """The folder of a split's subgraphs; not one of the artifact's splits, as those are read whole
    by whatever reads examples."""
    return os.path.join(examples_uri, f"Subgraphs-{split}")


def subgraph_schema(examples_uri: str, modalities: Sequence[str] | None) -> tfgnn.GraphSchema:
    """The schema of a catalogue's subgraphs, made of that of its ego graphs.

    Args:
      examples_uri: the folder of the ego graphs.
      modalities: what they hold of each artist's content; None: all of it. Of one that the
        catalogue does not have the trainer has more to say.

    Returns:
      One node set `artist` with `id` and the content's features, one edge set `similar` from
      neighbour to artist with `weight`, and KNOWN of the root in the context.
    """
    ego = tfgnn.read_schema(os.path.join(examples_uri, "graph_schema.pbtxt"))
    names = modality_names(tfgnn.create_graph_spec_from_schema_pb(ego))
    schema = tfgnn.GraphSchema()
    features = ego.node_sets[ARTIST].features
    schema.node_sets[ARTIST].features["id"].CopyFrom(features["id"])
    for name in names if modalities is None else [one for one in modalities if one in names]:
        companion = "_weight" if features[name].dtype == tf.string.as_datatype_enum else "_present"
        for feature in (name, f"{name}{companion}"):
            schema.node_sets[ARTIST].features[feature].CopyFrom(features[feature])
    schema.node_sets[ARTIST].description = "The root, then all that it hears over some hops."
    similar = schema.edge_sets[SIMILAR]
    similar.source = similar.target = ARTIST
    similar.features["weight"].CopyFrom(ego.edge_sets[SIMILAR].features["weight"])
    known = schema.context.features[KNOWN]
    known.dtype = tf.string.as_datatype_enum
    known.shape.dim.add().size = -1
    known.description = "Of a training artist all that its ego graph lists; no message reads it."
    return schema


def subgraph_spec(examples_uri: str) -> tfgnn.GraphTensorSpec:
    """The spec of a catalogue's subgraphs, from the schema that lies beside them."""
    schema = tfgnn.read_schema(os.path.join(examples_uri, SUBGRAPH_SCHEMA_FILE))
    return tfgnn.create_graph_spec_from_schema_pb(schema)


def has_subgraphs(examples_uri: str) -> bool:
    """Whether the examples were built to be streamed."""
    return tf.io.gfile.exists(os.path.join(examples_uri, SUBGRAPH_SCHEMA_FILE))


def subgraph_files(examples_uri: str, split: str) -> list[str]:
    """The files of a split's subgraphs, sorted; none where none were made."""
    return sorted(tf.io.gfile.glob(os.path.join(subgraph_folder(examples_uri, split), "*.gz")))

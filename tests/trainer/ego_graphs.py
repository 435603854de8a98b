"""Ego graphs of hand-made graphs, written with TF-GNN itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.graph import ArtistGraph, VectorContent


def spec_of(graph: ArtistGraph) -> tfgnn.GraphTensorSpec:
    """The spec of the ego graphs of a graph."""
    return tfgnn.create_graph_spec_from_schema_pb(schema_of(graph))


def schema_of(graph: ArtistGraph) -> tfgnn.GraphSchema:
    """The builder's schema for the content of a graph."""
    features = [
        'features { key: "id" value { dtype: DT_STRING } }',
        'features { key: "name" value { dtype: DT_STRING } }',
        'features { key: "popularity" value { dtype: DT_FLOAT } }',
        'features { key: "popularity_present" value { dtype: DT_INT64 } }',
    ]
    ragged = "shape { dim { size: -1 } }"
    for name, content in graph.content.items():
        if isinstance(content, VectorContent):
            shape = f"shape {{ dim {{ size: {content.values.shape[1]} }} }}"
            entries = (name, "DT_FLOAT", shape), (f"{name}_present", "DT_INT64", "")
        else:
            entries = (name, "DT_STRING", ragged), (f"{name}_weight", "DT_FLOAT", ragged)
        for key, dtype, shape in entries:
            features.append(f'features {{ key: "{key}" value {{ dtype: {dtype} {shape} }} }}')
    return tfgnn.parse_schema(
        f"""
        node_sets {{ key: "artist" value {{ {" ".join(features)} }} }}
        node_sets {{ key: "neighbor" value {{
            features {{ key: "id" value {{ dtype: DT_STRING }} }} }} }}
        edge_sets {{ key: "similar" value {{ source: "neighbor" target: "artist"
            features {{ key: "weight" value {{ dtype: DT_FLOAT }} }} }} }}
        """
    )


def ego_graph(
    graph: ArtistGraph, row: int, neighbors: Sequence[tuple[str, float]]
) -> tfgnn.GraphTensor:
    """An artist with its content, similar to `neighbors`, (id, weight)."""
    artist = {
        "id": tf.constant([graph.artist_id[row]]),
        "name": tf.constant([graph.name[row]]),
        "popularity": tf.constant([np.nan_to_num(graph.popularity[row])], tf.float32),
        "popularity_present": tf.constant([int(np.isfinite(graph.popularity[row]))], tf.int64),
    }
    for name, content in graph.content.items():
        if isinstance(content, VectorContent):
            artist[name] = tf.constant(content.values[[row]])
            artist[f"{name}_present"] = tf.constant(content.present[[row]].astype(np.int64))
        else:
            part = slice(content.offsets[row], content.offsets[row + 1])
            artist[name] = tf.RaggedTensor.from_row_lengths(
                tf.constant(content.words[part].tolist(), tf.string),
                tf.constant([part.stop - part.start], tf.int64),
            )
            artist[f"{name}_weight"] = artist[name].with_flat_values(
                tf.constant(content.weights[part])
            )
    count = tf.constant([len(neighbors)], tf.int64)
    return tfgnn.GraphTensor.from_pieces(
        node_sets={
            "artist": tfgnn.NodeSet.from_fields(sizes=tf.constant([1], tf.int64), features=artist),
            "neighbor": tfgnn.NodeSet.from_fields(
                sizes=count, features={"id": tf.constant([u for u, _ in neighbors], tf.string)}
            ),
        },
        edge_sets={
            "similar": tfgnn.EdgeSet.from_fields(
                sizes=count,
                adjacency=tfgnn.Adjacency.from_indices(
                    ("neighbor", tf.range(len(neighbors), dtype=tf.int64)),
                    ("artist", tf.zeros([len(neighbors)], tf.int64)),
                ),
                features={"weight": tf.constant([w for _, w in neighbors], tf.float32)},
            )
        },
    )


def serialized(graph: ArtistGraph, row: int, neighbors: Sequence[tuple[str, float]]) -> bytes:
    """The same as an example, as a client sends it."""
    return tfgnn.write_example(ego_graph(graph, row, neighbors)).SerializeToString()

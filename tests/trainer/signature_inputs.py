"""Inputs of a SavedModel's signatures, made of a graph."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from trainer.graph import ArtistGraph, CategoryContent, VectorContent


def given(graph: ArtistGraph, rows, neighbors, ids=None, width=None):
    """Inputs of `embed_new`: padded with '' and 0, or with what means nothing."""
    rows = np.asarray(rows, np.int64)
    width = width or max((len(one) for one in neighbors), default=0)
    neighbor_id = np.full((len(rows), width), "", object)
    neighbor_weight = np.zeros((len(rows), width), np.float32)
    for i, one in enumerate(neighbors):
        neighbor_id[i, : len(one)] = [u for u, _ in one]
        neighbor_weight[i, : len(one)] = [w for _, w in one]
    inputs = {
        "artist_id": strings(graph.artist_id[rows] if ids is None else ids),
        "neighbor_id": strings(neighbor_id),
        "neighbor_weight": neighbor_weight,
    }
    for name, content in graph.content.items():
        if isinstance(content, VectorContent):
            inputs[name] = content.values[rows]
            inputs[f"{name}_present"] = content.present[rows].astype(np.int64)
        else:
            inputs[name], inputs[f"{name}_weight"] = padded_words(content, rows)
    return inputs


def padded_words(content: CategoryContent, rows):
    spans = [slice(content.offsets[row], content.offsets[row + 1]) for row in rows]
    width = max((span.stop - span.start for span in spans), default=0) + 1
    bag, weight = np.full((len(rows), width), "", object), np.ones((len(rows), width), np.float32)
    for i, span in enumerate(spans):
        bag[i, : span.stop - span.start] = content.words[span]
        weight[i, : span.stop - span.start] = content.weights[span]
    return strings(bag), weight


def strings(values):
    values = np.asarray(values, object)
    return np.array([text.encode() for text in values.ravel()], np.bytes_).reshape(values.shape)


def examples(serialized_graphs):
    # As objects: NumPy's own strings lose the zeros that an example may end with.
    return np.array([*serialized_graphs], object)


def whole_graph(graph: ArtistGraph, edges: sp.csr_matrix):
    """Inputs of `embed_graph`."""
    inputs = {
        "artist_id": strings(graph.artist_id),
        "target": np.repeat(np.arange(len(graph)), np.diff(edges.indptr)).astype(np.int64),
        "source": edges.indices.astype(np.int64),
        "weight": edges.data.astype(np.float32),
    }
    for name, content in graph.content.items():
        if isinstance(content, VectorContent):
            inputs[name] = content.values
            inputs[f"{name}_present"] = content.present.astype(np.int64)
        else:
            inputs[name], inputs[f"{name}_weight"] = strings(content.words), content.weights
            inputs[f"{name}_length"] = np.diff(content.offsets)
    return inputs

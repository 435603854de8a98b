"""From ego-graph examples to the graph in memory, read with TF-GNN's own reader."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.graph import SPLITS, ArtistGraph, CategoryContent, Content, VectorContent
from trainer.listener_factors import LISTENING_FILE, ListenerFactors

_BATCH: Final = 4096
_META: Final = "meta_"


def read_graph_spec(examples_uri: str) -> tfgnn.GraphTensorSpec:
    """The spec of a catalogue's ego graphs, from the schema that travels with them."""
    schema = tfgnn.read_schema(os.path.join(examples_uri, "graph_schema.pbtxt"))
    return tfgnn.create_graph_spec_from_schema_pb(schema)


def read_content_statistics(examples_uri: str) -> dict[str, Any]:
    """What the builder learnt of the content, on training artists only.

    Returns:
      `content.json`, and in the entries of its `modalities` the matrices of `content.npz`:
      `log_share` [V] float32 (log of each word's share of all weights) and `factors` [V, d] float32
      of categories, V words in the order of `vocabulary`; `components` [pca_dim, dim] float32 of
      vectors that are reduced, to be applied to standardised ones. Examples without that file lack
      them.
    """
    with tf.io.gfile.GFile(os.path.join(examples_uri, "content.json")) as file:
        statistics = json.load(file)
    entries = {entry["name"]: entry for entry in statistics["modalities"]}
    path = os.path.join(examples_uri, "content.npz")
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path, "rb") as file:
            arrays = np.load(io.BytesIO(file.read()), allow_pickle=False)
        for member in arrays.files:
            modality, name = member.split(".")
            entries[modality][name] = arrays[member]
    return statistics


def read_summary(examples_uri: str) -> dict[str, Any]:
    """`summary.json`: what the builder counted."""
    with tf.io.gfile.GFile(os.path.join(examples_uri, "summary.json")) as file:
        return json.load(file)


def read_listener_factors(examples_uri: str) -> ListenerFactors | None:
    """`listening.npz`: what the builder learnt of listeners; None where there are no plays."""
    path = os.path.join(examples_uri, LISTENING_FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        return ListenerFactors.from_bytes(file.read())


def modality_names(spec: tfgnn.GraphTensorSpec) -> tuple[str, ...]:
    """The content modalities of a spec, sorted."""
    features = spec.node_sets_spec["artist"].features_spec
    # All else of an artist is one value; the dtype tells what goes with a list. A descriptive
    # column may end as a modality's companions do, so the names alone do not tell.
    return tuple(
        sorted(
            name
            for name, feature in features.items()
            if feature.shape.rank == 2
            and name + ("_weight" if feature.dtype == tf.string else "_present") in features
        )
    )


def modality_dims(spec: tfgnn.GraphTensorSpec) -> dict[str, int]:
    """By modality of a spec the length of its vectors, 0 for words."""
    features = spec.node_sets_spec["artist"].features_spec
    return {
        name: 0 if features[name].dtype == tf.string else features[name].shape[1]
        for name in modality_names(spec)
    }


def meta_columns(spec: tfgnn.GraphTensorSpec) -> tuple[str, ...]:
    """The descriptive columns of a spec, sorted, without the prefix that they have there."""
    features = spec.node_sets_spec["artist"].features_spec
    # A modality may have such a name as well, but is never one text an artist.
    return tuple(
        sorted(
            name[len(_META) :]
            for name, feature in features.items()
            if name.startswith(_META) and feature.shape.rank == 1 and feature.dtype == tf.string
        )
    )


def load_graph(examples_uri: str, splits: Sequence[str] = SPLITS) -> ArtistGraph:
    """Assembles the artists of some splits and the edges that their ego graphs list.

    Args:
      examples_uri: the folder of the Examples artifact.
      splits: which to load; hidden edges are never among them.

    Returns:
      The graph, artists sorted by id. Neighbours that are in none of the splits are left out.
    """
    spec = read_graph_spec(examples_uri)
    modalities, meta = modality_names(spec), meta_columns(spec)
    parts: list[dict[Any, np.ndarray]] = []
    for split in splits:
        for batch in _records(examples_uri, split):
            parts.append(_columns(tfgnn.parse_example(spec, batch), modalities, meta))
            parts[-1]["split"] = np.full(len(parts[-1]["id"]), SPLITS.index(split), np.int8)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(joined["id"])
    artist_id = joined["id"][order]
    popularity = np.where(joined["popularity_present"] > 0, joined["popularity"], np.nan)
    return ArtistGraph(
        artist_id=artist_id,
        name=joined["name"][order],
        popularity=popularity[order].astype(np.float32),
        split=joined["split"][order],
        content={name: _content(joined, name, order) for name in modalities},
        neighbors=_neighbors(joined, order, artist_id),
        weighted=bool(np.ptp(joined["weight"])) if len(joined["weight"]) else False,
        meta={column: joined[_META, column][order] for column in meta},
    )


def load_artists(examples_uri: str) -> ArtistGraph:
    """The artists of all splits as `load_graph` has them, without edges, content and names."""
    ids, splits = [np.zeros(0, object)], [np.zeros(0, np.int8)]
    for place, split in enumerate(SPLITS):
        for batch in _records(examples_uri, split):
            parsed = tf.io.parse_example(
                batch, {"nodes/artist.id": tf.io.FixedLenFeature([], tf.string)}
            )
            ids.append(_text(parsed["nodes/artist.id"].numpy()))
            splits.append(np.full(len(ids[-1]), place, np.int8))
    artist_id, split_of = np.concatenate(ids), np.concatenate(splits)
    order = np.argsort(artist_id)
    num_artists = len(order)
    return ArtistGraph(
        artist_id=artist_id[order],
        name=np.full(num_artists, "", object),
        popularity=np.full(num_artists, np.nan, np.float32),
        split=split_of[order],
        content={},
        neighbors=sp.csr_matrix((num_artists, num_artists), dtype=np.float32),
        weighted=False,
    )


def load_hidden_edges(examples_uri: str, split: str, artist_id: np.ndarray) -> sp.csr_matrix:
    """The edges inside a judged split, for a judge alone.

    Args:
      examples_uri: the folder of the Examples artifact.
      split: val or test.
      artist_id: [num_artists] sorted, the rows of the graph.

    Returns:
      [num_artists, num_artists] CSR float32, the edges' weights.

    Raises:
      ValueError: an edge of an artist that is not in artist_id.
    """
    features = {
        "artist_id": tf.io.FixedLenFeature([], tf.string),
        "similar_id": tf.io.RaggedFeature(tf.string),
        "weight": tf.io.RaggedFeature(tf.float32),
    }
    rows, columns, weights = [], [], []
    for batch in _records(examples_uri, f"hidden_{split}"):
        parsed = tf.io.parse_example(batch, features)
        source = _rows_of(_text(parsed["artist_id"].numpy()), artist_id)
        rows.append(np.repeat(source, parsed["similar_id"].row_lengths().numpy()))
        columns.append(_rows_of(_text(parsed["similar_id"].flat_values.numpy()), artist_id))
        weights.append(parsed["weight"].flat_values.numpy())
    num_artists = len(artist_id)
    if not rows:
        return sp.csr_matrix((num_artists, num_artists), dtype=np.float32)
    edges = (np.concatenate(rows), np.concatenate(columns))
    if min(ends.min(initial=0) for ends in edges) < 0:
        # Leaving them out would shrink the truth that a model is judged by.
        raise ValueError(f"hidden_{split} names artists that the graph does not have")
    return sp.csr_matrix((np.concatenate(weights), edges), shape=(num_artists, num_artists))


def _records(examples_uri: str, split: str) -> tf.data.Dataset:
    files = sorted(tf.io.gfile.glob(os.path.join(examples_uri, f"Split-{split}", "*.gz")))
    return tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH)


def _columns(
    graphs: tfgnn.GraphTensor, modalities: tuple[str, ...], meta: tuple[str, ...]
) -> dict[Any, np.ndarray]:
    """Flat NumPy columns of a batch of ego graphs; a modality's have (its name, which) as key.

    A descriptive column has (_META, its name).
    """
    degrees = tf.squeeze(graphs.node_sets["neighbor"].sizes, axis=-1).numpy()
    flat = graphs.merge_batch_to_components()
    artist = flat.node_sets["artist"]
    columns: dict[Any, np.ndarray] = {
        "id": _text(artist["id"].numpy()),
        "name": _text(artist["name"].numpy()),
        "popularity": artist["popularity"].numpy(),
        "popularity_present": artist["popularity_present"].numpy(),
        "degree": degrees,
        "neighbor": _text(flat.node_sets["neighbor"]["id"].numpy()),
        "weight": flat.edge_sets["similar"]["weight"].numpy(),
    }
    for column in meta:
        columns[_META, column] = _text(artist[_META + column].numpy())
    for name in modalities:
        if artist[name].dtype != tf.string:
            columns[name, "values"] = artist[name].numpy()
            columns[name, "present"] = artist[f"{name}_present"].numpy()
        else:
            columns[name, "words"] = _text(artist[name].flat_values.numpy())
            columns[name, "weights"] = artist[f"{name}_weight"].flat_values.numpy()
            columns[name, "lengths"] = artist[name].row_lengths().numpy()
    return columns


def _content(joined: dict[Any, np.ndarray], name: str, order: np.ndarray) -> Content:
    if (name, "values") in joined:
        return VectorContent(
            joined[name, "values"][order].astype(np.float32), joined[name, "present"][order] > 0
        )
    offsets, flat = _reordered(joined[name, "lengths"], order)
    return CategoryContent(joined[name, "words"][flat], joined[name, "weights"][flat], offsets)


def _neighbors(
    joined: dict[Any, np.ndarray], order: np.ndarray, artist_id: np.ndarray
) -> sp.csr_matrix:
    offsets, flat = _reordered(joined["degree"], order)
    column = _rows_of(joined["neighbor"][flat], artist_id)
    row = np.repeat(np.arange(len(artist_id)), np.diff(offsets))
    found = column >= 0
    matrix = sp.csr_matrix(
        (joined["weight"][flat][found].astype(np.float32), (row[found], column[found])),
        shape=(len(artist_id), len(artist_id)),
    )
    matrix.sort_indices()
    return matrix


def _reordered(lengths: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of ragged rows in a new order, and where each of their values lay before."""
    starts = np.concatenate([[0], np.cumsum(lengths)])[:-1][order]
    lengths = lengths[order]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return offsets, np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)


def _rows_of(names: np.ndarray, artist_id: np.ndarray) -> np.ndarray:
    """[num] int64 rows of the names in the sorted artist_id, -1 where there is none."""
    if not len(names):
        return np.zeros(0, np.int64)
    position = np.minimum(np.searchsorted(artist_id, names), len(artist_id) - 1)
    return np.where(artist_id[position] == names, position, -1)


def _text(values: np.ndarray) -> np.ndarray:
    return np.array([value.decode() for value in values], dtype=object)

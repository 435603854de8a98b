"""What a pushed model brings along for the explorer: names, content, visible edges and a map."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.catalogue_map import catalogue_map
from trainer.graph import ArtistGraph, CategoryContent, VectorContent

FORMAT: Final = 1
_PATH: Final = ("assets.extra", "explorer.npz")

MOST_WORDS: Final = 30
"""Of an artist, the strongest."""
MOST_DIMENSIONS: Final = 64
"""Of a vector; wider ones are kept by their leading principal components."""

Arrays = dict[str, np.ndarray]


def write_explorer_data(
    path: str,
    graph: ArtistGraph,
    statistics: Mapping[str, Any],
    modalities: Sequence[str],
    embedding: np.ndarray,
    layout: str,
) -> None:
    """Adds the explorer's data to a SavedModel; the same input gives the same bytes.

    Args:
      path: of the SavedModel.
      graph: the catalogue. Of its edges only `served_edges()` are written.
      statistics: `content.json` of the catalogue.
      modalities: those that the model reads.
      embedding: [num_artists, dim] float32, the served vectors.
      layout: of the map, see `trainer.catalogue_map`.
    """
    arrays = explorer_data(graph, statistics, modalities, embedding, layout)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    folder = os.path.join(path, _PATH[0])
    tf.io.gfile.makedirs(folder)
    target = os.path.join(folder, _PATH[1])
    # A server may be looking: the file is there as a whole or not at all.
    with tf.io.gfile.GFile(f"{target}.partial", "wb") as written:
        written.write(file.getvalue())
    tf.io.gfile.rename(f"{target}.partial", target, overwrite=True)


def read_places(path: str) -> np.ndarray | None:
    """The map that a SavedModel brings, [num_artists, 2] float32 in the order of its artists.

    Args:
      path: of the SavedModel.

    Returns:
      None where it brings none.
    """
    source = os.path.join(path, *_PATH)
    if not tf.io.gfile.exists(source):
        return None
    with tf.io.gfile.GFile(source, "rb") as file:
        arrays = np.load(io.BytesIO(file.read()), allow_pickle=False)
    return np.column_stack([arrays["x"], arrays["y"]])


def explorer_data(
    graph: ArtistGraph,
    statistics: Mapping[str, Any],
    modalities: Sequence[str],
    embedding: np.ndarray,
    layout: str,
) -> Arrays:
    """The members of `explorer.npz`; serving/README.md describes each."""
    edges = _symmetric(graph.served_edges())
    known = {entry["name"]: entry for entry in statistics["modalities"]}
    names = [name for name in graph.content if name in known]
    places = catalogue_map(embedding, layout, prominence(graph.popularity, edges))
    arrays: Arrays = {
        **_texts("artist_id", graph.artist_id),
        **_texts("name", graph.name),
        "popularity": graph.popularity.astype(np.float32),
        "x": places[:, 0],
        "y": places[:, 1],
        "edge_offsets": edges.indptr.astype(np.int64),
        "edges": edges.indices.astype(np.int32),
    }
    about = []
    for place, name in enumerate(names):
        content = graph.content[name]
        entry: dict[str, Any] = {"name": name, "read": name in modalities}
        if isinstance(content, CategoryContent):
            entry["kind"] = "words"
            members = _words(content, set(known[name]["vocabulary"]) if entry["read"] else set())
        else:
            entry.update(kind="vector", dim=content.values.shape[1])
            members = _vectors(content, known[name])
        arrays.update({f"content{place}_{key}": value for key, value in members.items()})
        about.append(entry)
    header = {"format": FORMAT, "modalities": about}
    arrays["header"] = np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8)
    return arrays


def prominence(popularity: np.ndarray, edges: sp.csr_matrix) -> np.ndarray:
    """[num_artists] int64 rows: the most popular first, then the most connected.

    Args:
      popularity: [num_artists] float32, NaN where unknown, which comes last.
      edges: [num_artists, num_artists] CSR.
    """
    degree = np.diff(edges.indptr)
    return np.lexsort((-degree, np.where(np.isnan(popularity), np.inf, -popularity)))


def _symmetric(edges: sp.csr_matrix) -> sp.csr_matrix:
    """Who is known to be similar to whom, whoever lists it; without weights."""
    ends = edges.tocoo()
    other = ends.row != ends.col
    row, column = ends.row[other], ends.col[other]
    both = (np.concatenate([row, column]), np.concatenate([column, row]))
    matrix = sp.csr_matrix((np.ones(2 * len(row), np.int8), both), shape=edges.shape)
    matrix.sum_duplicates()
    return matrix


def _words(content: CategoryContent, read: set[str]) -> Arrays:
    """The strongest words of each artist, those of equal weight in the order of the alphabet."""
    vocabulary, index = np.unique(content.words.astype(str), return_inverse=True)
    row = np.repeat(np.arange(len(content.offsets) - 1), np.diff(content.offsets))
    order = np.lexsort((index, -content.weights, row))
    place = np.arange(len(row)) - content.offsets[row]
    kept = order[place < MOST_WORDS]
    lengths = np.minimum(np.diff(content.offsets), MOST_WORDS)
    return {
        **_texts("vocabulary", vocabulary),
        "count": np.bincount(index, minlength=len(vocabulary)).astype(np.int32),
        "read": np.isin(vocabulary, sorted(read)),
        "word": index[kept].astype(np.int32),
        "weight": content.weights[kept].astype(np.float32),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    }


def _vectors(content: VectorContent, entry: Mapping[str, Any]) -> Arrays:
    """Standardised vectors of those who have one, of at most MOST_DIMENSIONS numbers.

    float16 tells cosines apart to a thousandth.
    """
    mean = np.asarray(entry["mean"], np.float32)
    deviation = np.asarray(entry["deviation"], np.float32)
    members = {"mean": mean, "deviation": deviation, "present": content.present}
    values = (content.values[content.present] - mean) / deviation
    if values.shape[1] > MOST_DIMENSIONS:
        # Not centred: cosines are taken from the origin.
        _, axes = np.linalg.eigh(values.T.astype(np.float64) @ values)
        axes = axes[:, ::-1][:, :MOST_DIMENSIONS].astype(np.float32)
        members["axes"], values = axes, values @ axes
    # What lies farther out than float16 goes says the same at its end.
    members["values"] = np.clip(values, -60_000, 60_000).astype(np.float16)
    return members


def _texts(name: str, texts: Iterable[str]) -> Arrays:
    """Texts as UTF-8, one after the other, and where each begins; NumPy's own would be pickled."""
    encoded = [str(text).encode() for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in encoded], dtype=np.int64)])
    return {name: np.frombuffer(b"".join(encoded), np.uint8), f"{name}_offsets": offsets}

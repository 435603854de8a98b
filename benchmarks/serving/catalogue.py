"""A synthetic catalogue as a graph in memory, without the pipeline's way through files."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from catalogues.synthetic.content import DESCRIPTORS, ContentMaker
from catalogues.synthetic.edges import sample_edges
from catalogues.synthetic.world import World
from trainer.graph import TRAIN, ArtistGraph, CategoryContent, Content, VectorContent

_SHARES: Final = (0.8, 0.1, 0.1)
"""Of the artists, in each split."""


def synthetic_graph(num_artists: int, seed: int) -> ArtistGraph:
    """The graph of the catalogue that `artist-sim catalogue generate` writes.

    Audio descriptors, a neural vector of 32 and weighted tags, each missing for some. Splits are
    drawn at random, and an edge between two artists of which none is in training is hidden.

    Args:
      num_artists: at least 2.
      seed: of the catalogue and its split.
    """
    world = World(num_artists, seed)
    maker = ContentMaker(world)
    tables: dict[str, list[Any]] = {"artists": [], "tags": [], "edges": []}
    for place in range(world.num_communities):
        community = world.community(place)
        tables["artists"].append(maker.artists(community))
        tables["tags"].append(maker.tags(community))
        tables["edges"].append(sample_edges(world, place))
    artists = {name: _column(tables["artists"], name) for name in ("artist_id", "name")}
    order = np.argsort(artists["artist_id"].astype(str))
    row = dict(zip(artists["artist_id"][order], range(num_artists)))
    split = np.random.default_rng([seed, 1]).choice(3, num_artists, p=_SHARES).astype(np.int8)
    content: dict[str, Content] = {
        "audio": _vectors(
            [[_floats(table[name]) for name in DESCRIPTORS] for table in tables["artists"]], order
        ),
        "neural_audio": _vector_lists(_column(tables["artists"], "neural_audio"), order),
        "tags": _tags(tables["tags"], row, num_artists),
    }
    return ArtistGraph(
        artist_id=artists["artist_id"][order],
        name=artists["name"][order],
        popularity=_column(tables["artists"], "popularity")[order].astype(np.float32),
        split=split,
        content=content,
        neighbors=_neighbors(tables["edges"], row, split),
        weighted=True,
    )


def content_statistics(graph: ArtistGraph) -> dict[str, Any]:
    """What the pipeline writes to `content.json`: each modality over the training artists."""
    training = graph.split == TRAIN
    modalities: list[dict[str, Any]] = []
    for name, content in graph.content.items():
        if isinstance(content, VectorContent):
            known = content.values[training & content.present]
            entry = {
                "name": name,
                "kind": "vector",
                "dim": content.values.shape[1],
                "mean": known.mean(axis=0).tolist(),
                "deviation": np.maximum(known.std(axis=0), 1e-6).tolist(),
            }
        else:
            of_training = np.repeat(training, np.diff(content.offsets))
            words = sorted(set(content.words[of_training].tolist()))
            entry = {"name": name, "kind": "categories", "vocabulary": words}
        modalities.append(entry)
    return {"modalities": modalities}


def _column(tables: list[Any], name: str) -> np.ndarray:
    return np.concatenate([np.asarray(_objects(table[name]), object) for table in tables])


def _objects(values: Any) -> np.ndarray:
    found = np.empty(len(values), object)
    found[:] = list(values)
    return found


def _floats(values: Any) -> np.ndarray:
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)


def _vectors(tables: list[list[np.ndarray]], order: np.ndarray) -> VectorContent:
    values = np.concatenate([np.stack(columns, axis=1) for columns in tables])[order]
    present = ~np.isnan(values).any(axis=1)
    return VectorContent(np.where(present[:, None], values, np.float32(0)), present)


def _vector_lists(rows: np.ndarray, order: np.ndarray) -> VectorContent:
    present = np.array([row is not None for row in rows])
    dim = max((len(row) for row in rows if row is not None), default=1)
    values = np.zeros((len(rows), dim), np.float32)
    if present.any():
        values[present] = np.stack([row for row in rows if row is not None])
    return VectorContent(values[order], present[order])


def _tags(tables: list[Any], row: dict[str, int], num_artists: int) -> CategoryContent:
    owner = np.array([row[one] for one in _column(tables, "artist_id")], np.int64)
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=num_artists)
    return CategoryContent(
        words=_column(tables, "tag")[order],
        weights=_column(tables, "count")[order].astype(np.float32),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


def _neighbors(tables: list[Any], row: dict[str, int], split: np.ndarray) -> sp.csr_matrix:
    """What each artist's ego graph lists: training artists alone."""
    source, target = (
        np.array([row[one] for one in _column(tables, end)], np.int64)
        for end in ("source", "target")
    )
    weight = _column(tables, "weight").astype(np.float32)
    row_of, column = np.concatenate([source, target]), np.concatenate([target, source])
    listed = split[column] == TRAIN
    data = np.concatenate([weight, weight])[listed]
    shape = (len(split), len(split))
    return sp.csr_matrix((data, (row_of[listed], column[listed])), shape=shape)

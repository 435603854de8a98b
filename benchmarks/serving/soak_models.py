"""Versions of one model that give other answers: small, random and not trained."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import scipy.sparse as sp
import tensorflow_gnn as tfgnn

from benchmarks.serving.soak_requests import AUDIO, WORDS
from catalogues.spec import ArtistTable, Catalogue, EdgeTable, Modality
from components.catalogue_example_gen.ego_graphs import catalogue_schema
from trainer.config import DiffusionConfig, TrainerConfig
from trainer.content import raw_content
from trainer.diffusion_network import DiffusionNetwork
from trainer.export import ServedModel
from trainer.graph import ArtistGraph, CategoryContent, VectorContent
from trainer.systems.diffusion import DiffusionSystem

_SIZES: Final = DiffusionConfig(32, hops=2, reach=20, content_units=(32,))
_PAIRWISE: Final = (0.5, 0.1, 0.1)


def save_version(path: Path, num_artists: int, seed: int) -> None:
    """Writes a version as the pipeline would push it.

    The catalogue is the same for all seeds, the network's weights, and with them every vector and
    score, are not.

    Args:
      path: of the version's folder.
      num_artists: of the catalogue, `artist-0`, `artist-1`, ….
      seed: of the weights.
    """
    graph = _graph(num_artists)
    training = {
        "modalities": [
            {
                "name": "audio",
                "kind": "vector",
                "dim": AUDIO,
                "mean": [0.0] * AUDIO,
                "deviation": [1.0] * AUDIO,
            },
            {"name": "tags", "kind": "categories", "vocabulary": list(WORDS)},
        ]
    }
    system = DiffusionSystem(TrainerConfig(diffusion=_SIZES), training)
    features = system.encoder(raw_content(graph))
    system.network = DiffusionNetwork(_SIZES, graph.artist_id, features.shape[1], seed)
    system.network.pairwise.constants.assign(_PAIRWISE)
    model = ServedModel(system, graph, _spec())
    # Some are asked for more.
    model.keep_answers(10)
    model.save(str(path))


def _graph(num_artists: int) -> ArtistGraph:
    rng = np.random.default_rng(0)
    ids = np.array(sorted(f"artist-{row}" for row in range(num_artists)), object)
    source, target = rng.integers(num_artists, size=(2, 6 * num_artists))
    source, target = source[source != target], target[source != target]
    edges = sp.csr_matrix(
        (np.ones(len(source), np.float32), (source, target)), shape=(num_artists, num_artists)
    )
    edges = (edges + edges.T).tocsr()
    counts = rng.integers(0, 4, num_artists)
    number = int(counts.sum())
    return ArtistGraph(
        artist_id=ids,
        name=np.array([f"The {one}" for one in ids], object),
        popularity=np.full(num_artists, np.nan, np.float32),
        split=np.zeros(num_artists, np.int8),
        content={
            "audio": VectorContent(
                rng.normal(size=(num_artists, AUDIO)).astype(np.float32),
                np.ones(num_artists, bool),
            ),
            "tags": CategoryContent(
                np.array(WORDS, object)[rng.integers(len(WORDS), size=number)],
                rng.uniform(1, 5, number).astype(np.float32),
                np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            ),
        },
        neighbors=edges,
        weighted=True,
    )


def _spec() -> tfgnn.GraphTensorSpec:
    catalogue = Catalogue(
        folder=Path(),
        name="soak",
        description="",
        artists=ArtistTable("artists", "artist_id"),
        content=(
            Modality("audio", "vector", "artists", "artist_id", ()),
            Modality("tags", "categories", "artists", "artist_id", ()),
        ),
        edges=EdgeTable("edges", "source", "target"),
    )
    schema = catalogue_schema(catalogue, {"audio": AUDIO})
    return tfgnn.create_graph_spec_from_schema_pb(schema)

"""Catalogues as the graph builder leaves them, and models that were made for them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.bulk_embedder.embedding_run import embed_into
from tests.trainer.ego_graphs import schema_of, serialized, spec_of
from tests.trainer.graphs import HiddenGraph, graph_of, vectors, words
from tests.trainer.small_systems import small_system, statistics_of
from trainer.config import TrainerConfig
from trainer.export import ServedModel
from trainer.graph import SPLITS, ArtistGraph
from trainer.systems.servable import ServableSystem


def random_catalogue(num_artists: int = 40, weighted: bool = True, seed: int = 3) -> HiddenGraph:
    """Artists of all splits with some content missing; the last two know nobody."""
    rng = np.random.default_rng(seed)
    edges = [
        (u, v, float(rng.uniform(0.2, 3))) if weighted else (u, v)
        for u in range(num_artists - 2)
        for v in range(u)
        if rng.random() < 0.2
    ]
    # Everybody's neighbour, so that some list is longer than the fan-out.
    edges += [(u, 0, 1.5 + u / 64) if weighted else (u, 0) for u in range(1, num_artists - 4)]
    split = rng.choice(3, num_artists, p=[0.6, 0.2, 0.2])
    split[:6] = [0, 0, 0, 1, 2, 2]
    return graph_of(
        edges,
        split,
        {
            "audio": vectors(
                [None if i % 7 == 3 else rng.normal(size=4).tolist() for i in range(num_artists)]
            ),
            "tags": words(
                [
                    {} if i % 5 == 4 else {f"w{i % 6}": 1.0 + i, "live": 2.0}
                    for i in range(num_artists)
                ]
            ),
        },
    )


def write_examples(case: HiddenGraph, folder: Path) -> str:
    """The examples of a graph, as the graph builder writes them; returns their folder.

    The hidden edges are there as well, in splits of their own, in a form that nothing but a reader
    of hidden edges can take.
    """
    graph = case.graph
    for place, split in enumerate(SPLITS):
        records = [
            serialized(graph, row, listed(graph, row))
            for row in np.flatnonzero(graph.split == place)
        ]
        # In two files and in no order of ids.
        for number, part in enumerate((records[1::2], records[::2])):
            _write(folder / f"Split-{split}" / f"data_tfrecord-{number:05d}-of-00002.gz", part)
        if split != "train":
            hidden = case.truth(split)
            rows = np.flatnonzero(np.diff(hidden.indptr))
            told = [_hidden(graph, row, hidden[row]) for row in rows]
            _write(folder / f"Split-hidden_{split}" / "data_tfrecord-00000-of-00001.gz", told)
    (folder / "graph_schema.pbtxt").write_text(str(schema_of(graph)))
    (folder / "content.json").write_text(json.dumps(statistics_of(graph)))
    return str(folder)


def listed(graph: ArtistGraph, row: int) -> list[tuple[str, float]]:
    """Whom an artist's ego graph lists, strongest first."""
    own = graph.neighbors[row]
    order = np.argsort(-own.data, kind="stable")
    return [(graph.artist_id[own.indices[i]], float(own.data[i])) for i in order]


def untrained(graph: ArtistGraph, config: TrainerConfig) -> ServableSystem:
    """A system whose weights are random, biases and constants too, but built for a graph."""
    system = small_system(graph, config)
    empty = type(graph.neighbors)(graph.neighbors.shape, dtype=np.float32)
    tf.keras.utils.set_random_seed(7)
    system.network = system.task(graph, empty).build()
    rng = np.random.default_rng(5)
    for variable in system.network.trainable_variables:
        noise = 0.1 * rng.standard_normal(variable.shape)
        variable.assign_add(noise.astype(np.float32))
    return system


def save_model(case: HiddenGraph, system: ServableSystem, folder: Path) -> str:
    """Exports a system as the trainer does."""
    ServedModel(system, case.graph, spec_of(case.graph)).save(str(folder))
    return str(folder)


def without_weights(case: HiddenGraph) -> HiddenGraph:
    """The same edges, all of weight 1."""
    graph = dataclasses.replace(case.graph, weighted=False, neighbors=case.graph.neighbors.copy())
    graph.neighbors.data[:] = 1
    return HiddenGraph(graph, case.hidden)


@dataclasses.dataclass(frozen=True)
class Case:
    """A catalogue, a model of it, and both on disk."""

    catalogue: HiddenGraph
    model: Path
    examples: Path

    def embedded(self, output: Path, *options: str) -> dict[str, bytes]:
        """The bytes of the files, by name."""
        embed_into(output, self.model, self.examples, ["--runner=DirectRunner", *options])
        return {path.name: path.read_bytes() for path in sorted(output.iterdir())}

    def served(self) -> np.ndarray:
        """What the model itself keeps, in the order of the ids."""
        weights = tf.train.load_checkpoint(str(self.model / "variables" / "variables"))
        return weights.get_tensor("_profile/embedding/.ATTRIBUTES/VARIABLE_VALUE")


def make_case(folder: Path, weighted: bool, config: TrainerConfig, num_artists: int = 40) -> Case:
    """A random catalogue and an untrained model of it, as a run leaves them."""
    catalogue = random_catalogue(num_artists)
    catalogue = catalogue if weighted else without_weights(catalogue)
    model = save_model(catalogue, untrained(catalogue.graph, config), folder / "1700000000")
    examples = write_examples(catalogue, folder / "examples")
    parts = np.bincount(catalogue.graph.split, minlength=3)
    counts = dict(zip(("train", "val", "test"), parts.tolist(), strict=True))
    Path(examples, "summary.json").write_text(f'{{"artists": {counts}}}'.replace("'", '"'))
    return Case(catalogue, Path(model), Path(examples))


def _hidden(graph: ArtistGraph, row: int, similar) -> bytes:
    names = [graph.artist_id[column].encode() for column in similar.indices]
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                "artist_id": tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[graph.artist_id[row].encode()])
                ),
                "similar_id": tf.train.Feature(bytes_list=tf.train.BytesList(value=names)),
                "weight": tf.train.Feature(
                    float_list=tf.train.FloatList(value=similar.data.tolist())
                ),
            }
        )
    ).SerializeToString()


def _write(path: Path, records: list[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for record in records:
            writer.write(record)

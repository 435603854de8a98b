"""Subgraphs of hand-made graphs, sampled as the graph builder does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from components.catalogue_example_gen.config import Reach
from components.catalogue_example_gen.staging import Workplace
from components.catalogue_example_gen.subgraphs import (
    encode_subgraph,
    listed_of,
    ranked,
    sample_subgraphs,
)
from tests.trainer.ego_graphs import schema_of, serialized
from trainer.graph import SPLITS, ArtistGraph
from trainer.subgraph_files import (
    SUBGRAPH_SCHEMA_FILE,
    SUBGRAPH_SPLITS,
    subgraph_files,
    subgraph_folder,
    subgraph_schema,
)


def write_ego_graphs(graph: ArtistGraph, folder: Path) -> None:
    """Writes what the graph builder writes of the artists of each split, and the schema."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "graph_schema.pbtxt").write_text(str(schema_of(graph)))
    for split in SPLITS:
        path = folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
        path.parent.mkdir()
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for row in graph.artists(split):
                columns = graph.neighbors[row].tocoo()
                neighbors = [
                    (graph.artist_id[column], float(weight))
                    for column, weight in zip(columns.col, columns.data, strict=True)
                ]
                writer.write(serialized(graph, row, neighbors))


def looped(graph: ArtistGraph, folder: Path, reach: Reach, shards: int = 1) -> str:
    """The same as `sampled` without TF-GNN and Beam, in a fraction of the time."""
    write_ego_graphs(graph, folder)
    schema = subgraph_schema(str(folder), reach.modalities)
    (folder / SUBGRAPH_SCHEMA_FILE).write_text(str(schema))
    features = schema.node_sets["artist"].features
    content = {}
    for split in SUBGRAPH_SPLITS:
        for record in tf.data.TFRecordDataset(
            str(folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"), "GZIP"
        ):
            key, listed = listed_of(record.numpy(), split, tuple(features))
            content[key.decode()] = listed
    for split in SUBGRAPH_SPLITS:
        edges = graph.training_edges() if split == "train" else graph.visible_edges(split)
        hears: dict[str, list[tuple[str, float]]] = {}
        for u, v in zip(*edges.nonzero(), strict=True):
            hears.setdefault(graph.artist_id[u], []).append((graph.artist_id[v], edges[u, v]))
        for artist, pairs in hears.items():
            pairs.sort(key=lambda one, by=artist: ranked(by.encode(), one[0].encode(), one[1]))
        files = Path(subgraph_folder(str(folder), split))
        files.mkdir()
        for shard in range(shards):
            path = files / f"data_tfrecord-{shard:05d}-of-{shards:05d}.gz"
            with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
                for row in graph.artists(split)[shard::shards]:
                    root, artists, found = slow_subgraph(
                        hears, graph.artist_id[row], reach.fan_outs
                    )
                    known = [name for name, _ in content[root].neighbors]
                    joined = {
                        "sampled": [_as_tfgnn_writes(sorted(artists), found, content, features)],
                        "known": [known if split == "train" else []],
                    }
                    writer.write(encode_subgraph(root.encode(), joined))
    return str(folder)


def _as_tfgnn_writes(artists, edges, content, features) -> tf.train.Example:
    example = tf.train.Example()
    feature = example.features.feature
    place = {artist: number for number, artist in enumerate(artists)}
    for name in features:
        key = f"nodes/artist.{name}"
        # There also where nobody has a value.
        feature[key].SetInParent()
        for artist in artists:
            given = tf.train.Example.FromString(content[artist].features).features.feature[name]
            kind = given.WhichOneof("kind")
            values = list(getattr(given, kind).value) if kind else []
            if values:
                getattr(feature[key], kind).value.extend(values)
            if [dim.size for dim in features[name].shape.dim] == [-1]:
                feature[f"{key}.d1"].int64_list.value.append(len(values))
    for (hearing, heard), weight in edges.items():
        feature["edges/similar.#source"].int64_list.value.append(place[hearing])
        feature["edges/similar.#target"].int64_list.value.append(place[heard])
        feature["edges/similar.weight"].float_list.value.append(weight)
    return example


def sampled(
    graph: ArtistGraph,
    folder: Path,
    reach: Reach,
    shards: int = 1,
    options: Sequence[str] = (),
) -> str:
    """The folder of a graph's examples, with their subgraphs."""
    write_ego_graphs(graph, folder)
    with beam.Pipeline(options=PipelineOptions([*options])) as pipeline:
        sample_subgraphs(pipeline, Workplace.here(folder), reach, shards)
    return str(folder)


def records_of(examples_uri: str, split: str) -> list[bytes]:
    """The serialized subgraphs of a split, sorted."""
    files = subgraph_files(examples_uri, split)
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return sorted(record.numpy() for record in dataset)


def values_of(record: bytes) -> dict[str, list]:
    """An example's features as lists."""
    found = {}
    for key, feature in tf.train.Example.FromString(record).features.feature.items():
        kind = feature.WhichOneof("kind")
        found[key] = list(getattr(feature, kind).value) if kind else []
    return found


def read(record: bytes) -> tuple[str, set[str], dict[tuple[str, str], float], list[str]]:
    """A subgraph's root, its artists, its edges by (who hears, who is heard), and the known ids."""
    values = values_of(record)
    ids = [key.decode() for key in values["nodes/artist.id"]]
    edges = {
        (ids[target], ids[source]): float(np.float32(weight))
        for source, target, weight in zip(
            values["edges/similar.#source"],
            values["edges/similar.#target"],
            values["edges/similar.weight"],
            strict=True,
        )
    }
    assert len(edges) == len(values["edges/similar.weight"])
    assert len(ids) == len(set(ids)) == values["nodes/artist.#size"][0]
    return ids[0], set(ids), edges, [key.decode() for key in values["context/known_id"]]


def slow_subgraph(
    hears: dict[str, list[tuple[str, float]]], root: str, fan_outs: Sequence[int]
) -> tuple[str, set[str], dict[tuple[str, str], float]]:
    """A subgraph by plain loops, as `read` returns it.

    Args:
      hears: by artist whom it hears, in the order in which it prefers them.
      root: where it begins.
      fan_outs: one for each hop.
    """
    artists, edges, front = {root}, {}, {root}
    for fan_out in fan_outs:
        following = set()
        for artist in front:
            for neighbor, weight in hears.get(artist, [])[:fan_out]:
                edges[artist, neighbor] = weight
                following.add(neighbor)
        artists |= following
        front = following
    return root, artists, edges

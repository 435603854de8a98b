"""Rooted subgraphs: what an artist hears over several hops, by TF-GNN's own sampler on Beam.

For a catalogue whose graph does not fit in the trainer's memory. They are made of the ego graphs
that are written already, so that no edge that these leave out can come in.

TF-GNN's sampler draws neighbours at random, from a generator that nobody can seed. Here each
artist's neighbours are put in order before, by falling weight and then by a hash of the pair, and
each hop is given no more of them than it takes: the sampler then has no choice, and gives the same
subgraphs on every runner. An artist also has the same neighbours in every subgraph, so that those
of a batch put together are a part of one graph.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn
from apache_beam.io.filesystems import FileSystems

from components.catalogue_example_gen import progress
from components.catalogue_example_gen.config import Reach
from components.catalogue_example_gen.shards import WriteShards, shard_paths
from components.catalogue_example_gen.staging import Workplace
from components.catalogue_example_gen.whole_files import write_json
from trainer.subgraph_files import (
    ARTIST,
    KNOWN,
    SIMILAR,
    SUBGRAPH_SCHEMA_FILE,
    SUBGRAPH_SPLITS,
    subgraph_folder,
    subgraph_schema,
)

PROGRAM_FOLDER: Final = "subgraph_sampler"
"""The sampler's TensorFlow models, which its workers load."""
SAMPLED_FILE: Final = "subgraphs.json"
"""By split, how many subgraphs are in its files."""
_NODES: Final = f"nodes/{ARTIST}."
_EDGES: Final = f"edges/{SIMILAR}."


class Listed(NamedTuple):
    """An ego graph as the sampler needs it.

    Attributes:
      split: of the artist.
      neighbors: (id, weight) of the training artists that the split lets it know.
      features: its content, a serialized tf.Example.
    """

    split: str
    neighbors: tuple[tuple[bytes, float], ...]
    features: bytes


def sample_subgraphs(pipeline: beam.Pipeline, place: Workplace, reach: Reach, shards: int) -> None:
    """Adds the sampler to a Beam pipeline.

    The subgraphs of training artists go over edges among training artists alone. Those of the
    validation artists go over what may carry messages while these are judged: the same edges, and
    those between the two splits in both directions. Test artists have none: the judge embeds them
    through the model, which knows the whole catalogue.

    Args:
      pipeline: where to.
      place: of the ego graphs, which are on this machine, too; gets a folder of subgraphs for each
        of SUBGRAPH_SPLITS, their schema, SAMPLED_FILE, and the sampler's models.
      reach: how far they go, and what they hold of each artist.
      shards: files of each split.
    """
    schema = subgraph_schema(place.target, reach.modalities)
    program = _program(schema, reach.fan_outs, os.path.join(place.target, PROGRAM_FOLDER))
    place.put(PROGRAM_FOLDER)
    program = program._replace(folder=os.path.join(place.examples, PROGRAM_FOLDER))
    names = tuple(schema.node_sets[ARTIST].features)
    listed = {
        split: pipeline
        | f"Read {split}"
        >> beam.io.ReadFromTFRecord(os.path.join(place.examples, f"Split-{split}", "*.gz"))
        | f"Ego graphs of {split}" >> beam.Map(listed_of, split, names)
        for split in SUBGRAPH_SPLITS
    }
    everyone = tuple(listed.values()) | "All artists" >> beam.Flatten()
    features = everyone | "Features" >> beam.MapTuple(lambda key, one: (key, one.features))
    training = listed["train"] | "Training edges" >> beam.FlatMapTuple(_pairs)
    judged = listed["val"] | "Edges of val" >> beam.FlatMapTuple(_pairs)
    back = judged | "Both ways" >> beam.MapTuple(
        lambda key, pair: (pair[2], ranked(pair[2], key, -pair[0]))
    )
    pairs = {
        "train": training,
        "val": (training, judged, back) | "Visible while val is judged" >> beam.Flatten(),
    }
    written = []
    for split in SUBGRAPH_SPLITS:
        sampled = (listed[split], pairs[split], features) | f"Sample {split}" >> _Sampled(
            program, reach.fan_outs
        )
        known = listed[split] | f"Known of {split}" >> beam.MapTuple(
            # Of a judged artist nothing is taught, so nothing is told.
            lambda key, one: (
                key,
                [name for name, _ in one.neighbors] if one.split == "train" else [],
            )
        )
        prefix = f"{subgraph_folder(place.examples, split)}/data_tfrecord"
        written.append(
            {"sampled": sampled, "known": known}
            | f"With pairs {split}" >> beam.CoGroupByKey()
            | f"Encode {split}" >> beam.ParDo(_Encode())
            | WriteShards(
                f"Write subgraphs {split}", shard_paths(prefix, ".gz", shards), place.examples
            )
            | f"Count {split}" >> beam.Map(lambda number, split=split: (split, number))
        )
    _ = (
        tuple(written)
        | "Written" >> beam.Flatten()
        | "In all" >> beam.combiners.ToDict()
        | "By name" >> beam.Map(lambda found: dict(sorted(found.items())))
        | "Counts" >> beam.Map(partial(write_json, f"{place.examples}/{SAMPLED_FILE}"))
    )
    with FileSystems.create(os.path.join(place.target, SUBGRAPH_SCHEMA_FILE)) as file:
        file.write(str(schema).encode())


class _Program(NamedTuple):
    """A sampler as TF-GNN's executor runs it.

    Attributes:
      stages: the program.
      hops: its layers that draw edges, in the order of the hops.
      folder: of the models of its other layers.
    """

    stages: Any
    hops: tuple[str, ...]
    folder: str


def _program(schema: tfgnn.GraphSchema, fan_outs: Sequence[int], folder: str) -> _Program:
    # What is imported here defines command line flags, which nothing else may have to see.
    from tensorflow_gnn import sampler as specification
    from tensorflow_gnn.experimental import sampler
    from tensorflow_gnn.experimental.sampler.beam.sampler import get_sampling_model, save_artifacts

    # Of a context the sampler knows nothing.
    known = tfgnn.GraphSchema.FromString(schema.SerializeToString())
    known.ClearField("context")
    # The executor looks for the layer 'sink', which Keras calls 'sink_1' the second time.
    tf.keras.backend.clear_session()
    spec = specification.SamplingSpecBuilder(known).seed(ARTIST)
    model, layers = get_sampling_model(known, spec.sample(list(fan_outs), SIMILAR).build())
    program, artifacts = sampler.create_program(model)
    save_artifacts(artifacts, folder)
    return _Program(program, tuple(layers), folder)


class _Sampled(beam.PTransform):
    """([(id, Listed)], [(id, pair)], [(id, features)]) -> [(id, TF-GNN's tf.Example)]."""

    def __init__(self, program: _Program, fan_outs: Sequence[int]):
        super().__init__()
        self._program, self._fan_outs = program, tuple(fan_outs)

    def expand(self, inputs):
        from tensorflow_gnn.experimental.sampler.beam import executor_lib

        listed, pairs, features = inputs
        first = pairs | "First neighbours" >> beam.combiners.Top.SmallestPerKey(self._fan_outs[0])
        feeds = {f"nodes/{ARTIST}": features}
        for hop, fan_out in zip(self._program.hops, self._fan_outs, strict=True):
            feeds[hop] = first | f"Edges of {hop}" >> beam.FlatMapTuple(_edges, fan_out=fan_out)
        seeds = listed | "Seeds" >> beam.MapTuple(
            lambda key, _: (key, [[np.array([key], object), np.array([1], np.int64)]])
        )
        return executor_lib.execute(
            self._program.stages,
            {"Input": seeds},
            feeds=feeds,
            artifacts_path=self._program.folder,
        )


def listed_of(record: bytes, split: str, names: Sequence[str]) -> tuple[bytes, Listed]:
    """(id, Listed) of a serialized ego graph, with some features of its artist."""
    feature = tf.train.Example.FromString(record).features.feature
    content = tf.train.Example()
    for name in names:
        content.features.feature[name].CopyFrom(feature[f"{_NODES}{name}"])
    neighbors = zip(
        feature["nodes/neighbor.id"].bytes_list.value,
        feature["edges/similar.weight"].float_list.value,
        strict=True,
    )
    serialized = content.SerializeToString(deterministic=True)
    return feature[f"{_NODES}id"].bytes_list.value[0], Listed(split, tuple(neighbors), serialized)


Pair = tuple[float, bytes, bytes]
"""(-weight, a hash of the two, the neighbour): the first of them are the strongest neighbours."""


def ranked(artist: bytes, neighbor: bytes, weight: float) -> Pair:
    """What puts an artist's neighbours in the order in which it prefers them."""
    # Of the two, not of the neighbour: no artist shall be everybody's first.
    digest = hashlib.blake2b(neighbor, key=hashlib.blake2b(artist, digest_size=16).digest())
    return -weight, digest.digest()[:8], neighbor


def _pairs(artist: bytes, listed: Listed) -> Iterator[tuple[bytes, Pair]]:
    for neighbor, weight in listed.neighbors:
        yield artist, ranked(artist, neighbor, weight)


def _edges(artist: bytes, pairs: Sequence[Pair], fan_out: int = 0) -> Iterator[tf.train.Example]:
    """The edges of one hop, in the sampler's direction: from who hears to who is heard."""
    for negative, _, neighbor in pairs[:fan_out]:
        example = tf.train.Example()
        feature = example.features.feature
        feature[tfgnn.SOURCE_NAME].bytes_list.value.append(artist)
        feature[tfgnn.TARGET_NAME].bytes_list.value.append(neighbor)
        feature["weight"].float_list.value.append(-negative)
        yield example


class _Encode(beam.DoFn):
    """(root, {'sampled': [tf.Example], 'known': [ids]}) -> a serialized subgraph.

    None where one of the two was lost on the way, or came twice: the counts will not agree, which
    says more than a trace.
    """

    def __init__(self) -> None:
        self._advance = progress.Advance(progress.SAMPLING)

    def process(self, joined):
        root, found = joined[0], {name: list(given) for name, given in joined[1].items()}
        if all(len(given) == 1 for given in found.values()):
            yield encode_subgraph(root, found)
            self._advance.one()

    def finish_bundle(self):
        self._advance.flush()


def encode_subgraph(root: bytes, joined: dict[str, Iterable[Any]]) -> bytes:
    """A subgraph as `subgraph_schema` has it, in canonical order.

    The root is its first artist, the others follow by id; edges are ordered by who hears and who is
    heard, and go from neighbour to artist, as in the ego graphs.
    """
    (sampled,), (known,) = joined["sampled"], joined["known"]
    given = sampled.features.feature
    ids = given[f"{_NODES}id"].bytes_list.value
    order = sorted(range(len(ids)), key=lambda place: (ids[place] != root, ids[place]))
    place = np.empty(len(ids), np.int64)
    place[order] = np.arange(len(ids))
    found = tf.train.Example()
    feature = found.features.feature
    feature[f"{_NODES}#size"].int64_list.value.append(len(ids))
    prefix = len(_NODES)
    for key in given:
        name = key[prefix:]
        if key.startswith(_NODES) and not name.startswith("#") and not name.endswith(".d1"):
            lengths = given[f"{key}.d1"].int64_list.value if f"{key}.d1" in given else None
            _reorder(given[key], feature[key], order, lengths)
            if lengths is not None:
                feature[f"{key}.d1"].int64_list.value.extend(lengths[one] for one in order)
    heard = place[np.array(given[f"{_EDGES}#target"].int64_list.value, np.int64)]
    hearing = place[np.array(given[f"{_EDGES}#source"].int64_list.value, np.int64)]
    along = np.lexsort((heard, hearing))
    feature[f"{_EDGES}#size"].int64_list.value.append(len(along))
    feature[f"{_EDGES}#source"].int64_list.value.extend(heard[along])
    feature[f"{_EDGES}#target"].int64_list.value.extend(hearing[along])
    weight = np.array(given[f"{_EDGES}weight"].float_list.value, np.float32)
    feature[f"{_EDGES}weight"].float_list.value.extend(weight[along])
    feature[f"context/{KNOWN}"].bytes_list.value.extend(sorted(known))
    feature[f"context/{KNOWN}.d1"].int64_list.value.append(len(known))
    return found.SerializeToString(deterministic=True)


def _reorder(source, target, order: Sequence[int], lengths: Sequence[int] | None) -> None:
    """Copies the values of each artist, which are `lengths` many or as many of each."""
    kind = source.WhichOneof("kind")
    if kind is None:
        return
    values = getattr(source, kind).value
    each = len(values) // len(order)
    ends = np.cumsum(lengths) if lengths is not None else each * np.arange(1, len(order) + 1)
    starts = np.concatenate([[0], ends[:-1]])
    into = getattr(target, kind).value
    for one in order:
        into.extend(values[starts[one] : ends[one]])

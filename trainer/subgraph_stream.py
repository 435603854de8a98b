"""Rooted subgraphs as a stream of batches: what a batch's roots hear, put together as one graph."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf
import tensorflow_gnn as tfgnn

from catalogues.errors import InputError
from trainer.subgraph_files import (
    ARTIST,
    KNOWN,
    SIMILAR,
    subgraph_files,
    subgraph_spec,
)

SHUFFLED_BYTES: Final = 2**28
"""What a shuffle keeps of the stream: all of it where it fits."""
_MEASURED: Final = 64
"""Subgraphs whose mean size tells how many fit."""
_CYCLE: Final = 16
"""Files that are read in turn."""


@dataclasses.dataclass(frozen=True)
class MergedSubgraphs:
    """The subgraphs of some roots, each artist once.

    Attributes:
      artist_id: [num_artists] object, bytes; the roots first, in the order of the stream.
      num_roots: how many these are.
      edges: [num_artists, num_artists] CSR float32; row v holds whom v hears, with the weights.
      anchor: [num_pairs] int64, a root.
      positive: [num_pairs] int64, another root that the anchor's ego graph lists.
      content: of all artists, as `ContentEncoder` takes it, but for the ids.
    """

    artist_id: np.ndarray
    num_roots: int
    edges: sp.csr_matrix
    anchor: np.ndarray
    positive: np.ndarray
    content: Mapping[str, tf.Tensor]

    def raw(self, rows: np.ndarray) -> dict[str, tf.Tensor]:
        """What `ContentEncoder` takes of some artists."""
        raw = {name: tf.gather(value, rows) for name, value in self.content.items()}
        return {"id": tf.gather(tf.constant(self.artist_id), rows), **raw}


class SubgraphStream:
    """The subgraphs of a split, in batches.

    Args:
      examples_uri: the folder of the examples.
      split: one of SUBGRAPH_SPLITS.

    Raises:
      InputError: there are no subgraphs.
    """

    def __init__(self, examples_uri: str, split: str):
        self._files = subgraph_files(examples_uri, split)
        if not self._files:
            raise InputError(
                f"trainer: the examples have no subgraphs of '{split}'; build them with "
                "`graph.sampling: subgraphs`."
            )
        self._spec = subgraph_spec(examples_uri)

    def batches(self, size: int, shuffled_by: tuple[int, int] | None) -> Iterator[MergedSubgraphs]:
        """All subgraphs once, `size` a batch and what is left in the last one.

        Reading, parsing and finding out which artists are the same run ahead in TensorFlow's
        threads.

        Args:
          size: roots of a batch.
          shuffled_by: (seed, epoch); the same give the same order. None: as the files have them.
        """
        files = list(self._files)
        if shuffled_by is not None:
            rng = np.random.default_rng(shuffled_by)
            files = [files[place] for place in rng.permutation(len(files))]
        records = tf.data.Dataset.from_tensor_slices(files).interleave(
            lambda file: tf.data.TFRecordDataset(file, compression_type="GZIP"),
            cycle_length=min(_CYCLE, len(files)),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        if shuffled_by is not None:
            records = records.shuffle(max(size, self.shuffled), seed=int(rng.integers(2**31)))
        merged = records.batch(size).map(self._parsed, num_parallel_calls=2, deterministic=True)
        for one in merged.prefetch(1):
            yield _merged(one)

    @property
    def shuffled(self) -> int:
        """How many subgraphs a shuffle keeps."""
        first = tf.data.TFRecordDataset(self._files, compression_type="GZIP").take(_MEASURED)
        sizes = [len(record.numpy()) for record in first]
        return max(1, int(SHUFFLED_BYTES / max(1.0, float(np.mean(sizes or [1])))))

    def _parsed(self, records: tf.Tensor) -> dict[str, Any]:
        """Numbers the artists of a batch of serialized subgraphs, the roots first."""
        batch = tfgnn.parse_example(self._spec, records)
        known = batch.context[KNOWN]
        # [batch, 1 component, (known)] -> [batch, (known)]
        known = known.merge_dims(0, 1) if known.ragged_rank > 1 else known
        sizes = tf.reshape(batch.node_sets[ARTIST].sizes, [-1])
        flat = batch.merge_batch_to_components()
        artists, similar = flat.node_sets[ARTIST], flat.edge_sets[SIMILAR]
        root = tf.gather(artists["id"], tf.math.cumsum(sizes, exclusive=True))
        ids, number = tf.unique(
            tf.concat([root, artists["id"], known.flat_values], axis=0), tf.int64
        )
        _, of_artist, of_known = tf.split(
            number, [tf.size(root), tf.size(artists["id"]), tf.size(known.flat_values)]
        )
        return {
            "ids": ids,
            "number": of_artist,
            "num_roots": tf.size(root, tf.int64),
            "heard": tf.gather(of_artist, similar.adjacency.source),
            "hearing": tf.gather(of_artist, similar.adjacency.target),
            "weight": similar["weight"],
            "anchor": tf.cast(known.value_rowids(), tf.int64),
            "positive": of_known,
            "content": {
                name: value for name, value in artists.get_features_dict().items() if name != "id"
            },
        }


def _merged(given: dict[str, Any]) -> MergedSubgraphs:
    number = given["number"].numpy()
    num_artists, num_roots = int(number.max(initial=-1)) + 1, int(given["num_roots"])
    # An artist is the same in each subgraph: the first copy will do.
    first = np.zeros(num_artists, np.int64)
    first[number[::-1]] = np.arange(len(number))[::-1]
    hearing, heard = given["hearing"].numpy(), given["heard"].numpy()
    # So is an edge; and edges in order of these numbers are CSR's order.
    _, once = np.unique(hearing * num_artists + heard, return_index=True)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(hearing[once], minlength=num_artists))])
    edges = sp.csr_matrix(
        (given["weight"].numpy()[once], heard[once], indptr), shape=(num_artists, num_artists)
    )
    anchor, positive = given["anchor"].numpy(), given["positive"].numpy()
    inside = positive < num_roots
    return MergedSubgraphs(
        artist_id=given["ids"].numpy()[:num_artists],
        num_roots=num_roots,
        edges=edges,
        anchor=anchor[inside],
        positive=positive[inside],
        content={name: tf.gather(value, first) for name, value in given["content"].items()},
    )


def roots_a_batch(num_artists: int, num_batches: int) -> int:
    """As many for each of `num_batches` as there are artists for."""
    return max(1, math.ceil(num_artists / num_batches))

"""The plays that examples keep: from them a model of another fit makes its own `listening`.

A TFRecord of `plays-*.gz` is an artist, the kept listeners who played it, and how often.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import tensorflow as tf

PLAYS_PREFIX: Final = "plays"
PLAYS_SUFFIX: Final = ".gz"

_CELLS: Final = 2**18
"""The most plays of a batch, the padding counted; one artist may have more."""


class PlaysBatch(NamedTuple):
    """The plays of some artists.

    Attributes:
      artist_id: [num_artists] object.
      listener_id: [num_artists, most_listeners] string, padded with "".
      plays: [num_artists, most_listeners] float32 above zero, padded with 0.
    """

    artist_id: np.ndarray
    listener_id: tf.Tensor
    plays: tf.Tensor


def encode_plays(artist_id: str, listener_id: Iterable[str], plays: np.ndarray) -> bytes:
    """An artist's record.

    Args:
      artist_id: the artist.
      listener_id: who played it, each once.
      plays: [num_listeners] float64 above zero. What 32 bits do not hold becomes the nearest number
        above zero that they do: what is folded in hardly changes with it.
    """
    bounds = np.finfo(np.float32)
    example = tf.train.Example()
    feature = example.features.feature
    feature["artist_id"].bytes_list.value.append(artist_id.encode())
    feature["listener_id"].bytes_list.value.extend(name.encode() for name in listener_id)
    feature["plays"].float_list.value.extend(np.clip(plays, bounds.tiny, bounds.max).tolist())
    return example.SerializeToString(deterministic=True)


def plays_files(examples_uri: str) -> Sequence[str]:
    """The files of an Examples artifact with plays; none where it keeps none."""
    pattern = os.path.join(examples_uri, f"{PLAYS_PREFIX}-*{PLAYS_SUFFIX}")
    return sorted(tf.io.gfile.glob(pattern))


def read_plays(files: Sequence[str]) -> Iterator[PlaysBatch]:
    """Yields the plays in batches of artists that about as many listeners played, in any order.

    Takes some 10 MB for each doubling of the number of listeners, and no more for more artists.

    Args:
      files: of `plays_files`.
    """
    features = {
        "artist_id": tf.io.FixedLenFeature([], tf.string),
        "listener_id": tf.io.RaggedFeature(tf.string),
        "plays": tf.io.RaggedFeature(tf.float32),
    }
    boundaries = [2**power for power in range(5, _CELLS.bit_length())]
    dataset = (
        tf.data.TFRecordDataset(list(files), compression_type="GZIP")
        .map(lambda record: tf.io.parse_single_example(record, features))
        .bucket_by_sequence_length(
            lambda example: tf.size(example["listener_id"]),
            boundaries,
            [*(_CELLS // boundary for boundary in boundaries), 1],
        )
    )
    for batch in dataset:
        names = [name.decode() for name in batch["artist_id"].numpy()]
        yield PlaysBatch(np.array(names, object), batch["listener_id"], batch["plays"])

"""Each artist's first answers to `similar`, found once, when the model is written.

Most requests ask for a few artists of the catalogue, whose answers do not change while a version is
served. Kept, they are looked up; what asks for more, or filters, is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import tensorflow as tf

_BATCH: Final = 64
"""Artists that are ranked at once."""

MAX_SCORES: Final = 20_000_000_000
"""Found for it at most, each artist's with each: those of 141,421 artists."""

Rank = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class KeptAnswers(tf.Module):
    """The first answers of each artist.

    Attributes:
      score: [num_artists, num_kept] float32, falling.
      row: [num_artists, num_kept] int32, whose scores they are.
    """

    def __init__(self, score: np.ndarray, row: np.ndarray):
        super().__init__(name="kept_answers")
        self.score = tf.Variable(score, trainable=False, dtype=tf.float32)
        self.row = tf.Variable(row, trainable=False, dtype=tf.int32)

    @property
    def num_kept(self) -> int:
        """Of each artist."""
        return int(self.row.shape[1])

    def first(self, query: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(score [batch, count] float32, row [batch, count] int32) of artists, [batch] rows.

        `count` is at most `num_kept`.
        """
        # Read first: a gather from a variable itself makes TensorFlow copy it whole later.
        score, row = self.score.read_value(), self.row.read_value()
        return tf.gather(score, query)[:, :count], tf.gather(row, query)[:, :count]


def can_be_kept(num_artists: int) -> bool:
    """Whether so many artists have few enough scores to find them all when a model is written."""
    return num_artists**2 <= MAX_SCORES


def find_answers(
    num_artists: int, num_kept: int, rank: Rank, on_artists: Callable[[int], None]
) -> KeptAnswers:
    """Asks for each artist.

    Args:
      num_artists: of the catalogue.
      num_kept: answers of each; at most the others that there are.
      rank: (query [batch] int64 rows, count [] int32) -> (score, row), [batch, count] each, highest
        first, the same for a smaller count.
      on_artists: told how many more are done.
    """
    num_kept = max(0, min(num_kept, num_artists - 1))
    score = np.zeros((num_artists, num_kept), np.float32)
    row = np.zeros((num_artists, num_kept), np.int32)
    ranked = tf.function(
        rank, input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.int32)]
    )
    for start in range(0, num_artists if num_kept else 0, _BATCH):
        end = min(start + _BATCH, num_artists)
        found = ranked(tf.range(start, end, dtype=tf.int64), num_kept)
        score[start:end], row[start:end] = (part.numpy() for part in found)
        on_artists(end - start)
    return KeptAnswers(score, row)

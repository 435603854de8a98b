"""Uniform sampling of negatives (004, section 3.1)."""

from __future__ import annotations

import tensorflow as tf

from trainer.mining.row_sampling import draw_columns


def draw_uniform_negatives(allowed: tf.Tensor, anchors: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws one negative for each anchor; all the allowed ones are as likely.

    For an anchor that has no allowed one the negative means nothing.

    Args:
      allowed: [num_rows, num] bool, True where the column's artist may be the row's negative.
      anchors: [num_triplets] int64 rows.
      seed: [2] int64, the same seed draws the same.

    Returns:
      [num_triplets] int64 columns.
    """
    return draw_columns(tf.cumsum(tf.cast(allowed, tf.float64), axis=1), anchors, seed)

"""Distance-weighted sampling of negatives (Wu et al. 2017, 'Sampling matters', section 4.1)."""

from __future__ import annotations

from typing import Final

import tensorflow as tf

from trainer.mining.row_sampling import draw_columns

CUTOFF: Final = 0.5
"""Distances below are treated as this: closer ones are noise, and their weight has no bound."""
NONZERO_LOSS_CUTOFF: Final = 1.4
"""Negatives further away than this are not drawn: they would cost nothing (000 and Wu et al.)."""
EXACT: Final = 2.0**52
"""float64 adds whole numbers up to this without rounding."""


def log_weights(distance: tf.Tensor, dim: int) -> tf.Tensor:
    """log of 1/q(d), with q(d) ~ d^(dim-2) (1 - d^2/4)^((dim-3)/2), the density of the distance
    between two uniform points on the unit sphere.

    Args:
      distance: [...] float32 in 0..2.
      dim: of the embedding.

    Returns:
      [...] float32, up to a constant.
    """
    bounded = tf.clip_by_value(distance, CUTOFF, 1.99)
    return -(dim - 2.0) * tf.math.log(bounded) - (dim - 3.0) / 2.0 * tf.math.log(
        1.0 - bounded**2 / 4.0
    )


def draw_negatives(
    distance: tf.Tensor, allowed: tf.Tensor, anchors: tf.Tensor, dim: int, seed: tf.Tensor
) -> tf.Tensor:
    """Draws one negative for each anchor, with probability ~ 1/q(d) among the allowed ones.

    Where no allowed artist is nearer than NONZERO_LOSS_CUTOFF, all allowed ones are as likely. An
    artist that is not allowed is never drawn, except for an anchor that has no allowed one: there
    the negative means nothing.

    Args:
      distance: [num_rows, num] float32 from some artists of the batch to all.
      allowed: [num_rows, num] bool, True where the column's artist may be the row's negative.
      anchors: [num_triplets] int64 rows.
      dim: of the embedding.
      seed: [2] int64, the same seed draws the same.

    Returns:
      [num_triplets] int64 columns.
    """
    return draw_columns(_cumulative_weights(distance, allowed, dim), anchors, seed)


def _cumulative_weights(distance: tf.Tensor, allowed: tf.Tensor, dim: int) -> tf.Tensor:
    """Running sums of each row's weights: [num_rows, num] float64, whole numbers up to EXACT.

    A sum of fractions depends on the order of its additions, which differs between devices and
    even along a row: an artist of weight zero could come out above the one before it, and be
    drawn. Whole numbers add up exactly in any order. An artist whose weight is below num / EXACT
    of the greatest in its row (4e-13 for 1,571 artists) has none.
    """
    near = allowed & (distance < NONZERO_LOSS_CUTOFF)
    logits = tf.where(near, log_weights(distance, dim), -1e9)
    # The greatest of a row becomes 1: e^logits would overflow, or be 0 for all.
    weights = tf.exp(logits - tf.reduce_max(logits, axis=1, keepdims=True))
    weights = tf.where(tf.reduce_any(near, axis=1, keepdims=True), weights, 1.0)
    weights = tf.cast(tf.where(allowed, weights, 0.0), tf.float64)
    return tf.cumsum(
        tf.floor(weights * (EXACT / tf.cast(tf.shape(weights)[1], tf.float64))), axis=1
    )

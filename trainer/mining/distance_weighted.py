"""Distance-weighted sampling of negatives (Wu et al. 2017, 'Sampling matters', section 4.1)."""

from __future__ import annotations

from typing import Final

import tensorflow as tf

CUTOFF: Final = 0.5
"""Distances below are treated as this: closer ones are noise, and their weight has no bound."""
NONZERO_LOSS_CUTOFF: Final = 1.4
"""Negatives further away than this are not drawn: they would cost nothing (000 and Wu et al.)."""


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

    Where no allowed artist is nearer than NONZERO_LOSS_CUTOFF, all allowed ones are as likely.

    Args:
      distance: [num, num] float32 between the artists of the batch.
      allowed: [num, num] bool, True where the column's artist may be the row's negative.
      anchors: [num_triplets] int64 rows.
      dim: of the embedding.
      seed: [2] int64, the same seed draws the same.

    Returns:
      [num_triplets] int64 rows.
    """
    near = allowed & (distance < NONZERO_LOSS_CUTOFF)
    logits = tf.where(near, log_weights(distance, dim), -1e9)
    logits = tf.where(tf.reduce_any(near, axis=1, keepdims=True), logits, 0.0)
    logits = tf.where(allowed, logits, -2e9)
    # Gumbel-max: one draw from softmax(logits) a triplet.
    chosen = tf.gather(logits, anchors)
    noise = tf.random.stateless_uniform(tf.shape(chosen), seed, minval=1e-20, maxval=1.0)
    return tf.argmax(chosen - tf.math.log(-tf.math.log(noise)), axis=1)

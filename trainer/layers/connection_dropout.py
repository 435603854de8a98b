"""Messages that a training step leaves out."""

from __future__ import annotations

import tensorflow as tf


def kept_weights(
    target: tf.Tensor, weight: tf.Tensor, num_targets: tf.Tensor, share: float, seed: tf.Tensor
) -> tf.Tensor:
    """Row-normalised weights of edges, some of which are left out at random.

    The weights of one target's edges that stay sum to 1 again, so that they make a mean; where none
    stays, they are all 0, as of a target without neighbours.

    Args:
      target: [num_edges] int64.
      weight: [num_edges] float32.
      num_targets: scalar int64.
      share: the probability of each edge to go, below 1.
      seed: [2] int, the same seed drops the same.

    Returns:
      [num_edges] float32, 0 for what is left out.
    """
    kept = tf.random.stateless_uniform(tf.shape(weight), seed) >= share
    weight = tf.where(kept, weight, 0.0)
    total = tf.math.unsorted_segment_sum(weight, target, num_targets)
    return tf.math.divide_no_nan(weight, tf.gather(total, target))

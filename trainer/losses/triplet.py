"""The triplet loss (000, section 2.1)."""

from __future__ import annotations

import tensorflow as tf


def triplet_loss(
    positive_distance: tf.Tensor, negative_distance: tf.Tensor, margin: float
) -> tf.Tensor:
    """L(t) = [d(y_a, y_p) - d(y_a, y_n) + margin]^+.

    The paper prints the two distances the other way round, which would push the positive away;
    this is the loss of the works that it cites there.

    Args:
      positive_distance: [num_triplets] float32, d(y_a, y_p).
      negative_distance: [num_triplets] float32, d(y_a, y_n).
      margin: how much further the negative must be.

    Returns:
      [num_triplets] float32, not negative.
    """
    return tf.nn.relu(positive_distance - negative_distance + margin)


def chord(cosine: tf.Tensor) -> tf.Tensor:
    """Euclidean distances of l2-normalised vectors by their dot products, [...] float32.

    The gradient is finite for equal vectors too.
    """
    return tf.sqrt(tf.maximum(2.0 - 2.0 * cosine, 1e-8))

"""Which candidate is similar to a query, as a softmax over all artists of a batch."""

from __future__ import annotations

import tensorflow as tf


def log_probabilities(
    queries: tf.Tensor, candidates: tf.Tensor, popularity: tf.Tensor
) -> tf.Tensor:
    """log softmax(queries . candidates * popularity), nobody being a candidate of itself.

    Args:
      queries: [num, dim] float32.
      candidates: [num, dim] float32.
      popularity: [num] float32, factors of the candidates.

    Returns:
      [num, num] float32.
    """
    logits = tf.matmul(queries, candidates * popularity[:, None], transpose_b=True)
    return tf.nn.log_softmax(tf.linalg.set_diag(logits, tf.fill(tf.shape(popularity), -1e9)))


def hidden_edge_loss(log_probability: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
    """-log p, averaged over each query's positives, then over the queries that have any.

    Args:
      log_probability: [num, num] float32.
      hidden: [num, num] float32, 1 for a positive and else 0.

    Returns:
      A scalar; 0 where there is no positive.
    """
    num_positives = tf.reduce_sum(hidden, axis=1)
    # Not a product: the query itself may be as unlikely as can be.
    likely = tf.reduce_sum(tf.where(hidden > 0.0, log_probability, 0.0), axis=1)
    of_query = tf.math.divide_no_nan(likely, num_positives)
    asked = tf.cast(num_positives > 0.0, tf.float32)
    return -tf.math.divide_no_nan(tf.reduce_sum(of_query), tf.reduce_sum(asked))


def divergence(wanted: tf.Tensor, log_probability: tf.Tensor) -> tf.Tensor:
    """Kullback-Leibler divergence from `wanted` ([num, num], rows sum to 1), mean over rows.

    The distillation of Hinton et al. 2015 (section 2).
    """
    information = tf.math.xlogy(wanted, wanted) - wanted * log_probability
    return tf.math.divide_no_nan(
        tf.reduce_sum(information), tf.cast(tf.shape(wanted)[0], tf.float32)
    )

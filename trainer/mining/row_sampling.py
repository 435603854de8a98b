"""Draws from a distribution for each row of a matrix."""

from __future__ import annotations

import tensorflow as tf


def draw_columns(cumulative: tf.Tensor, rows: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws a column for each of some rows, by the row's cumulative weights.

    The draws invert the cumulative weights, so that they take memory for the matrix and for
    [num_draws], not for their product. A column without weight is never drawn, unless the row has
    no weight at all: there the column means nothing.

    Args:
      cumulative: [num_rows, num_columns] float64, running sums of each row's weights; exact, as
        those of whole numbers up to 2^52 are.
      rows: [num_draws] int64.
      seed: [2] int64, the same seed draws the same.

    Returns:
      [num_draws] int64 columns.
    """
    # Below 1 by at least 2^-52, so that the product stays below the total.
    uniform = tf.random.stateless_uniform(tf.shape(rows), seed, dtype=tf.float64)
    return first_above(cumulative, rows, uniform * tf.gather(cumulative[:, -1], rows))


def first_above(ascending: tf.Tensor, rows: tf.Tensor, thresholds: tf.Tensor) -> tf.Tensor:
    """The first column of a row whose value is above a threshold, by binary search.

    `tf.searchsorted` would want a copy of the row for each threshold.

    Args:
      ascending: [num_rows, num_columns] float64, each row ascending.
      rows: [num_draws] int64.
      thresholds: [num_draws] float64.

    Returns:
      [num_draws] int64; the last column where no value is above.
    """
    values = tf.reshape(ascending, [-1])
    num_columns = tf.shape(ascending)[1]
    start = rows * tf.cast(num_columns, tf.int64)

    def halve(length: tf.Tensor, low: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # The column is one of the `length` from `low`; a length is the same for all triplets.
        half = length // 2
        above = low + tf.cast(half, tf.int64)
        below = tf.gather(values, start + above - 1) <= thresholds
        return length - half, tf.where(below, above, low)

    _, found = tf.while_loop(
        lambda length, low: length > 1, halve, [num_columns, tf.zeros_like(rows)]
    )
    return found

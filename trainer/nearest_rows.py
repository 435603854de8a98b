"""The artists with the highest dot products, to the last bit the same in any batch."""

from __future__ import annotations

from typing import Final

import tensorflow as tf

MARGIN: Final = 32
"""Artists that are multiplied once more beside those that are asked for."""

_WIDER: Final = 8
"""By how much the margin grows where it does not suffice."""

_PARALLEL: Final = 4
"""Queries whose candidates' vectors are held at once."""

_ROUNDING: Final = 2.0**-24
"""Of one operation in float32, as a share of its result."""


def dot_products(vectors: tf.Tensor, one: tf.Tensor) -> tf.Tensor:
    """The dot product of each vector with one, added up by itself.

    A matrix product of the same vectors adds in another order for another number of rows; this has
    the same bits at any place, beside any others and in any number of them.

    Args:
      vectors: [num, dim] float32.
      one: [dim] float32.

    Returns:
      [num] float32.
    """
    return tf.reduce_sum(vectors * one, axis=1)


def nearest_rows(
    catalogue: tf.Tensor,
    longest: tf.Tensor,
    embedding: tf.Tensor,
    product: tf.Tensor,
    count: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The rows with the highest `dot_products`, highest first, of equal ones the first.

    The matrix product only selects whom to multiply once more. By the bound on the rounding of
    sums (Higham, 'Accuracy and stability of numerical algorithms', section 3.1) a score is off by
    at most

      dim u / (1 - dim u) sum of |x_i y_i|  <=  dim u / (1 - dim u) |x| |y|,   u = 2^-24,

    in whatever order it was added up. Where somebody who was not selected could still belong to the
    answer, as among artists with equal vectors, the selection is done again with a wider margin, in
    the end with everybody. (Numbers so small that their products underflow are not thought of.)

    Args:
      catalogue: [num_artists, dim] float32.
      longest: [] float32, the length of the longest of these vectors, or more.
      embedding: [batch, dim] float32 of those who are asked for, finite.
      product: [batch, num_artists] float32, embedding @ catalogue^T; -inf for who is left out.
      count: [] int32, at most num_artists.

    Returns:
      Score [batch, count] float32, -inf where nobody is left; row [batch, count] int32.
    """
    num_artists = tf.shape(catalogue)[0]
    steps = float(catalogue.shape[1]) * _ROUNDING
    # Both the product and the sum may be off, each in another direction; the norms are rounded too.
    unsure = 2.1 * steps / (1 - steps) * longest * _length(embedding)  # [batch]

    def select(
        margin: tf.Tensor, sure: tf.Tensor, score: tf.Tensor, row: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        size = tf.minimum(count + tf.minimum(margin, num_artists), num_artists)
        selected, rows = tf.math.top_k(product, size)
        rows = tf.sort(rows, axis=1)  # Of equal scores, top_k takes the first.
        left = tf.gather(product, rows, batch_dims=1) > -float("inf")
        again = tf.where(left, _each(catalogue, embedding, rows), -float("inf"))
        score, column = tf.math.top_k(again, count)
        least = tf.reduce_min(selected, axis=1)
        sure = (
            tf.equal(size, num_artists)
            # All that are not left out have been selected; or all scores are zero, and exact.
            | tf.equal(least, -float("inf"))
            | tf.equal(unsure, 0.0)
            | (tf.reduce_min(score, axis=1) > least + unsure)
        )
        row = tf.gather(rows, column, batch_dims=1)
        return margin * _WIDER, tf.reduce_all(sure), score, row

    batch = embedding.shape[0]
    _, _, score, row = tf.while_loop(
        lambda margin, sure, score, row: ~sure,
        select,
        (
            tf.constant(MARGIN),
            tf.constant(False),
            tf.zeros([tf.shape(embedding)[0], 0]),
            tf.zeros([tf.shape(embedding)[0], 0], tf.int32),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([]),
            tf.TensorShape([batch, None]),
            tf.TensorShape([batch, None]),
        ),
        parallel_iterations=1,
    )
    return score, row


def _each(catalogue: tf.Tensor, embedding: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """[batch, num] float32, of each embedding with its own rows of the catalogue."""
    batch = tf.shape(embedding)[0]
    # One also where there is none: map_fn has no shape to return otherwise.
    added = [[0, tf.cast(batch < 1, tf.int32)], [0, 0]]
    found = tf.map_fn(
        lambda one: dot_products(tf.gather(catalogue, one[1]), one[0]),
        (tf.pad(embedding, added), tf.pad(rows, added)),
        fn_output_signature=tf.TensorSpec([None], tf.float32),
        parallel_iterations=_PARALLEL,
    )
    return found[:batch]


def _length(vectors: tf.Tensor) -> tf.Tensor:
    """[num] lengths of [num, dim] float32, also of those whose squares are no float32."""
    most = tf.reduce_max(tf.abs(vectors), axis=1)
    return most * tf.norm(tf.math.divide_no_nan(vectors, most[:, None]), axis=1)

"""A gated sum over edges in bounded memory: some channels at a time, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import tensorflow as tf

_MAX_GATES: Final = 2**26
"""At most so many gates are held at once (256 MiB), and a few tensors of their size."""


def gated_sum(
    key: tf.Tensor,
    query: tf.Tensor,
    value: tf.Tensor,
    target: tf.Tensor,
    source: tf.Tensor,
    weight: tf.Tensor,
) -> tf.Tensor:
    """sum over the edges of each target of weight * sigmoid(key_target + query_source) *
    value_source, elementwise.

    Gates differ by edge and channel, so that no sparse product makes the sum. A plain one would
    hold several tensors of [num_edges, dim] from the forward to the backward pass: 6.7 GB each for
    6.56 million edges and 256 channels. Channels do not mix, so they are taken in blocks, and the
    backward pass computes the gates anew.

    Args:
      key: [num_targets, dim] float32.
      query: [num_sources, dim] float32.
      value: [num_sources, dim] float32.
      target: [num_edges] int64.
      source: [num_edges] int64.
      weight: [num_edges] float32, a constant to the gradient.

    Returns:
      [num_targets, dim] float32; zeros for a target without edges.
    """
    num_targets, num_sources = (tf.shape(part, out_type=tf.int64)[0] for part in (key, query))
    place = tf.range(tf.size(target, out_type=tf.int64))

    def summing(ends: tf.Tensor, num_ends: tf.Tensor) -> tf.SparseTensor:
        shape = tf.stack([num_ends, tf.size(target, out_type=tf.int64)])
        return tf.SparseTensor(tf.stack([ends, place], axis=1), weight, shape)

    # Less than half the time of unsorted_segment_sum for few channels.
    at_target, at_source = summing(target, num_targets), summing(source, num_sources)
    product = tf.sparse.sparse_dense_matmul

    def gate(key: tf.Tensor, query: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(tf.gather(key, target) + tf.gather(query, source))

    def forward(key: tf.Tensor, query: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor]:
        return (product(at_target, gate(key, query) * tf.gather(value, source)),)

    def backward(
        key: tf.Tensor, query: tf.Tensor, value: tf.Tensor, upstream: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        gates = gate(key, query)
        # Of the sum by the values, then by what is inside of the sigmoid.
        by_value = gates * tf.gather(upstream, target)
        inside = by_value * tf.gather(value, source) * (1.0 - gates)
        return product(at_target, inside), product(at_source, inside), product(at_source, by_value)

    @tf.custom_gradient
    def summed(key: tf.Tensor, query: tf.Tensor, value: tf.Tensor):
        def gradient(upstream: tf.Tensor) -> Sequence[tf.Tensor]:
            return _in_blocks(backward, (key, query, value, upstream), 3, tf.size(target))

        return _in_blocks(forward, (key, query, value), 1, tf.size(target))[0], gradient

    return summed(key, query, value)


def _in_blocks(
    function: Callable[..., tuple[tf.Tensor, ...]],
    inputs: Sequence[tf.Tensor],
    num_outputs: int,
    num_edges: tf.Tensor,
) -> Sequence[tf.Tensor]:
    """A function of [num, dim] matrices, column by column independent, some columns at a time."""
    dim = inputs[0].shape[1]
    # Blocks of equal width, the widest that there is room for.
    widths = tf.constant([width for width in range(1, dim + 1) if dim % width == 0])
    room = tf.maximum(_MAX_GATES // tf.maximum(num_edges, 1), 1)
    width = tf.reduce_max(tf.where(widths <= room, widths, 1))

    def block(start: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return function(*(matrix[:, start : start + width] for matrix in inputs))

    # One after the other: what runs at once is held at once.
    found = tf.map_fn(
        block,
        tf.range(0, dim, width),
        fn_output_signature=(tf.TensorSpec([None, None], tf.float32),) * num_outputs,
        parallel_iterations=1,
    )

    def joined(blocks: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.transpose(blocks, [1, 0, 2]), [tf.shape(blocks)[1], dim])

    return [joined(part) for part in found]

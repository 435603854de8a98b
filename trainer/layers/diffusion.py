"""Truncated random walks in TensorFlow, for the models that are saved; see trainer.visits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import tensorflow as tf

# At most so many visits are held densely at once (64 MiB).
_MAX_DENSE: Final = 2**24


class Visits(NamedTuple):
    """Sparse rows of equal width.

    Attributes:
      column: [num, reach] int32.
      value: [num, reach] float32, falling; 0 where there are fewer.
    """

    column: tf.Tensor
    value: tf.Tensor


class Hops(NamedTuple):
    """Edges of a walk.

    Attributes:
      target: [num_edges] int64, ascending.
      source: [num_edges] int64.
      weight: [num_edges] float32, decay * S.
    """

    target: tf.Tensor
    source: tf.Tensor
    weight: tf.Tensor


def hop_edges(
    target: tf.Tensor,
    source: tf.Tensor,
    weight: tf.Tensor,
    target_degree: tf.Tensor,
    source_degree: tf.Tensor,
    decay: float,
) -> Hops:
    """decay * S of edges (trainer.visits.walk_matrix), in the order of their targets.

    Args:
      target: [num_edges] int64.
      source: [num_edges] int64.
      weight: [num_edges] float32.
      target_degree: [num_targets] float32, sums of weights.
      source_degree: [num_sources] float32.
      decay: what is left of a walk after the hop.
    """
    order = tf.argsort(target, stable=True)
    target, source, weight = (tf.gather(part, order) for part in (target, source, weight))
    scale = tf.gather(target_degree, target) * tf.maximum(tf.gather(source_degree, source), weight)
    return Hops(target, source, decay * weight * tf.math.rsqrt(scale))


def hop(
    edges: Hops,
    num_targets: tf.Tensor,
    num_columns: tf.Tensor,
    reach: int,
    visited: Visits | None = None,
    known: tf.Tensor | None = None,
) -> Visits:
    """top_reach(decay * S (I + visited)), some rows at a time.

    Args:
      edges: from `hop_edges`.
      num_targets: scalar int64.
      num_columns: scalar int64; artists that can be visited.
      reach: width of the result.
      visited: of the sources, [num_columns, reach] each; None: nothing yet.
      known: [num_columns] bool; others are not counted. None: all are.
    """
    step = tf.clip_by_value(_MAX_DENSE // tf.maximum(num_columns, 1), 1, tf.maximum(num_targets, 1))
    # One block also for no target at all: map_fn has no shape to return otherwise.
    starts = tf.range(0, tf.maximum(num_targets, 1), step)
    width = tf.minimum(tf.cast(reach, tf.int64), num_columns)

    def rows(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        limits = tf.searchsorted(edges.target, [start, start + step], out_type=tf.int64)
        target, source, weight = (part[limits[0] : limits[1]] for part in edges)
        place = (target - start) * num_columns
        columns, values = place + source, weight
        if visited is not None:
            further = place[:, None] + tf.cast(tf.gather(visited.column, source), tf.int64)
            value = weight[:, None] * tf.gather(visited.value, source)
            columns = tf.concat([columns, tf.reshape(further, [-1])], axis=0)
            values = tf.concat([values, tf.reshape(value, [-1])], axis=0)
        dense = tf.math.unsorted_segment_sum(values, columns, step * num_columns)
        dense = tf.reshape(dense, [step, num_columns])
        if known is not None:
            dense *= tf.cast(known, tf.float32)
        value, column = tf.math.top_k(dense, tf.cast(width, tf.int32))
        return column, value

    column, value = tf.map_fn(
        rows,
        starts,
        fn_output_signature=(
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.float32),
        ),
        parallel_iterations=1,
    )
    return Visits(*(_rows(part, num_targets, width, reach) for part in (column, value)))


def _rows(blocks: tf.Tensor, num: tf.Tensor, width: tf.Tensor, reach: int) -> tf.Tensor:
    """[blocks, step, width] -> [num, reach], with zeros where there are fewer columns."""
    rows = tf.reshape(blocks, [-1, width])[:num]
    padded = tf.pad(rows, [[0, 0], [0, tf.cast(reach, tf.int64) - width]])
    return tf.ensure_shape(padded, [None, reach])


def all_visits(
    edges: Hops,
    num_artists: tf.Tensor,
    hops: int,
    reach: int,
    on_hop: Callable[[], None] = lambda: None,
) -> Visits:
    """t_hops of all artists; zeros for no hop at all."""
    nothing = tf.zeros(tf.stack([num_artists, tf.cast(reach, tf.int64)]))
    visited = Visits(tf.cast(nothing, tf.int32), nothing)
    for number in range(hops):
        visited = hop(edges, num_artists, num_artists, reach, visited if number else None)
        on_hop()
    return visited


def shares(visited: Visits) -> Visits:
    """x = sqrt(r / |r|_1), rows of length 1; zero stays zero."""
    total = tf.reduce_sum(visited.value, axis=1, keepdims=True)
    return Visits(visited.column, tf.sqrt(tf.math.divide_no_nan(visited.value, total)))

"""Truncated random walks in TensorFlow, for the models that are saved; see trainer.visits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import tensorflow as tf

# So many visits may be held at once, in several forms (16 MiB each in float32).
_MAX_HELD: Final = 2**22

# Rows that gather at least so many visits for each column are summed densely (decision 0017).
_DENSE_FROM: Final = 1.0

# Blocks that may be in the making at once.
_PARALLEL: Final = 2


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

    Memory, beside arguments and result, is bounded. Time is linear in edges * reach: only rows that
    gather so many visits that it takes no longer are summed over all columns.

    Args:
      edges: from `hop_edges`.
      num_targets: scalar int64.
      num_columns: scalar int64; artists that can be visited.
      reach: width of the result.
      visited: of the sources, [num_columns, reach] each; None: nothing yet.
      known: [num_columns] bool; others are not counted. None: all are.
    """
    width = 1 if visited is None else 1 + reach
    # Rows with most edges first: a block's first row bounds all others.
    bounds = tf.searchsorted(edges.target, tf.range(num_targets + 1), out_type=tf.int64)
    degree = bounds[1:] - bounds[:-1]
    order = tf.argsort(degree, direction="DESCENDING", stable=True)
    degree = tf.gather(degree, order)
    start = tf.gather(bounds, order)
    lists = tf.ragged.range(start, start + degree)
    edges = Hops(lists.value_rowids(), *(tf.gather(p, lists.flat_values) for p in edges[1:]))
    bounds, products = lists.row_splits, degree * width
    columns = tf.cast(num_columns, tf.float32)
    dense = tf.cast(products, tf.float32) >= _DENSE_FROM * columns
    num_dense = tf.math.count_nonzero(dense)

    def block(first: tf.Tensor, place: tf.Tensor, found: tuple[tf.TensorArray, ...]) -> Any:
        most = tf.maximum(products[first], 1)
        is_dense = first < num_dense
        held = tf.where(is_dense, tf.maximum(most, num_columns), most)
        end = first + tf.maximum(_MAX_HELD // held, 1)
        end = tf.minimum(end, tf.where(is_dense, num_dense, num_targets))
        part = slice(bounds[first], bounds[end])
        own = Hops(edges.target[part] - first, edges.source[part], edges.weight[part])
        given = (own, end - first, num_columns, reach, visited, known)
        rows = tf.cond(is_dense, lambda: dense_rows(*given), lambda: sparse_rows(*given))
        return end, place + 1, tuple(a.write(place, part) for a, part in zip(found, rows))

    # One block also for no target at all: nothing cannot be put together.
    nothing = tf.zeros([0, reach])
    arrays = tuple(
        tf.TensorArray(dtype, 1, dynamic_size=True, infer_shape=False, element_shape=[None, reach])
        for dtype in (tf.int32, tf.float32)
    )
    arrays = tuple(a.write(0, tf.cast(nothing, a.dtype)) for a in arrays)
    _, _, arrays = tf.while_loop(
        lambda first, place, found: first < num_targets,
        block,
        (tf.zeros([], tf.int64), 1, arrays),
        parallel_iterations=_PARALLEL,
    )
    back = tf.math.invert_permutation(order)
    return Visits(*(tf.ensure_shape(tf.gather(a.concat(), back), [None, reach]) for a in arrays))


def dense_rows(
    edges: Hops,
    num_targets: tf.Tensor,
    num_columns: tf.Tensor,
    reach: int,
    visited: Visits | None,
    known: tf.Tensor | None,
) -> Visits:
    """`hop` of a few rows, summed in [num_targets, num_columns] float32."""
    width = 1 if visited is None else 1 + reach
    step = max(1, _MAX_HELD // width)

    def add(start: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        target, source, weight = (part[start : start + step] for part in edges)
        place = target * num_columns
        columns, values = place + source, weight
        if visited is not None:
            further = place[:, None] + tf.cast(tf.gather(visited.column, source), tf.int64)
            value = weight[:, None] * tf.gather(visited.value, source)
            columns = tf.concat([columns, tf.reshape(further, [-1])], axis=0)
            values = tf.concat([values, tf.reshape(value, [-1])], axis=0)
        num_cells = num_targets * num_columns
        return start + step, total + tf.math.unsorted_segment_sum(values, columns, num_cells)

    # Only an artist with very many edges takes more than one step.
    num_edges = tf.size(edges.target)
    _, total = tf.while_loop(
        lambda start, total: start < num_edges, add, (0, tf.zeros([num_targets * num_columns]))
    )
    total = tf.reshape(total, [num_targets, num_columns])
    if known is not None:
        total *= tf.cast(known, tf.float32)
    value, column = tf.math.top_k(_at_least(reach, total), reach)
    # What is padded is no artist; a gather of it would fail.
    last = tf.cast(tf.maximum(num_columns - 1, 0), tf.int32)
    return Visits(tf.minimum(column, last), value)


def sparse_rows(
    edges: Hops,
    num_targets: tf.Tensor,
    num_columns: tf.Tensor,
    reach: int,
    visited: Visits | None,
    known: tf.Tensor | None,
) -> Visits:
    """`hop` of some rows as a product of sparse matrices; no memory or time is for all columns."""
    # Each edge is a row of its own in the right factor: what its source hands on.
    num_edges = tf.size(edges.target, out_type=tf.int64)
    column, value = tf.cast(edges.source[:, None], tf.int32), tf.ones_like(edges.weight)[:, None]
    if visited is not None:
        column = tf.concat([column, tf.gather(visited.column, edges.source)], axis=1)
        value = tf.concat([value, tf.gather(visited.value, edges.source)], axis=1)
    width = tf.shape(column, tf.int64)[1]
    column, value = tf.reshape(column, [-1]), tf.reshape(value, [-1])
    used = tf.where(value > 0.0)[:, 0]
    handed_on = tf.stack([used // width, tf.cast(tf.gather(column, used), tf.int64)], axis=1)
    right = tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=handed_on,
        values=tf.gather(value, used),
        dense_shape=tf.stack([num_edges, num_columns]),
    )
    left = tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=tf.stack([edges.target, tf.range(num_edges)], axis=1),
        values=edges.weight,
        dense_shape=tf.stack([num_targets, num_edges]),
    )
    product = tf.raw_ops.SparseMatrixSparseMatMul(a=left, b=right, type=tf.float32)
    parts = tf.raw_ops.CSRSparseMatrixComponents(
        csr_sparse_matrix=product, index=0, type=tf.float32
    )
    values = parts.values
    if known is not None:
        values *= tf.gather(tf.cast(known, tf.float32), parts.col_inds)
    table = [
        _at_least(reach, tf.RaggedTensor.from_row_splits(part, parts.row_ptrs).to_tensor())
        for part in (parts.col_inds, values)
    ]
    # Columns ascend, so that of equal values the first columns win, as in `dense_rows`.
    value, place = tf.math.top_k(table[1], reach)
    return Visits(tf.gather(table[0], place, batch_dims=1), value)


def _at_least(width: int, table: tf.Tensor) -> tf.Tensor:
    """[num, columns] -> the same with zeros up to `width` columns, if there are fewer."""
    return tf.pad(table, [[0, 0], [0, tf.maximum(width - tf.shape(table)[1], 0)]])


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

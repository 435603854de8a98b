"""What is done for every artist of a catalogue, some artists at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

ROWS: Final = 2**12
"""Artists of a block, at most."""
EDGES: Final = 2**16
"""Edges of a block, at most, unless one artist has more: a gate for each of 256 channels of them
takes 64 MiB."""


def in_row_blocks(
    make: Callable[[Any, Any], tf.Tensor],
    num_rows: tf.Tensor | int,
    bounds: tf.Tensor | None = None,
    rows: int | None = None,
    edges: int | None = None,
) -> tf.Tensor:
    """All rows of a result, of which only a block is in the making at a time.

    Beside the result, which is held twice while it is put together, memory is that of one block.

    Args:
      make: (first, end) -> [end - first, width], the rows from `first` on to before `end`. First it
        is called for one row, which builds its layers.
      num_rows: scalar int64.
      bounds: [num_rows + 1] int64, where the edges of each row begin, and where the last one's end;
        None: rows have no edges.
      rows: of a block, at most; ROWS by default.
      edges: of a block of several rows, at most; EDGES by default.

    Returns:
      [num_rows, width].
    """
    most, room = rows or ROWS, edges or EDGES
    num_rows = tf.cast(num_rows, tf.int64)
    # Not of no row at all: TensorFlow computes beforehand what it knows to be empty, and on the way
    # divides by zero, which ends the process.
    none = make(tf.zeros([], tf.int64), tf.minimum(num_rows, 1))[:0]
    shape = tf.TensorShape([None]).concatenate(none.shape[1:])
    # A piece also where there is no row: nothing cannot be put together.
    array = tf.TensorArray(
        none.dtype, 1, dynamic_size=True, infer_shape=False, element_shape=shape
    ).write(0, none)

    def block(first: tf.Tensor, place: tf.Tensor, array: tf.TensorArray) -> Any:
        end = tf.minimum(first + most, num_rows)
        if bounds is not None:
            full = tf.searchsorted(bounds, bounds[first, None] + room, side="right")
            last = tf.cast(full[0], tf.int64) - 1
            end = tf.maximum(first + 1, tf.minimum(end, last))
        return end, place + 1, array.write(place, make(first, end))

    # One after the other: what runs at once is held at once.
    _, _, array = tf.while_loop(
        lambda first, place, array: first < num_rows,
        block,
        (tf.zeros([], tf.int64), 1, array),
        parallel_iterations=1,
    )
    return tf.ensure_shape(array.concat(), shape)


def row_bounds(row: tf.Tensor, num_rows: tf.Tensor) -> tf.Tensor:
    """[num_rows + 1] int64: where each row begins in `row` [num] int64, which ascends."""
    return tf.searchsorted(row, tf.range(tf.cast(num_rows, tf.int64) + 1), out_type=tf.int64)

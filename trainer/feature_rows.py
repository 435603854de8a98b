"""The features of some artists, sparse where most of them are zeros."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

SPARSE: Final = 1 / 20
"""Where fewer of the features are not zero, a sparse product takes less time than a dense one (on
CPUs; it takes eight times as long for each number, and runs on one core)."""


class FeatureRows(tf.Module):
    """Looks features up by row, from variables, of which each device has a copy.

    Args:
      features: [num_artists, num_features] float32.
      may_be_sparse: whether the network takes them sparse.
    """

    def __init__(self, features: tf.Tensor, may_be_sparse: bool):
        super().__init__(name="feature_rows")
        values = features.numpy()
        self.is_sparse = may_be_sparse and np.count_nonzero(values) < SPARSE * values.size
        self._dim = values.shape[1]
        if self.is_sparse:
            rows = sp.csr_matrix(values)
            parts = [rows.indptr.astype(np.int64), rows.indices.astype(np.int64), rows.data]
        else:
            parts = [values]
        self._parts = [tf.Variable(part, trainable=False) for part in parts]

    def __call__(self, artists: tf.Tensor) -> tf.Tensor | tf.SparseTensor:
        """[num, num_features] float32 of the rows `artists` ([num] int64)."""
        if not self.is_sparse:
            return tf.gather(self._parts[0], artists)
        offset, column, value = self._parts
        places = tf.ragged.range(tf.gather(offset, artists), tf.gather(offset, artists + 1))
        return tf.SparseTensor(
            tf.stack([places.value_rowids(), tf.gather(column, places.flat_values)], axis=1),
            tf.gather(value, places.flat_values),
            tf.stack([tf.size(artists, tf.int64), tf.constant(self._dim, tf.int64)]),
        )

"""A dense layer of rows that are mostly zeros, such as bags of words."""

from __future__ import annotations

import tensorflow as tf


@tf.keras.utils.register_keras_serializable("artist_sim")
class SparseDense(tf.keras.layers.Dense):
    """Dense, whose input may be a SparseTensor once it is built.

    Keras' own layer takes one too, but copies a row of the kernel for every number of the input.
    """

    def call(self, inputs: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
        """[num, dim] -> [num, units]."""
        if not isinstance(inputs, tf.SparseTensor):
            return super().call(inputs)
        return self.activation(
            tf.nn.bias_add(product(inputs, self.kernel, self.compute_dtype), self.bias)
        )


def product(rows: tf.Tensor | tf.SparseTensor, kernel: tf.Tensor, dtype: str) -> tf.Tensor:
    """rows [num, dim] times kernel [dim, units], both of this type under mixed precision."""
    if not isinstance(rows, tf.SparseTensor):
        return tf.matmul(rows, kernel)
    # In float32 also under mixed precision: there is no sparse product of bfloat16.
    made = tf.sparse.sparse_dense_matmul(tf.cast(rows, tf.float32), tf.cast(kernel, tf.float32))
    return tf.cast(made, dtype)

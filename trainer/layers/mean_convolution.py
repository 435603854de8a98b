"""The graph convolution of 000: weighted mean of projected neighbours, then a projection."""

from __future__ import annotations

from typing import Final

import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.layers.sparse_dense import SparseDense, product

ARTIST: Final = "artist"
NEIGHBOR: Final = "neighbor"
SIMILAR: Final = "similar"
WEIGHT: Final = "weight"
MESSAGE: Final = "message"
"""Feature of a sender whose message is known already, as that of a served catalogue's artists."""


@tf.keras.utils.register_keras_serializable("artist_sim")
class MeanConvolution(tf.keras.layers.Layer):
    """N_k = sigma(Q_k X_{k-1}) A_k (000, algorithm 1, line 8), as one sparse-dense product.

    A TF-GNN convolution over an edge set whose feature `weight` holds the row-normalised A_k.
    TF-GNN's own GraphSAGE layers copy the sender's features to every edge; the product does not.

    Args:
      units: H_Qk, the width of a message.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self._project = SparseDense(units, activation="elu", name="project")

    def messages(self, sender_state: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
        """What each sender says: sigma(Q_k x), [num_senders, units] float32."""
        return self._project(sender_state)

    def call(self, graph: tfgnn.GraphTensor, *, edge_set_name: str) -> tf.Tensor:
        """Returns N_k, [num_receivers, units]; zeros for a receiver without neighbours."""
        adjacency = graph.edge_sets[edge_set_name].adjacency
        sender = graph.node_sets[adjacency.source_name]
        receiver = graph.node_sets[adjacency.target_name]
        if MESSAGE in sender.features:
            messages = sender[MESSAGE]
        else:
            messages = self.messages(sender[tfgnn.HIDDEN_STATE])
        # In float32 also under mixed precision: GPUs have no sparse product of bfloat16.
        mean = tf.sparse.SparseTensor(
            tf.stack([adjacency.target, adjacency.source], axis=1),
            tf.cast(graph.edge_sets[edge_set_name][WEIGHT], tf.float32),
            [receiver.total_size, sender.total_size],
        )
        product = tf.sparse.sparse_dense_matmul(mean, tf.cast(messages, tf.float32))
        return tf.cast(product, self.compute_dtype)

    def get_config(self) -> dict:
        """Keras configuration."""
        return {**super().get_config(), "units": self._project.units}


@tf.keras.utils.register_keras_serializable("artist_sim")
class UnitLength(tf.keras.layers.Layer):
    """x / |x|_2 for each row (000, algorithm 1, line 10); zero stays zero."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the rows of `inputs` [num, dim] at length 1."""
        squared = tf.reduce_sum(tf.square(inputs), axis=-1, keepdims=True)
        # An artist without content and neighbours is a zero row at first. Dividing it by a tiny
        # number would leave it zero, and multiply its gradient by a million in every layer.
        none = squared < 1e-8
        return inputs * tf.math.rsqrt(tf.where(none, tf.ones_like(squared), squared))


class MeanState(tf.keras.layers.Layer):
    """l2norm(sigma(W [x; N] + b)), a receiver's next state (000, algorithm 1, lines 9-10).

    W [x; N] = W_x x + W_N N: [x; N] is never made, and where x is content, which nothing teaches,
    no gradient is computed for it; that would be a third of the first layer's work.

    Args:
      units: H_Wk, the width of the state.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self._units = units
        self._unit = UnitLength()

    def build(self, input_shape) -> None:
        """Creates W, [dim + width of N, units], and b."""
        own, heard, _ = input_shape
        self._dim = own[-1]
        shape = [self._dim + heard[SIMILAR][-1], self._units]
        self._kernel = self.add_weight("kernel", shape, initializer="glorot_uniform")
        self._bias = self.add_weight("bias", [self._units], initializer="zeros")
        super().build(input_shape)

    def call(self, inputs) -> tf.Tensor:
        """(own state, {SIMILAR: N}, context) -> [num_receivers, units].

        The own state may be a SparseTensor once the layer is built.
        """
        own, heard, _ = inputs
        state = product(own, self._kernel[: self._dim], self.compute_dtype)
        state += tf.matmul(heard[SIMILAR], self._kernel[self._dim :])
        return self._unit(tf.nn.elu(tf.nn.bias_add(state, self._bias)))

    def get_config(self) -> dict:
        """Keras configuration."""
        return {**super().get_config(), "units": self._units}


class MeanGraphConvolution(tf.Module):
    """X_k = l2norm(sigma(W_k [N_k; X_{k-1}])) as a TF-GNN graph update (algorithm 1, lines 8-10).

    Args:
      units: H_Qk and H_Wk.
      name: of the layer, and so of its variables.
    """

    def __init__(self, units: int, name: str):
        super().__init__(name=name)
        self.aggregate = MeanConvolution(units, name=f"{name}_aggregate")
        self._next_state = MeanState(units, name=f"{name}_combine")
        self._update = tfgnn.keras.layers.GraphUpdate(
            node_sets={
                ARTIST: tfgnn.keras.layers.NodeSetUpdate(
                    {SIMILAR: self.aggregate}, self._next_state
                )
            },
            name=name,
        )

    def __call__(self, graph: tfgnn.GraphTensor) -> tf.Tensor:
        """X_k of the receivers.

        Args:
          graph: node set `artist` (the receivers) with tfgnn.HIDDEN_STATE, node set `neighbor` (the
            senders) with tfgnn.HIDDEN_STATE or MESSAGE, edge set `similar` between them.

        Returns:
          [num_receivers, units] float32.
        """
        return self._update(graph).node_sets[ARTIST][tfgnn.HIDDEN_STATE]

    def of_sparse(self, graph: tfgnn.GraphTensor, state: tf.SparseTensor) -> tf.Tensor:
        """X_1 of the receivers from content that is mostly zeros; a GraphTensor cannot hold it.

        Args:
          graph: as above, without states; the receivers are the first of the senders.
          state: [num_senders, num_features], in a network that has seen dense content.

        Returns:
          [num_receivers, units] float32.
        """
        num_receivers = graph.node_sets[ARTIST].total_size
        heard = self.aggregate(
            graph.replace_features(node_sets={NEIGHBOR: {MESSAGE: self.aggregate.messages(state)}}),
            edge_set_name=SIMILAR,
        )
        own = tf.sparse.slice(state, [0, 0], tf.stack([num_receivers, state.dense_shape[1]]))
        return self._next_state((own, {SIMILAR: heard}, {}))

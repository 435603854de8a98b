"""The graph convolution of 000: weighted mean of projected neighbours, then a projection."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.layer_steps import MEAN
from trainer.layers.graph_convolution import (
    ARTIST,
    MESSAGE,
    NEIGHBOR,
    SIMILAR,
    WEIGHT,
    GraphConvolution,
    UnitLength,
    sender_messages,
    weighted_sum,
)
from trainer.layers.sparse_dense import SparseDense, product
from trainer.named_weights import Weight, dense_weights, numbered


@tf.keras.utils.register_keras_serializable("artist_sim")
class MeanConvolution(tf.keras.layers.Layer):
    """N_k = sigma(Q_k X_{k-1}) A_k (000, algorithm 1, line 8), as one sparse-dense product.

    A TF-GNN convolution over an edge set whose feature `weight` holds the row-normalised A_k.
    TF-GNN's own GraphSAGE layers copy the sender's features to every edge; the product does not.

    Args:
      units: H_Qk, the width of a message.
    """

    aggregation = MEAN
    key = None

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self._project = SparseDense(units, activation="elu", name="project")

    def messages(self, sender_state: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
        """What each sender says: sigma(Q_k x), [num_senders, units] float32."""
        return self._project(sender_state)

    def call(self, graph: tfgnn.GraphTensor, *, edge_set_name: str) -> tf.Tensor:
        """Returns N_k, [num_receivers, units]; zeros for a receiver without neighbours."""
        messages = sender_messages(graph, edge_set_name, self)
        mean = graph.edge_sets[edge_set_name][WEIGHT]
        return tf.cast(weighted_sum(graph, edge_set_name, messages, mean), self.compute_dtype)

    def named_weights(self, name: str, inputs: Sequence[str] | None) -> list[Weight]:
        """Its weights; `inputs` says what the numbers of a sender's state are about."""
        return dense_weights(f"{name}/heard", self._project, inputs)

    def get_config(self) -> dict:
        """Keras configuration."""
        return {**super().get_config(), "units": self._project.units}


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

    def named_weights(self, name: str, inputs: Sequence[str] | None) -> list[Weight]:
        """Its weights; `inputs` says what the numbers of the own state are about."""
        heard = numbered("heard", self._kernel.shape[0] - self._dim)
        rows = [*(inputs or numbered("own", self._dim)), *heard]
        return [
            Weight(f"{name}/state/kernel", self._kernel, rows),
            Weight(f"{name}/state/bias", self._bias),
        ]

    def get_config(self) -> dict:
        """Keras configuration."""
        return {**super().get_config(), "units": self._units}


class MeanGraphConvolution(GraphConvolution):
    """X_k = l2norm(sigma(W_k [N_k; X_{k-1}])) as a TF-GNN graph update (algorithm 1, lines 8-10).

    Args:
      units: H_Qk and H_Wk.
      name: of the layer, and so of its variables.
    """

    def __init__(self, units: int, name: str):
        super().__init__(
            MeanConvolution(units, name=f"{name}_aggregate"),
            MeanState(units, name=f"{name}_combine"),
            name,
        )

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
        return self.next_state((own, {SIMILAR: heard}, {}))

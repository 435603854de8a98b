"""The residual gated graph convolution (GatedGCN): neighbours through a gate for each channel."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.layer_steps import GATES
from trainer.layers.gated_sum import gated_sum
from trainer.layers.graph_convolution import (
    SIMILAR,
    GraphConvolution,
    UnitLength,
    sender_messages,
    summing_weights,
)
from trainer.named_weights import Weight, dense_weights


@tf.keras.utils.register_keras_serializable("artist_sim")
class GatedConvolution(tf.keras.layers.Layer):
    """sum_j eta_ij * (W2 x_j), eta_ij = sigmoid(W3 x_i + W4 x_j), elementwise.

    The gates are not divided by their sum, as in Bresson and Laurent 2017, 'Residual gated graph
    convnets', equation 11, and as PyTorch Geometric's ResGatedGraphConv has it; 004 cites Dwivedi
    et al. 2023, who divide. Decision 11 says why. What the sum is with weights, `summing_weights`
    says.

    Args:
      units: width of the sum.
      fan_out: the most neighbours of an artist in training; 0: any number.
    """

    aggregation = GATES

    def __init__(self, units: int, fan_out: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self._fan_out = fan_out
        # Within the gate one bias is enough.
        self._key = tf.keras.layers.Dense(units, use_bias=False, name="key")
        self._query = tf.keras.layers.Dense(units, name="query")
        self._value = tf.keras.layers.Dense(units, name="value")

    def key(self, state: tf.Tensor) -> tf.Tensor:
        """What meets a message in a gate: W3 x, [num_receivers, units]."""
        return self._key(state)

    def messages(self, sender_state: tf.Tensor) -> tf.Tensor:
        """What each sender says: [W4 x; W2 x], [num_senders, 2 * units] float32."""
        return tf.concat([self._query(sender_state), self._value(sender_state)], axis=1)

    def call(self, graph: tfgnn.GraphTensor, *, edge_set_name: str) -> tf.Tensor:
        """Returns the sum, [num_receivers, units]; zeros for a receiver without neighbours."""
        adjacency = graph.edge_sets[edge_set_name].adjacency
        key = self.key(graph.node_sets[adjacency.target_name][tfgnn.HIDDEN_STATE])
        query, value = tf.split(sender_messages(graph, edge_set_name, self), 2, axis=1)
        # In float32 also under mixed precision, as the sums of the other convolutions.
        key, query, value = (tf.cast(part, tf.float32) for part in (key, query, value))
        summed = gated_sum(
            key,
            query,
            value,
            adjacency.target,
            adjacency.source,
            summing_weights(graph, edge_set_name, self._fan_out),
        )
        return tf.cast(summed, self.compute_dtype)

    def named_weights(self, name: str, inputs: Sequence[str] | None) -> list[Weight]:
        """Its weights; `inputs` says what the numbers of a state are about."""
        return [
            weight
            for part, layer in (("key", self._key), ("query", self._query), ("value", self._value))
            for weight in dense_weights(f"{name}/{part}", layer, inputs)
        ]

    def get_config(self) -> dict:
        """Keras configuration."""
        return {**super().get_config(), "units": self._key.units, "fan_out": self._fan_out}


class GatedGraphConvolution(GraphConvolution):
    """X_k = l2norm(sigma(W1 x_i + sum_j eta_ij * (W2 x_j))).

    W1 x_i is the way past the neighbours; x_i itself is not added once more, since the first
    layer's input is as wide as the content. Rows have length 1 (000, algorithm 1, line 10) in place
    of the batch normalisation of Dwivedi et al., which would make an artist's vector depend on its
    batch. Edges have no state of their own.

    Args:
      units: width of the next state.
      name: of the layer, and so of its variables.
      fan_out: the most neighbours of an artist in training; 0: any number.
    """

    def __init__(self, units: int, name: str, fan_out: int = 0):
        super().__init__(
            GatedConvolution(units, fan_out, name=f"{name}_aggregate"),
            _GatedState(units, name=f"{name}_combine"),
            name,
        )


class _GatedState(tf.keras.layers.Layer):
    """l2norm(sigma(W1 x + sum)), the next state of an artist."""

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self._skip = tf.keras.layers.Dense(units)
        self._unit = UnitLength()

    def call(self, inputs):
        """(own state, {edge set: sum}, context) -> [num_receivers, units]."""
        own, summed, _ = inputs
        return self._unit(tf.nn.elu(self._skip(own) + summed[SIMILAR]))

    def named_weights(self, name: str, inputs: Sequence[str] | None) -> list[Weight]:
        """Its weights; `inputs` says what the numbers of the own state are about."""
        return dense_weights(f"{name}/skip", self._skip, inputs)

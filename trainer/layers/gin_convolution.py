"""The graph isomorphism network's convolution (GIN): a dense network of a sum over neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.layer_steps import SUM
from trainer.layers.graph_convolution import (
    SIMILAR,
    GraphConvolution,
    UnitLength,
    sender_messages,
    summing_weights,
    weighted_sum,
)
from trainer.named_weights import Weight, dense_weights


@tf.keras.utils.register_keras_serializable("artist_sim")
class GinConvolution(tf.keras.layers.Layer):
    """sum_j V x_j, with V the first matrix of the dense network, as one sparse-dense product.

    V ((1 + eps) x_i + sum_j x_j) = (1 + eps) V x_i + sum_j V x_j: to project before the sum is the
    same, and what travels and is remembered of an artist is `units` wide, not as wide as its
    content. What the sum is with weights, `summing_weights` says.

    Args:
      units: width of a message.
      fan_out: the most neighbours of an artist in training; 0: any number.
    """

    aggregation = SUM
    key = None

    def __init__(self, units: int, fan_out: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self._project = tf.keras.layers.Dense(units, use_bias=False, name="project")
        self._fan_out = fan_out

    def messages(self, sender_state: tf.Tensor) -> tf.Tensor:
        """What each sender says: V x, [num_senders, units] float32."""
        return self._project(sender_state)

    def call(self, graph: tfgnn.GraphTensor, *, edge_set_name: str) -> tf.Tensor:
        """Returns sum_j V x_j, [num_receivers, units]; zeros for a receiver without neighbours."""
        messages = sender_messages(graph, edge_set_name, self)
        weight = summing_weights(graph, edge_set_name, self._fan_out)
        return tf.cast(weighted_sum(graph, edge_set_name, messages, weight), self.compute_dtype)

    def named_weights(self, name: str, inputs: Sequence[str] | None) -> list[Weight]:
        """Its weights; `inputs` says what the numbers of a state are about."""
        return dense_weights(f"{name}/project", self._project, inputs)

    def get_config(self) -> dict:
        """Keras configuration."""
        own = {"units": self._project.units, "fan_out": self._fan_out}
        return {**super().get_config(), **own}


class GinGraphConvolution(GraphConvolution):
    """X_k = l2norm(sigma(MLP((1 + eps) x_i + sum_j x_j))), MLP(z) = W sigma(V z + b) + c.

    What is inside sigma is Xu et al. 2019, 'How powerful are graph neural networks?', equation 4.1,
    with eps learnt from 0. Their batch normalisation is left out: it would make an artist's vector
    depend on its batch, and rows have length 1 here (000, algorithm 1, line 10).

    Args:
      units: width of both dense layers.
      name: of the layer, and so of its variables.
      fan_out: the most neighbours of an artist in training; 0: any number.
    """

    def __init__(self, units: int, name: str, fan_out: int = 0):
        aggregate = GinConvolution(units, fan_out, name=f"{name}_aggregate")
        super().__init__(aggregate, _GinState(aggregate, units, name=f"{name}_combine"), name)


class _GinState(tf.keras.layers.Layer):
    """l2norm(sigma(W sigma((1 + eps) V x + sum + b) + c)), the next state of an artist."""

    def __init__(self, aggregate: GinConvolution, units: int, **kwargs):
        super().__init__(**kwargs)
        self._aggregate = aggregate
        self._second = tf.keras.layers.Dense(units, activation="elu")
        self._unit = UnitLength()
        self._epsilon = self.add_weight("epsilon", [], initializer="zeros")
        self._bias = self.add_weight("bias", [units], initializer="zeros")

    def call(self, inputs):
        """(own state, {edge set: sum}, context) -> [num_receivers, units]."""
        own, summed, _ = inputs
        inner = (1.0 + self._epsilon) * self._aggregate.messages(own) + summed[SIMILAR]
        return self._unit(self._second(tf.nn.elu(inner + self._bias)))

    def named_weights(self, name: str, inputs: Sequence[str] | None) -> list[Weight]:
        """Its weights but those of what it aggregates with; none is about an input."""
        return [
            *dense_weights(f"{name}/second", self._second),
            Weight(f"{name}/epsilon", self._epsilon),
            Weight(f"{name}/inner_bias", self._bias),
        ]

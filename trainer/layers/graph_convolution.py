"""What all graph convolutions share: names of a graph's parts, the update, the length of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.layer_steps import LayerStep
from trainer.named_weights import Weight

ARTIST: Final = "artist"
NEIGHBOR: Final = "neighbor"
SIMILAR: Final = "similar"
WEIGHT: Final = "weight"
NUM_NEIGHBORS: Final = "num_neighbors"
"""Feature of an edge: how many neighbours its receiver has, also of edges that are dropped."""
MESSAGE: Final = "message"
"""Feature of a sender whose message is known already, as that of a served catalogue's artists."""


class Aggregation(Protocol):
    """A TF-GNN convolution whose messages depend on nothing but their sender.

    Attributes:
      aggregation: of trainer.layer_steps, how messages are aggregated.
      units: width of what a receiver makes of them.
      key: what meets a message in a gate, [num_receivers, units], of the receivers' states; None
        without gates.
    """

    aggregation: str
    units: int
    key: Callable[[tf.Tensor], tf.Tensor] | None

    def messages(self, sender_state: tf.Tensor) -> tf.Tensor:
        """What each sender says, [num_senders, width]; all that a receiver hears of it."""

    def __call__(self, graph: tfgnn.GraphTensor, *, edge_set_name: str) -> tf.Tensor:
        """What each receiver makes of it, [num_receivers, units]; zeros without neighbours."""

    def named_weights(self, name: str, inputs: Sequence[str] | None) -> list[Weight]:
        """Its weights; `inputs` says what the numbers of a sender's state are about."""


class NextState(Protocol):
    """A Keras layer: (own state, {SIMILAR: aggregated}, context) -> X_k."""

    def __call__(self, inputs: Any) -> tf.Tensor:
        """X_k, [num_receivers, units]."""

    def named_weights(self, name: str, inputs: Sequence[str] | None) -> list[Weight]:
        """Its weights; `inputs` says what the numbers of the own state are about."""


class GraphConvolution(tf.Module):
    """X_k from X_{k-1}: messages are aggregated and meet the receiver's own state.

    Args:
      aggregate: of the edges; a Keras layer.
      next_state: makes X_k.
      name: of the layer, and so of its variables.
    """

    def __init__(self, aggregate: Aggregation, next_state: NextState, name: str):
        super().__init__(name=name)
        self.aggregate, self.next_state = aggregate, next_state
        self._update = tfgnn.keras.layers.GraphUpdate(
            node_sets={ARTIST: tfgnn.keras.layers.NodeSetUpdate({SIMILAR: aggregate}, next_state)},
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

    def step(self) -> LayerStep:
        """The layer without its sum over neighbours, once it is built."""
        aggregate = self.aggregate

        def update(own: tf.Tensor, heard: tf.Tensor) -> tf.Tensor:
            return self.next_state((own, {SIMILAR: heard}, {}))

        return LayerStep(
            aggregate.aggregation, aggregate.units, aggregate.messages, update, aggregate.key
        )

    def named_weights(self, inputs: Sequence[str] | None) -> list[Weight]:
        """Its weights by what they mean.

        Args:
          inputs: what each number of X_{k-1} is about; None where that is a layer's output.
        """
        return [
            *self.aggregate.named_weights(self.name, inputs),
            *self.next_state.named_weights(self.name, inputs),
        ]


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


def sender_messages(
    graph: tfgnn.GraphTensor, edge_set_name: str, aggregate: Aggregation
) -> tf.Tensor:
    """The messages of an edge set's senders: known already, or made of their states."""
    sender = graph.node_sets[graph.edge_sets[edge_set_name].adjacency.source_name]
    if MESSAGE in sender.features:
        return sender[MESSAGE]
    return aggregate.messages(sender[tfgnn.HIDDEN_STATE])


def weighted_sum(
    graph: tfgnn.GraphTensor, edge_set_name: str, messages: tf.Tensor, weight: tf.Tensor
) -> tf.Tensor:
    """One sparse-dense product: the weighted sum of each receiver's messages.

    Args:
      graph: holds the edges.
      edge_set_name: which.
      messages: [num_senders, width].
      weight: [num_edges] float32.

    Returns:
      [num_receivers, width] float32.
    """
    adjacency = graph.edge_sets[edge_set_name].adjacency
    # In float32 also under mixed precision: GPUs have no sparse product of bfloat16.
    matrix = tf.sparse.SparseTensor(
        tf.stack([adjacency.target, adjacency.source], axis=1),
        tf.cast(weight, tf.float32),
        [
            graph.node_sets[adjacency.target_name].total_size,
            graph.node_sets[adjacency.source_name].total_size,
        ],
    )
    return tf.sparse.sparse_dense_matmul(matrix, tf.cast(messages, tf.float32))


def summing_weights(graph: tfgnn.GraphTensor, edge_set_name: str, fan_out: int) -> tf.Tensor:
    """What makes a sum over neighbours of the row-normalised weights: each times their number.

    Without weights in the catalogue that is 1 for every edge, so that the sum is the plain one.
    With them it is the edge's weight by the mean weight of its receiver's edges: weights say how a
    sum is divided among the neighbours, their number alone how large it is. More than `fan_out`
    neighbours, which training never sums over, count as `fan_out` of the mean one.

    Args:
      graph: holds the edges, with features WEIGHT and NUM_NEIGHBORS.
      edge_set_name: which.
      fan_out: the most neighbours of an artist in training; 0: any number.

    Returns:
      [num_edges] float32.
    """
    edges = graph.edge_sets[edge_set_name]
    number = edges[NUM_NEIGHBORS]
    if fan_out:
        number = tf.minimum(number, float(fan_out))
    return tf.cast(edges[WEIGHT], tf.float32) * number

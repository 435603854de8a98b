"""The network of 000: a front-end of graph convolutions, a back-end of dense layers (figure 1)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.config import NetworkConfig
from trainer.content import FeatureColumns
from trainer.layer_steps import LayerSteps, after
from trainer.layers.gated_convolution import GatedGraphConvolution
from trainer.layers.gin_convolution import GinGraphConvolution
from trainer.layers.graph_convolution import (
    ARTIST,
    MESSAGE,
    NEIGHBOR,
    GraphConvolution,
    UnitLength,
)
from trainer.layers.mean_convolution import MeanGraphConvolution
from trainer.layers.modality_projection import ModalityProjection
from trainer.named_weights import Weight, dense_weights
from trainer.network_graphs import MeanEdges, Neighbors, WholeGraph, bipartite
from trainer.row_blocks import in_row_blocks

graph_function: Final = functools.partial(tf.function, autograph=False)
"""`tf.function` for whatever runs the network. No control flow in it depends on a tensor, so that
AutoGraph finds nothing to convert; it would look for it in all of TF-GNN, for 13 seconds."""


EMBEDDING: Final = "embedding"

Profile = Mapping[str, tf.Tensor]
"""What is known of each artist of a graph, [num_artists, ...]; EMBEDDING is its vector."""


class PairScore(Protocol):
    """What ranks pairs better than the dot product of their vectors."""

    def __call__(
        self,
        profile: Profile,
        query: tf.Tensor,
        candidate: tf.Tensor,
        near: tf.Tensor | None = None,
        /,
    ) -> tf.Tensor:
        """The score of each query with each of its own candidates.

        Args:
          profile: of all artists.
          query: [num_queries] int64 rows.
          candidate: [num_queries, num_candidates] int64 rows.
          near: [num_queries, num_candidates] float32, their dot products as
            `trainer.nearest_rows.dot_products` gives them, where these are known already.

        Returns:
          [num_queries, num_candidates] float32. What a query gets does not depend on the others.
        """


CONVOLUTIONS: Final[Mapping[str, Callable[[int, str, int], GraphConvolution]]] = {
    "sage_mean": lambda units, name, fan_out: MeanGraphConvolution(units, name),
    "gated_gcn": GatedGraphConvolution,
    "gin": GinGraphConvolution,
}
"""By the names of trainer.config.LAYERS: (units, name, fan_out) -> graph convolution."""


class ArtistNetwork(tf.Module):
    """y_v = back-end(convolution_K(... convolution_1(x))).

    Args:
      config: sizes and kinds of the layers.
      layout: which columns of the features are whose; needed where modalities are projected.
      fan_out: the most neighbours of an artist in training; 0: any number.
    """

    pair_score: PairScore | None = None

    def __init__(
        self, config: NetworkConfig, layout: Sequence[FeatureColumns] = (), fan_out: int = 0
    ):
        super().__init__(name="artist_network")
        self.config, self._fan_out = config, fan_out
        self.tables: Sequence[tf.lookup.StaticHashTable] = ()
        self.projection = (
            ModalityProjection(config.modality_units, layout) if config.modality_units else None
        )
        self.convolutions = [
            CONVOLUTIONS[config.layer](config.convolution_units, f"convolution_{k}", fan_out)
            for k in range(1, config.convolutions + 1)
        ]
        self.backend = tf.keras.Sequential(
            [tf.keras.layers.Dense(units, activation="elu") for units in config.backend_units]
            # float32 also under mixed precision: distances of nearly equal artists need the digits.
            + [
                tf.keras.layers.Dense(config.embedding_dim, dtype="float32"),
                UnitLength(dtype="float32"),
            ],
            name="backend",
        )

    @property
    def takes_sparse(self) -> bool:
        """Whether `embed` takes a SparseTensor, once it has seen a dense one."""
        return self.projection is None and any(
            isinstance(one, MeanGraphConvolution) for one in self.convolutions[:1]
        )

    def embed(
        self, features: tf.Tensor | tf.SparseTensor, blocks: Sequence[tfgnn.GraphTensor]
    ) -> tf.Tensor:
        """Embeds the first artists of a traced batch.

        Args:
          features: [|V_0|, num_features] float32; see `takes_sparse`.
          blocks: one a convolution, from `bipartite`, without states.

        Returns:
          [|V_K|, embedding_dim] float32, l2-normalised.
        """
        state = self._first_state(features)
        for convolution, block in zip(self.convolutions, blocks, strict=True):
            state = self.convolve(convolution, block, state)
        return self.backend(state)

    def _first_state(self, features: tf.Tensor | tf.SparseTensor) -> tf.Tensor | tf.SparseTensor:
        """X_0, [num_artists, ...] float32."""
        return features if self.projection is None else self.projection(features)

    @staticmethod
    def convolve(
        convolution: GraphConvolution,
        block: tfgnn.GraphTensor,
        state: tf.Tensor | tf.SparseTensor,
    ) -> tf.Tensor:
        """X_k of the receivers from X_{k-1} of the senders, the receivers first among them."""
        if isinstance(state, tf.SparseTensor):
            return convolution.of_sparse(block, state)
        num_receivers = block.node_sets[ARTIST].total_size
        return convolution(
            block.replace_features(
                node_sets={
                    ARTIST: {tfgnn.HIDDEN_STATE: state[:num_receivers]},
                    NEIGHBOR: {tfgnn.HIDDEN_STATE: state},
                }
            )
        )

    def named_weights(self, columns: Sequence[str]) -> list[Weight]:
        """All its weights by what they mean, once it is built.

        Args:
          columns: what each column of the features is about.
        """
        found: list[Weight] = []
        inputs: Sequence[str] | None = columns
        if self.projection is not None:
            found += self.projection.named_weights(columns)
            inputs = self.projection.output_names
        for convolution in self.convolutions:
            found += convolution.named_weights(inputs)
            inputs = None
        for place, layer in enumerate(self.backend.layers):
            if isinstance(layer, tf.keras.layers.Dense):
                found += dense_weights(f"backend_{place}", layer, inputs)
                inputs = None
        return found

    @property
    def num_stages(self) -> int:
        """How often `memory` reports."""
        return len(self.convolutions)

    def embed_graph(self, given: WholeGraph) -> Profile:
        """EMBEDDING, [num_artists, embedding_dim] float32, l2-normalised, of a whole graph.

        Layer by layer, and of a layer some artists at a time: beside what a layer reads and makes
        of all artists no memory grows with them.
        """
        edges, state = MeanEdges.of(given), self._first_states(given.features)
        for convolution in self.convolutions:
            _, state = self._layer(convolution, edges, state)
        return {EMBEDDING: self._last_states(state)}

    def memory(
        self, given: WholeGraph, on_stage: Callable[[], None] = lambda: None
    ) -> tuple[list[tf.Tensor], Profile]:
        """What embedding a new artist needs of the catalogue's: each convolution's messages.

        Returns:
          For each convolution [num_artists, width of its messages] float32; and `embed_graph`'s
          result.
        """
        edges, state = MeanEdges.of(given), self._first_states(given.features)
        memory = []
        layer = graph_function(self._layer)
        for convolution in self.convolutions:
            messages, state = layer(convolution, edges, state)
            memory.append(tf.cast(messages, tf.float32))
            on_stage()
        return memory, {EMBEDDING: self._last_states(state)}

    def _first_states(self, features: tf.Tensor) -> tf.Tensor:
        if self.projection is None:
            return features
        return in_row_blocks(
            lambda first, end: self._first_state(features[first:end]), tf.shape(features)[0]
        )

    def _last_states(self, state: tf.Tensor) -> tf.Tensor:
        return in_row_blocks(lambda first, end: self.backend(state[first:end]), tf.shape(state)[0])

    @staticmethod
    def _layer(
        convolution: GraphConvolution, edges: MeanEdges, state: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """A convolution's messages, [num_artists, width], and X_k, [num_artists, units]."""
        num_artists = tf.shape(state, out_type=tf.int64)[0]
        messages = in_row_blocks(
            lambda first, end: convolution.aggregate.messages(state[first:end]), num_artists
        )

        def heard(first: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
            block = edges.block(first, end, num_artists)
            parts = {
                ARTIST: {tfgnn.HIDDEN_STATE: state[first:end]},
                NEIGHBOR: {MESSAGE: messages},
            }
            return convolution(block.replace_features(node_sets=parts))

        return messages, in_row_blocks(heard, num_artists, edges.bounds)

    def steps(self) -> LayerSteps:
        """The trained network as steps; the first one reads features."""
        layers = [convolution.step() for convolution in self.convolutions]
        if self.projection is not None and layers:
            layers[0] = after(self._first_state, layers[0])
        last = (
            self.backend if layers else lambda features: self.backend(self._first_state(features))
        )
        units, fan_out = self.config.convolution_units, self._fan_out
        return LayerSteps(layers, units, fan_out, last, self.variables)

    def embed_new(
        self, features: tf.Tensor, neighbors: Neighbors, memory: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Embeds artists whose neighbours are in the catalogue.

        Args:
          features: [num_artists, num_features] float32.
          neighbors: of these artists.
          memory: from `memory`.

        Returns:
          [num_artists, embedding_dim] float32, l2-normalised.
        """
        num_artists = tf.shape(features, out_type=tf.int64)[0]
        total = tf.math.unsorted_segment_sum(neighbors.weight, neighbors.target, num_artists)
        num_edges = tf.size(neighbors.row, out_type=tf.int64)
        block = bipartite(
            neighbors.target,
            tf.range(num_edges),
            neighbors.weight / tf.gather(total, neighbors.target),
            num_artists,
            num_edges,
        )
        state = self._first_state(features)
        for convolution, messages in zip(self.convolutions, memory, strict=True):
            message = tf.gather(messages, neighbors.row)
            state = convolution(
                block.replace_features(
                    node_sets={ARTIST: {tfgnn.HIDDEN_STATE: state}, NEIGHBOR: {MESSAGE: message}}
                )
            )
        return self.backend(state)

"""Triplets of the artists of a pseudo-evaluation batch (000, section 2.1 and algorithm 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf

from trainer.batches import epoch_batches, message_edges, num_batches
from trainer.config import TrainingConfig
from trainer.content import FeatureColumns
from trainer.feature_rows import FeatureRows
from trainer.graph import TRAIN, ArtistGraph
from trainer.layers.connection_dropout import kept_weights
from trainer.layers.graph_convolution import SIMILAR, WEIGHT
from trainer.layers.modality_projection import without_modalities
from trainer.losses.triplet import chord, triplet_loss
from trainer.mining.distance_weighted import draw_negatives
from trainer.mining.uniform import draw_uniform_negatives
from trainer.network import ArtistNetwork, graph_function
from trainer.network_graphs import bipartite
from trainer.tasks.base import CONNECTED, Task
from trainer.tracing import Block, trace

_BLOCK: Final = (
    tf.TensorSpec([None], tf.int64),
    tf.TensorSpec([None], tf.int64),
    tf.TensorSpec([None], tf.float32),
    tf.TensorSpec([], tf.int64),
    tf.TensorSpec([], tf.int64),
)


# What a step draws, apart from each other; the negatives come of the step's own seed.
_ENDS, _MODALITIES, _CONNECTIONS = range(3)


class TripletTask(Task):
    """Every hidden edge of a batch is a pair, in both directions or in one; negatives are drawn.

    Both ends of an edge list each other, so that an edge makes two pairs: each end is an anchor
    once and the other's positive once (004, section 3.1: 'using both endpoints as anchors').

    Args:
      make_network: makes the untrained network.
      features: [num_artists, num_features] float32.
      layout: which columns of the features are whose.
      graph: the catalogue; training edges are learnt from.
      config: how it is trained.
    """

    loss_name = "triplet_loss"
    _artists_spec: tf.TensorSpec = tf.TensorSpec([None], tf.int64)
    """What a batch says of its artists: their rows."""

    def __init__(
        self,
        make_network: Callable[[], ArtistNetwork],
        features: tf.Tensor,
        layout: Sequence[FeatureColumns],
        graph: ArtistGraph,
        config: TrainingConfig,
    ):
        self._make_network, self._given, self._layout = make_network, features, layout
        self._graph, self._config = graph, config
        self._edges = graph.training_edges()
        self._artists = np.flatnonzero(graph.split == TRAIN)
        self._validation_edges = message_edges(
            graph.visible_edges("val"), graph.weighted, config.fan_out
        )
        self.num_batches = num_batches(len(self._artists), config)

    def build(self) -> ArtistNetwork:
        """Creates the network and puts the features beside it."""
        self._network = network = self._make_network()
        self._features = self._make_features()
        # One artist that is its own neighbour.
        one, zero = np.int64(1), np.zeros(1, np.int64)
        loop = bipartite(zero, zero, np.ones(1, np.float32), one, one)
        network.embed(self._given[:1], [loop] * network.config.convolutions)
        rows = [self._artists_spec, [_BLOCK] * network.config.convolutions]
        self.signature = [*rows, *[tf.TensorSpec([None], tf.int64)] * 2]
        self._embed = graph_function(self._embed_rows, input_signature=rows)
        return network

    def _make_features(self) -> Callable[[tf.Tensor], tf.Tensor | tf.SparseTensor]:
        """From what a batch says of its artists to their features."""
        whole = not self._network.config.modality_dropout
        return FeatureRows(self._given, whole and self._network.takes_sparse)

    def batches(self, epoch: int) -> Iterator[Any]:
        """Artists, blocks, anchors and positives of each fold."""
        for batch in epoch_batches(
            self._edges,
            self._artists,
            weighted=self._graph.weighted,
            num_convolutions=self._network.config.convolutions,
            config=self._config,
            epoch=epoch,
        ):
            blocks = [block_arrays(block) for block in batch.trace.blocks]
            yield [batch.trace.artists, blocks, batch.anchor, batch.positive]

    def loss(self, batch: Any, seed: tf.Tensor) -> tf.Tensor:
        """The mean over the triplets of the batch."""
        artists, blocks, anchor, positive = batch
        config = self._config
        embedding = self._embed_with_dropout(artists, blocks, seed)
        size = tf.shape(embedding, out_type=tf.int64)[0]
        # About half of a batch are nobody's anchor. XLA would compile for each number of anchors.
        rows, row = (tf.range(size), anchor) if config.xla else tf.unique(anchor, tf.int64)
        cosine = tf.matmul(tf.gather(embedding, rows), embedding, transpose_b=True)  # [rows, batch]
        pairs = tf.stack([row, positive], axis=1)  # [num_pairs, 2]
        excluded = tf.concat([pairs, tf.stack([tf.range(tf.size(rows, tf.int64)), rows], 1)], 0)
        # float32, because GPUs scatter no booleans.
        allowed = tf.tensor_scatter_nd_update(
            tf.ones_like(cosine), excluded, tf.zeros(tf.shape(excluded)[:1])
        )
        allowed = allowed > 0.0
        # Pairs that only pad, and anchors that all other artists of the batch are similar to.
        counted = (anchor != positive) & tf.gather(tf.reduce_any(allowed, axis=1), row)
        if config.anchors == "one":
            ends = tf.stack([anchor, positive], axis=1)
            counted &= one_direction(ends, size, tf.random.fold_in(seed, _ENDS))
        counted = tf.repeat(tf.cast(counted, tf.float32), config.negatives)
        anchors = tf.repeat(row, config.negatives)  # [num_pairs * negatives]
        if config.sampling == "uniform":
            negatives = draw_uniform_negatives(allowed, anchors, seed)
        else:
            distance, dim = chord(tf.stop_gradient(cosine)), self._network.config.embedding_dim
            negatives = draw_negatives(distance, allowed, anchors, dim, seed)
        losses = triplet_loss(
            tf.repeat(chord(tf.gather_nd(cosine, pairs)), config.negatives),
            chord(tf.gather_nd(cosine, tf.stack([anchors, negatives], axis=1))),
            config.margin,
        )
        # A fold without a single pair teaches nothing, and must not turn the loss into NaN.
        return tf.math.divide_no_nan(tf.reduce_sum(losses * counted), tf.reduce_sum(counted))

    def embed_validation(self) -> dict[str, np.ndarray]:
        """Connected alone: nothing here is taught without edges."""
        artists = self._graph.artists("val")
        traced = trace(self._validation_edges, artists, self._network.config.convolutions)
        blocks = [
            tf.nest.map_structure(tf.convert_to_tensor, block_arrays(block))
            for block in traced.blocks
        ]
        return {CONNECTED: self._embed(tf.constant(traced.artists), blocks).numpy()}

    def finish(self) -> None:
        """Nothing is left to choose."""

    def _embed_with_dropout(self, artists: tf.Tensor, blocks: Any, seed: tf.Tensor) -> tf.Tensor:
        features = self._features(artists)
        if share := self._network.config.modality_dropout:
            seed_of_modalities = tf.random.fold_in(seed, _MODALITIES)
            features = without_modalities(features, self._layout, share, seed_of_modalities)
        graphs = []
        for place, block in enumerate(blocks):
            graph = bipartite(*block)
            if share := self._config.connection_dropout:
                target, _, weight, num_targets, _ = block
                own_seed = tf.random.fold_in(seed, _CONNECTIONS + place)
                kept = kept_weights(target, weight, num_targets, share, own_seed)
                # The number of neighbours stays what it is: what is summed over is still as large.
                edges = {**graph.edge_sets[SIMILAR].get_features_dict(), WEIGHT: kept}
                graph = graph.replace_features(edge_sets={SIMILAR: edges})
            graphs.append(graph)
        return self._network.embed(features, graphs)

    def _embed_rows(self, artists: tf.Tensor, blocks: Any) -> tf.Tensor:
        return self._network.embed(self._features(artists), [bipartite(*block) for block in blocks])


def one_direction(pairs: tf.Tensor, size: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Chooses one of the two directions of each pair; a pair without its reverse stays.

    Args:
      pairs: [num_pairs, 2] int64 below `size`; no pair comes twice, but for those that pad.
      size: scalar int64.
      seed: [2] int, the same seed chooses the same.

    Returns:
      [num_pairs] bool.
    """
    # The direction with the greater number is chosen; those are above 0, which no pair has.
    number = 1.0 - tf.random.stateless_uniform(tf.shape(pairs)[:1], seed)
    drawn = tf.tensor_scatter_nd_update(tf.zeros([size, size]), pairs, number)
    return number > tf.gather_nd(drawn, pairs[:, ::-1])


def block_arrays(block: Block) -> tuple[Any, ...]:
    """A block as the arguments of `bipartite`."""
    return (
        block.target.astype(np.int64),
        block.source.astype(np.int64),
        block.weight,
        np.int64(block.num_targets),
        np.int64(block.num_sources),
    )

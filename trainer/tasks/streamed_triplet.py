"""Triplets of pseudo-evaluation batches whose neighbourhoods come as rooted subgraphs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.batches import bucket, num_batches, padded
from trainer.config import TrainingConfig
from trainer.content import FeatureColumns
from trainer.graph import ArtistGraph
from trainer.network import ArtistNetwork, graph_function
from trainer.subgraph_stream import MergedSubgraphs, SubgraphStream, roots_a_batch
from trainer.tasks.base import CONNECTED
from trainer.tasks.triplet import TripletTask, block_arrays
from trainer.tracing import Trace, trace, without_edges_among


class StreamedTripletTask(TripletTask):
    """A TripletTask that holds neither edges nor content of the catalogue, but those of a batch.

    A batch's subgraphs are put together to the part of the graph that its artists hear. From there
    on all is as with the whole graph in memory: the edges among the batch's artists are deleted,
    its neighbourhood is traced, its pairs are what was deleted.

    Args:
      make_network: makes the untrained network.
      encode: from raw content to [num, num_features] float32.
      layout: which columns of the features are whose.
      graph: the catalogue's artists and their splits; its edges and content are not read.
      config: how it is trained.
      examples_uri: where the subgraphs lie.

    Raises:
      InputError: there are no subgraphs.
    """

    def __init__(
        self,
        make_network: Callable[[], ArtistNetwork],
        encode: Callable[[Any], tf.Tensor],
        layout: Sequence[FeatureColumns],
        graph: ArtistGraph,
        config: TrainingConfig,
        examples_uri: str,
    ):
        self._make_network, self._layout = make_network, layout
        self._encode, self._graph, self._config = encode, graph, config
        self._training = SubgraphStream(examples_uri, "train")
        self._judged = SubgraphStream(examples_uri, "val")
        num_artists = len(graph.artists("train"))
        self._size = roots_a_batch(num_artists, num_batches(num_artists, config))
        # With batches of one size there may be fewer than there are folds in memory.
        self.num_batches = max(1, math.ceil(num_artists / self._size))
        width = sum(part.width + (part.flag is not None) for part in layout)
        self._given = tf.zeros([1, width])
        # A batch brings its artists' features along.
        self._artists_spec = tf.TensorSpec([None, width], tf.float32)

    def build(self) -> ArtistNetwork:
        """Creates the network."""
        self._encoded = graph_function(self._encode, reduce_retracing=True)
        return super().build()

    def _make_features(self) -> Callable[[tf.Tensor], tf.Tensor]:
        return tf.identity

    def batches(self, epoch: int) -> Iterator[Any]:
        """Features, blocks, anchors and positives of each fold."""
        for merged in self._training.batches(self._size, (self._config.seed, epoch)):
            roots = np.arange(merged.num_roots)
            hidden = without_edges_among(merged.edges, roots)
            traced = trace(hidden, roots, self._network.config.convolutions)
            added = 0
            if self._config.xla:
                traced = padded(traced)
                added = bucket(len(merged.anchor)) - len(merged.anchor)
            nobody = np.zeros(added, np.int64)
            yield [
                self._features_of(merged, traced),
                [block_arrays(block) for block in traced.blocks],
                np.append(merged.anchor, nobody),
                np.append(merged.positive, nobody),
            ]

    def embed_validation(self) -> dict[str, np.ndarray]:
        """Connected alone, batch by batch."""
        artists = self._graph.artist_id[self._graph.artists("val")]
        place = {artist_id: row for row, artist_id in enumerate(artists)}
        found = np.zeros((len(artists), self._network.config.embedding_dim), np.float32)
        for merged in self._judged.batches(self._config.max_batch, None):
            roots = np.arange(merged.num_roots)
            traced = trace(merged.edges, roots, self._network.config.convolutions)
            blocks = [
                tf.nest.map_structure(tf.convert_to_tensor, block_arrays(block))
                for block in traced.blocks
            ]
            rows = [place[key.decode()] for key in merged.artist_id[: merged.num_roots]]
            features = tf.constant(self._features_of(merged, traced))
            found[rows] = self._embed(features, blocks).numpy()[: merged.num_roots]
        return {CONNECTED: found}

    def _features_of(self, merged: MergedSubgraphs, traced: Trace) -> np.ndarray:
        return self._encoded(merged.raw(traced.artists)).numpy()

"""The graphs that networks read: a whole catalogue, its edges in blocks, those of a convolution."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.layers.graph_convolution import ARTIST, NEIGHBOR, NUM_NEIGHBORS, SIMILAR, WEIGHT
from trainer.row_blocks import row_bounds


class WholeGraph(NamedTuple):
    """A graph with the content of its artists, as tensors.

    Attributes:
      artist_id: [num_artists] string.
      features: [num_artists, num_features] float32.
      source: [num_edges] int64, the neighbours.
      target: [num_edges] int64, the artists that they are neighbours of.
      weight: [num_edges] float32, positive.
    """

    artist_id: tf.Tensor
    features: tf.Tensor
    source: tf.Tensor
    target: tf.Tensor
    weight: tf.Tensor


class Neighbors(NamedTuple):
    """Which artists of a catalogue the artists of a request know.

    Attributes:
      target: [num_edges] int64, places in the request, ascending.
      row: [num_edges] int64, rows of the catalogue.
      weight: [num_edges] float32, positive.
    """

    target: tf.Tensor
    row: tf.Tensor
    weight: tf.Tensor


class MeanEdges(NamedTuple):
    """The row-normalised adjacency of a whole graph.

    Attributes:
      target: [num_edges] int64, ascending.
      source: [num_edges] int64.
      mean: [num_edges] float32; those of one target sum to 1.
      bounds: [num_artists + 1] int64, where the edges of each target begin, and where the last
        one's end.
    """

    target: tf.Tensor
    source: tf.Tensor
    mean: tf.Tensor
    bounds: tf.Tensor

    @classmethod
    def of(cls, given: WholeGraph) -> MeanEdges:
        """Those of a graph, whatever the order of its edges."""
        num_artists = tf.shape(given.features, out_type=tf.int64)[0]
        total = tf.math.unsorted_segment_sum(given.weight, given.target, num_artists)
        edges = given.target, given.source, given.weight / tf.gather(total, given.target)

        def in_order() -> tuple[tf.Tensor, ...]:
            order = tf.argsort(given.target, stable=True)
            return tuple(tf.gather(part, order) for part in edges)

        ascending = tf.reduce_all(given.target[1:] >= given.target[:-1])
        target, source, mean = tf.cond(ascending, lambda: edges, in_order)
        return cls(target, source, mean, row_bounds(target, num_artists))

    def block(self, first: tf.Tensor, end: tf.Tensor, num_artists: tf.Tensor) -> tfgnn.GraphTensor:
        """The edges of the targets from `first` on to before `end`; all artists may send."""
        part = slice(self.bounds[first], self.bounds[end])
        target = self.target[part] - first
        return bipartite(target, self.source[part], self.mean[part], end - first, num_artists)


def bipartite(
    target: tf.Tensor, source: tf.Tensor, weight: tf.Tensor, num_targets, num_sources
) -> tfgnn.GraphTensor:
    """One convolution's graph, shaped as the ego graphs are: neighbour -> artist.

    Args:
      target: [num_edges] int64 receivers.
      source: [num_edges] int64 senders.
      weight: [num_edges] float32, the row-normalised adjacency; edges of weight 0 only pad.
      num_targets: number of receivers, scalar.
      num_sources: number of senders, scalar.
    """
    counted = tf.cast(weight > 0.0, tf.float32)
    number = tf.math.unsorted_segment_sum(counted, target, num_targets)
    return tfgnn.GraphTensor.from_pieces(
        node_sets={
            ARTIST: tfgnn.NodeSet.from_fields(sizes=tf.reshape(num_targets, [1]), features={}),
            NEIGHBOR: tfgnn.NodeSet.from_fields(sizes=tf.reshape(num_sources, [1]), features={}),
        },
        edge_sets={
            SIMILAR: tfgnn.EdgeSet.from_fields(
                sizes=tf.reshape(tf.size(target, out_type=tf.int64), [1]),
                adjacency=tfgnn.Adjacency.from_indices((NEIGHBOR, source), (ARTIST, target)),
                features={WEIGHT: weight, NUM_NEIGHBORS: tf.gather(number, target)},
            )
        },
    )

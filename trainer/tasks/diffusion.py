"""Hidden edges of pseudo-evaluation artists, and what their walks have in common, as a softmax."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.batches import message_edges, num_batches
from trainer.config import DiffusionConfig, TrainingConfig
from trainer.diffusion_network import DiffusionNetwork
from trainer.graph import TRAIN, ArtistGraph
from trainer.losses.softmax import divergence, hidden_edge_loss, log_probabilities
from trainer.ranking.ndcg import query_ndcg
from trainer.systems.pagerank import DEFAULT_GAMMA, GAMMAS
from trainer.tasks.base import Task
from trainer.tracing import without_edges_among
from trainer.visits import visits


@dataclasses.dataclass(frozen=True)
class Teacher:
    """What artists' walks have in common: softmax(scale * x_u . x_v * count_v^gamma).

    Attributes:
      scale: of the logits.
      gamma: exponent of popularity.
    """

    scale: float
    gamma: float = DEFAULT_GAMMA

    def logits(self, visited: sp.csr_matrix, count: np.ndarray) -> np.ndarray:
        """[num, num] float32; an artist's own is the lowest.

        Args:
          visited: [num, num_artists] CSR, from `visits`.
          count: [num] number of neighbours.
        """
        similarity = (visited @ visited.T).toarray()
        similarity *= np.float32(self.scale) * np.maximum(count, 1).astype(np.float32) ** self.gamma
        np.fill_diagonal(similarity, -1e9)
        return similarity.astype(np.float32)


class DiffusionTask(Task):
    """Learns from folds of training artists that see no edge among them.

    Args:
      config: of the network and the losses.
      training: how it is trained.
      features: [num_artists, num_features] float32, perhaps of width 0.
      graph: the catalogue; training edges are learnt from.
      validation: [num_artists, num_artists] CSR, the validation split's hidden edges; they choose
        the teacher's exponent.
    """

    loss_name = "softmax_loss"

    def __init__(
        self,
        config: DiffusionConfig,
        training: TrainingConfig,
        features: tf.Tensor,
        graph: ArtistGraph,
        validation: sp.csr_matrix,
    ):
        self._config, self._training, self._graph = config, training, graph
        self._given, self._validation = features, validation
        self._edges = graph.training_edges()
        self._artists = np.flatnonzero(graph.split == TRAIN)
        self._place = np.full(len(graph), -1, np.int64)
        self._place[self._artists] = np.arange(len(self._artists))
        self.num_batches = num_batches(len(self._artists), training)
        row, number = tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.float32)
        square = tf.TensorSpec([None, None], tf.float32)
        # artists, count, (target, source, share), hidden edges, the teacher's logits
        self.signature = [row, number, (row, row, number), square, square]

    def build(self) -> DiffusionNetwork:
        """Creates the network, and walks from the validation artists once for all."""
        self._network = DiffusionNetwork(
            self._config,
            self._graph.artist_id[self._artists],
            self._given.shape[1],
            self._training.seed,
        )
        self._features = tf.Variable(self._given, trainable=False)
        self._judged = self._graph.artists("val")
        edges = message_edges(
            self._graph.visible_edges("val"), self._graph.weighted, self._training.fan_out
        )
        self._judged_visits = self._visits(edges, self._judged)
        self._judged_count = np.diff(edges.indptr)[self._judged]
        self.teacher = choose_teacher(
            self._judged_visits,
            self._judged_count,
            self._judged,
            self._validation,
            self._config.teacher_scale,
        )
        return self._network

    def batches(self, epoch: int) -> Iterator[Any]:
        """Each fold's walks, hidden edges and teacher."""
        rng = np.random.default_rng((self._training.seed, epoch))
        for fold in np.array_split(rng.permutation(self._artists), self.num_batches):
            visible = without_edges_among(self._edges, fold)
            visible = message_edges(visible, self._graph.weighted, self._training.fan_out)
            visited = self._visits(visible, fold)
            count = np.diff(visible.indptr)[fold]
            hidden = (self._edges[fold][:, fold].toarray() > 0).astype(np.float32)
            teacher = self.teacher.logits(visited, count)
            yield [
                fold.astype(np.int64),
                count.astype(np.float32),
                self._arrays(visited),
                hidden,
                teacher,
            ]

    def loss(self, batch: Any, seed: tf.Tensor) -> tf.Tensor:
        """Hidden edges and teacher, once with neighbours and once from content alone."""
        artists, count, (target, source, share), hidden, teacher = batch
        network, config = self._network, self._config
        seeds = tf.random.split(tf.cast(seed, tf.int32), 2)
        messages = network.messages()
        if config.dropout:
            messages = tf.nn.experimental.stateless_dropout(
                messages, config.dropout, tf.unstack(seeds)[0], noise_shape=[None, 1]
            )
        features = tf.gather(self._features, artists)
        if config.content_dropout:
            features = tf.nn.experimental.stateless_dropout(
                features, config.content_dropout, tf.unstack(seeds)[1]
            )
        own = network.own(features)
        direction = network.direction(target, source, share, messages, own, count)
        scales = network.scales
        wanted = tf.nn.softmax(teacher)

        def learnt(log_probability: tf.Tensor) -> tf.Tensor:
            loss = hidden_edge_loss(log_probability, hidden)
            return loss + config.distillation * divergence(wanted, log_probability)

        loss = learnt(
            log_probabilities(scales[0] * direction, direction, network.popularity(count))
        )
        if network.has_content and config.cold:
            loss += config.cold * learnt(
                log_probabilities(scales[1] * own, own, tf.ones_like(count))
            )
        return loss

    def embed_validation(self) -> np.ndarray:
        """[num_validation, dim] float32."""
        network = self._network
        own = network.own(tf.gather(self._features, self._judged))
        count = tf.constant(self._judged_count, tf.float32)
        direction = network.direction(
            *self._arrays(self._judged_visits), network.messages(), own, count
        )
        return (direction * network.popularity(count)[:, None]).numpy()

    def _visits(self, edges: sp.csr_matrix, artists: np.ndarray) -> sp.csr_matrix:
        known = self._place >= 0
        # At evaluation the artists that are judged have no vector; neither have those of a fold.
        known[artists] = False
        config = self._config
        return visits(
            edges, artists, known, hops=config.hops, decay=config.decay, reach=config.reach
        )

    def _arrays(self, visited: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(target, source, share); sources are places among the training artists."""
        target = np.repeat(np.arange(visited.shape[0]), np.diff(visited.indptr))
        return target, self._place[visited.indices], visited.data


def choose_teacher(
    visited: sp.csr_matrix,
    count: np.ndarray,
    artists: np.ndarray,
    validation: sp.csr_matrix,
    scale: float,
) -> Teacher:
    """The teacher with the exponent of GAMMAS that has the best nDCG@200 on the validation split.

    Args:
      visited: [num, num_artists] CSR, of the validation artists.
      count: [num] number of their neighbours.
      artists: [num] int64 rows, ascending.
      validation: [num_artists, num_artists] CSR, their hidden edges.
      scale: of the teacher's logits.
    """
    if not validation[artists][:, artists].count_nonzero():
        return Teacher(scale)
    place = np.zeros(validation.shape[0], np.int64)
    place[artists] = np.arange(len(artists))

    def score(gamma: float) -> float:
        logits = Teacher(1.0, gamma).logits(visited, count)
        judged = query_ndcg(lambda q, c: logits[place[q]][:, place[c]], validation, artists)
        return float(judged.ndcg.mean())

    return Teacher(scale, float(max(GAMMAS, key=score)))

"""Hidden edges of pseudo-evaluation artists, and what their walks have in common, as a softmax."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.batches import num_batches
from trainer.config import DiffusionConfig, TrainingConfig
from trainer.coordinate_search import coordinate_search
from trainer.diffusion_network import DiffusionNetwork
from trainer.graph import TRAIN, ArtistGraph
from trainer.losses.softmax import divergence, hidden_edge_loss, log_probabilities
from trainer.ranking.validation_sample import ValidationSample
from trainer.systems.pagerank import DEFAULT_GAMMA, GAMMAS
from trainer.tasks.base import COLD, CONNECTED, Task
from trainer.tracing import without_edges_among
from trainer.visits import shares, strongest, visits

_GATES: Final = ((0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2), (-1.0, -0.5, 0.0))
"""What g_0 and g_1 of trainer.diffusion_network may be. The first is as good as zero beside walks,
but leaves its vector to an artist without any."""


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
          visited: [num, num_artists] CSR, from `shares`.
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
        the teacher's exponent, how much content weighs, and the pairwise term.
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
        self._given = features
        self._edges = graph.training_edges()
        self._judged = graph.artists("val")
        self._judge = ValidationSample(validation, self._judged)
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
        edges = self._graph.visible_edges("val")
        self._judged_visits = self._visits(edges, self._judged)
        self._judged_shares = shares(self._judged_visits)
        self._judged_count = np.diff(edges.indptr)[self._judged]
        self.teacher = choose_teacher(
            self._judged_shares, self._judged_count, self._judge, self._config.teacher_scale
        )
        return self._network

    def batches(self, epoch: int) -> Iterator[Any]:
        """Each fold's walks, hidden edges and teacher."""
        rng = np.random.default_rng((self._training.seed, epoch))
        for fold in np.array_split(rng.permutation(self._artists), self.num_batches):
            visible = without_edges_among(self._edges, fold)
            visited = shares(self._visits(visible, fold))
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
        """Hidden edges and teacher: from walks alone, from content alone, and between the two."""
        artists, count, (target, source, share), hidden, teacher = batch
        network, config = self._network, self._config
        seeds = tf.random.split(tf.cast(seed, tf.int32), 2)
        messages = network.messages()
        if config.dropout:
            messages = tf.nn.experimental.stateless_dropout(
                messages, config.dropout, tf.unstack(seeds)[0], noise_shape=[None, 1]
            )
        nothing = tf.zeros([tf.size(artists), config.embedding_dim])
        walked = network.direction(target, source, share, messages, nothing, count)
        scales, popularity = network.scales, network.popularity(count)
        wanted = tf.nn.softmax(teacher)

        def learnt(queries: tf.Tensor, candidates: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
            log_probability = log_probabilities(queries, candidates, factor)
            loss = hidden_edge_loss(log_probability, hidden)
            return loss + config.distillation * divergence(wanted, log_probability)

        loss = learnt(scales[0] * walked, walked, popularity)
        if network.has_content:
            features = tf.gather(self._features, artists)
            if config.content_dropout:
                features = tf.nn.experimental.stateless_dropout(
                    features, config.content_dropout, tf.unstack(seeds)[1]
                )
            own = network.own(features)
            loss += config.cold * learnt(scales[1] * own, own, tf.ones_like(count))
            # A newcomer among artists that have edges already. Content learns from the walks'
            # vectors, and no gradient of it moves them.
            known, factor = tf.stop_gradient(walked), tf.stop_gradient(popularity)
            loss += config.cold * learnt(scales[2] * own, known, factor)
        return loss

    def embed_validation(self) -> dict[str, np.ndarray]:
        """Both conditions where there is content; first sets the gates that score best."""
        network, count = self._network, tf.constant(self._judged_count, tf.float32)
        own = network.own(tf.gather(self._features, self._judged))
        visited = self._arrays(self._judged_shares)
        walked = network.direction(*visited, network.messages(), tf.zeros_like(own), count)
        popularity = network.popularity(count)[:, None]

        def embedding(gates: tuple[float, ...]) -> np.ndarray:
            network.gates.assign(gates)
            return (network.with_content(walked, own, count) * popularity).numpy()

        def score(gates: tuple[float, ...]) -> float:
            found = embedding(gates)
            return self._judge.score(lambda q, c: found[q] @ found[c].T)

        gates = tuple(network.gates.numpy().tolist())
        if not network.has_content:
            return {CONNECTED: embedding(gates)}
        if self._judge:
            gates = coordinate_search(score, _GATES, gates)
        return {CONNECTED: embedding(gates), COLD: own.numpy()}

    def finish(self) -> None:
        """Chooses the pairwise term on the validation split."""
        if self._config.pairwise:
            embedding = self.embed_validation()[CONNECTED]
            kept = strongest(self._judged_visits, self._config.pairwise_reach)
            self._network.pairwise.choose(embedding, kept, self._judged_count, self._judge)

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
    visited: sp.csr_matrix, count: np.ndarray, sample: ValidationSample, scale: float
) -> Teacher:
    """The teacher with the exponent of GAMMAS that has the best nDCG@200 on the validation split.

    Args:
      visited: [num, num_artists] CSR, `shares` of the validation artists.
      count: [num] number of their neighbours.
      sample: of the validation split.
      scale: of the teacher's logits.
    """
    if not sample:
        return Teacher(scale)
    similarity = (visited[sample.queries] @ visited.T).toarray()
    place = sample.places()

    def score(gamma: float) -> float:
        factor = np.maximum(count, 1) ** gamma
        return sample.score(lambda q, c: similarity[place[q]][:, c] * factor[c])

    return Teacher(scale, float(max(GAMMAS, key=score)))

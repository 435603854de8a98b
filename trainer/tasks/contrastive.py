"""An artist's modalities find each other among those of other artists (003, section 2.1)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from catalogues.errors import InputError
from trainer.config import ContrastiveConfig
from trainer.contrastive_network import ContrastiveNetwork
from trainer.graph import TRAIN, VAL, ArtistGraph
from trainer.losses.info_nce import info_nce
from trainer.network import graph_function
from trainer.tasks.base import CONNECTED, Task


class ContrastiveTask(Task):
    """The sum over all pairs of modalities of their InfoNCE; no edge is learnt from.

    It is divided by the number of artists in the batch, which Adam does not see, so that losses of
    unequal batches can be compared.

    Args:
      make_network: makes the untrained network.
      config: of the network and the loss.
      features: [num_artists, num_features] float32.
      several: [num_artists] bool, who has modalities to be compared.
      graph: the catalogue; only the splits of its artists are read.
      seed: of the batches.

    Raises:
      InputError: fewer than two training artists have enough modalities.
    """

    loss_name = "info_nce"
    signature = tf.TensorSpec([None], tf.int64)

    def __init__(
        self,
        make_network: Callable[[], ContrastiveNetwork],
        config: ContrastiveConfig,
        features: tf.Tensor,
        several: np.ndarray,
        graph: ArtistGraph,
        seed: int,
    ):
        self._make_network, self._config, self._given = make_network, config, features
        self._graph, self._seed = graph, seed
        self._artists = np.flatnonzero(several & (graph.split == TRAIN))
        if len(self._artists) < 2:
            raise InputError(
                "trainer: 'contrastive' compares the modalities of an artist, but fewer than two "
                f"training artists have {config.require} of the modalities that "
                "`trainer.features.modalities` leaves; give artists more content, or do without "
                "it in `trainer.system` and `trainer.pretrained`."
            )
        self.num_batches = _num_batches(self._artists, config)
        # The same batches at every epoch, as large as those of training: the loss grows with them.
        judged = np.flatnonzero(several & (graph.split == VAL))
        shuffled = np.random.default_rng(seed).permutation(judged)
        self._judged = [
            batch
            for batch in np.array_split(shuffled, _num_batches(judged, config))
            if len(batch) > 1
        ]

    def build(self) -> ContrastiveNetwork:
        """Creates the network and puts the features beside it."""
        self._network = network = self._make_network()
        # A variable has a copy on each device; a tensor would travel there at every step.
        self._features = tf.Variable(self._given, trainable=False)
        self._measure = graph_function(self._batch_loss, input_signature=[self.signature])
        self._embed = graph_function(network.embed, reduce_retracing=True)
        return network

    def batches(self, epoch: int) -> Iterator[Any]:
        """Rows of the training artists that have several modalities, each once."""
        rng = np.random.default_rng((self._seed, epoch))
        yield from np.array_split(rng.permutation(self._artists), self.num_batches)

    def loss(self, batch: Any, seed: tf.Tensor) -> tf.Tensor:
        """Of one batch."""
        return self._batch_loss(batch)

    def embed_validation(self) -> dict[str, np.ndarray]:
        """Connected and cold are the same, as no edge is read."""
        rows = self._graph.artists("val")
        return {CONNECTED: self._embed(tf.gather(self._features, rows)).numpy()}

    def validation_score(self, ndcg: Mapping[str, float]) -> float:
        """Minus the loss on the validation artists, or nDCG, as the configuration says."""
        if self._config.stop_by == "ndcg":
            return super().validation_score(ndcg)
        losses = [float(self._measure(tf.constant(batch))) for batch in self._judged]
        sizes = [len(batch) for batch in self._judged]
        return -float(np.average(losses, weights=sizes)) if losses else math.nan

    def finish(self) -> None:
        """Nothing is left to choose."""

    def _batch_loss(self, rows: tf.Tensor) -> tf.Tensor:
        features = tf.gather(self._features, rows)
        present = tf.unstack(self._network.present(features), axis=1)
        losses = [
            tf.reduce_sum(info_nce(anchor, other, has_anchor & has_other, self._config.temperature))
            for (anchor, has_anchor), (other, has_other) in itertools.combinations(
                zip(self._network.encode(features), present, strict=True), 2
            )
        ]
        return tf.add_n(losses) / tf.cast(tf.size(rows), tf.float32)


def _num_batches(artists: np.ndarray, config: ContrastiveConfig) -> int:
    # No more than pairs of artists: one alone is compared with nobody.
    return max(1, min(len(artists) // 2, round(len(artists) / config.batch_size)))

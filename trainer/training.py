"""Training of a network: pseudo-evaluation batches, early stopping, checkpoints, logs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.batches import Batch, epoch_batches, message_edges, num_batches
from trainer.config import TrainingConfig
from trainer.graph import TRAIN, ArtistGraph
from trainer.losses.triplet import pairwise_distance, triplet_loss
from trainer.mining.distance_weighted import draw_negatives
from trainer.network import ArtistNetwork, bipartite, graph_function
from trainer.ranking.ndcg import query_ndcg
from trainer.tracing import Block, trace

BLOCK_SIGNATURE: Final = (
    tf.TensorSpec([None], tf.int64),
    tf.TensorSpec([None], tf.int64),
    tf.TensorSpec([None], tf.float32),
    tf.TensorSpec([], tf.int64),
    tf.TensorSpec([], tf.int64),
)


@dataclasses.dataclass(frozen=True)
class EpochReport:
    """What one epoch came to.

    Attributes:
      epoch: from 1.
      epochs: the most that there will be.
      loss: mean triplet loss of its steps.
      score: nDCG@200 on the validation split, connected; NaN where it has no query.
      best: the best score so far.
    """

    epoch: int
    epochs: int
    loss: float
    score: float
    best: float


class WarmupCosine(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then cosine decay to zero (000, section 4.1)."""

    def __init__(self, peak: float, warmup_steps: int, total_steps: int):
        super().__init__()
        self._peak, self._warmup, self._total = peak, max(1, warmup_steps), total_steps

    def __call__(self, step):
        """The learning rate of a step, from 0."""
        step = tf.cast(step, tf.float32)
        decayed = tf.clip_by_value((step - self._warmup) / max(1, self._total - self._warmup), 0, 1)
        cosine = 0.5 * (1.0 + tf.cos(math.pi * decayed))
        return self._peak * tf.minimum((step + 1.0) / self._warmup, 1.0) * cosine

    def get_config(self) -> dict[str, Any]:
        """Keras configuration."""
        return {"peak": self._peak, "warmup_steps": self._warmup, "total_steps": self._total}


def choose_strategy() -> tf.distribute.Strategy:
    """All GPUs that there are, or the CPU."""
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) > 1:
        return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])
    return tf.distribute.OneDeviceStrategy(gpus[0].name if gpus else "/cpu:0")


class Training:
    """One training of one network on one graph, resumable between epochs.

    Args:
      make_network: makes the untrained network; called in the strategy's scope.
      features: [num_artists, num_features] float32.
      graph: the catalogue.
      validation: [num_artists, num_artists] CSR, hidden edges of the validation split.
      config: how to train.
      strategy: where to.
      checkpoint_dir: where a killed training is resumed from; None keeps nothing.
      log_dir: for TensorBoard; None writes nothing.
    """

    def __init__(
        self,
        make_network: Callable[[], ArtistNetwork],
        features: tf.Tensor,
        graph: ArtistGraph,
        validation: sp.csr_matrix,
        config: TrainingConfig,
        *,
        strategy: tf.distribute.Strategy | None = None,
        checkpoint_dir: str | None = None,
        log_dir: str | None = None,
    ):
        self._config, self._graph, self._validation = config, graph, validation
        self._strategy = strategy or choose_strategy()
        self._edges = graph.training_edges()
        self._artists = np.flatnonzero(graph.split == TRAIN)
        batches = num_batches(len(self._artists), config)
        self._steps = -(-batches // self._strategy.num_replicas_in_sync)
        if config.xla:
            tf.config.optimizer.set_jit("autoclustering")
        tf.keras.utils.set_random_seed(config.seed)
        policy = "mixed_bfloat16" if config.mixed_precision else "float32"
        before = tf.keras.mixed_precision.global_policy()
        tf.keras.mixed_precision.set_global_policy(policy)
        try:
            with self._strategy.scope():
                self.network = make_network()
                # A variable has a copy on each device; a tensor would travel there at every step.
                self._features = tf.Variable(features, trainable=False)
                _build(self.network, features)
                self._schedule = WarmupCosine(
                    config.learning_rate,
                    config.warmup_epochs * self._steps,
                    config.epochs * self._steps,
                )
                self._optimizer = tf.keras.optimizers.Adam(self._schedule)
                self._optimizer.build(self.network.trainable_variables)
        finally:
            tf.keras.mixed_precision.set_global_policy(before)
        self._best = [tf.Variable(v, trainable=False) for v in self.network.trainable_variables]
        self._epoch = tf.Variable(0, dtype=tf.int64)
        self._best_epoch = tf.Variable(0, dtype=tf.int64)
        self._best_score = tf.Variable(-1.0, dtype=tf.float64)
        self._checkpoints = checkpoint_dir and tf.train.CheckpointManager(
            tf.train.Checkpoint(
                network=self.network,
                optimizer=self._optimizer,
                best=self._best,
                epoch=self._epoch,
                best_epoch=self._best_epoch,
                best_score=self._best_score,
            ),
            checkpoint_dir,
            max_to_keep=1,
        )
        self._log = tf.summary.create_file_writer(log_dir) if log_dir else None
        signature = [
            tf.TensorSpec([None], tf.int64),
            [BLOCK_SIGNATURE] * self.network.config.convolutions,
        ]
        pairs = [tf.TensorSpec([None], tf.int64)] * 2 + [tf.TensorSpec([2], tf.int64)]
        self._embed = graph_function(self._embed_rows, input_signature=signature)
        # The values of several replicas have no signature that could be given beforehand.
        self._step = (
            graph_function(self._train_step, input_signature=[*signature, *pairs])
            if self._strategy.num_replicas_in_sync == 1
            else graph_function(self._train_step, reduce_retracing=True)
        )
        self._validation_edges = message_edges(
            graph.visible_edges("val"), graph.weighted, config.fan_out
        )

    def run(self) -> Iterator[EpochReport]:
        """Trains, yielding after each epoch; the best weights are in the network at the end."""
        config = self._config
        if self._checkpoints:
            self._checkpoints.restore_or_initialize()
        while int(self._epoch) < config.epochs and not self._out_of_patience():
            epoch = int(self._epoch)
            losses = [
                float(self._distributed_step(batches, step))
                for step, batches in self._prefetched(epoch)
            ]
            score = self._validation_score()
            # Without a single query the last weights are as good as any.
            if math.isnan(score) or score > float(self._best_score):
                self._best_score.assign(-1.0 if math.isnan(score) else score)
                self._best_epoch.assign(epoch + 1)
                _assign(self._best, self.network.trainable_variables)
            self._epoch.assign(epoch + 1)
            report = EpochReport(
                epoch + 1, config.epochs, float(np.mean(losses)), score, float(self._best_score)
            )
            self._write_log(report)
            if self._checkpoints:
                self._checkpoints.save(epoch + 1)
            yield report
        _assign(self.network.trainable_variables, self._best)

    def _out_of_patience(self) -> bool:
        return int(self._epoch) - int(self._best_epoch) >= self._config.patience

    def _prefetched(self, epoch: int) -> Iterator[tuple[int, list[Batch]]]:
        """Each step's batches, one for each replica, traced while the step before runs."""
        batches = epoch_batches(
            self._edges,
            self._artists,
            weighted=self._graph.weighted,
            num_convolutions=self.network.config.convolutions,
            config=self._config,
            epoch=epoch,
        )
        replicas = self._strategy.num_replicas_in_sync

        def take() -> list[Batch]:
            return [batch for _, batch in zip(range(replicas), batches, strict=False)]

        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(take)
            for step in range(self._steps):
                now = ahead.result()
                ahead = pool.submit(take)
                # A last, incomplete step gives some replicas a batch for the second time.
                yield epoch * self._steps + step, [now[r % len(now)] for r in range(replicas)]

    def _distributed_step(self, batches: list[Batch], step: int) -> tf.Tensor:
        def of_replica(context: tf.distribute.ValueContext) -> Any:
            batch = batches[context.replica_id_in_sync_group]
            return tf.nest.map_structure(
                tf.convert_to_tensor,
                (
                    batch.trace.artists,
                    [block_tensors(block) for block in batch.trace.blocks],
                    batch.anchor,
                    batch.positive,
                    np.array(
                        [self._config.seed, step * len(batches) + context.replica_id_in_sync_group],
                        np.int64,
                    ),
                ),
            )

        values = self._strategy.experimental_distribute_values_from_function(of_replica)
        return self._step(*values)

    def _train_step(self, *values: Any) -> tf.Tensor:
        losses = self._strategy.run(self._replica_step, args=values)
        return self._strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)

    def _replica_step(self, artists, blocks, anchor, positive, seed) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = self._loss(artists, blocks, anchor, positive, seed)
            scaled = loss / self._strategy.num_replicas_in_sync
        variables = self.network.trainable_variables
        self._optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables))
        return loss

    def _loss(self, artists, blocks, anchor, positive, seed) -> tf.Tensor:
        config = self._config
        embedding = self._embed_rows(artists, blocks)
        distance = pairwise_distance(embedding)  # [batch, batch]
        batch = tf.shape(embedding, out_type=tf.int64)[0]
        pairs = tf.stack([anchor, positive], axis=1)  # [num_pairs, 2]
        # float32, because GPUs scatter no booleans.
        allowed = tf.tensor_scatter_nd_update(
            tf.ones([batch, batch]), pairs, tf.zeros_like(anchor, tf.float32)
        )
        allowed = tf.linalg.set_diag(allowed, tf.zeros([batch])) > 0.0
        # Pairs that only pad, and anchors that all other artists of the batch are similar to.
        counted = (anchor != positive) & tf.gather(tf.reduce_any(allowed, axis=1), anchor)
        counted = tf.repeat(tf.cast(counted, tf.float32), config.negatives)
        anchors = tf.repeat(anchor, config.negatives)  # [num_pairs * negatives]
        negatives = draw_negatives(
            tf.stop_gradient(distance), allowed, anchors, self.network.config.embedding_dim, seed
        )
        losses = triplet_loss(
            tf.repeat(tf.gather_nd(distance, pairs), config.negatives),
            tf.gather_nd(distance, tf.stack([anchors, negatives], axis=1)),
            config.margin,
        )
        # A fold without a single pair teaches nothing, and must not turn the loss into NaN.
        return tf.math.divide_no_nan(tf.reduce_sum(losses * counted), tf.reduce_sum(counted))

    def _embed_rows(self, artists, blocks) -> tf.Tensor:
        return self.network.embed(
            tf.gather(self._features, artists), [bipartite(*block) for block in blocks]
        )

    def _validation_score(self) -> float:
        artists = self._graph.artists("val")
        traced = trace(self._validation_edges, artists, self.network.config.convolutions)
        embedding = self._embed(
            tf.constant(traced.artists),
            [tf.nest.map_structure(tf.convert_to_tensor, block_tensors(b)) for b in traced.blocks],
        ).numpy()
        place = np.zeros(len(self._graph), np.int64)
        place[artists] = np.arange(len(artists))
        scores = query_ndcg(
            lambda queries, candidates: embedding[place[queries]] @ embedding[place[candidates]].T,
            self._validation,
            artists,
        )
        return float(scores.ndcg.mean()) if len(scores.ndcg) else math.nan

    def _write_log(self, report: EpochReport) -> None:
        if self._log:
            with self._log.as_default(step=report.epoch):
                tf.summary.scalar("train/triplet_loss", report.loss)
                tf.summary.scalar("val/ndcg_at_200", report.score)
                step = report.epoch * self._steps
                tf.summary.scalar("train/learning_rate", self._schedule(step))
            self._log.flush()


def block_tensors(block: Block) -> tuple[Any, ...]:
    """A block as the arguments of `bipartite`."""
    return (
        block.target.astype(np.int64),
        block.source.astype(np.int64),
        block.weight,
        np.int64(block.num_targets),
        np.int64(block.num_sources),
    )


def _build(network: ArtistNetwork, features: tf.Tensor) -> None:
    """Creates the variables, with one artist that is its own neighbour."""
    one, zero = np.int64(1), np.zeros(1, np.int64)
    loop = bipartite(zero, zero, np.ones(1, np.float32), one, one)
    network.embed(features[:1], [loop] * network.config.convolutions)


def _assign(targets, sources) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.assign(source)

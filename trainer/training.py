"""Training of a task: steps on all devices, early stopping, checkpoints, logs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.config import TrainingConfig
from trainer.graph import ArtistGraph
from trainer.monitors import embedding_monitors
from trainer.network import graph_function
from trainer.ranking.ndcg import query_ndcg
from trainer.tasks.base import CONNECTED, Task

# At most so many scores choose the best epoch: of all queries up to 16,384 validation artists.
_MAX_SCORES: Final = 2**28


@dataclasses.dataclass(frozen=True)
class EpochReport:
    """What one epoch came to.

    Attributes:
      epoch: from 1; 0 for weights that a training begins with and has not changed yet.
      epochs: the most that there will be.
      loss: mean loss of its steps; NaN without any.
      scores: nDCG@200 on the validation split, by condition; NaN where it has no query.
      score: what the best epoch is chosen by; usually the mean of `scores`.
      best: the best score so far.
    """

    epoch: int
    epochs: int
    loss: float
    scores: Mapping[str, float]
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
    """One training of one task, resumable between epochs.

    Args:
      task: what is learnt.
      graph: the catalogue.
      validation: [num_artists, num_artists] CSR, the validation split's hidden edges.
      config: how it is trained.
      checkpoint_dir: where a killed training is resumed from; None keeps nothing.
      log_dir: for TensorBoard; None writes nothing.
      strategy: the devices; by default all GPUs, or the CPU.
      start: puts the weights of another training into the network; None: it begins anew. Weights
        that are the best of all epochs are kept, also where no epoch changed them.
    """

    def __init__(
        self,
        task: Task,
        graph: ArtistGraph,
        validation: sp.csr_matrix,
        config: TrainingConfig,
        *,
        checkpoint_dir: str | None = None,
        log_dir: str | None = None,
        strategy: tf.distribute.Strategy | None = None,
        start: Callable[[Any], None] | None = None,
    ):
        self._task, self._graph, self._validation, self._config = task, graph, validation, config
        self._strategy = strategy or choose_strategy()
        self._steps = -(-task.num_batches // self._strategy.num_replicas_in_sync)
        if config.xla:
            tf.config.optimizer.set_jit("autoclustering")
        tf.keras.utils.set_random_seed(config.seed)
        policy = "mixed_bfloat16" if config.mixed_precision else "float32"
        before = tf.keras.mixed_precision.global_policy()
        tf.keras.mixed_precision.set_global_policy(policy)
        try:
            with self._strategy.scope():
                self.network = task.build()
                self._schedule = WarmupCosine(
                    config.learning_rate,
                    config.warmup_epochs * self._steps,
                    config.epochs * self._steps,
                )
                self._optimizer = tf.keras.optimizers.Adam(self._schedule)
                self._optimizer.build(self.network.trainable_variables)
        finally:
            tf.keras.mixed_precision.set_global_policy(before)
        self._warm = start is not None
        if start is not None:
            start(self.network)
        # Not the trainable ones alone: a task may choose others on the validation split.
        self._best = [tf.Variable(v, trainable=False) for v in self.network.variables]
        self._epoch = tf.Variable(0, dtype=tf.int64)
        self._best_epoch = tf.Variable(0, dtype=tf.int64)
        self._best_score = tf.Variable(-math.inf, dtype=tf.float64)
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
        # The values of several replicas have no signature that could be given beforehand.
        self._step = (
            graph_function(
                self._train_step, input_signature=[task.signature, tf.TensorSpec([2], tf.int64)]
            )
            if self._strategy.num_replicas_in_sync == 1
            else graph_function(self._train_step, reduce_retracing=True)
        )

    def run(self) -> Iterator[EpochReport]:
        """Trains, yielding after each epoch; the best weights are in the network at the end.

        A training that does not begin anew yields before the first epoch as well.
        """
        config = self._config
        if self._checkpoints:
            self._checkpoints.restore_or_initialize()
        if self._warm and not int(self._epoch):
            yield self._judged(0, math.nan)[0]
        while int(self._epoch) < config.epochs and not self._out_of_patience():
            epoch = int(self._epoch)
            losses = [
                float(self._distributed_step(batches, step))
                for step, batches in self._prefetched(epoch)
            ]
            report, embedding = self._judged(epoch + 1, float(np.mean(losses)))
            self._epoch.assign(epoch + 1)
            self._write_log(report, embedding)
            if self._checkpoints:
                self._checkpoints.save(epoch + 1)
            yield report
        _assign(self.network.variables, self._best)
        self._task.finish()

    def _judged(self, epoch: int, loss: float) -> tuple[EpochReport, np.ndarray]:
        """Scores the weights after an epoch and keeps the best; also returns the CONNECTED ones."""
        embeddings = self._task.embed_validation()
        scores = {name: self._validation_score(one) for name, one in embeddings.items()}
        score = self._task.validation_score(scores)
        # Without a single query the last weights are as good as any.
        if math.isnan(score) or score > float(self._best_score):
            self._best_score.assign(-math.inf if math.isnan(score) else score)
            self._best_epoch.assign(epoch)
            _assign(self._best, self.network.variables)
        best = float(self._best_score)
        report = EpochReport(epoch, self._config.epochs, loss, scores, score, best)
        return report, embeddings[CONNECTED]

    def _out_of_patience(self) -> bool:
        return int(self._epoch) - int(self._best_epoch) >= self._config.patience

    def _prefetched(self, epoch: int) -> Iterator[tuple[int, list[Any]]]:
        """Each step's batches, one for each replica, made while the step before runs."""
        batches = self._task.batches(epoch)
        replicas = self._strategy.num_replicas_in_sync

        def take() -> list[Any]:
            return [batch for _, batch in zip(range(replicas), batches, strict=False)]

        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(take)
            for step in range(self._steps):
                now = ahead.result()
                ahead = pool.submit(take)
                # A last, incomplete step gives some replicas a batch for the second time.
                yield epoch * self._steps + step, [now[r % len(now)] for r in range(replicas)]

    def _distributed_step(self, batches: list[Any], step: int) -> tf.Tensor:
        def of_replica(context: tf.distribute.ValueContext) -> Any:
            replica = context.replica_id_in_sync_group
            seed = np.array([self._config.seed, step * len(batches) + replica], np.int64)
            return tf.nest.map_structure(tf.convert_to_tensor, (batches[replica], seed))

        values = self._strategy.experimental_distribute_values_from_function(of_replica)
        return self._step(*values)

    def _train_step(self, batch: Any, seed: Any) -> tf.Tensor:
        losses = self._strategy.run(self._replica_step, args=(batch, seed))
        return self._strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)

    def _replica_step(self, batch: Any, seed: Any) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = self._task.loss(batch, seed)
            scaled = loss / self._strategy.num_replicas_in_sync
        variables = self.network.trainable_variables
        self._optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables))
        return loss

    def _validation_score(self, embedding: np.ndarray) -> float:
        artists = self._graph.artists("val")
        place = np.zeros(len(self._graph), np.int64)
        place[artists] = np.arange(len(artists))
        asked, most = artists, _MAX_SCORES // max(1, len(artists))
        if len(asked) > most:
            hidden = self._validation[artists][:, artists]
            asked = artists[np.diff(hidden.indptr) > 0]
            # The same in each epoch, so that epochs can be compared.
            rng = np.random.default_rng(self._config.seed)
            asked = rng.choice(asked, min(len(asked), max(1, most)), replace=False)
        scores = query_ndcg(
            lambda queries, candidates: embedding[place[queries]] @ embedding[place[candidates]].T,
            self._validation,
            artists,
            queries=np.sort(asked),
        )
        return float(scores.ndcg.mean()) if len(scores.ndcg) else math.nan

    def _write_log(self, report: EpochReport, embedding: np.ndarray) -> None:
        if self._log:
            with self._log.as_default(step=report.epoch):
                tf.summary.scalar(f"train/{self._task.loss_name}", report.loss)
                for condition, score in report.scores.items():
                    tf.summary.scalar(f"val/{condition}_ndcg_at_200", score)
                tf.summary.scalar("val/score", report.score)
                step = report.epoch * self._steps
                tf.summary.scalar("train/learning_rate", self._schedule(step))
                for name, value in dataclasses.asdict(embedding_monitors(embedding)).items():
                    tf.summary.scalar(f"embedding/{name}", value)
            self._log.flush()


def _assign(targets, sources) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.assign(source)

"""What a training asks of the task that it trains."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import tensorflow as tf

CONNECTED: Final = "connected"
"""The condition of artists whose edges to training artists are known."""
COLD: Final = "cold"
"""That of artists without any edge."""


class Task(abc.ABC):
    """A network, the batches that teach it, and their loss.

    Attributes:
      loss_name: of the loss, in logs.
      num_batches: batches of one epoch.
      signature: the tf.TensorSpecs of one batch, nested as `batches` yields its arrays.
    """

    loss_name: str
    num_batches: int
    signature: Any

    @abc.abstractmethod
    def build(self) -> tf.Module:
        """Creates the network with all its variables; called once, where they shall live."""

    @abc.abstractmethod
    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch (from 0), nested NumPy arrays; the same for the same epoch.

        Runs in another thread, while the step before is computed.
        """

    @abc.abstractmethod
    def loss(self, batch: Any, seed: tf.Tensor) -> tf.Tensor:
        """The loss of one batch, a scalar; `seed` ([2] int64) is the step's own."""

    @abc.abstractmethod
    def embed_validation(self) -> dict[str, np.ndarray]:
        """[num_validation, dim] float32, the validation artists of the graph, ascending.

        By the conditions that the task teaches; CONNECTED is always one of them. May set what is
        chosen on the validation split first.
        """

    def validation_score(self, ndcg: Mapping[str, float]) -> float:
        """What the best epoch has the most of; called after `embed_validation`.

        Args:
          ndcg: mean nDCG@200 of what `embed_validation` returned, by condition; NaN without a
            query.

        Returns:
          The mean over the conditions, unless a task knows better. With NaN the last epoch is as
          good as any before.
        """
        return float(np.mean(list(ndcg.values())))

    @abc.abstractmethod
    def finish(self) -> None:
        """Chooses what training does not teach; called once the best weights are in the network."""

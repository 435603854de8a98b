"""The graph neural network of 000; without convolutions it is the DNN baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.batches import message_edges
from trainer.config import TrainerConfig
from trainer.content import ContentEncoder, raw_content
from trainer.graph import ArtistGraph
from trainer.network import ArtistNetwork, bipartite, graph_function
from trainer.systems.base import EmbeddingSystem
from trainer.tracing import Block
from trainer.training import EpochReport, Training, block_tensors


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """Where a training keeps its files and whom it tells.

    Attributes:
      checkpoint_dir: a killed training is resumed from there; None keeps nothing.
      log_dir: for TensorBoard; None writes nothing.
      on_epoch: called after each epoch.
    """

    checkpoint_dir: str | None = None
    log_dir: str | None = None
    on_epoch: Callable[[EpochReport], None] = lambda report: None


class GnnSystem(EmbeddingSystem):
    """Graph convolutions and dense layers, trained with triplets.

    Args:
      config: features, sizes and training.
      statistics: `content.json` of the catalogue.
      run: files and listener.
    """

    def __init__(
        self,
        config: TrainerConfig,
        statistics: Mapping[str, Any],
        run: TrainingRun | None = None,
    ):
        self.config = config
        self.encoder = ContentEncoder(config.features, statistics)
        self.network: ArtistNetwork | None = None
        self._run = run or TrainingRun()

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Trains with early stopping on the validation split, resuming a killed training.

        On CPUs the same seed gives the same weights to the bit; on GPUs up to the order of sums.
        """
        # Without it the same seed gives other weights: sums run in the order of the threads. On a
        # GPU it is refused: TensorFlow has no deterministic sparse product there.
        if not tf.config.list_logical_devices("GPU"):
            tf.config.experimental.enable_op_determinism()
        training = Training(
            lambda: ArtistNetwork(self.config.network),
            self.encoder(raw_content(graph)),
            graph,
            validation,
            self.config.training,
            checkpoint_dir=self._run.checkpoint_dir,
            log_dir=self._run.log_dir,
        )
        for report in training.run():
            self._run.on_epoch(report)
        self.network = training.network

    def embed(self, graph: ArtistGraph, edges: sp.csr_matrix) -> np.ndarray:
        """[num_artists, embedding_dim] float32, one pass over the whole graph."""
        network = self._fitted()
        block = full_block(message_edges(edges, graph.weighted, self.config.training.fan_out))
        tensors = tf.nest.map_structure(tf.convert_to_tensor, block_tensors(block))
        features = self.encoder(raw_content(graph))
        blocks = [bipartite(*tensors)] * len(network.convolutions)
        return graph_function(network.embed)(features, blocks).numpy()

    def states(
        self,
        graph: ArtistGraph,
        edges: sp.csr_matrix,
        on_convolution: Callable[[], None] = lambda: None,
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """What a served model keeps of the catalogue; `on_convolution` is called after each one.

        Returns:
          For each convolution the message that every artist sends, [num_artists, convolution_units]
          float32; and the embeddings, [num_artists, embedding_dim] float32.
        """
        network = self._fitted()
        block = full_block(message_edges(edges, graph.weighted, self.config.training.fan_out))
        tensors = tf.nest.map_structure(tf.convert_to_tensor, block_tensors(block))
        convolve = graph_function(network.convolve)
        state, messages = self.encoder(raw_content(graph)), []
        for convolution in network.convolutions:
            messages.append(tf.cast(convolution.aggregate.messages(state), tf.float32))
            state = convolve(convolution, bipartite(*tensors), state)
            on_convolution()
        return messages, network.backend(state)

    def _fitted(self) -> ArtistNetwork:
        if self.network is None:
            raise RuntimeError("fit() comes first.")
        return self.network


def full_block(edges: sp.csr_matrix) -> Block:
    """The mean aggregation over all artists at once."""
    target = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
    totals = np.bincount(target, weights=edges.data, minlength=edges.shape[0])
    return Block(
        target=target,
        source=edges.indices.astype(np.int64),
        weight=(edges.data / totals[target]).astype(np.float32),
        num_targets=edges.shape[0],
        num_sources=edges.shape[0],
    )

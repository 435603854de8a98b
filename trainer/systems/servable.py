"""Systems that are trained, pushed and served."""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.batches import message_edges
from trainer.config import CONTRASTIVE, TrainerConfig, TrainingConfig
from trainer.content import ContentEncoder, FeatureColumns, RawContent, raw_content
from trainer.graph import ArtistGraph
from trainer.layer_steps import Steps
from trainer.named_weights import Weight
from trainer.network import EMBEDDING, PairScore, Profile, graph_function
from trainer.network_graphs import Neighbors, WholeGraph
from trainer.row_blocks import in_row_blocks
from trainer.systems.base import (
    PAIRWISE,
    SCORE,
    EmbeddingSystem,
    Scorer,
    dot_products,
    pairwise_scorer,
)
from trainer.tasks.base import Task
from trainer.training import EpochReport, Training


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """Where a training keeps its files and whom it tells.

    Attributes:
      checkpoint_dir: a killed training is resumed from there; None keeps nothing.
      log_dir: for TensorBoard; None writes nothing.
      on_epoch: called after each epoch.
      on_pretraining: called after each epoch of encoders that are trained first.
      start: called with the weights of the untrained network, puts those of another training in;
        None: the training begins anew.
      subgraphs: the examples whose subgraphs are streamed, in place of the graph in memory; None:
        that one. Only systems that `registry.STREAMED` names can.
    """

    checkpoint_dir: str | None = None
    log_dir: str | None = None
    on_epoch: Callable[[EpochReport], None] = lambda report: None
    on_pretraining: Callable[[EpochReport], None] = lambda report: None
    start: Callable[[Sequence[Weight]], None] | None = None
    subgraphs: str | None = None


class Encoder(Protocol):
    """From raw content to what a network reads; a tf.Module."""

    @property
    def modalities(self) -> Sequence[Mapping[str, Any]]:
        """The entries of `content.json` that are read, in their order."""

    @property
    def layout(self) -> tuple[FeatureColumns, ...]:
        """Which columns are whose; none where they are not of one modality each."""

    def __call__(self, raw: RawContent) -> tf.Tensor:
        """[batch, num_features] float32."""


def encoded(encoder: Encoder, raw: RawContent, num_artists: tf.Tensor | int) -> tf.Tensor:
    """What an encoder makes of a whole catalogue, [num_artists, num_features] float32.

    Some artists at a time: on the way from words to numbers it holds a row several times.
    """

    def block(first: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
        return encoder({name: part[first:end] for name, part in raw.items()})

    return in_row_blocks(block, num_artists)


class ServableNetwork(Protocol):
    """The trained part of a system: TensorFlow alone, so that a SavedModel can carry it."""

    tables: Sequence[tf.lookup.StaticHashTable]
    """What its signatures look up."""

    @property
    def variables(self) -> Sequence[tf.Variable]:
        """All that its signatures read."""

    @property
    def trainable_variables(self) -> Sequence[tf.Variable]:
        """What training changes."""

    def named_weights(self, columns: Sequence[str]) -> list[Weight]:
        """All that training makes, by what it means; `columns` says what the features are about."""

    @property
    def num_stages(self) -> int:
        """How often `memory` calls `on_stage`."""

    def embed_graph(self, given: WholeGraph) -> Profile:
        """All that is known of each artist, of a whole graph at once."""

    @property
    def pair_score(self) -> PairScore | None:
        """What scores pairs better than the vectors' dot product does, if there is any."""

    def memory(
        self, given: WholeGraph, on_stage: Callable[[], None] = lambda: None
    ) -> tuple[list[tf.Tensor], Profile]:
        """What `embed_new` needs of each artist, [num_artists, ...]; and the profile."""

    def steps(self) -> Steps:
        """The same by steps, for a graph that is elsewhere."""

    def embed_new(
        self, features: tf.Tensor, neighbors: Neighbors, memory: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """[num_new, dim] float32, as `embed_graph` would embed artists that nobody lists."""


class ServableSystem(EmbeddingSystem):
    """A system with content, a network and a training.

    Attributes:
      random_features: whether random vectors are content to it.
      encoder: what the network reads; with `config.pretrained` it is another after `fit`.

    Args:
      config: features, sizes and training.
      statistics: `content.json` of the catalogue.
      run: files and listener.
    """

    random_features: ClassVar[bool] = True

    def __init__(
        self,
        config: TrainerConfig,
        statistics: Mapping[str, Any],
        run: TrainingRun | None = None,
    ):
        self.config, self._statistics = config, statistics
        self.encoder: Encoder = ContentEncoder(config.content, statistics, self.random_features)
        self.network: ServableNetwork | None = None
        self._embedding_of: ServableNetwork | None = None
        self._scoring_of: ServableNetwork | None = None
        self._run = run or TrainingRun()

    @property
    def training_config(self) -> TrainingConfig:
        """How `fit` trains; a system whose own section says more of it puts that in."""
        return self.config.training

    @abc.abstractmethod
    def task(self, graph: ArtistGraph, validation: sp.csr_matrix) -> Task:
        """What `fit` trains; its `build` makes a ServableNetwork."""

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Trains with early stopping on the validation split, resuming a killed training.

        On CPUs the same seed gives the same weights to the bit; on GPUs up to the order of sums.
        """
        # Without it the same seed gives other weights: sums run in the order of the threads. On a
        # GPU it is refused: TensorFlow has no deterministic sparse product there.
        if not tf.config.list_logical_devices("GPU"):
            tf.config.experimental.enable_op_determinism()
        if self.config.pretrained == CONTRASTIVE:
            # What is trained first is such a system itself.
            from trainer.systems.pretrained import pretrain

            self.encoder = pretrain(self.config, self._statistics, self._run, graph, validation)
        training = Training(
            self.task(graph, validation),
            graph,
            validation,
            self.training_config,
            checkpoint_dir=self._run.checkpoint_dir,
            log_dir=self._run.log_dir,
            start=self._run.start and self._start,
        )
        for report in training.run():
            self._run.on_epoch(report)
        self.network = training.network

    def named_weights(self) -> list[Weight]:
        """What a later training may begin with; nothing with `config.pretrained`.

        There the network reads what encoders make of content, in a space that is another after
        each training of theirs.
        """
        return self._named_weights(self.fitted_network())

    def _named_weights(self, network: ServableNetwork) -> list[Weight]:
        if not isinstance(self.encoder, ContentEncoder):
            return []
        return network.named_weights(self.encoder.column_names)

    def _start(self, network: ServableNetwork) -> None:
        assert self._run.start is not None
        self._run.start(self._named_weights(network))

    def embed(self, graph: ArtistGraph, edges: sp.csr_matrix) -> np.ndarray:
        """[num_artists, dim] float32, one pass over the whole graph."""
        return self.profile(graph, edges)[EMBEDDING].numpy()

    def scorers(self, graph: ArtistGraph, edges: sp.csr_matrix) -> dict[str, Scorer]:
        """Dot products, and what `similar` ranks by where that is more."""
        profile = self.profile(graph, edges)
        embedding = profile[EMBEDDING].numpy()
        found = {SCORE: dot_products(embedding)}
        network = self.fitted_network()
        if network.pair_score is not None:
            if self._scoring_of is not network:
                self._scoring_of = network
                self._pair_score = graph_function(network.pair_score, reduce_retracing=True)
            score = functools.partial(self._pair_score, profile)
            found[PAIRWISE] = pairwise_scorer(embedding, score)
        return found

    def profile(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Profile:
        """All that is known of each artist, [num_artists, ...], one pass over the whole graph."""
        network = self.fitted_network()
        # Traced once for a network, not for each graph that it embeds.
        if self._embedding_of is not network:
            self._embedding_of = network
            self._embed_graph = graph_function(network.embed_graph, reduce_retracing=True)
        return self._embed_graph(self.whole_graph(graph, edges))

    def memory(
        self,
        graph: ArtistGraph,
        edges: sp.csr_matrix,
        on_stage: Callable[[], None] = lambda: None,
    ) -> tuple[list[tf.Tensor], Profile]:
        """What a served model keeps of the catalogue, and all that is known of its artists."""
        return self.fitted_network().memory(self.whole_graph(graph, edges), on_stage)

    def whole_graph(self, graph: ArtistGraph, edges: sp.csr_matrix) -> WholeGraph:
        """The graph as a network takes it, with the edges that carry messages."""
        edges = message_edges(edges, graph.weighted, self.config.fan_out)
        target = np.repeat(np.arange(len(graph)), np.diff(edges.indptr))
        return WholeGraph(
            tf.constant(graph.artist_id.astype(str)),
            encoded(self.encoder, raw_content(graph), len(graph)),
            tf.constant(edges.indices, tf.int64),
            tf.constant(target, tf.int64),
            tf.constant(edges.data, tf.float32),
        )

    def fitted_network(self) -> ServableNetwork:
        """The trained network."""
        if self.network is None:
            raise RuntimeError("fit() comes first.")
        return self.network

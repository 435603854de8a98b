"""Content as the contrastive encoders see it, for systems that learn from the graph."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import scipy.sparse as sp
import tensorflow as tf

from trainer.config import CONTRASTIVE, TrainerConfig
from trainer.content import ContentEncoder, FeatureColumns, RawContent
from trainer.contrastive_network import ContrastiveNetwork
from trainer.graph import ArtistGraph
from trainer.systems.contrastive import ContrastiveSystem
from trainer.systems.servable import TrainingRun


class PretrainedEncoder(tf.Module):
    """What trained contrastive encoders make of raw content; nothing changes them any more.

    Args:
      content: from raw content to what the encoders read.
      network: the encoders.
    """

    def __init__(self, content: ContentEncoder, network: ContrastiveNetwork):
        super().__init__(name="pretrained_encoder")
        self._content = content
        # Not the network: a SavedModel would take its Keras layers apart. It needs the variables.
        self._embed, self._read = network.embed, list(network.variables)

    @property
    def modalities(self) -> Sequence[Mapping[str, Any]]:
        """The entries of `content.json` that are read, in their order."""
        return self._content.modalities

    @property
    def layout(self) -> tuple[FeatureColumns, ...]:
        """Empty: each column is of all modalities together."""
        return ()

    def __call__(self, raw: RawContent) -> tf.Tensor:
        """[batch, contrastive.embedding_dim] float32, l2-normalised; zeros without any content."""
        return self._embed(self._content(raw))


def pretrain(
    config: TrainerConfig,
    statistics: Mapping[str, Any],
    run: TrainingRun,
    graph: ArtistGraph,
    validation: sp.csr_matrix,
) -> PretrainedEncoder:
    """Trains the system 'contrastive' on the same catalogue, and keeps its encoders.

    Args:
      config: `features`, `contrastive` and `training` count.
      statistics: `content.json` of the catalogue.
      run: its checkpoints and logs lie in a folder of their own beside those of the system, and
        `on_pretraining` is told of the epochs.
      graph: the catalogue.
      validation: as for `System.fit`; read only with `contrastive.stop_by: ndcg`, and for logs.

    Raises:
      InputError: the catalogue's content is not enough for them.
    """

    def own(folder: str | None) -> str | None:
        return folder and os.path.join(folder, "pretraining")

    system = ContrastiveSystem(
        dataclasses.replace(config, system=CONTRASTIVE, pretrained="none"),
        statistics,
        TrainingRun(own(run.checkpoint_dir), own(run.log_dir), run.on_pretraining),
    )
    system.fit(graph, validation)
    content, network = system.encoder, system.fitted_network()
    assert isinstance(content, ContentEncoder) and isinstance(network, ContrastiveNetwork)
    return PretrainedEncoder(content, network)

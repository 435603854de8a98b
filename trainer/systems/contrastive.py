"""The contrastive encoders of 003: several modalities in one space, and no edge is learnt from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from catalogues.errors import InputError, nearest
from trainer.config import ATTENTION, ContrastiveConfig, TrainingConfig
from trainer.content import ContentEncoder, raw_content
from trainer.contrastive_network import ContrastiveNetwork, has_words, present_modalities
from trainer.graph import TRAIN, ArtistGraph
from trainer.systems.servable import ServableSystem
from trainer.tasks.contrastive import ContrastiveTask


class ContrastiveSystem(ServableSystem):
    """Content alone, from whichever modalities an artist has.

    Random vectors are no modality: what agrees with them is nothing.
    """

    random_features = False

    @property
    def training_config(self) -> TrainingConfig:
        """With the learning rate of `contrastive`."""
        rate = self.config.contrastive.learning_rate
        return dataclasses.replace(self.config.training, learning_rate=rate)

    def task(self, graph: ArtistGraph, validation: sp.csr_matrix) -> ContrastiveTask:
        """Batches of the training artists that have several modalities.

        Raises:
          InputError: there are not two of them, or a modality cannot have the encoder given for it.
        """
        config, seed = self.config.contrastive, self.config.training.seed
        assert isinstance(self.encoder, ContentEncoder)
        read, layout = self.encoder.modalities, self.encoder.layout
        words = self.config.content.words
        _check_encoders(config, read, words)
        features = self.encoder(raw_content(graph))
        present = present_modalities(features, read, layout).numpy()
        several = with_several(present, graph.split == TRAIN, config.require)
        # An encoder that no training artist teaches would have its say at random.
        taught = present[several & (graph.split == TRAIN)].any(axis=0)
        layout = tuple(columns for columns, used in zip(layout, taught, strict=True) if used)
        return ContrastiveTask(
            lambda: ContrastiveNetwork(config, read, layout, words, seed),
            config,
            features,
            several,
            graph,
            seed,
        )


def with_several(present: np.ndarray, training: np.ndarray, require: str) -> np.ndarray:
    """Which artists have the modalities that are compared.

    Args:
      present: [num_artists, num_modalities] bool.
      training: [num_artists] bool; what none of them has is asked of nobody.
      require: 'two' modalities or more, or 'all'.

    Returns:
      [num_artists] bool.
    """
    known = present & present[training].any(axis=0)
    least = 2 if require == "two" else max(2, known.any(axis=0).sum())
    return known.sum(axis=1) >= least


def _check_encoders(
    config: ContrastiveConfig, modalities: Sequence[Mapping[str, Any]], words: str
) -> None:
    known = {entry["name"]: has_words(entry, words) for entry in modalities}
    for encoder in config.encoders:
        name = encoder.modality
        where = f"trainer.contrastive.encoders: the modality '{name}'"
        if name not in known:
            raise InputError(
                f"{where} is not read{nearest(name, known)}; what is read is "
                f"{', '.join(known) or 'nothing'}."
            )
        if encoder.kind == ATTENTION and not known[name]:
            raise InputError(f"{where} has no words to attend to; make its kind 'dense'.")

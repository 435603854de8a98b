"""Small trained systems, cheap enough to be fitted in a test."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse as sp

from trainer.config import (
    RANDOM,
    ContrastiveConfig,
    DiffusionConfig,
    EncoderConfig,
    FeatureConfig,
    NetworkConfig,
    TrainerConfig,
    TrainingConfig,
)
from trainer.graph import TRAIN, ArtistGraph, VectorContent
from trainer.systems.gnn import GnnSystem
from trainer.systems.registry import make_system
from trainer.systems.servable import ServableSystem, TrainingRun
from trainer.tasks.triplet import TripletTask
from trainer.tracing import Block, trace


def small_config(convolutions: int = 2, *, random: bool = False, **training: Any) -> TrainerConfig:
    """A network of 16 units that is trained for a few epochs."""
    return TrainerConfig(
        system="gnn",
        features=FeatureConfig((RANDOM,) if random else (), random_dim=8),
        network=NetworkConfig(convolutions, 16, (16,), 8),
        training=TrainingConfig(
            **{"epochs": 6, "learning_rate": 0.02, "pseudo_eval_fraction": 0.34, **training}
        ),
    )


def small_diffusion_config(*, random: bool = False, **training: Any) -> TrainerConfig:
    """Walks of two hops, a vector of 8, trained for a few epochs."""
    return dataclasses.replace(
        small_config(random=random, **training),
        system="diffusion",
        diffusion=DiffusionConfig(
            8, hops=2, reach=5, dropout=0.1, content_units=(16,), pairwise_reach=3
        ),
    )


def small_contrastive_config(**training: Any) -> TrainerConfig:
    """Encoders of 16 units into a space of 8, trained for a few epochs in batches of 6."""
    return dataclasses.replace(
        small_config(**training),
        system="contrastive",
        contrastive=ContrastiveConfig(
            (EncoderConfig("audio", "dense", (16,)), EncoderConfig("tags", "attention", (16,), 2)),
            embedding_dim=8,
            learning_rate=0.02,
            batch_size=6,
        ),
    )


def small_pretrained_config(**training: Any) -> TrainerConfig:
    """Graph convolutions over what small contrastive encoders embed."""
    return dataclasses.replace(
        small_contrastive_config(**training), system="gnn", pretrained="contrastive"
    )


def statistics_of(graph: ArtistGraph) -> dict[str, Any]:
    """What the builder writes to `content.json`, and of `content.npz` `log_share`, plainly."""
    training = graph.split == TRAIN
    modalities = []
    for name, content in graph.content.items():
        if isinstance(content, VectorContent):
            known = content.values[training & content.present]
            mean = known.mean(axis=0) if len(known) else np.zeros(content.values.shape[1])
            spread = known.std(axis=0) if len(known) else np.ones(content.values.shape[1])
            modalities.append(
                {
                    "name": name,
                    "kind": "vector",
                    "dim": content.values.shape[1],
                    "mean": mean.tolist(),
                    "deviation": np.where(spread > 1e-6, spread, 1).tolist(),
                }
            )
        else:
            weight: dict[str, float] = {}
            for row in np.flatnonzero(training):
                for place in range(content.offsets[row], content.offsets[row + 1]):
                    word = content.words[place]
                    weight[word] = weight.get(word, 0.0) + float(content.weights[place])
            # No artist has a word of weight 0, so that any share will do.
            shares = np.maximum([weight[word] for word in sorted(weight)], 1e-30)
            modalities.append(
                {
                    "name": name,
                    "kind": "categories",
                    "vocabulary": sorted(weight),
                    "log_share": np.log(shares / shares.sum()).tolist(),
                }
            )
    return {"modalities": modalities}


def small_system(
    graph: ArtistGraph, config: TrainerConfig | None = None, run: TrainingRun | None = None
) -> ServableSystem:
    """An untrained system for a graph."""
    return make_system(config or small_config(), statistics_of(graph), run)


def with_epochs(config: TrainerConfig, epochs: int) -> TrainerConfig:
    """The same configuration with another number of epochs."""
    return dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=epochs))


def with_network(config: TrainerConfig, **network: Any) -> TrainerConfig:
    """The same configuration with other values for its network."""
    return dataclasses.replace(config, network=dataclasses.replace(config.network, **network))


def triplet_task(graph: ArtistGraph, config: TrainerConfig) -> TripletTask:
    """What a small network is trained on."""
    return GnnSystem(config, statistics_of(graph)).task(graph, sp.csr_matrix((0, 0)))


def full_block(edges: sp.csr_matrix) -> Block:
    """The mean aggregation over all artists at once."""
    return trace(edges, np.arange(edges.shape[0]), 1).blocks[0]

"""Trains and ranks one system with one seed, and keeps all that the page is made of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from benchmarks.catalogue import JudgedCatalogue
from benchmarks.measure import machine, versions
from benchmarks.modalities.content import combinations, keeping, random_groups
from benchmarks.modalities.rankings import (
    FULL,
    POPULATIONS,
    Population,
    across_groups,
    populations,
    ranked,
)
from benchmarks.plan import determining
from trainer.config import TrainerConfig
from trainer.graph import ArtistGraph
from trainer.ranking.modality_groups import group_entropy
from trainer.ranking.modality_space import modality_space
from trainer.systems.base import EmbeddingSystem
from trainer.systems.baselines import content_baselines
from trainer.systems.registry import make_system
from trainer.systems.servable import TrainingRun
from trainer.training import EpochReport

CONTRASTIVE: Final = "contrastive"
GROUPS: Final = "groups"
SPACE: Final = ("expected_contrastive_loss", "intra_cluster_distance", "inter_cluster_distance")


@dataclasses.dataclass(frozen=True)
class Trial:
    """One system with one seed.

    Attributes:
      name: 'contrastive', 'contrastive, all three', or a baseline's: 'pca', 'modality:tags'.
      seed: of weights, batches and random matrices, and of the draw of the modality groups.
      config: how it is trained; None for a baseline.
    """

    name: str
    seed: int
    config: TrainerConfig | None

    def key(self, digest: str) -> str:
        """Of all that determines its result, 12 hex digits; `digest` is the catalogue's."""
        config = self.config and determining(self.config)
        text = json.dumps([self.name, self.seed, config, digest], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def measure_trial(
    trial: Trial,
    catalogue: JudgedCatalogue,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Fits the system to the training artists, and ranks with what it makes of content.

    Args:
      trial: which.
      catalogue: its modalities are those that are compared.
      on_epoch: told of each epoch.

    Returns:
      The record, plain values; and by name the arrays that go with it:
      '<population>' [num_queries] nDCG@200, for CONTRASTIVE also '<population>, <modalities>' of
      each combination that it is asked with; GROUPS [num_groups, num_groups]; and of SPACE, and
      'space artists', one value for each artist that has all modalities.
    """
    graph, names = catalogue.graph, tuple(catalogue.graph.content)
    system = _make(trial, catalogue, on_epoch)
    started, worked = time.monotonic(), time.process_time()
    system.fit(graph, catalogue.validation)
    seconds, worked = time.monotonic() - started, time.process_time() - worked
    arrays: dict[str, np.ndarray] = {}
    gini: dict[str, float] = {}
    known = populations(catalogue, names)
    trained = trial.config is not None
    for members in combinations(names) if trained else (names,):
        embedding = _embedded(system, _only(graph, members))
        for population in POPULATIONS:
            found = ranked(embedding, known[population], graph)
            view = view_name(population, members, names)
            arrays[view], gini[view] = found.ndcg, found.gini
    full = known[FULL]
    mixed, groups = random_groups(graph, full.artists, names, trial.seed)
    matrix = across_groups(_embedded(system, mixed), full.artists, groups)
    arrays[GROUPS] = matrix
    if trained:
        arrays |= _space(system, graph, full)
    record = {
        "system": trial.name,
        "seed": trial.seed,
        "catalogue": catalogue.digest,
        "trainer": trial.config and dataclasses.asdict(trial.config),
        "ndcg@200": {name: _mean(arrays[name]) for name in gini},
        "gini@200": {name: round(value, 6) for name, value in gini.items()},
        "entropy": round(group_entropy(matrix), 6),
        "groups": list(groups.names),
        "fit_seconds": round(seconds, 3),
        "fit_cpu_seconds": round(worked, 3),
        "machine": machine(),
        "versions": versions(),
    }
    return record, arrays


def view_name(population: str, members: tuple[str, ...], names: tuple[str, ...]) -> str:
    """What a ranking is called: its population, and the modalities unless those are all."""
    return population if members == names else f"{population}, {'+'.join(members)}"


def _make(
    trial: Trial, catalogue: JudgedCatalogue, on_epoch: Callable[[EpochReport], None]
) -> EmbeddingSystem:
    if trial.config is None:
        made = content_baselines(catalogue.statistics, trial.seed)[trial.name]()
        assert isinstance(made, EmbeddingSystem)
        return made
    return make_system(trial.config, catalogue.statistics, TrainingRun(on_epoch=on_epoch))


def _only(graph: ArtistGraph, members: tuple[str, ...]) -> ArtistGraph:
    everybody = np.ones(len(graph), bool)
    return keeping(graph, dict.fromkeys(members, everybody))


def _embedded(system: EmbeddingSystem, graph: ArtistGraph) -> np.ndarray:
    """Content alone: without any edge, as nothing here may tell who is similar."""
    return system.embed(graph, graph.neighbors * 0)


def _space(
    system: EmbeddingSystem, graph: ArtistGraph, full: Population
) -> Mapping[str, np.ndarray]:
    """Where the modalities of an artist lie to each other (003, section 3.5)."""
    embeddings = np.stack(
        [_embedded(system, _only(graph, (name,)))[full.artists] for name in graph.content]
    )
    found = modality_space(embeddings, np.ones(embeddings.shape[:2], bool))
    return {name: getattr(found, name) for name in SPACE} | {
        "space artists": full.artists[found.artists]
    }


def _mean(values: np.ndarray) -> float | None:
    mean = float(values.mean()) if len(values) else math.nan
    return None if math.isnan(mean) else round(mean, 6)

"""Which systems are compared on which modalities, and the listening counts they are cut by."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Final, Literal

import numpy as np

from benchmarks.catalogue import JudgedCatalogue
from benchmarks.modalities.content import with_modalities
from benchmarks.modalities.trials import CONTRASTIVE, Trial
from catalogues.spec import LISTENING, load_catalogue
from catalogues.tables import read_rows
from catalogues.values import to_float, to_id
from pipeline.config import PipelineConfig
from trainer.config import FeatureConfig, TrainerConfig

MODALITIES: Final = ("audio", LISTENING, "tags")
"""003's three. OLGA's other tags, `lastfm_tags`, are by the very listeners of `listening`."""
SEEDS: Final = (0, 1, 2)
REQUIRE_ALL: Final = f"{CONTRASTIVE}, all modalities"
BASELINES: Final = (*(f"modality:{name}" for name in MODALITIES), "pca", "random_projection")


def narrowed(catalogue: JudgedCatalogue) -> JudgedCatalogue:
    """The catalogue with MODALITIES alone, in their order."""
    known = {entry["name"]: entry for entry in catalogue.statistics["modalities"]}
    return dataclasses.replace(
        catalogue,
        graph=with_modalities(catalogue.graph, MODALITIES),
        statistics={**catalogue.statistics, "modalities": [known[name] for name in MODALITIES]},
    )


def trials(config: PipelineConfig, seeds: tuple[int, ...] = SEEDS) -> list[Trial]:
    """All systems of the comparison, seed by seed, baselines first.

    A seed changes the random projection, and how the modality groups are drawn for all of them.
    """
    found = []
    for seed in seeds:
        found += [Trial(name, seed, None) for name in BASELINES]
        found += [
            Trial(CONTRASTIVE, seed, _trainer(config, seed, "two")),
            Trial(REQUIRE_ALL, seed, _trainer(config, seed, "all")),
        ]
    return found


def listens(config: PipelineConfig, artist_id: np.ndarray) -> np.ndarray:
    """POP(artist) = log(#listen + 1) (003, section 3.4), [num_artists] float64; NaN without plays.

    Args:
      config: names the catalogue.
      artist_id: [num_artists] sorted.
    """
    catalogue = load_catalogue(Path(config.catalogue.path))
    table = catalogue.plays
    total: dict[str, list[float]] = {}
    if table is not None:
        for path in catalogue.files(table.table):
            rows = read_rows(path, catalogue.file_name(path), (table.artist, table.plays))
            for row in rows:
                plays = to_float(row.values[table.plays])
                total.setdefault(to_id(row.values[table.artist]), []).append(plays or 0.0)
    return np.array(
        [math.log1p(math.fsum(total[name])) if name in total else math.nan for name in artist_id]
    )


def _trainer(config: PipelineConfig, seed: int, require: Literal["two", "all"]) -> TrainerConfig:
    given = config.trainer
    return dataclasses.replace(
        given,
        system="contrastive",
        features=FeatureConfig(MODALITIES, words="ppmi", seed=seed),
        contrastive=dataclasses.replace(given.contrastive, require=require),
        training=dataclasses.replace(given.training, seed=seed),
    )

"""A suite that is trained in a second, on a graph in memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from benchmarks.catalogue import JudgedCatalogue
from benchmarks.suite import Ladder, Suite, SuiteSystem
from pipeline.config import CatalogueConfig, PipelineConfig
from tests.trainer.graphs import graph_of
from tests.trainer.small_systems import small_config
from trainer.graph import VectorContent

DIGEST = "0123456789ab"


def small_suite(page: Path = Path("page.md"), seeds: tuple[int, ...] = (0, 1)) -> Suite:
    """Two rungs of one ladder, and two baselines."""
    trainer = small_config(0, random=True, epochs=1)
    deeper = dataclasses.replace(
        trainer, network=dataclasses.replace(trainer.network, convolutions=1)
    )
    return Suite(
        "small",
        "a small graph",
        PipelineConfig(CatalogueConfig("nowhere")),
        page,
        "test",
        seeds,
        {"random": Ladder("random vectors", published={0: 0.02})},
        (
            SuiteSystem("dnn/random", "DNN, random vectors", trainer, "random", 0),
            SuiteSystem("gnn-1/random", "GNN-1, random vectors", deeper, "random", 1),
            SuiteSystem("pagerank", "personalised PageRank"),
            SuiteSystem("popularity", "popularity"),
        ),
        ("pagerank",),
    )


def small_catalogue() -> JudgedCatalogue:
    """Sixty artists on a ring, each similar to its six nearest; half of them have content."""
    edges = [(i, (i + step) % 60) for i in range(60) for step in (1, 2, 3)]
    split = [(0, 0, 1, 1, 2, 2)[i % 6] for i in range(60)]
    present = np.arange(60) % 2 == 0
    values = np.ones((60, 2), np.float32) * present[:, None]
    found = graph_of(edges, split, {"sound": VectorContent(values, present)})
    return JudgedCatalogue(
        DIGEST, found.graph, {"modalities": []}, "test", found.truth("val"), found.truth("test")
    )

"""Runs of the real pipeline in this process, in a home of their own."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import dag
from pipeline.config import PipelineConfig, parse_config
from pipeline.dag import create_pipeline
from pipeline.home import home, pipeline_root, serving_root
from pipeline.metadata_config import remember_store
from pipeline.metadata_store import connection_config
from pipeline.reporting_runner import ReportingRunner
from pipeline.runs import Run, list_runs, open_store

STAGES = {
    "CatalogueExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "StoppingExampleValidator",
    "Trainer",
    "Resolver",
    "RetrievalEvaluator",
    "LedgerPusher",
}
EPOCHS = 5


@contextlib.contextmanager
def home_in(folder: Path) -> Iterator[Path]:
    """Runs inside the `with` have `folder`/home for themselves. The code that runs is the one that
    was imported, so its fingerprint is taken once."""
    fingerprint = dag.code_fingerprint()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARTIST_SIM_HOME", str(folder / "home"))
        patch.setattr(dag, "code_fingerprint", lambda: fingerprint)
        yield folder


def small_config(catalogue: Path, system: str = "gnn", **changes: dict[str, Any]) -> PipelineConfig:
    """A network that learns the communities in seconds; `changes` are sections of `trainer`."""
    trainer: dict[str, Any] = {
        "system": system,
        "network": {
            "convolutions": 1,
            "convolution_units": 16,
            "backend_units": [16],
            "embedding_dim": 8,
        },
        "diffusion": {"embedding_dim": 8, "reach": 20, "content_units": [16]},
        "training": {"epochs": EPOCHS},
    }
    for section, values in changes.items():
        trainer[section] = {**trainer.get(section, {}), **values}
    given = {
        "catalogue": {"path": str(catalogue)},
        "trainer": trainer,
        "judge": {"k": [3, 20], "gate": {"floor": 0.5, "slack": 0.25}},
    }
    return parse_config(given, "small.yaml")


def with_schema(config: PipelineConfig, schema: Path) -> PipelineConfig:
    """The same with a curated schema."""
    return dataclasses.replace(config, schema=str(schema))


def run_pipeline(config: PipelineConfig) -> Run:
    """Runs it in the home that ARTIST_SIM_HOME names."""
    # Pusher names a version by the second.
    while versions() and int(time.time()) <= int(versions()[-1]):
        time.sleep(0.1)
    remember_store(config.metadata)
    pipeline = create_pipeline(
        config,
        pipeline_root=str(pipeline_root()),
        serving_root=str(serving_root()),
        checkpoints=str(home() / "checkpoints"),
        metadata_connection_config=connection_config(config.metadata),
    )
    ReportingRunner(home() / "run.log").run(pipeline)
    return list_runs(open_store())[-1]


def versions() -> list[str]:
    """The pushed versions, the oldest first."""
    root = serving_root()
    return sorted(path.name for path in root.iterdir()) if root.is_dir() else []


def stages_in(run: Run, state: str) -> set[str]:
    """The stages of a run that ended so."""
    return {stage for stage, found in run.states.items() if found == state}

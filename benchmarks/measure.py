"""Trains one system and judges it; what is kept of it."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.catalogue import CONDITIONS, JudgedCatalogue, make_subgraphs
from benchmarks.plan import Job
from benchmarks.store import Queries, score_name
from trainer.graph import ArtistGraph
from trainer.ranking.ndcg import query_ndcg
from trainer.systems.base import PAIRWISE, SCORE, System
from trainer.training import EpochReport

_PACKAGES: Final = ("tensorflow", "tensorflow-gnn", "numpy", "scipy")
_TRAINER: Final = Path(__file__).parents[1] / "trainer"


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What came of one job.

    Attributes:
      record: seed, configuration, val scores, epochs, seconds, machine and versions; plain values.
      scores: by condition, the nDCG@200 of each query of the judged split, [num_queries]; that of
        the pairwise scorer, where there is one, as '<condition>-pairwise'.
    """

    record: dict[str, Any]
    scores: dict[str, np.ndarray]


def measure(
    job: Job,
    catalogue: JudgedCatalogue,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
) -> Measurement:
    """Trains with early stopping on val, then judges in all conditions.

    Raises:
      InputError: there is no such system, or it does not fit the catalogue.
    """
    reports: list[EpochReport] = []

    def listen(report: EpochReport) -> None:
        reports.append(report)
        on_epoch(report)

    system, graph = _make(job, catalogue, listen)
    started, worked = time.monotonic(), time.process_time()
    system.fit(graph, catalogue.validation)
    fitted, worked = time.monotonic(), time.process_time() - worked
    found = {c: _judged(system, catalogue, c, catalogue.split) for c in CONDITIONS}
    val = {c: _judged(system, catalogue, c, "val") for c in CONDITIONS}
    judged = time.monotonic()
    best = max((r.best for r in reports), default=math.nan)
    record = {
        "system": job.system.name,
        "seed": job.seed,
        "catalogue": catalogue.digest,
        "trainer": job.config and dataclasses.asdict(job.config),
        **_means(found, val, SCORE),
        PAIRWISE: _means(found, val, PAIRWISE) if PAIRWISE in found[CONDITIONS[0]] else None,
        "epochs": len(reports) or None,
        "best_epoch": next((r.epoch for r in reports if r.score == best), None),
        "fit_seconds": round(fitted - started, 3),
        # Of all cores together; unlike the other it does not grow with what else is running.
        "fit_cpu_seconds": round(worked, 3),
        "judge_seconds": round(judged - fitted, 3),
        "machine": machine(),
        "versions": versions(),
    }
    return Measurement(
        record, {score_name(c, kind): s for c in CONDITIONS for kind, s in found[c].items()}
    )


def judged_queries(catalogue: JudgedCatalogue) -> Queries:
    """The queries that every system of this catalogue is judged on."""
    artists = catalogue.graph.artists(catalogue.split)
    found = query_ndcg(
        lambda queries, candidates: np.zeros((len(queries), len(candidates))),
        catalogue.truth,
        artists,
    )
    edges = catalogue.graph.visible_edges(catalogue.split)
    return Queries(
        degree=np.diff(edges.indptr)[found.queries].astype(np.int32),
        has_content=catalogue.has_content()[found.queries],
        num_skipped=found.num_skipped,
        num_artists=len(catalogue.graph),
    )


def machine() -> dict[str, Any]:
    """Cores, architecture and processor; nothing that names the machine itself."""
    import tensorflow as tf

    processor = ""
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        lines = cpuinfo.read_text().splitlines()
        processor = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "")
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "processor": processor or platform.processor(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
    }


def versions() -> dict[str, str]:
    """Of Python and the packages that matter, and a digest of the trainer's code."""
    code = hashlib.sha256()
    for path in sorted(_TRAINER.rglob("*.py")):
        code.update(f"{path.relative_to(_TRAINER)}\n".encode() + path.read_bytes())
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
        "trainer": code.hexdigest()[:12],
    }


def _make(
    job: Job, catalogue: JudgedCatalogue, on_epoch: Callable[[EpochReport], None]
) -> tuple[System, ArtistGraph]:
    """The system, and the graph that it is fitted to."""
    if job.config is None:
        from trainer.systems.baselines import BASELINES

        return BASELINES[job.system.name](), catalogue.graph
    from trainer.systems.registry import make_system
    from trainer.systems.servable import TrainingRun

    run = TrainingRun(on_epoch=on_epoch)
    if job.reach is None:
        return make_system(job.config, catalogue.statistics, run), catalogue.graph
    from trainer.loading import load_artists

    assert catalogue.examples is not None
    examples = str(make_subgraphs(catalogue.examples, job.reach))
    run = dataclasses.replace(run, subgraphs=examples)
    # As in a run of the pipeline, which then knows who there is, and no edge.
    return make_system(job.config, catalogue.statistics, run), load_artists(examples)


def _judged(
    system: System, catalogue: JudgedCatalogue, condition: str, split: str
) -> dict[str, np.ndarray]:
    """By scorer, the nDCG@200 of each query."""
    truth = catalogue.validation if split == "val" else catalogue.truth
    artists = catalogue.graph.artists(split)
    scorers = system.scorers(catalogue.graph, catalogue.edges(condition, split))
    return {kind: query_ndcg(scorer, truth, artists).ndcg for kind, scorer in scorers.items()}


def _means(
    found: Mapping[str, Mapping[str, np.ndarray]],
    val: Mapping[str, Mapping[str, np.ndarray]],
    kind: str,
) -> dict[str, dict[str, float | None]]:
    return {
        name: {condition: _mean(by_kind[kind]) for condition, by_kind in judged.items()}
        for name, judged in (("ndcg@200", found), ("val", val))
    }


def _mean(values: np.ndarray) -> float | None:
    return round(float(values.mean()), 6) if len(values) else None

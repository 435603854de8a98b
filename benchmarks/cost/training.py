"""Trainings of `gnn` beside PyTorch Geometric's, of one graph and one network, in this process."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.cost.measure import peak_kib
from benchmarks.cost.stages import BOUND, PROFILE

TRACED: Final = "traced"
"""The form of training that is the project's own."""
FIGURES: Final = ("seconds", "cpu_seconds", "waited", "loss")
"""Of each epoch: without validation; those of all threads; those that steps waited for data; the
mean of the steps' losses."""


def load_training(examples: Path) -> tuple[Any, Any, Any]:
    """The system `gnn` with the paper's sizes, a graph without weights, and val's hidden edges.

    Weights are left out because `SAGEConv` takes the plain mean: both draw 25 neighbours.
    """
    from trainer.config import TrainerConfig
    from trainer.loading import load_graph, load_hidden_edges, read_content_statistics
    from trainer.systems.registry import make_system

    graph = load_graph(str(examples))
    neighbors = graph.neighbors.copy()
    neighbors.data[:] = 1.0
    graph = dataclasses.replace(graph, neighbors=neighbors, weighted=False)
    system = make_system(TrainerConfig(system="gnn"), read_content_statistics(str(examples)))
    return system, graph, load_hidden_edges(str(examples), "val", graph.artist_id)


def write_arrays(examples: Path, target: Path) -> None:
    """What a training in another environment reads, beside its place and renamed; made once.

    `features` [num_artists, num_features] float32; training edges as `indptr` and `indices`, those
    that val may see as `val_indptr` and `val_indices`; `artists` and `val`, rows of the splits.
    """
    if target.exists():
        return
    from trainer.content import raw_content

    system, graph, _ = load_training(examples)
    edges, seen = graph.training_edges(), graph.visible_edges("val")
    arrays = {
        "features": system.encoder(raw_content(graph)).numpy(),
        "artists": graph.artists("train"),
        "val": graph.artists("val"),
        "indptr": edges.indptr.astype(np.int64),
        "indices": edges.indices.astype(np.int64),
        "val_indptr": seen.indptr.astype(np.int64),
        "val_indices": seen.indices.astype(np.int64),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".arrays-", dir=target.parent))
    try:
        for name, array in arrays.items():
            np.save(beside / f"{name}.npy", array)
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def train_traced(examples: Path, epochs: int) -> dict[str, Any]:
    """Trains with mini-batches that are traced, as the pipeline does.

    Returns:
      FIGURES and `scores` (nDCG@200 on val, connected) by epoch; `parameters` and `peak_mib`.
    """
    import tensorflow as tf

    from trainer.training import Training

    class Watched(Training):
        """Knows how long the steps of an epoch took, without the validation after them."""

        def _prefetched(self, epoch: int) -> Iterator[Any]:
            self.began, self.worked, self.waited = time.perf_counter(), time.process_time(), 0.0
            steps = super()._prefetched(epoch)
            while True:
                asked = time.perf_counter()
                step = next(steps, None)
                self.waited += time.perf_counter() - asked
                if step is None:
                    return
                yield step

        def _judged(self, epoch: int, loss: float) -> Any:
            self.took = time.perf_counter() - self.began
            self.cpu = time.process_time() - self.worked
            return super()._judged(epoch, loss)

    tf.config.experimental.enable_op_determinism()
    system, graph, validation = load_training(examples)
    training = Watched(system.task(graph, validation), graph, validation, system.training_config)
    found: dict[str, list[float]] = {name: [] for name in (*FIGURES, "scores")}
    # Not to the end: early stopping is none of this.
    for _, report in zip(range(epochs), training.run()):
        taken = (training.took, training.cpu, training.waited, report.loss)
        for name, value in zip(FIGURES, taken, strict=True):
            found[name].append(round(value, 4))
        found["scores"].append(round(report.scores["connected"], 4))
    count = sum(int(np.prod(one.shape)) for one in training.network.trainable_variables)
    return {**found, "parameters": count, "peak_mib": round(peak_kib() / 1024, 1)}


def val_scores(examples: Path, embeddings: Path, epochs: int) -> list[float]:
    """nDCG@200 on val, connected, of what another training embedded after each epoch.

    Args:
      examples: of the catalogue.
      embeddings: has `<epoch>.npy`, [num_val, embedding_dim] float32, from epoch 0.
      epochs: how many there are.
    """
    from trainer.loading import load_graph, load_hidden_edges
    from trainer.ranking.ndcg import query_ndcg

    graph = load_graph(str(examples))
    validation = load_hidden_edges(str(examples), "val", graph.artist_id)
    artists = graph.artists("val")
    place = np.zeros(len(graph), np.int64)
    place[artists] = np.arange(len(artists))

    def score(vectors: np.ndarray) -> float:
        found = query_ndcg(
            lambda queries, candidates: vectors[place[queries]] @ vectors[place[candidates]].T,
            validation,
            artists,
        )
        return round(float(found.ndcg.mean()), 4)

    return [score(np.load(embeddings / f"{epoch}.npy")) for epoch in range(epochs)]


def job_of(arrays: Path, form: str, epochs: int) -> dict[str, Any]:
    """What benchmarks/cost/others/sage.py is told: the defaults of the trainer's configuration."""
    from trainer.batches import num_batches
    from trainer.config import NetworkConfig, TrainingConfig

    network, training = NetworkConfig(), TrainingConfig()
    return {
        "arrays": str(arrays),
        "form": form,
        "run_epochs": epochs,
        "batches": num_batches(len(np.load(arrays / "artists.npy")), training),
        "convolutions": network.convolutions,
        "units": network.convolution_units,
        "backend_units": list(network.backend_units),
        "embedding_dim": network.embedding_dim,
        "fan_out": training.fan_out,
        "negatives": training.negatives,
        "margin": training.margin,
        "learning_rate": training.learning_rate,
        "warmup_epochs": training.warmup_epochs,
        "epochs": training.epochs,
        "seed": training.seed,
        "threads": os.cpu_count(),
    }


def _olga(folder: Path) -> Path:
    """The examples of OLGA, imported and built unless they are there."""
    from benchmarks.catalogue import make_catalogue, make_examples
    from pipeline.config import load_config

    def quiet(text: str) -> None:
        """Whoever started this process tells what it does."""

    config = load_config(Path(__file__).parents[2] / "configs" / "olga.yaml")
    return make_examples(config, make_catalogue(config, quiet), folder / "examples", quiet)


def main(given: Mapping[str, Any]) -> dict[str, Any]:
    """One task of this file, by its name in `task`; plain values."""
    if given["task"] == "olga":
        return {"examples": str(_olga(Path(given["folder"])))}
    examples = Path(given["examples"])
    if given["task"] == "job":
        write_arrays(examples, Path(given["arrays"]))
        return job_of(Path(given["arrays"]), given["form"], given["epochs"])
    if given["task"] == "scores":
        return {"scores": val_scores(examples, Path(given["embeddings"]), given["epochs"])}
    if given["task"] == BOUND:
        from benchmarks.cost.bound import epoch_work

        return epoch_work(examples)
    if given["task"] == PROFILE:
        from benchmarks.cost.profile import profile_epoch

        return profile_epoch(examples, Path(given["folder"]))
    assert given["task"] == TRACED
    return train_traced(examples, given["epochs"])


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))

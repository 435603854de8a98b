"""One stage of the cost suite, in this process; prints what it took as JSON."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.cost.catalogue import ARTISTS, EDGES, make_catalogue

CATALOGUE: Final = "catalogue"
TABLES: Final = "tables"
"""Stages that measure nothing: what makes a catalogue, or turns it into the tables that TF-GNN's
sampler reads, must not count as memory of others."""
_SHARES: Final = (0.8, 0.1, 0.1)
"""Of the artists, in each split: the graph builder's."""


def build_graph(catalogue: Path, folder: Path) -> dict[str, Any]:
    """The graph builder, on Beam's direct runner in this process; the examples are kept."""
    from benchmarks.catalogue import make_examples

    config = _config(catalogue)
    started, worked = time.perf_counter(), time.process_time()
    examples = make_examples(config, catalogue.name, folder, lambda text: None)
    return _took(started, worked) | {"written_mib": _mib_in(examples)}


def build_with_workers(catalogue: Path, folder: Path) -> dict[str, Any]:
    """The same with a worker process for each core; of their memory the most that one ever held.

    Processor seconds are of all; `peak_mib` of the process that hands out what they read.
    """
    from benchmarks.catalogue import make_examples
    from components.machine import usable_cores

    shutil.rmtree(folder, ignore_errors=True)
    workers = usable_cores()
    config = _config(
        catalogue, "--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"
    )
    started, worked = time.perf_counter(), time.process_time()
    examples = make_examples(config, catalogue.name, folder, lambda text: None)
    took = _took(started, worked) | {"written_mib": _mib_in(examples)}
    shutil.rmtree(folder)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    took["cpu_seconds"] = round(took["cpu_seconds"] + children.ru_utime + children.ru_stime, 3)
    return took | {"workers": workers, "worker_peak_mib": round(children.ru_maxrss / 1024, 1)}


def build_with_pandas(catalogue: Path, folder: Path) -> dict[str, Any]:
    """The same joins in pandas: each artist's split, content and visible neighbours, as Parquet.

    It holds everything in memory, checks nothing, counts nothing, and writes no protocol buffers.
    """
    import numpy as np
    import pandas as pd

    started, worked = time.perf_counter(), time.process_time()
    artists = pd.read_parquet(catalogue / ARTISTS)
    edges = pd.read_parquet(catalogue / EDGES)
    draw = pd.util.hash_pandas_object(artists["artist_id"], index=False) / 2.0**64
    artists["split"] = np.searchsorted(np.cumsum(_SHARES)[:2], draw, side="right")
    turned = edges.rename(columns={"source": "target", "target": "source"})
    both = pd.concat([edges, turned], ignore_index=True)
    split = artists.set_index("artist_id")["split"]
    both["seen"] = both["target"].map(split)
    # Ego graphs list training artists alone; edges among others are hidden.
    listed = both[both["seen"] == 0].sort_values("weight", ascending=False, kind="stable")
    groups = listed.groupby("source", sort=False)
    lists = groups.agg(neighbor=("target", list), weight=("weight", list))
    whole = artists.merge(lists, left_on="artist_id", right_index=True, how="left")
    training = np.stack(artists.loc[artists["split"] == 0, "features"].to_list())
    target = folder / f"pandas-{catalogue.name}"
    target.mkdir(parents=True, exist_ok=True)
    np.savez(target / "content.npz", mean=training.mean(axis=0), deviation=training.std(axis=0))
    whole.to_parquet(target / "artists.parquet")
    hidden = both[(both["seen"] != 0) & (both["source"].map(split) == both["seen"])]
    hidden.to_parquet(target / "hidden.parquet")
    return _took(started, worked) | {"written_mib": _mib_in(target)}


def sample_with_tfgnn(tables: Path, folder: Path) -> dict[str, Any]:
    """TF-GNN's sampler on Beam's direct runner: each artist with 25 neighbours at most.

    It reads tables of its own, with all edges in both directions; it checks nothing, hides nothing,
    and computes no statistics.
    """
    from benchmarks.cost.sampler import sample

    started, worked = time.perf_counter(), time.process_time()
    samples = sample(tables, folder)
    return _took(started, worked) | {"written_mib": _mib_in(samples)}


def train_epoch(catalogue: Path, folder: Path, began: float) -> dict[str, Any]:
    """An epoch of the default system, with its validation, and the seconds to its first step."""
    from trainer.training import Training

    class Watched(Training):
        """Knows when its first step was done."""

        first_step: float | None = None

        def _distributed_step(self, batches: list[Any], step: int) -> Any:
            loss = super()._distributed_step(batches, step)
            if self.first_step is None:
                # Reading it waits for the step.
                float(loss)
                self.first_step = time.time()
            return loss

    system, graph, validation = _system(catalogue, folder)
    training = Watched(system.task(graph, validation), graph, validation, system.training_config)
    started, worked = time.perf_counter(), time.process_time()
    next(training.run())
    assert training.first_step is not None
    return _took(started, worked) | {"first_step_seconds": round(training.first_step - began, 3)}


def embed_catalogue(catalogue: Path, folder: Path) -> dict[str, Any]:
    """All vectors of the catalogue, by a network that is not trained."""
    system, graph, validation = _system(catalogue, folder)
    system.network = system.task(graph, validation).build()
    edges = graph.served_edges()
    started, worked = time.perf_counter(), time.process_time()
    embedding = system.embed(graph, edges)
    took = _took(started, worked)
    return took | {"artists_per_second": round(len(embedding) / took["seconds"], 1)}


def examples_of(folder: Path, size: Mapping[str, int]) -> Path:
    """Where the graph builder leaves the examples of a catalogue."""
    return folder / "examples" / f"examples-{size['artists']}-{size['edges']}-{size['dim']}"


def catalogue_of(folder: Path, size: Mapping[str, int]) -> Path:
    """The catalogue of a size, made if need be."""
    return make_catalogue(folder / "catalogues", size["artists"], size["edges"], size["dim"])


def measure(stage: str, size: Mapping[str, int], folder: Path, began: float) -> dict[str, Any]:
    """Seconds, processor seconds and MiB of a stage.

    Args:
      stage: of benchmarks.cost.stages.STAGES, whose later ones need the examples of the first;
        or CATALOGUE, or TABLES, which that of the sampler reads.
      size: artists, edges and dim of the catalogue.
      folder: keeps catalogues and examples.
      began: when the process was started, as time.time() has it.
    """
    catalogue = catalogue_of(folder, size)
    tables = folder / "tables" / catalogue.name
    if stage == CATALOGUE:
        return {}
    if stage == TABLES:
        from benchmarks.cost.sampler import write_tables

        if not tables.exists():
            write_tables(catalogue, tables)
        return {}
    stages: dict[str, Callable[[], dict[str, Any]]] = {
        "graph": lambda: build_graph(catalogue, folder / "examples"),
        "workers": lambda: build_with_workers(catalogue, folder / "examples-of-workers"),
        "pandas": lambda: build_with_pandas(catalogue, folder / "examples"),
        "sampler": lambda: sample_with_tfgnn(tables, folder / "samples" / catalogue.name),
        "epoch": lambda: train_epoch(catalogue, folder / "examples", began),
        "embed": lambda: embed_catalogue(catalogue, folder / "examples"),
    }
    if stage == "graph":
        shutil.rmtree(examples_of(folder, size), ignore_errors=True)
    return stages[stage]()


def _config(catalogue: Path, *options: str) -> Any:
    from pipeline.config import parse_config

    beam = {"runner": "DirectRunner", "options": list(options)}
    return parse_config({"catalogue": {"path": str(catalogue)}, "beam": beam}, "cost")


def _system(catalogue: Path, folder: Path) -> tuple[Any, Any, Any]:
    """The default system with the loaded graph and the validation split's hidden edges."""
    import tensorflow as tf

    from trainer.loading import load_graph, load_hidden_edges, read_content_statistics
    from trainer.systems.registry import make_system

    tf.config.experimental.enable_op_determinism()
    examples = str(folder / f"examples-{catalogue.name}")
    graph = load_graph(examples)
    validation = load_hidden_edges(examples, "val", graph.artist_id)
    config = _config(catalogue).trainer
    return make_system(config, read_content_statistics(examples)), graph, validation


def _took(started: float, worked: float) -> dict[str, Any]:
    """Of this process; of its memory the most that it ever held."""
    return {
        "seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(time.process_time() - worked, 3),
        "peak_mib": round(peak_kib() / 1024, 1),
    }


def peak_kib() -> int:
    """Unlike what getrusage tells, without what the parent held when this process began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


def _mib_in(folder: Path) -> float:
    return round(sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 2**20, 3)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    found = measure(given["stage"], given["size"], Path(given["folder"]), given["started"])
    print(json.dumps(found))

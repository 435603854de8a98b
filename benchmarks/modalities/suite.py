"""Runs the modalities suite: its trials, then the ladders of graph layers, then the pages."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.catalogue import catalogue_digest, load_judged, make_catalogue, make_examples
from benchmarks.figures import distinct
from benchmarks.modalities.figures import Kept, summarise
from benchmarks.modalities.layers import write_layers_page
from benchmarks.modalities.page import markdown_page
from benchmarks.modalities.plan import MODALITIES, SEEDS, listens, narrowed, trials
from benchmarks.modalities.plots import draw_plots
from benchmarks.modalities.rankings import POPULATIONS, populations
from benchmarks.modalities.trials import Trial, measure_trial
from benchmarks.plan import clock, jobs_of
from benchmarks.run import last_digest, run_jobs
from benchmarks.store import Store, write_json, write_whole
from benchmarks.suite import load_suite
from catalogues.errors import InputError
from pipeline.config import load_config
from trainer.ranking.ranking import hidden_positives
from trainer.training import EpochReport

LAYERS: Final = "layers"
"""The suite file of the graph layers; it has results and a page of its own."""
_ROOT: Final = Path(__file__).parents[2]
_CONFIG: Final = _ROOT / "configs" / "olga.yaml"
_PAGE: Final = _ROOT / "docs" / "results" / "modalities.md"


def run_suite(
    args: argparse.Namespace, results: Path, folder: Path, tell: Callable[[str], None]
) -> int:
    """See `benchmarks.modalities.program.run`."""
    seeds = tuple(SEEDS if args.seeds is None else args.seeds)
    for seed in seeds:
        if seed not in SEEDS:
            known = ", ".join(map(str, SEEDS))
            raise InputError(f"The suite 'modalities' has no seed {seed}; it has {known}.")
    source = results / "modalities.json"
    if not args.page_only:
        summary = _measured(seeds, Store(results / "modalities"), folder, tell)
        write_json(source, summary)
    elif source.exists():
        summary = json.loads(source.read_text())
    else:
        raise InputError("Nothing is measured yet; `make benchmark SUITE=modalities` begins.")
    _write_page(summary, source, results)
    tell(f"page: {_PAGE.relative_to(_ROOT)}")
    if args.no_layers:
        return 0
    return _layers(args, results, folder, tell)


def _measured(
    seeds: tuple[int, ...], store: Store, folder: Path, tell: Callable[[str], None]
) -> dict[str, Any]:
    config = load_config(_CONFIG)
    digest = make_catalogue(config, tell)
    examples = make_examples(config, digest, folder / "olga", tell)
    catalogue = narrowed(load_judged(examples, digest, "test"))
    wanted, every = trials(config, seeds), trials(config)
    left = [trial for trial in wanted if not store.find(trial.key(digest))]
    tell(f"{len(wanted) - len(left)} of {len(wanted)} are done.")
    for number, trial in enumerate(left, 1):
        title = f"[{number}/{len(left)}] {trial.name}, seed {trial.seed}"
        record, arrays = measure_trial(trial, catalogue, _on_epoch(title))
        name = f"{trial.name}-seed{trial.seed}".replace(":", "-").replace(", ", "-")
        store.write(trial.key(digest), name.replace(" ", "-"), record, arrays)
        scores = ", ".join(f"{p} {record['ndcg@200'][p]:.3f}" for p in POPULATIONS)
        tell(f"{title}: nDCG@200 {scores} in {clock(record['fit_seconds'])}")
        gc.collect()
    kept, missing = _kept(every, store, digest)
    known = populations(catalogue, MODALITIES)
    queries = {
        name: hidden_positives(population.truth, population.artists).queries
        for name, population in known.items()
    }
    sizes = {name: len(population.artists) for name, population in known.items()}
    popularity = listens(config, catalogue.graph.artist_id)
    records = [record for found in kept.values() for record, _ in found]
    return {
        **summarise(kept, queries, popularity, sizes),
        "missing": missing,
        "machines": distinct(records, "machine"),
        "versions": distinct(records, "versions"),
    }


def _kept(every: list[Trial], store: Store, digest: str) -> tuple[Kept, int]:
    kept: dict[str, list[Any]] = {}
    missing = 0
    for trial in every:
        record = store.find(trial.key(digest))
        if record is None:
            missing += 1
        else:
            found = kept.setdefault(trial.name, [])
            found.append((record, store.scores(trial.key(digest))))
    return kept, missing


def _write_page(summary: dict[str, Any], source: Path, results: Path) -> None:
    plots = {}
    for name, image in draw_plots(summary).items():
        path = _PAGE.with_suffix("") / f"{name}.png"
        write_whole(path, image)
        plots[name] = os.path.relpath(path, _PAGE.parent)
    layers = "layers.md" if (results / f"{LAYERS}.json").exists() else None
    text = markdown_page(summary, layers, plots, os.path.relpath(source, _PAGE.parent))
    write_whole(_PAGE, text.encode())


def _layers(
    args: argparse.Namespace, results: Path, folder: Path, tell: Callable[[str], None]
) -> int:
    """Trains what is not trained yet of the ladders, and writes their page."""
    suite = load_suite(LAYERS)
    store = Store(results / LAYERS)
    given = {"only": args.only, "seeds": args.seeds}
    failed = 0
    if args.page_only:
        if not (results / f"{LAYERS}.json").exists():
            return 0
        digest = catalogue_digest(suite.config) or last_digest(LAYERS)
    else:
        digest = make_catalogue(suite.config, tell)
        # The baselines are the other suites' already.
        jobs = [job for job in jobs_of(suite, digest, **given) if job.config is not None]
        if not jobs:
            raise InputError(
                f"No training's name holds {' or '.join(args.only)}; try gnn-2/gin or diffusion."
            )
        if not all(store.find(job.key) for job in jobs):
            examples = make_examples(suite.config, digest, folder / "olga", tell)
            failed = run_jobs(jobs, load_judged(examples, digest, suite.split), store)
    write_layers_page(suite, digest, store, tell)
    return 1 if failed else 0


def _on_epoch(title: str) -> Callable[[EpochReport], None]:
    if not sys.stdout.isatty():
        return lambda report: None

    def tell(report: EpochReport) -> None:
        text = f"{title}: epoch {report.epoch} of {report.epochs}, loss {report.loss:.3f}"
        print(f"\r\033[K{text}", end="", flush=True)

    return tell

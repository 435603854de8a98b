"""nDCG@200 by the number of graph convolutions (000, figure 4), random vectors as features.

    .venv/bin/python -m benchmarks.ladder --config configs/olga.yaml

Judges the examples of the last run of that configuration (`make run CONFIG=configs/olga.yaml`
first). Writes benchmarks/results/ladder.json; what is in there is not trained again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import platform
import time
from pathlib import Path
from typing import Any, Final

from pipeline.config import load_config
from pipeline.home import pipeline_root
from trainer.config import TrainerConfig
from trainer.graph import ArtistGraph
from trainer.loading import load_graph, load_hidden_edges, read_content_statistics
from trainer.ranking.bootstrap import interval
from trainer.ranking.ndcg import query_ndcg
from trainer.systems.gnn import TrainingRun
from trainer.systems.registry import make_system

_RESULTS: Final = Path(__file__).parent / "results" / "ladder.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/olga.yaml"))
    parser.add_argument("--convolutions", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--results", type=Path, default=_RESULTS)
    args = parser.parse_args()
    config = load_config(args.config).trainer
    runs = (pipeline_root() / "CatalogueExampleGen" / "examples").iterdir()
    examples = str(max(runs, key=lambda path: int(path.name)))
    graph = load_graph(examples)
    results = json.loads(args.results.read_text()) if args.results.exists() else {}
    results["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    for convolutions in args.convolutions:
        key = f"{args.config.stem}/{args.split}/convolutions={convolutions}"
        if key not in results:
            network = dataclasses.replace(config.network, convolutions=convolutions)
            system = dataclasses.replace(config, network=network)
            results[key] = _measure(system, graph, examples, args.split)
            args.results.parent.mkdir(parents=True, exist_ok=True)
            args.results.write_text(json.dumps(results, indent=1) + "\n")
        entry = results[key]
        print(
            f"{key}: {entry['value']:.3f} [{entry['low']:.3f}, {entry['high']:.3f}], "
            f"val {entry['validation']:.3f}, {entry['epochs']} epochs in {entry['seconds']:.0f} s",
            flush=True,
        )


def _measure(
    config: TrainerConfig, graph: ArtistGraph, examples: str, split: str
) -> dict[str, Any]:
    epochs: list[float] = []

    def on_epoch(report) -> None:
        epochs.append(report.best)
        print(f"\r  epoch {report.epoch}: val {report.score:.3f}", end="", flush=True)

    system = make_system(config, read_content_statistics(examples), TrainingRun(on_epoch=on_epoch))
    started = time.monotonic()
    system.fit(graph, load_hidden_edges(examples, "val", graph.artist_id))
    seconds = time.monotonic() - started
    print("\r", end="")
    scores = query_ndcg(
        system.scorer(graph, graph.visible_edges(split)),
        load_hidden_edges(examples, split, graph.artist_id),
        graph.artists(split),
    )
    return {
        **dataclasses.asdict(interval(scores.ndcg)),
        "validation": max(epochs, default=math.nan),
        "num_queries": len(scores.queries),
        "epochs": len(epochs),
        "seconds": seconds,
    }


if __name__ == "__main__":
    main()

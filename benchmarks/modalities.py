"""`python -m benchmarks.modalities`: contrastive encoders beside what needs no training (003).

Two judgements of the same systems, none of which reads an edge: by the hidden edges of the
validation split, where choices are made; and by all edges of the catalogue over all artists with
content, as in 003. The second is for reading alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalogues.errors import InputError
from pipeline.home import home, log_folder
from pipeline.quiet import quiet_third_parties

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp

    from benchmarks.catalogue import JudgedCatalogue
    from trainer.config import TrainerConfig
    from trainer.ranking.evaluation import RankingScores
    from trainer.systems.base import System

REQUIRE: Final = ("two", "all")
CUTOFF: Final = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.modalities", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/olga.yaml"))
    parser.add_argument("--only", nargs="+", metavar="PART", help="systems whose name holds one")
    args = parser.parse_args(arguments)
    # Before anything imports TensorFlow.
    quiet_third_parties(log_folder())
    try:
        return _run(args)
    except InputError as error:
        print(f"artist_sim: {error}", file=sys.stderr)
        return 2


def _run(args: argparse.Namespace) -> int:
    from benchmarks.catalogue import load_judged, make_catalogue, make_examples
    from pipeline.config import load_config

    config = load_config(args.config)
    digest = make_catalogue(config, print)
    examples = make_examples(config, digest, home().resolve() / "benchmarks", print)
    catalogue = load_judged(examples, digest, "test")
    systems = {
        name: make
        for name, make in systems_of(catalogue.statistics, config.trainer).items()
        if not args.only or any(part in name for part in args.only)
    }
    found: dict[str, dict[str, RankingScores]] = {}
    for name, make in systems.items():
        started = time.monotonic()
        system = make()
        system.fit(catalogue.graph, catalogue.validation)
        for part, scores in judged(system, catalogue).items():
            found.setdefault(part, {})[name] = scores
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    for part, by_system in found.items():
        print("\n".join(["", *table(part, by_system, catalogue)]))
    return 0


def systems_of(
    statistics: Mapping[str, Any], config: TrainerConfig
) -> dict[str, Callable[[], System]]:
    """Makers of what is compared, by name; the first is what the others are compared with."""
    from trainer.systems.baselines import content_baselines
    from trainer.systems.registry import make_system

    def contrastive(require: Any) -> Callable[[], System]:
        chosen = dataclasses.replace(config.contrastive, require=require)
        trainer = dataclasses.replace(config, system="contrastive", contrastive=chosen)
        return lambda: make_system(trainer, statistics)

    return {
        **{f"contrastive:{require}": contrastive(require) for require in REQUIRE},
        **content_baselines(statistics),
    }


def judged(system: System, catalogue: JudgedCatalogue) -> dict[str, RankingScores]:
    """The rankings of a fitted system, of the validation split and of all artists with content."""
    import numpy as np

    from trainer.ranking.evaluation import evaluate_ranking

    graph = catalogue.graph
    scorer = system.scorer(graph, graph.training_edges())
    judgements = {
        "val": (catalogue.validation, graph.artists("val")),
        "all with content": (all_edges(catalogue), np.flatnonzero(catalogue.has_content())),
    }
    popularity = np.nan_to_num(graph.popularity)
    return {
        part: evaluate_ranking(scorer, truth, artists, popularity, k=[CUTOFF], places=CUTOFF)
        for part, (truth, artists) in judgements.items()
    }


def all_edges(catalogue: JudgedCatalogue) -> sp.csr_matrix:
    """[num_artists, num_artists] CSR: the visible edges and the hidden ones of val and `split`."""
    edges = catalogue.graph.served_edges() + catalogue.validation
    return (edges if catalogue.split == "val" else edges + catalogue.truth).tocsr()


def table(part: str, scores: Mapping[str, RankingScores], catalogue: JudgedCatalogue) -> list[str]:
    """Lines of Markdown: each system, and the first less each other, query by query."""
    import numpy as np

    from trainer.ranking.bootstrap import interval, paired_interval
    from trainer.ranking.modality_groups import group_entropy, group_matrix, modality_groups

    first = next(iter(scores))
    lines = [
        f"{part}, {len(scores[first].queries)} queries",
        "",
        f"| system | nDCG@{CUTOFF} | {first} less it | Gini@{CUTOFF} | entropy |",
        "|---|---|---|---|---|",
    ]
    artists = (
        catalogue.graph.artists("val") if part == "val" else np.flatnonzero(catalogue.has_content())
    )
    groups = modality_groups(catalogue.graph.content, artists)
    for name, one in scores.items():
        lists = _lists_of_everybody(one, artists)
        entropy = group_entropy(group_matrix(lists, groups))
        difference = "–" if name == first else _shown(paired_interval(scores[first].ndcg, one.ndcg))
        lines.append(
            f"| {name} | {_shown(interval(one.ndcg))} | {difference} | "
            f"{one.of_lists[f'gini@{CUTOFF}']:.3f} | {entropy:.3f} |"
        )
    return lines


def _lists_of_everybody(scores: RankingScores, artists: np.ndarray) -> np.ndarray:
    """[num_artists, places]; artists that no edge judges have none."""
    import numpy as np

    assert scores.top is not None
    lists = np.full((len(artists), scores.top.shape[1]), -1, np.int32)
    lists[np.isin(artists, scores.queries)] = scores.top
    return lists


def _shown(found: Any) -> str:
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


if __name__ == "__main__":
    sys.exit(main())

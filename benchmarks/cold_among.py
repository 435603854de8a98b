"""How well the last run's model places artists without any neighbour, among those with content.

`python -m benchmarks.cold_among` looks at the artists of the judged split that have a modality:
they ask, and they alone are ranked. Over all candidates, as in the judge's report, an artist with
tags mostly competes with artists of whom nothing is known, and half of what is hidden from it
cannot be found by anybody.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

import scipy.sparse as sp

from catalogues.errors import InputError
from pipeline.home import home
from pipeline.quiet import quiet_third_parties
from trainer.graph import ArtistGraph
from trainer.ranking.bootstrap import Interval, interval
from trainer.ranking.ndcg import query_ndcg
from trainer.systems.base import Scorer, dot_products

_BASELINE = "knn"


def cold_scores(
    graph: ArtistGraph,
    truth: sp.csr_matrix,
    split: str,
    modality: str,
    scorers: Mapping[str, Scorer],
) -> tuple[dict[str, Interval], int]:
    """(nDCG@200 by scorer, queries) among the artists of a split that have a modality.

    Args:
      graph: the catalogue.
      truth: [num_artists, num_artists] CSR, the hidden edges of the split.
      split: 'val' or 'test'.
      modality: its name.
      scorers: of whom no artist of the split has a neighbour.

    Raises:
      InputError: the catalogue has no such modality, or nobody there has it and a hidden edge.
    """
    if modality not in graph.content:
        there = ", ".join(sorted(graph.content)) or "none"
        raise InputError(f"The catalogue has no modality '{modality}'; it has: {there}.")
    artists = graph.artists(split)
    artists = artists[graph.content[modality].present[artists]]
    found = {name: query_ndcg(scorer, truth, artists) for name, scorer in scorers.items()}
    num_queries = {len(scores.ndcg) for scores in found.values()}.pop()
    if not num_queries:
        raise InputError(f"No two artists of the split '{split}' with '{modality}' are similar.")
    return {name: interval(scores.ndcg) for name, scores in found.items()}, num_queries


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table of the last run; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_among", description=__doc__)
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--modality", nargs="+", default=["tags"], help="each by itself")
    args = parser.parse_args(arguments)
    quiet_third_parties(home() / "logs")
    try:
        for line in _table(args.split, args.modality):
            print(line, flush=True)
    except InputError as error:
        print(f"artist_sim: {error}", file=sys.stderr)
        return 2
    return 0


def _table(split: str, modalities: Sequence[str]) -> list[str]:
    # They bring TensorFlow along, which is quiet now.
    from components.retrieval_evaluator.saved_model import JudgedModel
    from pipeline.runs import list_runs, open_store
    from trainer.loading import load_graph, load_hidden_edges
    from trainer.systems.baselines import BASELINES

    store = open_store()
    run = list_runs(store)[-1]
    if run.model is None or run.lineage.examples is None:
        raise InputError("The last run trained no model; start with `make run`.")
    (examples,) = store.get_artifacts_by_id([run.lineage.examples])
    graph = load_graph(examples.uri)
    model = JudgedModel(str(run.model / "Format-Serving"), 0, examples.uri)
    seen, training = model.own_view(graph).graph, graph.training_edges()
    baseline = BASELINES[_BASELINE]()
    baseline.fit(graph, load_hidden_edges(examples.uri, "val", graph.artist_id))
    truth = load_hidden_edges(examples.uri, split, graph.artist_id)
    scorers = {
        "model": dot_products(model.embed(seen, training).embedding),
        "nearest content": baseline.scorer(graph, training),
    }
    lines = [f"nDCG@200 [95% interval], cold, {split}, among the artists with …"]
    for modality in modalities:
        scores, num_queries = cold_scores(graph, truth, split, modality, scorers)
        cells = [f"{n} {s.value:.3f} [{s.low:.3f}, {s.high:.3f}]" for n, s in scores.items()]
        lines.append(f"{modality}: {', '.join(cells)}, {num_queries} queries")
    return lines


if __name__ == "__main__":
    sys.exit(main())

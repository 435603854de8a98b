"""What a pushed model is worth on a day: its own vectors against that day's truth."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.retraining.running import at_home
from components.retrieval_evaluator.saved_model import Judged, JudgedModel
from pipeline.runs import list_runs, open_store
from trainer.graph import ArtistGraph
from trainer.loading import load_graph, load_hidden_edges
from trainer.ranking.bootstrap import interval
from trainer.ranking.ndcg import query_ndcg
from trainer.systems.base import Scorer, dot_products

SPLIT = "test"


@dataclasses.dataclass(frozen=True)
class Truth:
    """A day's clean catalogue.

    Attributes:
      graph: without any hidden edge.
      hidden: [num_artists, num_artists] CSR, the hidden edges inside the judged split.
      settlers: ids of the artists who were there on the first day.
    """

    graph: ArtistGraph
    hidden: sp.csr_matrix
    settlers: frozenset[str]


def load_truth(examples: Path, settlers: frozenset[str]) -> Truth:
    """The truth of a day from its built examples."""
    graph = load_graph(str(examples))
    return Truth(graph, load_hidden_edges(str(examples), SPLIT, graph.artist_id), settlers)


def served_scorer(model: Judged, then: ArtistGraph, today: ArtistGraph) -> Scorer:
    """Scores pairs as the vectors that were pushed do.

    Artists whom the model was trained beside have the vectors of that day. Artists who came later
    ask with what is known of them today, as by `embed_new`, and are found by nobody.

    Args:
      model: a pushed model.
      then: the catalogue that it was trained on.
      today: the catalogue that it is asked about.
    """
    pushed = model.embed(then, then.served_edges()).embedding
    vectors = model.embed(today, today.served_edges()).embedding.copy()
    place = {key: row for row, key in enumerate(then.artist_id.astype(str))}
    own = np.array([place.get(key, -1) for key in today.artist_id.astype(str)])
    vectors[own >= 0] = pushed[own[own >= 0]]
    by_vector = dot_products(vectors)

    def score(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        scores = np.array(by_vector(queries, candidates), np.float32)
        scores[:, own[candidates] < 0] = scores.min(initial=0) - 1
        return scores

    return score


def scores_of(model: Judged, then: ArtistGraph, truth: Truth) -> dict[str, Any]:
    """nDCG@200 as [value, low, high], the interval by the bootstrap over queries.

    Returns:
      'served': of the vectors that were pushed; 'newcomers': the same of the queries who came
      after the first day, None without any; 'connected' and 'cold': of the vectors that the model
      makes of today's catalogue, as the pipeline's judge scores it; 'queries' and
      'newcomer_queries': how many.
    """
    today = truth.graph
    artists = today.artists(SPLIT)
    served = query_ndcg(served_scorer(model, then, today), truth.hidden, artists)
    came = np.array([key not in truth.settlers for key in today.artist_id[served.queries]], bool)
    fresh = {
        name: query_ndcg(dot_products(model.embed(today, edges).embedding), truth.hidden, artists)
        for name, edges in (
            ("connected", today.visible_edges(SPLIT)),
            ("cold", today.training_edges()),
        )
    }
    return {
        "served": _interval(served.ndcg),
        "newcomers": _interval(served.ndcg[came]),
        **{name: _interval(found.ndcg) for name, found in fresh.items()},
        "queries": len(served.ndcg),
        "newcomer_queries": int(came.sum()),
    }


def judge_pushed(home: Path, version: str, truth: Truth) -> dict[str, Any]:
    """The scores of a version that a pipeline pushed.

    Args:
      home: of the pipeline.
      version: its name.
      truth: of the day.
    """
    with at_home(home):
        store = open_store()
        run = next(
            run for run in list_runs(store) if run.pushed is not None and run.pushed.name == version
        )
    (examples,) = store.get_artifacts_by_id([run.lineage.examples])
    return scores_of(JudgedModel(str(run.pushed), 0), load_graph(examples.uri), truth)


JudgePushed = Callable[[Path, str, Truth], dict[str, Any]]


def _interval(values: np.ndarray) -> list[float] | None:
    found = interval(values)
    if math.isnan(found.value):
        return None
    return [round(value, 4) for value in (found.value, found.low, found.high)]

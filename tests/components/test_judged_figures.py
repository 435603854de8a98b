"""The figures of metrics.json, computed again in plain loops from the embeddings beside it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from components.retrieval_evaluator.config import GateConfig
from components.retrieval_evaluator.judgement import judge_model
from components.retrieval_evaluator.names import CONDITIONS
from components.retrieval_evaluator.own_listening import OwnView
from components.retrieval_evaluator.saved_model import Embedded
from tests.trainer.graphs import graph_of
from tests.trainer.slow_ranking import figures
from trainer.ranking.bootstrap import interval
from trainer.ranking.evaluation import METRIC
from trainer.ranking.ndcg import query_ndcg
from trainer.systems.base import dot_products

GATE = GateConfig()


class TwoEmbeddings:
    """A model with one embedding where it is shown most edges, and another."""

    artist_id = None

    def __init__(self, connected: np.ndarray, cold: np.ndarray):
        self.connected, self.cold = connected, cold

    def own_view(self, graph):
        return OwnView(graph)

    def reads(self, graph):
        return ()

    def embed(self, graph, edges):
        connected = edges.nnz > graph.training_edges().nnz
        return Embedded(self.connected if connected else self.cold)


def random_model(rng: np.random.Generator, num_artists: int) -> TwoEmbeddings:
    return TwoEmbeddings(*rng.standard_normal((2, num_artists, 8)).astype(np.float32))


@pytest.mark.parametrize("known", [True, False])
def test_every_figure_can_be_recomputed_from_the_embeddings(known):
    rng = np.random.default_rng(3)
    num_artists, k = 60, (4, 15)
    # All weights differ, so that the truth has one order.
    pairs = [(u, v) for u in range(num_artists) for v in range(u) if rng.random() < 0.3]
    edges = [(u, v, 1.0 + i) for i, (u, v) in enumerate(pairs)]
    plays = rng.permutation(num_artists).astype(float)
    case = graph_of(edges, rng.integers(0, 3, num_artists), popularity=plays if known else None)
    model = random_model(rng, num_artists)
    truth = case.truth("test")
    judgement = judge_model(case.graph, case.truth("val"), truth, "test", model, None, GATE, k=k)
    metrics = json.loads(json.dumps(judgement.metrics(), allow_nan=False))
    # Where the catalogue gives none, the number of visible edges stands for it.
    popularity = plays if known else np.diff(case.graph.visible_edges("test").indptr)
    artists = judgement.artists.tolist()
    for condition in CONDITIONS:
        vector = dict(zip(artists, judgement.embeddings[condition], strict=True))
        by_query, of_lists = figures(
            lambda u, v, vector=vector: float(vector[u] @ vector[v]),
            lambda u, v: truth[u, v],
            artists,
            popularity,
            k,
        )
        found = metrics["scores"][condition]["model"]
        assert set(found) == set(by_query) | set(of_lists)
        for name, values in by_query.items():
            expected = interval(np.array(values))
            assert found[name] == pytest.approx(
                {
                    "value": expected.value,
                    "low": expected.low,
                    "high": expected.high,
                    "num_queries": len(values),
                    "num_skipped": len(artists) - len(values),
                },
                abs=1e-9,
            )
        for name, value in of_lists.items():
            assert found[name]["value"] == pytest.approx(value, abs=1e-9)
            assert found[name]["low"] is found[name]["high"] is None


def test_the_figure_of_the_gate_is_that_of_the_file_bit_for_bit():
    rng = np.random.default_rng(4)
    pairs = [(u, v) for u in range(40) for v in range(u) if rng.random() < 0.3]
    case = graph_of(pairs, rng.integers(0, 3, 40))
    truth, artists = case.truth("test"), case.graph.artists("test")
    model = random_model(rng, 40)
    judgement = judge_model(case.graph, case.truth("val"), truth, "test", model, None, GATE)
    figure = interval(query_ndcg(dot_products(model.connected), truth, artists).ndcg)
    entry = judgement.metrics()["scores"]["connected"]["model"][METRIC]
    (floor, *_) = judgement.verdict.rules
    assert (floor.value, floor.low, floor.high) == (figure.value, figure.low, figure.high)
    assert (entry["value"], entry["low"], entry["high"]) == (figure.value, figure.low, figure.high)

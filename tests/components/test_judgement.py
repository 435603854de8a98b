"""The judge scores every system in both conditions, and finds what is wrong with a model."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from components.retrieval_evaluator.config import GateConfig
from components.retrieval_evaluator.executor import Unloadable
from components.retrieval_evaluator.judgement import embedding_faults, judge_model
from components.retrieval_evaluator.names import CONDITIONS
from components.retrieval_evaluator.report import markdown_report
from components.retrieval_evaluator.saved_model import Embedded, JudgedModel
from tests.components.rings import BAD, CASE, GOOD, Echo, Fixed, Raising
from tests.trainer.graphs import graph_of
from trainer.ranking.bootstrap import paired_interval
from trainer.ranking.evaluation import METRIC
from trainer.systems.base import dot_products
from trainer.systems.baselines import BASELINES

GATE = GateConfig(floor=0.3, slack=0.02)


def judged(model, blessed=None, gate=GATE):
    validation, truth = CASE.truth("val"), CASE.truth("test")
    return judge_model(CASE.graph, validation, truth, "test", model, blessed, gate)


def with_value(value: float) -> np.ndarray:
    embedding = GOOD.copy()
    embedding[4] = value  # A test artist.
    return embedding


def test_every_system_is_scored_on_the_same_queries_in_both_conditions():
    asked = []
    judgement = judge_model(
        CASE.graph,
        CASE.truth("val"),
        CASE.truth("test"),
        "test",
        Fixed(GOOD),
        Fixed(BAD),
        GATE,
        tell=asked.append,
    )
    names = ["model", "blessed_model", *BASELINES]
    assert asked == [*names, "slices"]
    for condition in CONDITIONS:
        assert list(judgement.scores[condition]) == names
        for scores in judgement.scores[condition].values():
            # Rows 4 and 5 are hidden neighbours of each other, as are 12 and 13.
            assert scores.queries.tolist() == [4, 5, 12, 13]
    assert judgement.artists.tolist() == [4, 5, 12, 13]
    # The right neighbour comes first, or last of three.
    assert judgement.scores["connected"]["model"].ndcg.tolist() == [1, 1, 1, 1]
    assert judgement.verdict.blessed


def test_a_pairwise_ranking_is_judged_beside_the_vectors_and_does_not_pass_the_gate():
    class Both(Fixed):
        def embed(self, graph, edges):
            right = dot_products(GOOD)
            # What cannot be ranked counts as nothing.
            nothing = np.float32(np.nan)
            return Embedded(
                super().embed(graph, edges).embedding,
                lambda q, c: np.where(right(q, c) > 0, right(q, c), nothing),
            )

    judgement = judged(Both(BAD))
    assert not judgement.verdict.blessed
    for condition in CONDITIONS:
        systems = judgement.scores[condition]
        assert list(systems)[:2] == ["model", "model_pairwise"]
        assert systems["model_pairwise"].ndcg.tolist() == [1, 1, 1, 1]
        assert systems["model"].ndcg.max() < 1
    assert judgement.verdict.rules[0].value == judgement.scores["connected"]["model"].ndcg.mean()


def test_pairs_without_a_finite_score_keep_a_model_from_being_blessed():
    class Broken(Fixed):
        def embed(self, graph, edges):
            return Embedded(
                super().embed(graph, edges).embedding,
                lambda q, c: np.full((len(q), len(c)), np.inf, np.float32),
            )

    assert judged(Fixed(GOOD)).verdict.blessed
    verdict = judged(Broken(GOOD)).verdict
    assert not verdict.blessed
    assert "scores of pairs are not finite" in verdict.reason


def test_the_cold_condition_shows_training_edges_only():
    model = Fixed(GOOD)
    judged(model)
    graph = CASE.graph
    assert model.num_edges == [graph.visible_edges("test").nnz, graph.training_edges().nnz]
    assert model.num_edges[0] > model.num_edges[1]


def test_the_gate_looks_at_the_condition_it_is_told():
    model = Fixed(GOOD, np.random.default_rng(0).normal(size=GOOD.shape).astype(np.float32) * BAD)
    connected = judged(model)
    assert connected.verdict.rules[0].value == 1
    cold = judged(
        Fixed(GOOD, model._embeddings[1]), gate=GateConfig(floor=0.3, slack=0.0, condition="cold")
    )
    expected = cold.scores["cold"]["model"].ndcg.mean()
    assert expected < 1
    assert cold.verdict.rules[0].value == pytest.approx(expected)
    assert "cold nDCG@200" in cold.verdict.reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_embedding_that_is_not_finite_is_never_blessed(value):
    judgement = judged(Fixed(with_value(value)))
    assert not judgement.verdict.blessed
    assert judgement.verdict.reason == (
        "Not blessed: the connected embeddings of 1 artists are not finite; the cold embeddings "
        "of 1 artists are not finite."
    )


def test_a_training_artist_without_a_finite_embedding_is_not_judged():
    embedding = GOOD.copy()
    embedding[0] = np.nan
    assert judged(Fixed(embedding)).verdict.blessed


def test_equal_embeddings_are_never_blessed():
    judgement = judged(Fixed(np.ones_like(GOOD)), gate=GateConfig(floor=0.0, slack=1.0))
    assert not judgement.verdict.blessed
    assert judgement.verdict.reason == "Not blessed: all connected embeddings are equal."


def test_equal_embeddings_of_cold_artists_are_no_fault():
    assert embedding_faults(np.ones((5, 2)), "cold") == []
    assert embedding_faults(np.ones((5, 2)), "connected") == ["all connected embeddings are equal"]
    # One artist has nobody to differ from; none at all has nothing that could be wrong.
    assert embedding_faults(np.ones((1, 2)), "connected") == []
    assert embedding_faults(np.zeros((0, 2)), "connected") == []


@pytest.mark.parametrize(
    ("blessed", "kind"),
    [(Raising(), "InvalidArgumentError"), (Unloadable(OSError("gone")), "OSError")],
)
def test_a_blessed_model_that_cannot_be_judged_keeps_the_new_one_out(blessed, kind):
    judgement = judged(Fixed(GOOD), blessed)
    assert not judgement.verdict.blessed
    assert f"the blessed model cannot be judged ({kind})" in judgement.verdict.reason
    # The new model is measured all the same.
    assert judgement.verdict.rules[0].value == 1
    assert "blessed_model" not in judgement.metrics()["scores"]["connected"]


def test_a_blessed_model_with_nan_is_told_as_such():
    judgement = judged(Fixed(GOOD), Fixed(with_value(np.nan)))
    assert not judgement.verdict.blessed
    assert "the blessed model cannot be judged" in judgement.verdict.reason


def test_a_blessed_model_that_fails_in_one_condition_has_no_scores_in_the_other():
    judgement = judged(Fixed(GOOD), Fixed(GOOD, with_value(np.nan)))
    assert not judgement.verdict.blessed
    for condition in CONDITIONS:
        assert "blessed_model" not in judgement.scores[condition]


def test_metrics_can_be_written_as_json_even_without_a_query():
    empty = graph_of([(0, 1)], [0, 0, 1, 2, 2])
    judgement = judge_model(
        empty.graph,
        empty.truth("val"),
        empty.truth("test"),
        "test",
        Fixed(np.eye(5, dtype=np.float32)),
        None,
        GATE,
    )
    metrics = json.loads(json.dumps(judgement.metrics(), allow_nan=False))
    assert metrics["scores"]["cold"]["model"][METRIC] == {
        "value": None,
        "low": None,
        "high": None,
        "num_queries": 0,
        "num_skipped": 2,
    }
    assert not judgement.verdict.blessed
    assert "no query to judge by" in judgement.verdict.reason
    assert "–" in markdown_report(judgement.metrics(), judgement.verdict.as_json())


def test_a_model_with_other_modalities_is_judged(tmp_path):
    Echo(audio="melody").save(str(tmp_path / "model"))
    judgement = judged(Fixed(GOOD), JudgedModel(str(tmp_path / "model"), 25))
    assert "the blessed model's: difference" in judgement.verdict.reason
    assert "blessed_model" in judgement.metrics()["scores"]["cold"]


@pytest.mark.parametrize("blessed", [Raising(), Unloadable(OSError("gone"))])
def test_a_blessed_model_that_cannot_be_judged_can_be_passed_over(blessed):
    refused = judged(Fixed(GOOD), blessed).verdict
    assert "`judge.gate.if_blessed_unreadable: pass` goes on without it" in refused.reason
    gate = dataclasses.replace(GATE, if_blessed_unreadable="pass")
    verdict = judged(Fixed(GOOD), blessed, gate).verdict
    assert verdict.blessed
    assert "which `judge.gate.if_blessed_unreadable` lets pass" in verdict.reason
    # The floor is still asked for.
    assert not judged(Fixed(BAD), blessed, dataclasses.replace(gate, floor=0.99)).verdict.blessed


def test_differences_are_of_the_model_less_each_other_system():
    judgement = judged(Fixed(GOOD), Fixed(BAD))
    for condition in CONDITIONS:
        systems = judgement.scores[condition]
        found = judgement.metrics()["differences"][condition]
        assert list(found) == ["blessed_model", *BASELINES]
        for name, by_metric in found.items():
            assert set(by_metric) == set(systems["model"].per_query)
            for metric, entry in by_metric.items():
                model, other = (systems[s].per_query[metric] for s in ("model", name))
                expected = paired_interval(model, other)
                assert entry == pytest.approx(
                    {**dataclasses.asdict(expected), "num_queries": 4}, abs=1e-12
                )


def test_artists_that_the_blessed_model_does_not_have_are_a_slice_of_their_own():
    ids = CASE.graph.artist_id.astype(str)
    judgement = judged(Fixed(GOOD), Fixed(GOOD, artist_id=np.delete(ids, [4, 12, 0])))
    (new,) = (each for each in judgement.slices if each.name == "new")
    assert (new.num_artists, new.num_queries, new.small) == (2, 2, True)
    assert "Only" not in judgement.verdict.reason
    judgement = judged(Fixed(GOOD), Fixed(GOOD, artist_id=ids[:4]))
    assert judgement.verdict.blessed
    assert "Only 25% of today's artists are in the blessed" in judgement.verdict.reason
    assert "new" not in [each.name for each in judged(Fixed(GOOD)).slices]

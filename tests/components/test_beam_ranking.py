"""What workers rank is what one process ranks, to the bit."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from types import SimpleNamespace

import apache_beam as beam
import numpy as np
import pytest
import scipy.sparse as sp
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.types import standard_artifacts

from components.retrieval_evaluator import executor
from components.retrieval_evaluator.beam_ranking import BeamRanking, rank_block
from components.retrieval_evaluator.config import JudgeConfig
from trainer.ranking import ranking
from trainer.ranking.evaluation import evaluate_ranking
from trainer.systems.base import dot_products

NUM_ARTISTS = 260
ARTISTS = np.random.default_rng(2).permutation(NUM_ARTISTS)[:200]


def case():
    rng = np.random.default_rng(0)
    # Few values, so that there are many ties.
    embedding = rng.integers(-1, 2, (NUM_ARTISTS, 7)).astype(np.float32)
    embedding[:100] = rng.standard_normal((100, 7))
    truth = sp.csr_matrix(
        rng.integers(1, 4, (NUM_ARTISTS,) * 2) * (rng.random((NUM_ARTISTS,) * 2) < 0.03)
    )
    return embedding, truth, rng.integers(0, 50, NUM_ARTISTS)


def both(folder, options, scorer, truth, popularity):
    def make_pipeline():
        return beam.Pipeline(options=PipelineOptions(["--runner=DirectRunner", *options]))

    arguments = {"k": (10, 200), "seed": 3, "block": 16}
    return (
        evaluate_ranking(scorer, truth, ARTISTS, popularity, **arguments),
        evaluate_ranking(
            scorer,
            truth,
            ARTISTS,
            popularity,
            **arguments,
            rank=BeamRanking(make_pipeline, folder),
        ),
    )


def assert_same(expected, found):
    assert list(expected.per_query) == list(found.per_query)
    assert found.num_skipped == expected.num_skipped
    np.testing.assert_array_equal(found.queries, expected.queries)
    np.testing.assert_array_equal(found.ndcg, expected.ndcg)
    for name, values in expected.per_query.items():
        np.testing.assert_array_equal(found.per_query[name], values, err_msg=name)
    np.testing.assert_equal(dict(found.of_lists), dict(expected.of_lists))


@pytest.mark.parametrize(
    "options",
    [(), ("--direct_num_workers=2", "--direct_running_mode=multi_processing")],
    ids=["in memory", "two processes"],
)
def test_every_figure_is_the_same_and_nothing_is_left(tmp_path, options):
    embedding, truth, popularity = case()
    expected, found = both(tmp_path, options, dot_products(embedding), truth, popularity)
    assert len(expected.queries) > 100
    assert_same(expected, found)
    assert not list(tmp_path.iterdir())


def test_a_block_done_again_changes_nothing(tmp_path, monkeypatch):
    def twice(start, **arguments):
        rank_block(start, **arguments)
        rank_block(start, **arguments)

    monkeypatch.setattr("components.retrieval_evaluator.beam_ranking.rank_block", twice)
    embedding, truth, popularity = case()
    assert_same(*both(tmp_path, (), dot_products(embedding), truth, popularity))


def test_other_scorers_are_ranked_in_process(tmp_path, monkeypatch):
    monkeypatch.setattr("components.retrieval_evaluator.beam_ranking._write", None)
    embedding, truth, popularity = case()
    scorer = dot_products(embedding)
    assert_same(*both(tmp_path, (), lambda q, c: scorer(q, c), truth, popularity))


def test_without_any_query_no_pipeline_runs(tmp_path):
    embedding, truth, popularity = case()
    expected, found = both(tmp_path, (), dot_products(embedding), truth * 0, popularity)
    assert len(expected.queries) == len(found.queries) == 0


def test_blocks_follow_from_the_number_of_candidates():
    assert ranking.block_size(1767) == 1024
    assert ranking.block_size(100_000) == 41
    assert ranking.block_size(2**23) == 1


@pytest.mark.parametrize("on_beam", [False, True])
def test_the_configuration_decides_where_the_judge_ranks(tmp_path, monkeypatch, on_beam):
    given = {}

    def judge_model(*args, rank, **kwargs):
        given["rank"] = rank

    class Unwatched(contextlib.nullcontext):
        tell = None

        def watching(self, rank):
            return rank

    graph = SimpleNamespace(artist_id=None, artists=lambda split: None)
    monkeypatch.setattr(executor, "load_graph", lambda uri: graph)
    monkeypatch.setattr(executor, "JudgingProgress", lambda *args: Unwatched(Unwatched()))
    for name in ("load_hidden_edges", "JudgedModel", "_warn", "_write", "_write_page", "_bless"):
        monkeypatch.setattr(executor, name, lambda *args: None)
    monkeypatch.setattr(executor, "judge_model", judge_model)
    artifacts = {
        name: [kind()]
        for name, kind in {
            "examples": standard_artifacts.Examples,
            "model": standard_artifacts.Model,
            "evaluation": standard_artifacts.ModelEvaluation,
            "blessing": standard_artifacts.ModelBlessing,
        }.items()
    }
    for (artifact,) in artifacts.values():
        artifact.uri = str(tmp_path)
    context = executor.Executor.Context(
        beam_pipeline_args=["--runner=DirectRunner"], tmp_dir=str(tmp_path), unique_id="1"
    )
    config = json.dumps(dataclasses.asdict(JudgeConfig(beam=on_beam)))
    executor.Executor(context).Do(artifacts, artifacts, {executor.CONFIG: config})
    if not on_beam:
        assert given["rank"] is ranking.ranking_blocks
        return
    assert isinstance(given["rank"], BeamRanking)
    # With the executor's own pipeline.
    embedding, truth, popularity = case()
    arguments = (dot_products(embedding), truth, ARTISTS, popularity)
    found = evaluate_ranking(*arguments, k=(10,), rank=given["rank"])
    assert_same(evaluate_ranking(*arguments, k=(10,)), found)

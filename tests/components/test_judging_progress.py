"""Whoever waits for the judge is told how many queries are ranked, and of how many."""

from __future__ import annotations

import pytest

from components.retrieval_evaluator.config import GateConfig
from components.retrieval_evaluator.judgement import judge_model
from components.retrieval_evaluator.progress import JudgingProgress
from components.retrieval_evaluator.saved_model import Embedded
from tests.components.rings import BAD, CASE, GOOD, Fixed
from trainer import console
from trainer.ranking.ranking import ranking_blocks
from trainer.systems.base import dot_products
from trainer.systems.baselines import BASELINES

QUERIES = 4
"""Of the rings' test split."""


class Pairwise(Fixed):
    """Its `similar` ranks by more than the dot product, so that it is ranked twice."""

    def embed(self, graph, edges):
        return Embedded(super().embed(graph, edges).embedding, dot_products(GOOD))


@pytest.mark.parametrize("blessed", [None, BAD], ids=["the first", "beside another"])
@pytest.mark.parametrize("model", [Fixed, Pairwise])
def test_all_that_is_ranked_is_counted(model, blessed, monkeypatch, capsys):
    monkeypatch.setattr(console, "_SECONDS_BETWEEN_LINES", 0.0)
    truth, artists = CASE.truth("test"), CASE.graph.artists("test")
    systems = ["model", *(["blessed_model"] if blessed is not None else []), *BASELINES]
    with JudgingProgress(truth, artists, len(systems)) as progress:
        judge_model(
            CASE.graph,
            CASE.truth("val"),
            truth,
            "test",
            model(GOOD),
            None if blessed is None else Fixed(blessed),
            GateConfig(floor=0.3, slack=0.02),
            rank=progress.watching(ranking_blocks),
            tell=progress.tell,
        )
    lines = capsys.readouterr().out.splitlines()
    told = {line.split(": ")[1] for line in lines}
    assert told == {*systems, "slices"}
    assert lines[0] == f"  judging: model: 0 of {2 * len(systems) * QUERIES}, ETA ?"
    rankings = 2 * len(systems) + (2 if model is Pairwise else 0)
    last = f"  judging: slices: {rankings * QUERIES} of {rankings * QUERIES}, ETA 0:00"
    assert lines[-1] == last

"""Slices are scored as their queries alone would be, and tested together."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from components.retrieval_evaluator.slice_scores import score_slices
from tests.components.evidence import scores_of
from trainer.ranking.bootstrap import interval, paired_interval, with_p_values
from trainer.ranking.slices import Slice

RNG = np.random.default_rng(0)
NUM_QUERIES = 120
OLD = RNG.random(NUM_QUERIES)
# Better for the first 40, the same on the whole for the others.
NEW = OLD + np.where(np.arange(NUM_QUERIES) < 40, 0.2, 0) + 0.1 * RNG.standard_normal(NUM_QUERIES)
SYSTEMS = {
    "model": scores_of(NEW),
    "blessed_model": scores_of(OLD),
    "pagerank": scores_of(OLD[::-1].copy()),
    "knn": scores_of(OLD / 2),
    "random": scores_of(OLD / 4),
}
SLICES = [
    Slice("all", "all", "all artists", np.arange(150)),
    Slice("genre", "genre:dub", "dub", np.arange(40)),
    Slice("genre", "genre:polka", "polka", np.arange(40, 100)),
    Slice("genre", "genre:zouk", "zouk", np.arange(20)),
    Slice("new", "new", "new", np.arange(130, 140)),
]
FOUND = {
    each.name: each
    for each in score_slices(SLICES, {"connected": SYSTEMS, "cold": {"model": scores_of(NEW)}})
}


def test_counts():
    counts = {
        name: (each.num_artists, each.num_queries, each.small) for name, each in FOUND.items()
    }
    assert counts == {
        "all": (150, 120, False),
        "genre:dub": (40, 40, False),
        "genre:polka": (60, 60, False),
        "genre:zouk": (20, 20, True),
        "new": (10, 0, True),
    }


@pytest.mark.parametrize("name", [each.name for each in SLICES[:-1]])
def test_each_figure_is_that_of_the_queries_alone(name):
    found, rows = FOUND[name], next(s for s in SLICES if s.name == name).artists
    rows = rows[rows < NUM_QUERIES]
    assert list(found.scores["connected"]) == ["model", "blessed_model", "pagerank", "knn"]
    assert list(found.differences["connected"]) == ["blessed_model", "pagerank"]
    assert list(found.scores["cold"]) == ["model"] and found.differences["cold"] == {}
    for system, figure in found.scores["connected"].items():
        expected = interval(SYSTEMS[system].ndcg[rows])
        assert dataclasses.astuple(figure) == pytest.approx(dataclasses.astuple(expected))
    for system, difference in found.differences["connected"].items():
        expected = paired_interval(NEW[rows], SYSTEMS[system].ndcg[rows])
        shown = (difference.value, difference.low, difference.high)
        assert shown == pytest.approx(dataclasses.astuple(expected))


def test_what_is_tested_together_is_what_is_large_enough():
    names = ["all", "genre:dub", "genre:polka"]
    differences = {name: FOUND[name].differences["connected"]["blessed_model"] for name in names}
    p_values = [with_p_values((NEW - OLD)[rows, None])[1][0] for rows in (slice(120), slice(40))]
    assert [differences[name].p_value for name in names[:2]] == p_values
    # Both at the least that 10,000 draws can tell; three comparisons, the third is no surprise.
    assert p_values == [2 / 10_001] * 2
    assert differences["all"].p_holm == pytest.approx(6 / 10_001)
    assert differences["genre:dub"].p_holm == pytest.approx(6 / 10_001)
    polka = differences["genre:polka"]
    assert polka.p_holm == polka.p_value > 0.05
    assert [differences[name].significant for name in names] == [True, True, False]
    small = FOUND["genre:zouk"].differences["connected"]["blessed_model"]
    assert small.low > 0
    assert (small.p_value, small.p_holm, small.significant) == (None, None, False)


def test_a_slice_without_a_query_has_no_figure():
    entry = FOUND["new"].as_json()
    assert entry["scores"]["connected"]["model"] == {"value": None, "low": None, "high": None}
    assert entry["differences"]["connected"]["pagerank"] == {
        "value": None,
        "low": None,
        "high": None,
        "p_value": None,
        "p_holm": None,
        "significant": False,
    }


def test_nothing_to_slice():
    assert score_slices([], {"connected": SYSTEMS}) == []
    empty = score_slices(SLICES[:1], {"connected": {"model": scores_of([])}})
    assert empty[0].num_queries == 0

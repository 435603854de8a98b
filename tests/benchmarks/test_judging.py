"""The judging benchmark: the same figures from all, and a page that says what was measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.judging.measure import MEASURED, Case, Task, measure
from benchmarks.judging.page import largest_difference, slope, write_page
from benchmarks.judging.tasks import tasks

SMALL = {"queries": 60, "candidates": 400, "dim": 8, "repeats": 1}


@pytest.fixture(scope="module")
def measurements():
    return [measure(Task(what, **SMALL)) for what in MEASURED]


def of(measurements, what):
    return next(m for m in measurements if m["what"] == what)


def test_the_libraries_agree_on_every_figure_that_they_share(measurements):
    ours = of(measurements, "evaluate_ranking, scores given")
    assert len(ours["tied"]) < 30
    for what, bound in (("scikit-learn", 1e-12), ("pytrec_eval", 1e-12), ("query_ndcg", 0)):
        differences = largest_difference(ours, of(measurements, what))
        assert "ndcg@200" in differences
        assert max(differences.values()) <= bound, what
    assert set(of(measurements, "pytrec_eval")["values"]) >= {"map", "mrr", "recall@10"}


def test_a_difference_is_seen(measurements):
    ours = of(measurements, "evaluate_ranking, scores given")
    other = {"values": {"mrr": [value + 0.25 for value in ours["values"]["mrr"]]}}
    assert largest_difference(ours, other)["mrr"] == pytest.approx(0.25)


def test_a_query_is_no_positive_of_itself_and_has_one():
    case = Case(Task("query_ndcg", **SMALL))
    assert not case.truth.diagonal().any()
    assert (np.diff(case.truth.indptr)[:60] > 0).all()
    assert set(case.truth.data) == {1}


def test_time_that_is_linear_has_slope_one():
    sizes = [(10, 10), (20, 30), (50, 100)]
    measured = [{"queries": q, "candidates": c, "cpu_seconds": 0.1 * q * c} for q, c in sizes]
    assert slope(measured) == pytest.approx(1)


def test_all_tasks_are_of_what_can_be_measured():
    assert {task.what for task in tasks()} == set(MEASURED)


def test_the_page_says_what_was_measured(measurements, tmp_path):
    larger = [{**m, "queries": 120, "candidates": 800} for m in measurements]
    result = {
        "measurements": json.loads(json.dumps([*measurements, *larger])),
        "took_seconds": 120,
        "load": [0.1, 0.1, 0.1],
        "cores": 2,
        "architecture": "x86_64",
        "versions": {"numpy": "1.26.4"},
    }
    page = tmp_path / "judging.md"
    write_page(result, page, tmp_path / "judging.json")
    text = page.read_text()
    assert "| evaluate_ranking | 60 | 400 | 8 |" in text
    assert "](judging/time.png)" in text
    assert (tmp_path / "judging" / "time.png").stat().st_size > 1000

"""Means, paired differences and slices on numbers worked by hand, and the page that shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from benchmarks.figures import summarise
from benchmarks.page import figure, markdown_page
from benchmarks.plan import Job, jobs_of
from benchmarks.plots import draw_plots
from benchmarks.store import Queries, Store
from tests.benchmarks.small_suites import DIGEST, small_suite

# Four queries; two seeds of each trained system.
SCORES = {
    ("dnn/random", 0): [0.0, 0.2, 0.4, 0.6],
    ("dnn/random", 1): [0.2, 0.4, 0.4, 1.0],
    ("gnn-1/random", 0): [0.5, 0.5, 0.5, 0.5],
    ("gnn-1/random", 1): [0.7, 0.7, 0.7, 0.7],
    ("pagerank", None): [0.4, 0.6, 0.8, 0.4],
    # PageRank's, each less by 0.1.
    ("popularity", None): [0.3, 0.5, 0.7, 0.3],
}


def a_record(job: Job) -> dict[str, Any]:
    return {
        "seed": job.seed,
        "val": {"connected": 0.5, "cold": None},
        "epochs": 4,
        "best_epoch": 3,
        "fit_seconds": 40.0,
        "fit_cpu_seconds": 70.0 + (job.seed or 0),
        "judge_seconds": 1.0,
        "machine": {"cores": 2, "architecture": "x86_64", "processor": "", "gpus": 0},
        "versions": {"python": "3.10", "trainer": "abc"},
    }


@pytest.fixture
def summary(tmp_path) -> dict[str, Any]:
    suite, store = small_suite(), Store(tmp_path)
    store.write_queries(
        DIGEST, Queries(np.array([1, 1, 5, 9]), np.array([True, False, False, True]), 3, 60)
    )
    for job in jobs_of(suite, DIGEST):
        connected = np.array(SCORES[job.system.name, job.seed])
        record = a_record(job)
        store.write(job.key, job.system.name, record, {"connected": connected, "cold": connected})
    found = summarise(suite, DIGEST, store)
    assert found is not None
    # As a reader of the file has it.
    return json.loads(json.dumps(found))


def system(summary: dict[str, Any], name: str) -> dict[str, Any]:
    return next(found for found in summary["systems"] if found["name"] == name)


def test_seeds_are_averaged_by_query_first(summary):
    found = system(summary, "dnn/random")["connected"]
    # By query 0.1, 0.3, 0.4, 0.8.
    assert found["value"] == pytest.approx(0.4)
    assert found["by_seed"] == [0.3, 0.5]
    # Of 0.3 and 0.5: sqrt(0.1^2 + 0.1^2).
    assert found["deviation_over_seeds"] == pytest.approx(0.141421)
    # Queries 0 and 3.
    assert found["with_content"]["value"] == pytest.approx(0.45)


def test_a_pairwise_ranking_is_a_system_of_its_own(tmp_path):
    suite, store = small_suite(), Store(tmp_path)
    store.write_queries(DIGEST, Queries(np.ones(4, int), np.ones(4, bool), 3, 60))
    for job in jobs_of(suite, DIGEST, only=["gnn-1/random"]):
        connected = np.array(SCORES[job.system.name, job.seed])
        record, scores = a_record(job), {"connected": connected, "cold": connected}
        if job.seed:
            record["pairwise"] = {"val": {"connected": 0.75, "cold": 0.25}}
            scores |= {"connected-pairwise": connected + 0.2, "cold-pairwise": connected}
        store.write(job.key, job.system.name, record, scores)
    found = summarise(suite, DIGEST, store)
    names = [one["name"] for one in found["systems"]]
    assert names == ["gnn-1/random", "gnn-1/random/pairwise"]
    vectors, both = found["systems"]
    # Seed 0 chose no term: its `similar` ranks by the vectors.
    assert both["connected"]["by_seed"] == pytest.approx([0.5, 0.9])
    assert both["cold"]["by_seed"] == vectors["cold"]["by_seed"] == pytest.approx([0.5, 0.7])
    assert both["val"]["connected"] == [0.5, 0.75]
    assert "pairwise" in both["title"]
    assert both["cpu_seconds"] == vectors["cpu_seconds"]
    # The trainings are the same, and counted once.
    assert [machine["trainings"] for machine in found["machines"]] == [2]


def test_differences_are_paired(summary):
    minus = system(summary, "dnn/random")["connected"]["minus"]
    # 0.1 - 0.4, 0.3 - 0.6, 0.4 - 0.8, 0.8 - 0.4.
    assert minus["pagerank"]["value"] == pytest.approx((-0.3 - 0.3 - 0.4 + 0.4) / 4)
    assert list(minus) == ["pagerank"]
    assert system(summary, "pagerank")["connected"]["minus"] == {}
    # The GNN has 0.6 everywhere: by query 0.5, 0.3, 0.2, -0.2 over the DNN.
    fewer = system(summary, "gnn-1/random")["connected"]["minus_one_convolution_fewer"]
    assert fewer["value"] == pytest.approx(0.2)
    assert system(summary, "dnn/random")["connected"]["minus_one_convolution_fewer"] is None


def test_a_paired_interval_is_narrower_than_the_two_it_compares(summary):
    # What is worse by 0.1 on each query is so without any doubt, however much queries differ.
    found = system(summary, "popularity")["connected"]
    assert found["high"] - found["low"] > 0.1
    minus = found["minus"]["pagerank"]
    assert minus["low"] == minus["high"] == pytest.approx(-0.1)


def test_slices_are_named_by_their_degrees(summary):
    shown = [(part["low"], part["high"], part["queries"]) for part in summary["degree_slices"]]
    assert shown == [(1, 1, 2), (5, 5, 1), (9, 9, 1)]
    by_degree = system(summary, "dnn/random")["cold"]["by_degree"]
    assert [part["value"] for part in by_degree] == pytest.approx([0.2, 0.4, 0.8])


def test_the_page_has_every_figure(summary):
    page = markdown_page(summary, {name: f"{name}.png" for name in draw_plots(summary)}, "x.json")
    found = list(intervals(summary))
    assert len(found) > 30
    for keys, interval in found:
        signed = any(key.startswith("minus") for key in keys)
        assert figure(interval, signed=signed) in page, keys
    for entry in summary["systems"]:
        if entry["seeds"] != [None]:
            for condition in ("connected", "cold"):
                shown = " / ".join(f"{value:.3f}" for value in entry[condition]["by_seed"])
                assert shown in page
                assert f"{entry[condition]['deviation_over_seeds']:.3f}" in page
    for name in ("convolutions", "time", "degree"):
        assert f"({name}.png)" in page
    assert "Not complete" not in page


def test_plots_are_drawn_alike_twice(summary):
    first = draw_plots(summary)
    assert set(first) == {"convolutions", "time", "degree"}
    assert all(image.startswith(b"\x89PNG") for image in first.values())
    assert first == draw_plots(summary)


def intervals(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All {value, low, high} of a summary, with the keys that lead there."""
    if isinstance(value, dict) and {"value", "low", "high"} <= set(value):
        yield keys, value
    children = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, (dict, list)):
        for key, child in children:
            yield from (
                intervals(child, (*keys, str(key))) if isinstance(child, (dict, list)) else ()
            )

"""A suite's system that is trained on subgraphs, beside the same with the graph in memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import benchmarks.measure
from benchmarks.catalogue import JudgedCatalogue, make_subgraphs
from benchmarks.plan import jobs_of
from benchmarks.suite import SuiteSystem, load_suite
from components.catalogue_example_gen import subgraphs
from components.catalogue_example_gen.config import Reach
from tests.benchmarks.small_suites import DIGEST, small_suite
from tests.trainer.graphs import graph_of
from tests.trainer.small_systems import small_config
from tests.trainer.subgraph_examples import looped

TRAINER = small_config(1, random=True, epochs=2)
SUITE = dataclasses.replace(
    small_suite(seeds=(0,)),
    systems=(
        SuiteSystem("gnn-1/memory", "in memory", TRAINER),
        SuiteSystem("gnn-1/subgraphs", "on subgraphs", TRAINER, fan_outs=(25, 10)),
    ),
)


def test_the_two_are_trainings_of_their_own():
    memory, streamed = jobs_of(SUITE, DIGEST)
    assert memory.reach is None and streamed.reach == Reach((25,), ())
    assert memory.key != streamed.key
    fewer = dataclasses.replace(SUITE.systems[1], fan_outs=(3, 2))
    again, cut = jobs_of(dataclasses.replace(SUITE, systems=(SUITE.systems[0], fewer)), DIGEST)
    assert again.key == memory.key and cut.key != streamed.key


def test_the_suite_of_olga_compares_one_network_with_itself():
    suite = load_suite("sampling")
    memory, *streamed = (system for system in suite.systems if system.trainer)
    assert memory.fan_outs is None
    assert [system.fan_outs for system in streamed] == [(25, 10), (25, 25)]
    assert all(system.trainer == memory.trainer for system in streamed)
    assert suite.compare_with == (memory.name,)


def test_what_is_trained_on_subgraphs_knows_no_edge_beside_them(tmp_path, monkeypatch):
    edges = [(i, (i + step) % 60) for i in range(60) for step in (1, 2, 3)]
    found = graph_of(edges, [(0, 0, 1, 1, 2, 2)[i % 6] for i in range(60)], {})
    catalogue = JudgedCatalogue(
        DIGEST,
        found.graph,
        {"modalities": []},
        "test",
        found.truth("val"),
        found.truth("test"),
        tmp_path / "examples",
    )
    _, job = jobs_of(SUITE, DIGEST)
    made = []

    def make(examples, reach):
        made.append(examples)
        return looped(found.graph, tmp_path / "looped", reach)

    monkeypatch.setattr(benchmarks.measure, "make_subgraphs", make)
    fitted = []
    fit = benchmarks.measure._make

    def watched(*args):
        system, graph = fit(*args)
        fitted.append(graph)
        return system, graph

    monkeypatch.setattr(benchmarks.measure, "_make", watched)
    measured = benchmarks.measure.measure(job, catalogue)
    assert made == [tmp_path / "examples"]
    assert fitted[0].neighbors.nnz == 0 and len(fitted[0]) == 60
    assert measured.record["epochs"] == 2
    assert measured.scores["connected"].shape == (20,)
    assert np.isfinite(measured.scores["connected"]).all()


def test_subgraphs_are_made_once_and_whole(tmp_path, monkeypatch):
    examples = tmp_path / "examples-abc"
    (examples / "Split-train").mkdir(parents=True)
    (examples / "Split-train" / "records").write_bytes(b"1")
    (examples / "summary.json").write_text('{"artists": {"train": 1, "val": 2}}')
    done = []

    def sample(pipeline, place, reach, shards):
        done.append(reach)
        if len(done) == 1:
            raise RuntimeError("enough")
        Path(place.target, subgraphs.SAMPLED_FILE).write_text('{"train": 1, "val": 2}')

    monkeypatch.setattr(subgraphs, "sample_subgraphs", sample)
    reach = Reach((25, 10), ())
    with pytest.raises(RuntimeError):
        make_subgraphs(examples, reach)
    assert [path.name for path in tmp_path.iterdir()] == ["examples-abc"]
    folder = make_subgraphs(examples, reach)
    assert folder.name == "examples-abc-subgraphs-25-10-ids"
    assert (folder / "Split-train" / "records").read_bytes() == b"1"
    assert make_subgraphs(examples, reach) == folder and len(done) == 2
    assert make_subgraphs(examples, Reach((25,), None)).name == "examples-abc-subgraphs-25-all"

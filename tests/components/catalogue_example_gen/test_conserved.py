"""Nothing is lost between two steps without a word."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import apache_beam as beam
import pytest

from catalogues.spec import load_catalogue
from components.catalogue_example_gen import build as build_module
from components.catalogue_example_gen.build import build
from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.conserved import (
    LostRecordsError,
    check_conserved,
    check_sampled,
)
from components.catalogue_example_gen.edges import Distributed
from components.catalogue_example_gen.shards import WriteShards
from components.catalogue_example_gen.summary import SUMMARY_FILE
from components.catalogue_example_gen.written_examples import WriteEgoGraphs

# Five of train, three of val, two of test. Edges by kind: train-train 4, train-val 3, train-test
# 1, val-val 2, test-test 1, val-test 1.
SPLIT_OF = {f"a{n}": "train" if n < 5 else "val" if n < 8 else "test" for n in range(10)}
EDGES = """source,target
a0,a1
a0,a2
a1,a2
a3,a4
a0,a5
a1,a6
a2,a7
a3,a8
a5,a6
a6,a7
a8,a9
a7,a9
"""
SPEC = """name: ten artists
artists:
  table: artists.csv
  id: id
  name: name
  split: split
edges:
  table: edges.csv
  source: source
  target: target
"""


@pytest.fixture
def catalogue(tmp_path):
    folder = tmp_path / "catalogue"
    folder.mkdir()
    (folder / "catalogue.yaml").write_text(SPEC)
    rows = [f"{artist},Name of {artist},{split}\n" for artist, split in SPLIT_OF.items()]
    (folder / "artists.csv").write_text("id,name,split\n" + "".join(rows))
    (folder / "edges.csv").write_text(EDGES)
    return load_catalogue(str(folder))


def summary_of(catalogue, folder, cap=250):
    with beam.Pipeline() as pipeline:
        build(pipeline, catalogue, BuildConfig(neighbor_cap=cap), str(folder))
    return json.loads((folder / SUMMARY_FILE).read_text())


def but_one(label: str, wanted: Callable[[object], bool] = lambda element: True):
    """A step that loses one element, as a runner may."""

    class Losing(beam.DoFn):
        def __init__(self) -> None:
            self.lost = False

        def process(self, element):
            if not self.lost and wanted(element):
                self.lost = True
            else:
                yield element

    return label >> beam.ParDo(Losing())


@pytest.mark.parametrize("cap", [250, 1])
def test_counts_worked_by_hand(catalogue, tmp_path, cap):
    summary = summary_of(catalogue, tmp_path / "examples", cap)
    check_conserved(summary)
    assert summary["edges"] == {
        "test-test": 1, "train-test": 1, "train-train": 4, "train-val": 3, "val-test": 1,
        "val-val": 2,
    }  # fmt: skip
    assert summary["written"] == {
        "hidden_test": 2, "hidden_val": 3, "test": 2, "train": 5, "val": 3
    }  # fmt: skip
    # 2 * 4 + 3 + 1 ids, of which each of nine artists keeps one: a9 knows nobody of train.
    neighbors = {250: 12, 1: 9}[cap]
    assert summary["listed"] == {
        "hidden_test": 2, "hidden_test_artists": 2, "hidden_val": 4, "hidden_val_artists": 3,
        "neighbors": neighbors,
    }  # fmt: skip
    assert summary["cut"].get("neighbors", 0) == 12 - neighbors


LOST_EDGES = {
    "neighbors": "neighbours listed or cut: 12 were expected and ",
    "hidden": "hidden edges of ",
    "kinds": "neighbours listed or cut|hidden edges of ",
    "kept": "edges, rows kept or rejected: 12 were expected and ",
}


@pytest.mark.parametrize("what", LOST_EDGES)
def test_what_a_runner_loses_behind_the_edges_join_is_found(catalogue, tmp_path, monkeypatch, what):
    class Losing(Distributed):
        def expand(self, inputs):
            found = super().expand(inputs)
            # An edge between val and test is used by nobody: its kind has no count to agree with.
            lost = found[what] | but_one("Lose", lambda element: element[0] != "val-test")
            return {**found, what: lost}

    monkeypatch.setattr(build_module, "Distributed", Losing)
    summary = summary_of(catalogue, tmp_path / "examples")
    with pytest.raises(LostRecordsError, match=LOST_EDGES[what]):
        check_conserved(summary)


@pytest.mark.parametrize("split", ["train", "val", "test", "hidden_val", "hidden_test"])
def test_what_a_runner_loses_on_its_way_into_a_file_is_found(
    catalogue, tmp_path, monkeypatch, split
):
    class Losing(WriteShards):
        def expand(self, records):
            wanted = self.label == f"Write {split}"
            return super().expand(records | but_one("Lose") if wanted else records)

    monkeypatch.setattr("components.catalogue_example_gen.written_examples.WriteShards", Losing)
    summary = summary_of(catalogue, tmp_path / "examples")
    hidden = split.removeprefix("hidden_")
    message = f"ego graphs in {split}" if hidden == split else f"artists with hidden .* {hidden}"
    with pytest.raises(LostRecordsError, match=message):
        check_conserved(summary)


def test_an_artist_that_is_lost_before_its_neighbours_meet_it_is_found(
    catalogue, tmp_path, monkeypatch
):
    class Losing(WriteEgoGraphs):
        def expand(self, inputs):
            lost = inputs["artists"] | but_one("Lose", lambda element: element[0] == "a0")
            return super().expand({**inputs, "artists": lost})

    monkeypatch.setattr(build_module, "WriteEgoGraphs", Losing)
    summary = summary_of(catalogue, tmp_path / "examples")
    with pytest.raises(LostRecordsError, match="ego graphs in train: 5 were expected and 4 found"):
        check_conserved(summary)


GOOD = {
    "read": {"artists": 4, "edges": 3, "tags": 2},
    "kept": {"artists": 3, "edges": 3, "tags": 2},
    "rejected": {"artists": {"duplicate id": 1}},
    "artists": {"train": 2, "val": 1},
    "edges": {"train-train": 1, "train-val": 2},
    "listed": {"neighbors": 3},
    "written": {"train": 2, "val": 1},
    "cut": {"neighbors": 1, "artists": 1},
}


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("read", {"tags": 3}, "tags, rows kept or rejected: 3 were expected and 2 found"),
        ("kept", {"artists": 2}, "artists, rows kept or rejected: 4 were expected and 3 found"),
        ("rejected", {"edges": {"x": 1}}, "edges, rows kept or rejected: 3 .* 4 found"),
        ("artists", {"val": 0}, "artists in all splits: 3 were expected and 2 found"),
        ("written", {"train": 1}, "ego graphs in train: 2 were expected and 1 found"),
        ("listed", {"neighbors": 4}, "neighbours listed or cut: 4 were expected and 5 found"),
        ("edges", {"val-val": 1}, "hidden edges of val: 2 were expected and 0 found"),
        ("written", {"hidden_val": 1}, "artists with hidden edges in val: 0 .* 1 found"),
    ],
)
def test_each_count_has_another_that_it_must_agree_with(part, change, message):
    check_conserved(GOOD)
    with pytest.raises(LostRecordsError, match=message):
        check_conserved({**GOOD, part: {**GOOD[part], **change}})


@pytest.mark.parametrize(
    ("sampled", "message"),
    [
        ({"train": 4, "val": 2}, None),
        ({"train": 3, "val": 2}, "subgraphs of train: 4 were expected and 3 found"),
        ({"train": 4, "val": 3}, "subgraphs of val: 2 were expected and 3 found"),
        ({"train": 4}, "subgraphs of val: 2 were expected and 0 found"),
        ({}, "subgraphs of train: 4 were expected and 0 found"),
    ],
    ids=str,
)
def test_each_artist_of_a_sampled_split_has_one_subgraph(sampled, message):
    summary = {"artists": {"train": 4, "val": 2, "test": 9}}
    with pytest.raises(LostRecordsError, match=message) if message else contextlib.nullcontext():
        check_sampled(sampled, summary, ("train", "val"))

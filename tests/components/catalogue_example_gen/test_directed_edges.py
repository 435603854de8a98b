"""The two directions of a pair are one similarity; here of a catalogue without any content."""

from __future__ import annotations

import pytest

from tests.components.catalogue_example_gen.building import built
from trainer.loading import load_graph

SPEC = """\
name: directed
artists: {table: artists.csv, id: id, split: split}
edges: {table: edges.csv, source: a, target: b, weight: w, directed: true}
"""
ARTISTS = "id,split\nt1,train\nt2,train\nt3,train\nv1,val\nv2,val\nx1,test\n"
# t1 -> t2 is given twice and t3 -> t2 in two ways; t2 -> t3 is as good as any other.
EDGES = """\
a,b,w
t1,t2,1
t2,t1,4
t3,t1,3
v1,v2,5
v2,v1,2
x1,t2,1
t2,x1,2
t1,t2,1
t3,t2,6
t3,t2,7
t2,t3,0.5
t2,ghost,1
ghost,t2,2
"""


@pytest.fixture(scope="module")
def directed(tmp_path_factory):
    files = {"catalogue.yaml": SPEC, "artists.csv": ARTISTS, "edges.csv": EDGES}
    return built(tmp_path_factory.mktemp("directed"), files)


def test_both_ends_know_each_other_by_the_stronger_direction(directed):
    train = directed.examples("train")
    assert directed.neighbors("train") == {
        "t1": ["t2", "t3"],
        "t2": ["t1", "t3"],
        "t3": ["t1", "t2"],
    }
    assert train["t1"]["edges/similar.weight"] == [4, 3]
    assert train["t2"]["edges/similar.weight"] == [4, 0.5]
    assert directed.examples("test")["x1"]["edges/similar.weight"] == [2]


def test_hidden_edges_too(directed):
    assert directed.hidden("val") == {"v1": ["v2"], "v2": ["v1"]}
    assert directed.examples("hidden_val")["v2"]["weight"] == [5]


def test_pairs_are_counted_once_and_rows_each(directed):
    assert directed.summary["edges"] == {"train-test": 1, "train-train": 3, "val-val": 1}
    assert directed.summary["read"]["edges"] == 13
    assert directed.summary["kept"]["edges"] == 8
    assert directed.summary["rejected"]["edges"] == {
        "contradicting edge": 2,
        "dangling edge": 2,
        "duplicate edge": 1,
    }


def test_a_catalogue_without_content_loads(directed):
    assert directed.content == {"modalities": []}
    graph = load_graph(str(directed.folder))
    assert graph.artist_id.tolist() == ["t1", "t2", "t3", "v1", "v2", "x1"]
    assert not graph.content and graph.weighted

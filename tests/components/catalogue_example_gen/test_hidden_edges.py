"""What an ego graph may list, for every pair of splits; and that nothing of the rest leaks."""

from __future__ import annotations

from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import SPLITS, built


def test_ego_graphs_list_training_artists_strongest_first(pairs):
    assert pairs.neighbors("train") == {"t1": ["t2"], "t2": ["t3", "t1"], "t3": ["t2"]}
    assert pairs.neighbors("val") == {"v1": ["t1"], "v2": []}
    assert pairs.neighbors("test") == {"x1": ["t2"], "x2": []}


def test_weights_stand_beside_their_neighbors(pairs):
    assert pairs.examples("train")["t2"]["edges/similar.weight"] == [2, 1]
    assert pairs.examples("val")["v1"]["edges/similar.weight"] == [3]


def test_hidden_edges_travel_apart_in_both_directions(pairs):
    assert pairs.hidden("val") == {"v1": ["v2"], "v2": ["v1"]}
    assert pairs.hidden("test") == {"x1": ["x2"], "x2": ["x1"]}
    assert pairs.examples("hidden_test")["x1"]["weight"] == [6]


def test_each_kind_of_edge_is_counted(pairs):
    assert pairs.summary["edges"] == {
        "test-test": 1,
        "train-test": 1,
        "train-train": 2,
        "train-val": 1,
        "val-test": 1,
        "val-val": 1,
    }
    assert pairs.summary["kept"]["edges"] == pairs.summary["read"]["edges"] == 7


def test_no_record_moves_when_hidden_edges_do(pairs, tmp_path):
    """Changed, added and removed: the records that models see stay byte for byte the same."""
    edges = split_pairs.EDGES
    edges = edges.replace("v1,v2,5\n", "v1,v2,50\n")  # val-val, changed
    edges = edges.replace("x1,x2,6\n", "")  # test-test, removed
    edges = edges.replace("v1,x1,7\n", "v2,x2,7\nv2,x1,1\n")  # val-test, moved and added
    other = built(tmp_path, split_pairs.FILES | {"edges.csv": edges})
    for split in SPLITS:
        assert other.records(split) == pairs.records(split)
    for sidecar in ("content.json", "graph_schema.pbtxt", "listening.npz"):
        assert (other.folder / sidecar).read_bytes() == (pairs.folder / sidecar).read_bytes()
    assert other.plays() == pairs.plays() != []
    assert other.examples("hidden_val")["v1"]["weight"] == [50]
    assert other.hidden("test") == {}

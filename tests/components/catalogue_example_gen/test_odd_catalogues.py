"""Catalogues that are right but unusual."""

from __future__ import annotations

import json

import pytest

from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.executor import check_summary, summary_lines
from tests.components.catalogue_example_gen.building import built
from trainer.listener_factors import ListenerFactors
from trainer.loading import load_graph

LONG = "l" * 5000
QUOTED = 'a "quote", a comma; a ünïcødé 坂本'
NUM_FANS = 5000
CAP = 100

# Modalities are called as other tables are, as what the loader keeps beside them, and as each
# other's companions; two share a table; one reads the artists' table by another column.
SPEC = """\
name: odd
artists: {table: artists.jsonl, id: id, name: name, split: split}
content:
  artists: {table: more.jsonl, artist: who, column: numbers}
  edges: {table: words.jsonl, artist: who, categories: words}
  plays: {table: tracks.jsonl, artist: who, column: mel}
  weight: {table: tracks.jsonl, artist: who, columns: [low, high]}
  degree: {table: artists.jsonl, artist: leader, categories: band}
  own: {table: artists.jsonl, artist: id, categories: band, weight: members}
  late: {table: more.jsonl, artist: who, column: late}
  never: {column: never}
edges: {table: edges.csv, source: a, target: b}
plays: {table: plays.jsonl, listener: who, artist: artist, plays: n}
"""


def artist(artist_id, split, leader="hub", **cells):
    row = {"id": artist_id, "name": None, "split": split, "leader": leader}
    return row | {"band": "The Fans", "members": 4, "never": None} | cells


def jsonl(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    fans = [artist(f"fan {i}", "train") for i in range(NUM_FANS)]
    quoted = QUOTED.replace('"', '""')
    edges = [f"hub,fan {i}" for i in range(NUM_FANS)]
    edges += [f'"{quoted}",hub', f"{LONG},hub", f'"{quoted}",fan 0']
    files = {
        "catalogue.yaml": SPEC,
        "artists.jsonl": jsonl(
            artist("hub", "train", name="a\nb"),
            artist(QUOTED, "val", name="\u2028"),
            artist(LONG, "test"),
            *fans,
        ),
        "more.jsonl": jsonl(
            {"who": "hub", "numbers": [1, 2, 3], "late": None},
            {"who": QUOTED, "numbers": None, "late": [4, 5]},
        ),
        "words.jsonl": jsonl({"who": "hub", "words": ["w", "a"]}, {"who": LONG, "words": "w"}),
        "tracks.jsonl": jsonl(
            {"who": "hub", "mel": [1, 3], "low": 1, "high": 2},
            {"who": "hub", "mel": [3, 5], "low": None, "high": None},
            {"who": QUOTED, "mel": None, "low": 3, "high": 4},
        ),
        "plays.jsonl": jsonl({"who": "u", "artist": "hub", "n": 0}),
        "edges.csv": "a,b\n" + "\n".join(edges) + "\n",
    }
    return built(tmp_path_factory.mktemp("odd"), files, BuildConfig(neighbor_cap=CAP))


@pytest.fixture(scope="module")
def training(odd):
    return odd.examples("train")


@pytest.fixture(scope="module")
def graph(odd):
    return load_graph(str(odd.folder))


def test_nothing_is_lost_or_counted_twice(odd):
    num_artists = NUM_FANS + 3
    assert odd.rejects == []
    check_summary(odd.summary, "error")
    assert (
        odd.summary["read"]
        == odd.summary["kept"]
        == {
            "artists": num_artists,
            "edges": NUM_FANS + 3,
            "artists, late": 2,
            "content.edges": 2,  # beside the edges
            "plays, weight": 3,  # one table, read once
            "degree": num_artists,
            "plays": 1,
        }
    )
    assert sum(len(odd.records(split)) for split in ("train", "val", "test")) == num_artists


def test_a_hot_artist_lists_its_strongest_and_tells_the_cut(odd, training):
    assert len(training["hub"]["nodes/neighbor.id"]) == CAP
    assert odd.summary["cut"] == {"artists": 1, "neighbors": NUM_FANS - CAP}
    assert f"cut: {NUM_FANS - CAP:,} neighbours of 1 artists" in summary_lines(odd.summary)
    assert training["fan 7"]["nodes/neighbor.id"] == ["hub"]


def test_any_text_is_an_id_or_a_name(odd, training):
    assert sorted(odd.neighbors("val")[QUOTED]) == ["fan 0", "hub"]
    assert odd.neighbors("test") == {LONG: ["hub"]}
    assert training["hub"]["nodes/artist.name"] == ["a\nb"]
    # A name of nothing but space is none.
    assert odd.examples("val")[QUOTED]["nodes/artist.name"] == [QUOTED]


def test_each_modality_is_its_own(odd, graph):
    hub, quoted = (graph.artist_id.tolist().index(name) for name in ("hub", QUOTED))
    assert sorted(graph.content) == sorted(entry["name"] for entry in odd.content["modalities"])
    assert graph.content["artists"].values[hub].tolist() == [1, 2, 3]
    assert graph.content["plays"].values[hub].tolist() == [2, 4]
    assert not graph.content["plays"].present[quoted]
    assert graph.content["weight"].values[hub].tolist() == [1, 2]
    assert graph.content["weight"].values[quoted].tolist() == [3, 4]
    degree = graph.content["degree"]
    assert degree.present.sum() == 1
    assert degree.weights[degree.offsets[hub]] == len(graph)
    assert set(graph.content["own"].weights) == {4}
    assert not graph.weighted


def test_a_vector_that_no_training_artist_has_keeps_its_length(odd, graph):
    """It had length 0 once, and no example with it could be read."""
    late, never, _ = odd.content["modalities"][-3:]
    assert late == {
        "name": "late", "kind": "vector", "num_artists": 0,
        "dim": 2, "mean": [0, 0], "deviation": [1, 1],
    }  # fmt: skip
    assert never["dim"] == 1
    content = graph.content["late"]
    assert content.present.sum() == 1
    assert content.values[content.present].tolist() == [[4, 5]]


def test_plays_of_zero_teach_nothing_of_listeners(odd, graph):
    listening = odd.content["modalities"][-1]
    assert (listening["name"], listening["num_artists"], listening["dim"]) == ("listening", 0, 64)
    assert not graph.content["listening"].present.any()
    factors = ListenerFactors.from_bytes((odd.folder / "listening.npz").read_bytes())
    assert factors.factors.shape == (0, 64)


def test_plays_are_a_popularity_where_there_is_no_other(graph):
    known = graph.popularity == graph.popularity
    assert graph.artist_id[known].tolist() == ["hub"]
    assert graph.popularity[known].tolist() == [0]

"""From the builder's files to the graph in memory, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainer.loading import load_graph, load_hidden_edges, read_content_statistics, read_summary

NAMES = ["t1", "t2", "t3", "v1", "v2", "x1", "x2"]


@pytest.fixture(scope="module")
def graph(pairs):
    return load_graph(str(pairs.folder))


def words_of(content, row):
    span = slice(content.offsets[row], content.offsets[row + 1])
    return dict(zip(content.words[span], content.weights[span], strict=True))


def test_artists_are_sorted_with_their_splits(graph):
    assert graph.artist_id.tolist() == NAMES
    assert graph.name.tolist() == ["Tom", "Tim", "t3", "Val", "Vic", "Xan", "Xia"]
    assert graph.split.tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_an_unknown_popularity_is_not_a_number(graph):
    np.testing.assert_array_equal(graph.popularity, [5, math.nan, 0, 1, 2, 3, 4])


def test_vectors_know_what_is_missing(graph):
    audio = graph.content["audio"]
    assert audio.values.tolist() == [
        [1, 10], [3, 30], [0, 0], [0, 0], [7, 70], [8, 80], [9, 90],
    ]  # fmt: skip
    assert audio.present.tolist() == [True, True, False, True, True, True, True]
    assert graph.content["clap"].present.tolist() == [True, True, False, False, True, True, False]


def test_the_vectors_of_tracks_are_averaged(graph):
    sound = graph.content["sound"]
    np.testing.assert_allclose(sound.values[0], [0.2, 3.0], rtol=1e-6)
    assert sound.present.tolist() == [True, False, False, False, False, True, False]


def test_the_weights_of_equal_words_are_summed(graph):
    tags = graph.content["tags"]
    assert [words_of(tags, row) for row in range(7)] == [
        {"pop": 4, "rock": 3}, {"rock": 1}, {}, {"loud": 9}, {}, {"jazz": 8}, {},
    ]  # fmt: skip
    assert words_of(graph.content["genre"], 0) == {"rock": 1, "pop": 1}


def test_descriptive_columns_are_texts_that_may_be_empty(graph):
    assert {name: column.tolist() for name, column in graph.meta.items()} == {
        "place": ["Rome", "", "Oslo", "Bonn", "Bern", "Lima", "Kyiv"]
    }


def test_neighbors_are_what_the_split_lets_each_know(graph):
    expected = np.zeros((7, 7))
    expected[0, 1] = expected[1, 0] = 1
    expected[1, 2] = expected[2, 1] = 2
    expected[3, 0] = 3  # v1 knows t1; t1 does not know v1
    expected[5, 1] = 4
    np.testing.assert_array_equal(graph.neighbors.toarray(), expected)
    assert graph.weighted


def test_some_splits_alone(pairs):
    part = load_graph(str(pairs.folder), ("val",))
    assert part.artist_id.tolist() == ["v1", "v2"]
    assert part.neighbors.nnz == 0


def test_hidden_edges_are_for_the_judge(pairs, graph):
    uri = str(pairs.folder)
    val = load_hidden_edges(uri, "val", graph.artist_id).toarray()
    assert {(NAMES[i], NAMES[j]): val[i, j] for i, j in np.argwhere(val)} == {
        ("v1", "v2"): 5,
        ("v2", "v1"): 5,
    }
    test = load_hidden_edges(uri, "test", graph.artist_id)
    assert test.nnz == 2 and test.dtype == np.float32


def test_hidden_edges_of_artists_that_are_not_loaded_are_no_truth(pairs):
    few = load_graph(str(pairs.folder), ("train", "val")).artist_id
    with pytest.raises(ValueError, match="hidden_test names artists"):
        load_hidden_edges(str(pairs.folder), "test", few)


def test_sidecars_are_read(pairs):
    assert read_summary(str(pairs.folder)) == pairs.summary
    found = read_content_statistics(str(pairs.folder))
    matrices = {
        (entry["name"], key): entry.pop(key)
        for entry in found["modalities"]
        for key in ("log_share", "factors", "components")
        if key in entry
    }
    assert found == pairs.content
    # t1 has rock 3 and pop 4, t2 has rock 1: p = (4, 4) / 8.
    np.testing.assert_allclose(matrices["tags", "log_share"], np.log([0.5, 0.5]), rtol=1e-6)
    assert sorted(matrices) == [
        (name, key) for name in ("genre", "tags") for key in ("factors", "log_share")
    ]


def test_statistics_of_an_older_version_lack_the_matrices(pairs, tmp_path):
    (tmp_path / "content.json").write_bytes((pairs.folder / "content.json").read_bytes())
    assert read_content_statistics(str(tmp_path)) == pairs.content

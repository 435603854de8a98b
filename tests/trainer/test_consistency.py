"""Consistent@k and the tags that it compares, by hand and against plain loops."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.graphs import graph_of, vectors, words
from trainer.ranking import consistency as module
from trainer.ranking.consistency import consistency
from trainer.ranking.descriptive_tags import descriptive_tags, popularity_bands


def test_hand_worked():
    # Artist 0 has tags a and b, 1 has a, 2 has none, 3 has a, b and c.
    tags = sp.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1]], float))
    artists = np.array([0, 1, 2, 3])
    lists = np.array([[1, 2, 3, -1], [0, 2, 3, -1], [0, 1, 3, -1], [2, 1, 0, -1]])
    found = consistency(lists, artists, artists, tags, 2)
    # 0: half of its tags, none; 1: all, none; 2 has nothing to compare; 3: none, a third.
    np.testing.assert_allclose(found, [1 / 4, 1 / 2, np.nan, 1 / 6])
    found = consistency(lists, artists, artists, tags, 9)
    np.testing.assert_allclose(found, [(1 / 2 + 1) / 3, 2 / 3, np.nan, (1 / 3 + 2 / 3) / 3])


@given(st.integers(1, 8), st.integers(0, 5), st.integers(1, 9), st.integers(0, 2**32))
def test_equals_plain_loops(num_artists, num_tags, k, seed):
    rng = np.random.default_rng(seed)
    owned = rng.random((num_artists, num_tags)) < 0.4
    candidates = rng.permutation(num_artists)[: rng.integers(1, num_artists + 1)]
    lists, expected = [], []
    for query in candidates:
        row = [place for place in rng.permutation(len(candidates)) if candidates[place] != query]
        lists.append((row + [-1])[: len(candidates)])
        mine = set(np.flatnonzero(owned[query]))
        shares = [
            len(mine & set(np.flatnonzero(owned[candidates[place]]))) / len(mine)
            for place in row[:k]
            if mine
        ]
        expected.append(sum(shares) / len(shares) if shares else np.nan)
    found = consistency(np.array(lists), candidates, candidates, sp.csr_matrix(owned), k)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    tags = sp.csr_matrix(rng.random((30, 6)) < 0.3)
    artists = np.arange(30)
    lists = np.array([rng.permutation(30) for _ in artists])
    whole = consistency(lists, artists, artists, tags, 7)
    monkeypatch.setattr(module, "_MAX_PLACES", 20)
    np.testing.assert_array_equal(consistency(lists, artists, artists, tags, 7), whole)


def tag_sets(matrix, names):
    return [{names[column] for column in row.indices} for row in matrix]


def test_the_tags_of_a_catalogue():
    case = graph_of(
        [(0, 1)],
        [0, 0, 1, 2],
        {
            "audio": vectors([[1.0]] * 4),
            "genre": words([{"dub": 2.0, "ska": 0.5}, {}, {"ska": 1.0}, {"dub": 1.0}]),
        },
        [5, np.nan, 1, 9],
    )
    meta = {"genre": ["x"] * 4, "country": ["Mali", "", "Peru", "Mali"]}
    graph = dataclasses.replace(
        case.graph, meta={name: np.array(column, object) for name, column in meta.items()}
    )
    tags = descriptive_tags(graph)
    assert list(tags) == ["genre", "country", "popularity_band"]
    assert tag_sets(tags["genre"], ["dub", "ska"]) == [{"dub", "ska"}, set(), {"ska"}, {"dub"}]
    assert tag_sets(tags["country"], ["Mali", "Peru"]) == [{"Mali"}, set(), {"Peru"}, {"Mali"}]
    # Of three that are known: 1/6, 1/2 and 5/6 of the way up.
    assert tag_sets(tags["popularity_band"], [0, 2, 3]) == [{2}, set(), {0}, {3}]
    for matrix in tags.values():
        assert set(matrix.data) <= {1.0}


def test_a_catalogue_without_popularity_has_no_bands():
    assert descriptive_tags(graph_of([(0, 1)], [0, 0]).graph) == {}


def test_a_word_that_comes_twice_is_one_tag():
    content = words([{"dub": 1.0}, {"dub": 1.0}])
    content = dataclasses.replace(
        content, words=np.array(["dub", "dub", "ska"], object), offsets=np.array([0, 2, 3])
    )
    tags = descriptive_tags(graph_of([(0, 1)], [0, 0], {"genre": content}).graph)["genre"]
    np.testing.assert_array_equal(tags.toarray(), [[1, 0], [0, 1]])


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_bands_are_quartiles_in_order(popularity):
    popularity = np.array(popularity, float)
    bands = popularity_bands(popularity)
    assert bands.min() >= 0 and bands.max() <= 3
    order = np.argsort(popularity)
    assert (np.diff(bands[order]) >= 0).all()
    for value in set(popularity):
        assert len(set(bands[popularity == value])) == 1


def test_distinct_popularities_fill_four_equal_bands():
    counts = np.bincount(popularity_bands(np.random.default_rng(2).permutation(40)))
    assert counts.tolist() == [10] * 4


@pytest.mark.parametrize("num_tags", [0, 3])
def test_nobody_with_a_tag_is_no_figure(num_tags):
    tags = sp.csr_matrix((2, num_tags))
    artists = np.array([0, 1])
    assert np.isnan(consistency(np.array([[1, -1], [0, -1]]), artists, artists, tags, 2)).all()

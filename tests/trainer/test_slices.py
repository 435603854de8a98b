"""Slices of the judged artists: by hand, what partitions them, and what they do not depend on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.graphs import awkward, graph_of, two_communities, vectors, words
from trainer.ranking.genres import genres
from trainer.ranking.slices import Slice, quantile_groups, slices_of


def by_name(slices: list[Slice]) -> dict[str, list[int]]:
    assert len({each.name for each in slices}) == len(slices)
    return {each.name: each.artists.tolist() for each in slices}


def test_equal_values_stay_together():
    groups = quantile_groups(np.array([3, 0, 0, 0, 0, 7, 3, 9]), 4)
    # Quartiles (the values themselves): 0, 0, 3; so 0, then 1 to 3, then above.
    assert [places.tolist() for places in groups] == [[1, 2, 3, 4], [0, 6], [5, 7]]
    assert [places.tolist() for places in quantile_groups(np.array([2, 2, 2]), 4)] == [[0, 1, 2]]
    assert quantile_groups(np.zeros(0), 5) == []


def test_worked_by_hand():
    # Artists 0 to 3 train, 4 to 9 are judged; they have 0, 0, 1, 1, 2, 3 visible edges. The edge
    # between 4 and 5 is hidden.
    edges = [(4, 5), (6, 0), (7, 1), (8, 0), (8, 1), (9, 0), (9, 1), (9, 2), (0, 1), (2, 3)]
    case = graph_of(
        edges,
        [0] * 4 + [2] * 6,
        {
            "audio": vectors([[1.0]] * 4 + [None, [1.0], None, [1.0], [1.0], None]),
            "country": words([{"Mali": 1.0}] + [{}] * 9),
            "tags": words(
                [{"jazz": 1.0}, {"jazz": 2.0}, {"folk": 1.0}, {}]
                # The heaviest; of equally heavy ones that which more artists have.
                + [{"jazz": 1.0, "folk": 2.0}, {"folk": 1.0, "jazz": 1.0}, {}]
                + [{"jazz": 1.0}, {"own": 1.0, "very": 1.0}, {"jazz": 3.0, "very": 1.0}]
            ),
        },
    )
    ids = case.graph.artist_id.astype(str)
    slices = slices_of(case.graph, "test", known=ids[[0, 1, 2, 3, 4, 5, 8, 9]])
    assert by_name(slices) == {
        "all": [4, 5, 6, 7, 8, 9],
        "no_edges": [4, 5],
        "one_edge": [6, 7],
        "long_tail": [4, 5, 6, 7],
        "degree:q1": [4, 5],
        "degree:q2": [6, 7],
        "degree:q3": [8],
        "degree:q4": [9],
        "genre:jazz": [5, 7, 9],
        "genre:folk": [4],
        "genre:very": [8],
        "modalities:audio+tags": [5, 7, 8],
        "modalities:tags": [4, 9],
        "modalities:none": [6],
        "new": [6, 7],
    }
    titles = {each.name: each.title for each in slices}
    assert titles["degree:q1"] == "degree 0" and titles["degree:q4"] == "degree 3"
    assert titles["genre:folk"] == "tags: folk"
    assert "new" not in by_name(slices_of(case.graph, "test"))
    # Nobody is new, so that nobody is in it.
    assert "new" not in by_name(slices_of(case.graph, "test", known=ids))


@pytest.mark.parametrize(
    ("num_known", "expected"), [(0, 0), (59, 0), (60, 2), (200, 6), (600, 20), (700, 20)]
)
def test_popularity_has_as_many_quantiles_as_there_are_artists_for(num_known, expected):
    popularity = np.full(700, np.nan)
    popularity[:num_known] = np.random.default_rng(0).permutation(num_known)
    case = graph_of([], [2] * 700, popularity=popularity)
    found = [each for each in slices_of(case.graph, "test") if each.family == "popularity"]
    assert [each.name for each in found] == [f"popularity:q{i:02d}" for i in range(1, expected + 1)]
    if expected:
        assert max(len(each.artists) for each in found) <= -(-num_known // expected) + 1
        assert found[0].title.startswith("popularity 0-")


def test_range_of_many_digits():
    case = graph_of([], [2] * 60, popularity=[1234567.0 + 1000 * i for i in range(60)])
    (low, _) = (s for s in slices_of(case.graph, "test") if s.family == "popularity")
    assert low.title == "popularity 1234567-1263567"


def test_only_the_twelve_most_frequent_genres_are_shown():
    bags = [{f"g{i:02d}": 1.0} for i in range(20) for _ in range(30 - i)]
    graph = graph_of([], [2] * len(bags), {"tags": words(bags)}).graph
    genres = [each.name for each in slices_of(graph, "test") if each.family == "genre"]
    assert genres == [f"genre:g{i:02d}" for i in range(12)]


def catalogues():
    @st.composite
    def drawn(draw):
        size = draw(st.integers(4, 90))
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        pairs = rng.integers(0, size, (draw(st.integers(0, 3 * size)), 2))
        content = {}
        if draw(st.booleans()):
            content["audio"] = vectors([[1.0] if rng.random() < 0.5 else None for _ in range(size)])
        if draw(st.booleans()):
            content["tags"] = words(
                [
                    {str(word): float(rng.integers(0, 3)) for word in rng.integers(0, 5, 2)}
                    if rng.random() < 0.7
                    else {}
                    for _ in range(size)
                ]
            )
        popularity = np.where(rng.random(size) < 0.9, rng.integers(0, 40, size), np.nan)
        return graph_of(
            [tuple(pair) for pair in pairs.tolist()],
            rng.choice(3, size, p=[0.3, 0.1, 0.6]),
            content,
            popularity if draw(st.booleans()) else None,
        )

    return drawn()


def once_each(slices: list[Slice], family: str) -> list[int]:
    found = [each.artists for each in slices if each.family == family]
    return sorted(np.concatenate(found).tolist()) if found else []


@given(catalogues())
def test_families_partition_whom_they_speak_of(case):
    graph = case.graph
    slices = slices_of(graph, "test", known=graph.artist_id[::2])
    judged = graph.artists("test").tolist()
    degree = {row: graph.visible_edges("test")[row].nnz for row in judged}
    assert once_each(slices, "degree") == judged
    assert once_each(slices, "modalities") == (judged if graph.content else [])
    popular = once_each(slices, "popularity")
    assert popular in ([], [row for row in judged if not np.isnan(graph.popularity[row])])
    named = by_name(slices)
    assert named.get("all", []) == judged
    tail = named.get("no_edges", []) + named.get("one_edge", [])
    assert sorted(tail) == named.get("long_tail", [])
    assert named.get("long_tail", []) == [row for row in judged if degree[row] <= 1]
    genres = once_each(slices, "genre")
    assert len(genres) == len(set(genres)) and set(genres) <= set(judged)
    for each in slices:
        assert len(each.artists) and (np.diff(each.artists) > 0).all()
        assert set(each.artists) <= set(judged)
    # Quantiles go up and part no equal values.
    for family, values in (("degree", degree), ("popularity", dict(enumerate(graph.popularity)))):
        groups = [[values[row] for row in s.artists] for s in slices if s.family == family]
        assert all(max(low) < min(high) for low, high in zip(groups, groups[1:], strict=False))


@given(catalogues(), st.integers(0, 2**32))
def test_the_order_of_the_artists_does_not_matter(case, seed):
    order = np.random.default_rng(seed).permutation(len(case.graph))
    moved = case.renamed(order)
    place = np.argsort(order)
    expected = {
        name: sorted(place[rows].tolist())
        for name, rows in by_name(slices_of(case.graph, "test")).items()
    }
    assert by_name(slices_of(moved.graph, "test")) == expected


@pytest.mark.parametrize("make", [awkward, two_communities])
def test_other_edges_of_the_judged_split_are_not_read(make):
    case = make()
    graph = case.graph
    # As if the ego graphs of another split listed everything.
    other = dataclasses.replace(graph, neighbors=graph.neighbors.copy())
    rows = np.repeat(np.arange(len(graph)), np.diff(graph.neighbors.indptr))
    other.neighbors.data[np.isin(rows, graph.artists("val"))] = 9
    assert by_name(slices_of(graph, "test")) == by_name(slices_of(other, "test"))


def test_a_genre_is_a_tag_rather_than_a_country_where_all_have_both():
    country = words([{"Mali": 1.0}, {"Peru": 1.0}])
    tags = words([{"blues": 2.0, "folk": 1.0}, {"folk": 1.0}])
    graph = graph_of([(0, 1)], [0, 0], {"country": country, "tags": tags}).graph
    found = genres(graph, 2)
    assert (found.modality, found.genre.tolist()) == ("tags", ["blues", "folk"])

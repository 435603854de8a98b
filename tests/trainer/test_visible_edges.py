"""What a split hides is in none of the graphs that messages may pass over."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.graphs import graph_of
from trainer.graph import SPLITS, TRAIN, VAL


@st.composite
def random_graphs(draw):
    """A graph of up to 12 artists, its edges as a set of (u, v) in both directions."""
    num_artists = draw(st.integers(1, 12))
    artist = st.integers(0, num_artists - 1)
    split = draw(st.lists(st.integers(0, 2), min_size=num_artists, max_size=num_artists))
    edges = draw(st.lists(st.tuples(artist, artist), max_size=40))
    both = {(u, v) for u, v in edges if u != v} | {(v, u) for u, v in edges if u != v}
    return graph_of(edges, split), np.array(split), both


def pairs(matrix):
    row, column = matrix.nonzero()
    return set(zip(row.tolist(), column.tolist(), strict=True))


@given(random_graphs())
def test_judging_a_split_shows_train_train_and_train_split_edges_only(drawn):
    case, split, edges = drawn
    for index, name in enumerate(SPLITS):
        allowed = {
            (u, v)
            for u, v in edges
            if TRAIN in (split[u], split[v]) and {split[u], split[v]} <= {TRAIN, index}
        }
        assert pairs(case.graph.visible_edges(name)) == allowed


@given(random_graphs())
def test_no_edge_touches_the_third_split_or_stays_inside_the_judged_one(drawn):
    case, split, _ = drawn
    for u, v in pairs(case.graph.visible_edges("val")):
        assert TRAIN in (split[u], split[v])
        assert {split[u], split[v]} <= {TRAIN, VAL}


@given(random_graphs())
def test_training_sees_training_artists_only(drawn):
    case, split, edges = drawn
    expected = {(u, v) for u, v in edges if split[u] == split[v] == TRAIN}
    assert pairs(case.graph.training_edges()) == expected


@given(random_graphs())
def test_the_served_graph_is_all_that_is_not_hidden(drawn):
    case, split, edges = drawn
    hidden = pairs(case.hidden)
    assert hidden == {(u, v) for u, v in edges if TRAIN not in (split[u], split[v])}
    assert pairs(case.graph.served_edges()) == edges - hidden


@given(random_graphs())
def test_edges_go_both_ways_and_count_once(drawn):
    case, _, _ = drawn
    graph = case.graph
    for edges in (graph.training_edges(), graph.served_edges(), graph.visible_edges("test")):
        assert (edges != edges.T).nnz == 0
        assert set(edges.data.tolist()) <= {1.0}


@given(random_graphs())
def test_the_truth_of_a_split_is_hidden_and_inside_it(drawn):
    case, split, edges = drawn
    for index, name in enumerate(SPLITS):
        if index == TRAIN:
            continue
        expected = {(u, v) for u, v in edges if split[u] == split[v] == index}
        assert pairs(case.truth(name)) == expected
        assert not expected & pairs(case.graph.visible_edges(name))

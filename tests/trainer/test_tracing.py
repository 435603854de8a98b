"""Tracing and neighbour choice against algorithm 1 of 000 in plain loops."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.tracing import (
    random_neighbors,
    strongest_neighbors,
    trace,
    without_edges_among,
)


@st.composite
def weighted_graphs(draw):
    """A directed weighted graph of up to 10 artists, as a CSR and as {target: {source: weight}}."""
    num_artists = draw(st.integers(1, 10))
    artist = st.integers(0, num_artists - 1)
    weight = st.integers(1, 8).map(float)
    edges = draw(st.dictionaries(st.tuples(artist, artist), weight, max_size=40))
    edges = {pair: value for pair, value in edges.items() if pair[0] != pair[1]}
    return matrix_of(edges, num_artists), edges


def matrix_of(edges, num_artists):
    row, column = np.array(list(edges), np.int64).reshape(-1, 2).T
    values = np.array(list(edges.values()), np.float32)
    return sp.csr_matrix((values, (row, column)), shape=(num_artists, num_artists))


def edges_of(matrix):
    matrix = matrix.tocoo()
    return dict(
        zip(zip(matrix.row.tolist(), matrix.col.tolist()), matrix.data.tolist(), strict=True)
    )


def batches_of(num_artists):
    return st.lists(st.integers(0, num_artists - 1), unique=True, max_size=num_artists)


@given(weighted_graphs(), st.integers(0, 4), st.data())
def test_the_traced_artists_are_those_of_the_algorithm(drawn, num_convolutions, data):
    matrix, edges = drawn
    batch = data.draw(batches_of(matrix.shape[0]))
    traced = trace(matrix, np.array(batch, np.int64), num_convolutions)
    # Lines 1-4. The paper's V_k leaves out V_{k+1}, though line 9 reads its rows; both are needed.
    needed = [set(batch)]
    for _ in range(num_convolutions):
        needed.append(needed[-1] | {source for target, source in edges if target in needed[-1]})
    sizes = [traced.blocks[0].num_sources] if traced.blocks else [len(batch)]
    sizes += [block.num_targets for block in traced.blocks]
    assert len(traced.artists) == sizes[0]
    assert len(set(traced.artists.tolist())) == len(traced.artists)
    for size, expected in zip(reversed(sizes), needed, strict=True):
        assert set(traced.artists[:size].tolist()) == expected
    assert traced.artists[: len(batch)].tolist() == batch


@given(weighted_graphs(), st.integers(1, 4), st.data())
def test_each_block_is_the_row_normalised_adjacency(drawn, num_convolutions, data):
    matrix, edges = drawn
    batch = np.array(data.draw(batches_of(matrix.shape[0])), np.int64)
    traced = trace(matrix, batch, num_convolutions)
    assert len(traced.blocks) == num_convolutions
    for before, block in zip((None, *traced.blocks), traced.blocks, strict=False):
        assert before is None or before.num_targets == block.num_sources
        assert (np.diff(block.target) >= 0).all()
        found = {}
        for target, source, weight in zip(block.target, block.source, block.weight, strict=True):
            pair = int(traced.artists[target]), int(traced.artists[source])
            assert pair not in found
            found[pair] = weight
        targets = set(traced.artists[: block.num_targets].tolist())
        expected = {pair: weight for pair, weight in edges.items() if pair[0] in targets}
        assert found.keys() == expected.keys()
        for (target, source), weight in expected.items():
            total = sum(value for pair, value in expected.items() if pair[0] == target)
            assert found[target, source] == pytest.approx(weight / total, rel=1e-6)


@given(weighted_graphs(), st.integers(0, 4))
def test_the_strongest_neighbors_are_kept(drawn, fan_out):
    matrix, edges = drawn
    kept = edges_of(strongest_neighbors(matrix, fan_out))
    for target in range(matrix.shape[0]):
        weights = [weight for pair, weight in edges.items() if pair[0] == target]
        left = [weight for pair, weight in kept.items() if pair[0] == target]
        expected = sorted(weights, reverse=True)[: fan_out or len(weights)]
        assert sorted(left, reverse=True) == expected
    assert kept.items() <= edges.items()


@given(weighted_graphs(), st.integers(0, 4), st.integers(0, 2**32))
def test_random_neighbors_are_as_many_as_there_may_be(drawn, fan_out, seed):
    matrix, edges = drawn
    kept = edges_of(random_neighbors(matrix, fan_out, np.random.default_rng(seed)))
    assert kept.items() <= edges.items()
    for target in range(matrix.shape[0]):
        degree = sum(pair[0] == target for pair in edges)
        left = sum(pair[0] == target for pair in kept)
        assert left == (min(degree, fan_out) if fan_out else degree)


@settings(max_examples=5)
@given(st.integers(0, 2**32))
def test_each_neighbor_is_drawn_as_often(seed):
    # 3000 receivers of the same 10 neighbours, 4 drawn: each is drawn with probability 0.4, its
    # count has a deviation of sqrt(3000 * 0.4 * 0.6) = 27.
    edges = np.repeat(np.arange(3000), 10), np.tile(np.arange(10), 3000)
    star = sp.csr_matrix((np.ones(30_000, np.float32), edges), shape=(3000, 3000))
    drawn = random_neighbors(star, 4, np.random.default_rng(seed))
    assert (np.diff(drawn.indptr) == 4).all()
    counts = np.bincount(drawn.indices, minlength=10)[:10]
    np.testing.assert_allclose(counts, 1200, atol=6 * 27)


@given(weighted_graphs(), st.data())
def test_edges_among_some_artists_are_deleted(drawn, data):
    matrix, edges = drawn
    some = data.draw(batches_of(matrix.shape[0]))
    left = edges_of(without_edges_among(matrix, np.array(some, np.int64)))
    assert left == {pair: weight for pair, weight in edges.items() if not (set(pair) <= set(some))}


def test_tracing_does_not_change_the_graph():
    matrix = matrix_of({(0, 1): 1.0, (1, 2): 2.0, (2, 0): 3.0}, 3)
    before = matrix.copy()
    trace(strongest_neighbors(without_edges_among(matrix, np.array([0, 1])), 1), np.array([0]), 3)
    assert edges_of(matrix) == edges_of(before)

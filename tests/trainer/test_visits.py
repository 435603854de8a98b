"""Truncated walks against a slow, obvious reference, and in TensorFlow against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import visits as visits_module
from trainer.layers import diffusion
from trainer.visits import shares, strongest, visits, walk_matrix

NUM = 23
FORMS = [0.0, 0.4, 1e9]
"""Of hops in TensorFlow: all rows summed densely, some, none."""


def random_edges(seed: int, num: int = NUM, symmetric: bool = True) -> sp.csr_matrix:
    rng = np.random.default_rng(seed)
    dense = np.triu(rng.random((num, num)) < 0.15, 1) * (rng.random((num, num)) + 0.5)
    dense = dense + dense.T if symmetric else dense
    # One artist that knows nobody.
    dense[num // 2] = dense[:, num // 2] = 0
    return sp.csr_matrix(dense.astype(np.float32))


def slow_visits(edges, known, hops, decay, reach):
    """The definition, one artist and one walk at a time."""
    num = edges.shape[0]
    weight = edges.toarray().astype(float)
    degree = weight.sum(axis=1)

    def cut(row):
        best = sorted((-value, column) for column, value in enumerate(row) if value > 0)[:reach]
        result = np.zeros(num)
        for value, column in best:
            result[column] = -value
        return result

    def after_a_hop(visited):
        rows = np.zeros((num, num))
        for v in range(num):
            for u in range(num):
                if weight[v, u]:
                    step = weight[v, u] / np.sqrt(degree[v] * max(degree[u], weight[v, u]))
                    rows[v] += decay * step * visited[u]
                    rows[v, u] += decay * step
        return rows

    visited = np.zeros((num, num))
    for _ in range(hops - 1):
        visited = np.array([cut(row) for row in after_a_hop(visited)])
    found = np.array([cut(row * known) for row in after_a_hop(visited)])
    total = found.sum(axis=1, keepdims=True)
    return np.sqrt(np.divide(found, total, out=np.zeros_like(found), where=total > 0))


def tensorflow_visits(edges, known, hops, decay, reach):
    """The same as the saved model computes it."""
    num = tf.constant(edges.shape[0], tf.int64)
    degree = tf.constant(np.asarray(edges.sum(axis=1)).ravel(), tf.float32)
    # Not in the order of their targets: a request need not sort its edges.
    coo = edges.tocoo()
    order = np.random.default_rng(0).permutation(edges.nnz)
    target, source = (tf.constant(part[order], tf.int64) for part in (coo.row, coo.col))
    hops_of = diffusion.hop_edges(
        target, source, tf.constant(coo.data[order]), degree, degree, decay
    )
    visited = diffusion.all_visits(hops_of, num, hops - 1, reach)
    found = diffusion.shares(diffusion.hop(hops_of, num, num, reach, visited, tf.constant(known)))
    dense = np.zeros(edges.shape, np.float32)
    np.add.at(dense, (np.arange(edges.shape[0])[:, None], found.column), found.value)
    return dense


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("reach", [3, 7, 100])
@pytest.mark.parametrize("hops", [1, 2, 3])
@pytest.mark.parametrize("dense_from", FORMS)
def test_both_ways_equal_the_definition(monkeypatch, dense_from, hops, reach, symmetric):
    monkeypatch.setattr(diffusion, "_DENSE_FROM", dense_from)
    edges = random_edges(hops + reach, symmetric=symmetric)
    known = np.random.default_rng(1).random(NUM) < 0.7
    expected = slow_visits(edges, known, hops, 0.5, reach)
    found = shares(visits(edges, np.arange(NUM), known, hops=hops, decay=0.5, reach=reach))
    np.testing.assert_allclose(found.toarray(), expected, atol=1e-6)
    np.testing.assert_allclose(
        tensorflow_visits(edges, known, hops, 0.5, reach), expected, atol=1e-5
    )


def test_a_path_by_hand():
    """0 - 1 - 2: two hops with decay 1/2 from 0 visit 1 (one hop), 0 and 2 (two hops)."""
    edges = sp.csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32))
    np.testing.assert_allclose(walk_matrix(edges)[0, 1], 1 / np.sqrt(2), rtol=1e-6)
    found = visits(edges, np.array([0]), np.ones(3, bool), hops=2, decay=0.5, reach=9).toarray()[0]
    raw = np.array([0.25 / 2, 0.5 / np.sqrt(2), 0.25 / 2])
    np.testing.assert_allclose(found, raw, rtol=1e-5)


def test_rows_have_length_one_or_visit_nobody():
    edges = random_edges(3)
    known = np.ones(NUM, bool)
    found = shares(visits(edges, np.arange(NUM), known, hops=3, decay=0.5, reach=5))
    length = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    connected = np.diff(edges.indptr) > 0
    np.testing.assert_allclose(length, connected, atol=1e-6)
    assert not connected.all()
    assert not visits(edges, np.arange(NUM), ~known, hops=3, decay=0.5, reach=5).nnz


def test_only_known_artists_are_counted():
    edges = random_edges(4)
    known = np.arange(NUM) % 2 == 0
    found = visits(edges, np.arange(NUM), known, hops=3, decay=0.5, reach=50)
    assert known[found.indices].all()


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=6, max_size=6),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 7),
)
def test_the_strongest_of_each_row(rows, reach):
    dense = np.array(rows, np.float32)
    kept = strongest(sp.csr_matrix(dense), reach).toarray()
    for before, after in zip(dense, kept, strict=True):
        order = np.argsort(-before, kind="stable")[:reach]
        expected = np.zeros_like(before)
        expected[order] = before[order]
        np.testing.assert_array_equal(after, expected)


def test_the_first_of_equal_ones_whatever_their_order_in_memory():
    columns, values = np.array([5, 0, 3, 1]), np.array([1.0, 1.0, 2.0, 1.0], np.float32)
    matrix = sp.csr_matrix((values, columns, [0, 4]), shape=(1, 6))
    kept = strongest(matrix, 3)
    assert kept.indices.tolist() == [0, 1, 3] and kept.data.tolist() == [1.0, 1.0, 2.0]


@settings(max_examples=30)
@given(st.data())
def test_the_forms_of_a_hop_agree_whatever_the_edges(data):
    num_targets, num_columns = data.draw(st.integers(0, 5)), data.draw(st.integers(1, 6))
    known = data.draw(st.lists(st.booleans(), min_size=num_columns, max_size=num_columns))
    artist = st.integers(0, num_columns - 1)
    # The same edge may come twice: a request may say so. Numbers that float32 adds exactly.
    edge = st.tuples(st.integers(0, max(0, num_targets - 1)), artist, st.sampled_from([0.25, 1.0]))
    edges = sorted(data.draw(st.lists(edge, max_size=9 if num_targets else 0)))
    target, source, weight = zip(*edges, strict=True) if edges else ([], [], [])
    visit = st.tuples(artist, st.sampled_from([0.0, 0.5, 2.0]))
    rows = [
        sorted(data.draw(st.lists(visit, min_size=3, max_size=3)), key=lambda v: -v[1])
        for _ in range(num_columns)
    ]
    visited = diffusion.Visits(
        tf.constant([[column for column, _ in row] for row in rows], tf.int32),
        tf.constant([[value for _, value in row] for row in rows], tf.float32),
    )
    hops_of = diffusion.Hops(
        tf.constant(target, tf.int64),
        tf.constant(source, tf.int64),
        tf.constant(weight, tf.float32),
    )
    expected = np.zeros((num_targets, num_columns), np.float32)
    for v, u, w in edges:
        expected[v, u] += w
        for column, value in rows[u]:
            expected[v, column] += w * value
    expected *= known
    for dense_from in FORMS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(diffusion, "_DENSE_FROM", dense_from)
            found = diffusion.hop(
                hops_of,
                tf.constant(num_targets, tf.int64),
                tf.constant(num_columns, tf.int64),
                3,
                visited,
                tf.constant(known),
            )
        for v in range(num_targets):
            best = sorted((-value, u) for u, value in enumerate(expected[v]) if value > 0)[:3]
            value = found.value[v].numpy()
            assert value.tolist() == [-b for b, _ in best] + [0.0] * (3 - len(best))
            assert found.column[v].numpy()[value > 0].tolist() == [u for _, u in best]
        assert found.column.shape == (num_targets, 3)


@pytest.mark.parametrize("dense_from", FORMS)
def test_few_rows_at_a_time_give_the_same(monkeypatch, dense_from):
    monkeypatch.setattr(diffusion, "_DENSE_FROM", dense_from)
    edges, known = random_edges(5), np.ones(NUM, bool)
    whole = tensorflow_visits(edges, known, 3, 0.5, 6)
    for held in (4 * NUM, 1):
        monkeypatch.setattr(diffusion, "_MAX_HELD", held)
        again = tensorflow_visits(edges, known, 3, 0.5, 6)
        # Sums of many edges of one artist are taken apart, and rounded elsewhere.
        np.testing.assert_allclose(again, whole, rtol=1e-6)


def test_walks_of_few_artists_and_few_rows_at_a_time_have_the_same_bits(monkeypatch):
    edges, known = random_edges(5), np.arange(NUM) % 3 > 0
    whole = visits(edges, np.arange(NUM), known, hops=3, decay=0.5, reach=6)
    for products in (2**23, 40, 1):
        monkeypatch.setattr(visits_module, "_MAX_PRODUCTS", products)
        for artists in (np.arange(NUM), np.array([4, 2, 19]), np.zeros(0, np.int64)):
            found = visits(edges, artists, known, hops=3, decay=0.5, reach=6)
            np.testing.assert_array_equal(found.toarray(), whole[artists].toarray())


@pytest.mark.parametrize("dense_from", FORMS)
def test_nobody_visits_nobody(monkeypatch, dense_from):
    monkeypatch.setattr(diffusion, "_DENSE_FROM", dense_from)
    nothing = tf.zeros([0], tf.int64)
    zero = tf.constant(0, tf.int64)
    edges = diffusion.Hops(nothing, nothing, tf.zeros([0]))
    for num_columns in (0, 4):
        found = diffusion.hop(edges, zero, tf.constant(num_columns, tf.int64), 3)
        assert found.value.shape == (0, 3)

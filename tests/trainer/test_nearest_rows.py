"""The highest dot products: right, and the same bits in any batch."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import nearest_rows as module
from trainer.nearest_rows import MARGIN, dot_products, nearest_rows

NUM_ARTISTS, DIM = 700, 48


@tf.function(autograph=False, reduce_retracing=True)
def found(catalogue, embedding, count, noise):
    longest = tf.reduce_max(tf.norm(catalogue, axis=1))
    product = tf.transpose(tf.matmul(catalogue, embedding, transpose_b=True)) + noise
    return nearest_rows(catalogue, longest, embedding, product, count)


def nearest(catalogue, embedding, count, noise=None):
    noise = np.zeros((len(embedding), len(catalogue)), np.float32) if noise is None else noise
    return [part.numpy() for part in found(catalogue, embedding, tf.constant(count), noise)]


def in_plain(catalogue, embedding, count):
    """Each sum by itself, and a stable sort."""
    scores = [dot_products(tf.constant(catalogue), tf.constant(one)).numpy() for one in embedding]
    rows = [np.argsort(-score, kind="stable")[:count] for score in scores]
    return np.array([s[r] for s, r in zip(scores, rows, strict=True)]), np.array(rows)


def catalogue_of(seed: int, copies: int = 1) -> np.ndarray:
    """Each vector `copies` times, and some of many lengths."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(NUM_ARTISTS // copies, DIM)) * rng.uniform(0.1, 3, (1, DIM))
    vectors = np.repeat(vectors, copies, axis=0)[rng.permutation(NUM_ARTISTS // copies * copies)]
    return vectors.astype(np.float32)


@given(
    seed=st.integers(0, 3),
    # Of 100 equal vectors more lie on the edge of an answer than the margin takes.
    copies=st.sampled_from([1, 2, 7, 100]),
    batch=st.integers(1, 64),
    count=st.sampled_from([1, 10, 120]),
    place=st.integers(0, 63),
)
@settings(max_examples=40, deadline=None)
def test_any_batch_gives_the_same_bits(seed, copies, batch, count, place):
    catalogue = catalogue_of(seed, copies)
    asked = np.random.default_rng([seed, batch]).integers(len(catalogue), size=batch)
    embedding, place = catalogue[asked], place % batch
    scores, rows = nearest(catalogue, embedding, count)
    alone = nearest(catalogue, embedding[place : place + 1], count)
    np.testing.assert_array_equal(scores[place], alone[0][0])
    np.testing.assert_array_equal(rows[place], alone[1][0])
    expected = in_plain(catalogue, embedding[place : place + 1], count)
    np.testing.assert_array_equal(scores[place], expected[0][0])
    np.testing.assert_array_equal(rows[place], expected[1][0])


@pytest.mark.parametrize("copies", [1, 100])
def test_a_product_that_is_as_wrong_as_it_may_be_changes_nothing(copies):
    """Rounding errors drawn at random up to the bound, in place of those of one machine."""
    catalogue, rng = catalogue_of(5, copies), np.random.default_rng(6)
    embedding = catalogue[:5]
    bound = (
        DIM * 2.0**-24 * np.linalg.norm(embedding, axis=1) * np.linalg.norm(catalogue, axis=1).max()
    )
    noise = rng.uniform(-0.9, 0.9, (5, len(catalogue))) * bound[:, None]
    expected = in_plain(catalogue, embedding, 60)
    got = nearest(catalogue, embedding, 60, noise.astype(np.float32))
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])


def test_the_ranking_is_that_of_the_plain_product_up_to_its_rounding():
    catalogue = catalogue_of(7)
    scores, rows = nearest(catalogue, catalogue[:20], 50)
    exact = catalogue[:20].astype(np.float64) @ catalogue.T.astype(np.float64)
    best = -np.sort(-exact, axis=1)[:, :50]
    np.testing.assert_allclose(scores, best, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(exact, rows, axis=1), best, atol=1e-5)


def test_who_is_left_out_comes_last_and_has_no_score():
    catalogue = catalogue_of(8)
    noise = np.full((1, NUM_ARTISTS), -np.inf, np.float32)
    noise[0, [3, 500, 41]] = 0
    scores, rows = nearest(catalogue, catalogue[:1], 5, noise)
    [expected], [order] = in_plain(catalogue[[3, 41, 500]], catalogue[:1], 3)
    np.testing.assert_array_equal(scores[0], [*expected, -np.inf, -np.inf])
    assert rows[0, :3].tolist() == np.array([3, 41, 500])[order].tolist()


def test_nobody_may_ask_or_be_asked_for():
    catalogue = catalogue_of(9)
    assert [part.shape for part in nearest(catalogue, catalogue[:0], 4)] == [(0, 4), (0, 4)]
    assert [part.shape for part in nearest(catalogue, catalogue[:2], 0)] == [(2, 0), (2, 0)]
    scores, rows = nearest(catalogue[:3], catalogue[:1], 3)
    assert sorted(rows[0].tolist()) == [0, 1, 2]


def test_zero_ties_with_everybody_and_is_found_at_once(monkeypatch):
    catalogue, widths = catalogue_of(10), []
    once = module._each

    def noted(catalogue, embedding, rows):
        widths.append(rows.shape[1])
        return once(catalogue, embedding, rows)

    monkeypatch.setattr(module, "_each", noted)
    zero, longest = np.zeros((1, DIM), np.float32), np.float32(99)
    product = np.zeros((1, NUM_ARTISTS), np.float32)
    scores, rows = nearest_rows(
        tf.constant(catalogue), longest, tf.constant(zero), tf.constant(product), tf.constant(4)
    )
    assert rows.numpy().tolist() == [[0, 1, 2, 3]]
    assert scores.numpy().tolist() == [[0, 0, 0, 0]]
    assert widths == [4 + MARGIN]


@pytest.mark.parametrize("scale", [1e-30, 1e25])
def test_the_bound_knows_lengths_whose_squares_are_no_float32(scale):
    vectors = np.array([[3, 4], [0, 0]], np.float32) * np.float32(scale)
    np.testing.assert_allclose(module._length(tf.constant(vectors)), [5 * scale, 0], rtol=1e-6)

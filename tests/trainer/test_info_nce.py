"""InfoNCE of two modalities, by hand, in plain loops, and by its gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from trainer.losses.info_nce import info_nce


def slow_info_nce(anchors, others, both, temperature):
    """The equation of 003, term by term, over the artists that have both modalities."""

    def likeness(x, y):
        return math.exp(np.dot(x, y) / np.linalg.norm(x) / np.linalg.norm(y) / temperature)

    counted = np.flatnonzero(both)
    a, b = anchors[counted].astype(float), others[counted].astype(float)
    num = len(counted)
    losses = np.zeros(len(both))
    for i in range(num):
        total = 0.0
        for k in range(2 * num):
            if k != i:
                total += likeness(a[i], a[k] if k < num else b[k - num])
        losses[counted[i]] = -math.log(likeness(a[i], b[i]) / total)
    return losses


def modalities(num=7, dim=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, num, dim)).astype(np.float32)


EVERYBODY = np.ones(7, bool)
SOME = np.array([1, 0, 1, 1, 0, 1, 0], bool)


def test_two_artists_by_hand():
    # Both modalities of the first point east, those of the second north. With temperature 1 the
    # first is compared with the second's a (cosine 0), its own b (1) and the second's b (0).
    anchors = tf.constant([[2.0, 0.0], [0.0, 1.0]])
    others = tf.constant([[1.0, 0.0], [0.0, 5.0]])
    expected = -math.log(math.e / (math.e + 1 + 1))
    found = info_nce(anchors, others, tf.constant([True, True]), 1.0)
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-6)


def test_two_artists_that_are_taken_for_each_other_by_hand():
    # Each artist's b is the other's a: its own b has cosine 0, both negatives 0 and 1.
    anchors, others = tf.eye(2), tf.reverse(tf.eye(2), [0])
    found = info_nce(anchors, others, tf.constant([True, True]), 0.5)
    np.testing.assert_allclose(found, [math.log(2 + math.exp(2))] * 2, rtol=1e-6)


@pytest.mark.parametrize("both", [EVERYBODY, SOME], ids=["everybody", "some"])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_it_is_the_equation(both, temperature):
    anchors, others = modalities()
    found = info_nce(anchors, others, tf.constant(both), temperature)
    np.testing.assert_allclose(
        found, slow_info_nce(anchors, others, both, temperature), rtol=1e-4, atol=1e-5
    )


def test_the_anchors_are_of_one_modality():
    anchors, others = modalities()
    one, other = (
        info_nce(*pair, EVERYBODY, 0.1) for pair in ((anchors, others), (others, anchors))
    )
    assert np.abs(one - other).max() > 0.1


def test_whoever_lacks_a_modality_does_not_matter():
    anchors, others = modalities()
    rng = np.random.default_rng(1)
    junk = np.where(SOME[:, None], anchors, rng.normal(size=anchors.shape)).astype(np.float32)
    nothing = others * SOME[:, None]
    expected = info_nce(anchors, others, SOME, 0.1)
    np.testing.assert_array_equal(info_nce(junk, nothing, SOME, 0.1), expected)
    assert not expected.numpy()[~SOME].any()


@pytest.mark.parametrize("num", [0, 1])
def test_nobody_and_an_artist_alone_cost_nothing(num):
    both = np.arange(7) < num
    found = info_nce(*modalities(), both, 0.1)
    np.testing.assert_allclose(found, np.zeros(7), atol=1e-6)


def test_lengths_do_not_matter():
    anchors, others = modalities()
    expected = info_nce(anchors, others, EVERYBODY, 0.1)
    np.testing.assert_allclose(
        info_nce(3 * anchors, 0.2 * others, EVERYBODY, 0.1), expected, rtol=1e-4
    )


def test_the_order_of_the_artists_does_not_matter():
    anchors, others = modalities()
    order = np.random.default_rng(2).permutation(7)
    found = info_nce(anchors[order], others[order], SOME[order], 0.1)
    expected = info_nce(anchors, others, SOME, 0.1).numpy()[order]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def gradients(anchors, others, both):
    anchors, others = tf.constant(anchors), tf.constant(others)
    with tf.GradientTape() as tape:
        tape.watch([anchors, others])
        loss = tf.reduce_sum(info_nce(anchors, others, tf.constant(both), 0.5))
    return [gradient.numpy() for gradient in tape.gradient(loss, [anchors, others])]


def test_the_gradient_is_that_of_the_equation():
    """Central differences of the slow reference, in float64."""
    given = modalities()
    found = gradients(*given, SOME)
    step = 1e-5
    for part in range(2):
        for place in np.ndindex(given[part].shape):
            ends = []
            for sign in (1, -1):
                moved = given.astype(np.float64)
                moved[part][place] += sign * step
                ends.append(slow_info_nce(*moved, SOME, 0.5).sum())
            slope = (ends[0] - ends[1]) / (2 * step)
            assert found[part][place] == pytest.approx(slope, abs=1e-3)


def test_a_zero_vector_has_a_finite_gradient_and_a_missing_one_none():
    anchors, others = modalities()
    anchors[~SOME], others[~SOME] = 0, 0
    anchors[0] = 0
    for gradient in gradients(anchors, others, SOME):
        assert np.isfinite(gradient).all()
        assert not gradient[~SOME].any()
        assert gradient[SOME].any(axis=1).all()

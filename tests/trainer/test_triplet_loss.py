"""Distances and the triplet loss on embeddings at known angles."""

import numpy as np
import tensorflow as tf

from trainer.losses.triplet import chord, triplet_loss


def at_angles(*degrees):
    radians = np.radians(degrees)
    return tf.constant(np.stack([np.cos(radians), np.sin(radians)], axis=1), tf.float32)


def pairwise_distance(embedding):
    return chord(tf.matmul(embedding, embedding, transpose_b=True))


def test_a_negative_must_be_further_by_the_margin():
    # d_ap - d_an + 0.2: met with room to spare, met exactly, missed by 0.1, negative nearer.
    loss = triplet_loss(tf.constant([0.3, 0.3, 0.3, 1.0]), tf.constant([0.9, 0.5, 0.4, 0.5]), 0.2)
    np.testing.assert_allclose(loss, [0, 0, 0.1, 0.7], atol=1e-6)


def test_the_distance_is_the_chord_of_the_angle():
    angles = [0, 60, 90, 180]
    # The chord of an angle a is 2 sin(a / 2).
    expected = [[2 * np.sin(np.radians(abs(a - b)) / 2) for b in angles] for a in angles]
    np.testing.assert_allclose(pairwise_distance(at_angles(*angles)), expected, atol=2e-4)


def test_the_gradient_is_finite_for_equal_rows():
    embedding = at_angles(30, 30, 30 + 1e-6, 200)
    with tf.GradientTape() as tape:
        tape.watch(embedding)
        total = tf.reduce_sum(pairwise_distance(embedding))
    assert np.isfinite(tape.gradient(total, embedding).numpy()).all()


def test_a_step_along_the_gradient_brings_the_positive_nearer():
    embedding = at_angles(0, 50, 20)
    with tf.GradientTape() as tape:
        tape.watch(embedding)
        distance = pairwise_distance(embedding)
        loss = triplet_loss(distance[0, 1], distance[0, 2], 0.2)
    moved = tf.math.l2_normalize(embedding - 0.05 * tape.gradient(loss, embedding), axis=1)
    after = pairwise_distance(moved)
    assert after[0, 1] < distance[0, 1]
    assert after[0, 2] > distance[0, 2]

"""The softmax losses by hand."""

import numpy as np
import tensorflow as tf

from trainer.losses.softmax import divergence, hidden_edge_loss, log_probabilities


def test_nobody_is_a_candidate_of_itself():
    vectors = tf.constant([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    probability = np.exp(log_probabilities(vectors, vectors, tf.constant([1.0, 3.0, 2.0])))
    np.testing.assert_allclose(probability[0], np.array([0, 1, np.e**2]) / (1 + np.e**2), rtol=1e-5)
    np.testing.assert_allclose(probability[1], [0.5, 0, 0.5], rtol=1e-6)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-6)


def test_every_query_counts_the_same_however_many_positives_it_has():
    log_probability = tf.constant([[-9e8, -1.0, -3.0], [-5.0, -9e8, -1.0], [-1.0, -1.0, -9e8]])
    hidden = tf.constant([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(hidden_edge_loss(log_probability, hidden), (2.0 + 5.0) / 2)


def test_without_a_positive_there_is_no_loss():
    assert float(hidden_edge_loss(tf.zeros([2, 2]), tf.zeros([2, 2]))) == 0
    assert float(hidden_edge_loss(tf.zeros([0, 0]), tf.zeros([0, 0]))) == 0
    assert float(divergence(tf.zeros([0, 0]), tf.zeros([0, 0]))) == 0


def test_the_divergence_by_hand():
    wanted = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]], np.float32)
    found = np.array([[1e-9, 0.25, 0.75], [0.2, 1e-9, 0.8]], np.float32)
    expected = np.log(4) + 0.5 * np.log(0.5 / 0.2) + 0.5 * np.log(0.5 / 0.8)
    np.testing.assert_allclose(divergence(wanted, np.log(found)), expected / 2, rtol=1e-5)
    likeliest = np.maximum(wanted, 1e-30)
    np.testing.assert_allclose(divergence(wanted, np.log(likeliest)), 0, atol=1e-6)

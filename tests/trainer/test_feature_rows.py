"""Features looked up by row, dense or sparse, and a network that is taught with either."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.graphs import two_communities
from tests.trainer.small_systems import small_config
from trainer import feature_rows
from trainer.feature_rows import FeatureRows
from trainer.network import ArtistNetwork
from trainer.tasks.triplet import TripletTask


def words(num_artists, num_words=60, seed=0):
    """Bags of words: one number in 40 is not zero, some artists have none."""
    rng = np.random.default_rng(seed)
    known = rng.random((num_artists, num_words)) < 1 / 40
    return (known * rng.uniform(0.5, 2, known.shape)).astype(np.float32)


def dense(rows):
    return tf.sparse.to_dense(rows).numpy() if isinstance(rows, tf.SparseTensor) else rows.numpy()


@pytest.mark.parametrize("may_be_sparse", [False, True])
@pytest.mark.parametrize("artists", [[3, 0, 3, 19], [], list(range(20))])
def test_rows_are_those_asked_for(may_be_sparse, artists):
    given = words(20)
    given[3] = 0
    rows = FeatureRows(tf.constant(given), may_be_sparse)
    assert rows.is_sparse == may_be_sparse
    found = rows(tf.constant(artists, tf.int64))
    assert isinstance(found, tf.SparseTensor) == may_be_sparse
    np.testing.assert_array_equal(dense(found), given[artists])


def test_only_what_is_mostly_zeros_is_sparse():
    given = np.zeros((10, 40), np.float32)
    given.ravel()[: round(400 * feature_rows.SPARSE) - 1] = 1
    assert FeatureRows(tf.constant(given), True).is_sparse
    given.ravel()[: round(400 * feature_rows.SPARSE)] = 1
    assert not FeatureRows(tf.constant(given), True).is_sparse


def test_features_without_columns_stay_as_they_are():
    rows = FeatureRows(tf.zeros([4, 0]), True)
    assert not rows.is_sparse
    assert rows(tf.constant([1, 2], tf.int64)).shape == [2, 0]


def step(convolutions, sparse, mixed_precision=False):
    """Loss and gradients of the first batch of a task, whose content is mostly zeros."""
    graph = two_communities().graph
    config = small_config(convolutions)
    tf.keras.utils.set_random_seed(5)
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16" if mixed_precision else "float32")
    try:
        task = TripletTask(
            lambda: ArtistNetwork(dataclasses.replace(config.network, convolutions=convolutions)),
            tf.constant(words(len(graph))),
            (),
            graph,
            config.training,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(feature_rows, "SPARSE", 1 if sparse else 0)
            network = task.build()
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert task._features.is_sparse == (sparse and convolutions > 0)
    batch = tf.nest.map_structure(tf.convert_to_tensor, next(task.batches(0)))
    with tf.GradientTape() as tape:
        loss = task.loss(batch, tf.constant([1, 2], tf.int64))
    return float(loss), [g.numpy() for g in tape.gradient(loss, network.trainable_variables)]


@pytest.mark.parametrize("convolutions", [0, 1, 3])
def test_sparse_content_teaches_what_dense_content_does(convolutions):
    (loss, gradients), (expected, expected_gradients) = (
        step(convolutions, sparse) for sparse in (True, False)
    )
    assert loss == pytest.approx(expected, rel=1e-5)
    assert loss > 0
    for gradient, other in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, other, atol=1e-5)
        assert other.any()


def test_sparse_content_teaches_under_mixed_precision():
    loss, gradients = step(2, sparse=True, mixed_precision=True)
    assert loss == pytest.approx(step(2, sparse=False)[0], abs=0.05)
    assert all(np.isfinite(g).all() and g.dtype == np.float32 for g in gradients)

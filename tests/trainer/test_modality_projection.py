"""Modalities through layers of their own, missing ones, and those that training takes away."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from trainer.content import FeatureColumns
from trainer.layers.modality_projection import ModalityProjection, without_modalities

LAYOUT = (
    FeatureColumns("audio", 0, 3, 3),
    FeatureColumns("tags", 4, 2, 6),
    FeatureColumns("random", 7, 2, None),
)


def features(present):
    """[num, 9]: as an encoder gives them, zeros where a modality is missing."""
    rng = np.random.default_rng(1)
    found = rng.standard_normal((len(present), 9)).astype(np.float32)
    for row, (audio, tags) in enumerate(present):
        found[row, 3], found[row, 6] = audio, tags
        found[row, :3] *= audio
        found[row, 4:6] *= tags
    return found


PRESENT = [(1, 1), (0, 1), (1, 0), (0, 0)]


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def test_each_modality_has_a_layer_and_a_vector_for_where_it_is_missing():
    tf.keras.utils.set_random_seed(5)
    layer, given = ModalityProjection(4, LAYOUT), features(PRESENT)
    found = layer(given).numpy()
    assert found.shape == (4, 12)
    for row, present in enumerate(PRESENT):
        for place, part in enumerate(LAYOUT):
            dense = layer._project[place]
            own = given[row, part.start : part.start + part.width]
            expected = elu(own @ dense.kernel.numpy() + dense.bias.numpy())
            if place < 2 and not present[place]:
                expected = layer._missing[place].numpy()
            np.testing.assert_allclose(found[row, 4 * place : 4 * place + 4], expected, atol=1e-5)
    # What stands in differs from what a layer makes of zeros, and is learnt.
    names = {variable.name for variable in layer.trainable_variables}
    assert len(names) == len(layer.trainable_variables) == 3 * 2 + 2
    assert all(np.abs(layer._missing[place]).max() > 0 for place in (0, 1))


def test_what_stands_in_is_taught_by_those_that_lack_the_modality_alone():
    layer = ModalityProjection(4, LAYOUT)
    layer(features(PRESENT))
    for given, taught in ((features([(1, 1)]), False), (features([(0, 1)]), True)):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(given))
        gradient = tape.gradient(total, layer._missing[0])
        assert bool(np.any(gradient)) == taught


def test_a_modality_that_is_dropped_looks_as_if_the_artist_had_none():
    given = features([(1, 1)] * 200)
    found = without_modalities(tf.constant(given), LAYOUT, 0.5, tf.constant([1, 2])).numpy()
    seen = set()
    for before, after in zip(given, found, strict=True):
        for part in LAYOUT[:2]:
            columns = slice(part.start, part.flag + 1)
            assert (after[columns] == before[columns]).all() or not after[columns].any()
        np.testing.assert_array_equal(after[7:], before[7:])
        seen.add((after[3], after[6]))
    assert seen == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_modalities_are_dropped_as_often_as_is_said_each_for_itself(share):
    given = tf.constant(features([(1, 1)] * 10_000))
    found = without_modalities(given, LAYOUT, share, tf.constant([3, 4])).numpy()
    audio, tags = found[:, 3] == 0, found[:, 6] == 0
    # Four standard deviations of a mean over 10,000.
    for dropped, expected in ((audio, share), (tags, share), (audio & tags, share**2)):
        assert abs(dropped.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / 10_000)


def test_the_same_seed_drops_the_same_modalities():
    given = tf.constant(features([(1, 1)] * 50))
    first, same, other = (
        without_modalities(given, LAYOUT, 0.5, tf.constant([0, seed])).numpy() for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()

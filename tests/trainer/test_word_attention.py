"""Attention over an artist's words, against plain loops."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainer.layers.word_attention import MAX_WORDS, WordAttention

VECTORS = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)


def attention():
    tf.keras.utils.set_random_seed(1)
    layer = WordAttention(VECTORS, heads=2, units=6)
    layer(tf.zeros([1, len(VECTORS)]))
    # Keras begins with a bias of zero, which would hide a forgotten one.
    layer._output.bias.assign(tf.range(6.0))
    return layer


def bags(*words_of):
    """[artists, words]: each artist's words by number, with their weights."""
    found = np.zeros((len(words_of), len(VECTORS)), np.float32)
    for row, words in zip(found, words_of, strict=True):
        for word, weight in words.items():
            row[word] = weight
    return found


def slow_attention(layer, words):
    """Scaled dot-product attention, word by word and head by head; then the mean over the words."""
    query, key, value = (part.kernel.numpy() for part in (layer._query, layer._key, layer._value))
    tokens = [weight * VECTORS[word] for word, weight in words.items()]
    outputs = []
    for token in tokens:
        attended = []
        for head in (slice(0, 3), slice(3, 6)):
            scores = [(token @ query)[head] @ (other @ key)[head] / 3**0.5 for other in tokens]
            shares = np.exp(scores) / np.exp(scores).sum()
            values = [(other @ value)[head] for other in tokens]
            attended.append(sum(share * one for share, one in zip(shares, values, strict=True)))
        outputs.append(np.concatenate(attended) @ layer._output.kernel.numpy())
    return np.mean(outputs, axis=0) + layer._output.bias.numpy()


def test_it_is_multi_head_attention_averaged_over_the_words():
    layer = attention()
    words = [{3: 0.5}, {1: 0.2, 4: 0.9, 7: 0.4}, {w: 0.1 + w / 50 for w in range(20)}]
    expected = [slow_attention(layer, one) for one in words]
    np.testing.assert_allclose(layer(bags(*words)), expected, rtol=1e-4, atol=1e-5)


def test_an_artist_without_words_has_nothing_but_the_bias():
    layer = attention()
    np.testing.assert_allclose(layer(bags({}, {2: 1.0}))[0], layer._output.bias)


def test_it_is_what_keras_makes_of_the_tokens():
    layer = attention()
    keras = tf.keras.layers.MultiHeadAttention(2, 3, use_bias=False, output_shape=6)
    words = {3: 0.5, 1: 0.2, 4: 0.9}
    tokens = tf.constant([[weight * VECTORS[word] for word, weight in words.items()]])
    keras(tokens, tokens)
    query, key, value, output = keras.weights
    query.assign(tf.reshape(layer._query.kernel, query.shape))
    key.assign(tf.reshape(layer._key.kernel, key.shape))
    value.assign(tf.reshape(layer._value.kernel, value.shape))
    output.assign(tf.reshape(layer._output.kernel, output.shape))
    expected = tf.reduce_mean(keras(tokens, tokens), axis=1) + layer._output.bias
    np.testing.assert_allclose(layer(bags(words)), expected, rtol=1e-4, atol=1e-5)


def test_only_the_words_with_the_largest_weights_are_read():
    layer = attention()
    words = {word: 1 + word / 10 for word in range(10, 10 + MAX_WORDS)}
    lighter = {word: 0.5 for word in range(5)}
    np.testing.assert_allclose(
        layer(bags({**lighter, **words})), layer(bags(words)), rtol=1e-5, atol=1e-6
    )
    fewer = dict(list(words.items())[1:])
    assert np.abs(layer(bags({**lighter, **fewer})) - layer(bags(words))).max() > 1e-4


def test_the_words_own_vectors_are_learnt():
    layer = attention()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(bags({2: 1.0, 5: 0.3})) ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer._vectors)).numpy()
    assert set(np.flatnonzero(gradient.any(axis=1))) == {2, 5}

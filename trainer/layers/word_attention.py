"""The words of an artist as tokens that attend to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import tensorflow as tf

from trainer.named_weights import Weight, dense_weights

MAX_WORDS: Final = 32
"""The words of an artist that are read: those with the largest weights."""

_NEVER: Final = -1e9
"""The score of what is not to be attended to."""


class WordAttention(tf.keras.layers.Layer):
    """O times the mean over an artist's words w of what they attend to in each other, head by head.

      t_w = weight_w * e_w,   a_w = sum over words u of softmax_u(Q t_w . K t_u / sqrt(d)) V t_u

    The multi-head self-attention of Vaswani et al. 2017 (section 3.2), averaged over the words. As
    all but the softmax is linear, words are projected once for a batch, however many artists have
    them, and the mean is taken before O. It costs a tenth of Keras' layer, which takes any tokens.

    Args:
      vectors: [num_words, dim] float32, e of each word before training.
      heads: of the attention.
      units: width of all heads together, a multiple of `heads`.
    """

    def __init__(self, vectors: np.ndarray, heads: int, units: int):
        super().__init__(name="word_attention")
        self._first, self._heads, self._units = vectors, heads, units
        self._query, self._key, self._value = (
            tf.keras.layers.Dense(units, use_bias=False, name=name)
            for name in ("query", "key", "value")
        )
        self._output = tf.keras.layers.Dense(units, name="output")

    def build(self, input_shape):
        """Creates the words' vectors."""
        self._vectors = self.add_weight(
            "word_vectors",
            self._first.shape,
            initializer=lambda shape, dtype=None: tf.constant(self._first, dtype),
        )
        super().build(input_shape)

    def named_weights(self, name: str, words: Sequence[str]) -> list[Weight]:
        """Its weights once it has been called; `words` says what each column of a bag is about."""
        layers = {"query": self._query, "key": self._key, "value": self._value}
        return [
            Weight(f"{name}/word_vectors", self._vectors, words),
            *(
                weight
                for part, layer in {**layers, "output": self._output}.items()
                for weight in dense_weights(f"{name}/{part}", layer)
            ),
        ]

    def call(self, bag):
        """[num_artists, num_words] weights, 0 for no word -> [num_artists, units]."""
        weight, word = tf.math.top_k(bag, min(MAX_WORDS, bag.shape[1]))  # [num_artists, words]
        known = weight > 0
        used, place = tf.unique(tf.reshape(word, [-1]))
        vectors = tf.gather(self._vectors, used)
        place = tf.reshape(place, tf.shape(word))

        def of_tokens(project: tf.keras.layers.Dense) -> tf.Tensor:
            tokens = weight[:, :, None] * tf.gather(project(vectors), place)
            size = self._units // self._heads
            return tf.reshape(tokens, [-1, word.shape[1], self._heads, size])

        query, key, value = map(of_tokens, (self._query, self._key, self._value))
        scores = tf.einsum("nqhd,nkhd->nhqk", query, key) * query.shape[-1] ** -0.5
        shares = tf.nn.softmax(tf.where(known[:, None, None, :], scores, _NEVER))
        # What stands for no word neither attends nor is attended to.
        counted = tf.cast(known, shares.dtype)[:, None, :, None]
        mean = tf.math.divide_no_nan(
            tf.reduce_sum(shares * counted, axis=2), tf.reduce_sum(counted, axis=2)
        )  # [num_artists, heads, words]
        attended = tf.einsum("nhk,nkhd->nhd", mean, value)
        return self._output(tf.reshape(attended, [-1, self._units]))

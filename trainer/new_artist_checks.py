"""What `embed_new` refuses: assertions in its graph, so that every server says the sentence.

Without quotation marks, which TensorFlow would write with backslashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf


def checked(
    given: Mapping[str, tf.Tensor], modalities: Sequence[Mapping[str, Any]]
) -> dict[str, tf.Tensor]:
    """The inputs of `embed_new`, once they are known to be what they should.

    Whatever stands where there is nothing may be any number: vectors with <m>_present 0, and the
    weights of words and neighbours "".

    Args:
      given: the inputs.
      modalities: entries of `content.json` that the model reads.

    Returns:
      The same tensors. Reading them raises InvalidArgumentError where an input has other rows than
      artist_id, weights have another shape than what they weigh, or a number is NaN or infinite.
    """
    weighed = ["neighbor", *(one["name"] for one in modalities if one["kind"] != "vector")]
    names = {name: f"{name}_id" if name == "neighbor" else name for name in weighed}
    with tf.control_dependencies(_shapes(given, names)):
        asserted = [
            _assert(
                _finite(given[f"{name}_weight"], tf.not_equal(given[texts], "")),
                f"{name}_weight has a NaN or infinite number; give finite ones.",
            )
            for name, texts in names.items()
        ]
        asserted += [
            _assert(
                _finite(given[one["name"]], given[f"{one['name']}_present"][:, tf.newaxis] > 0),
                f"{one['name']} has a NaN or infinite number; give {one['dim']} finite ones, or "
                f"0 as {one['name']}_present where they are not known.",
            )
            for one in modalities
            if one["kind"] == "vector"
        ]
    with tf.control_dependencies(asserted):
        return {name: tf.identity(value) for name, value in given.items()}


def checked_embedding(embedding: tf.Tensor) -> tf.Tensor:
    """[batch, dim] float32, the same, once it is known to be finite."""
    finite = _assert(
        tf.reduce_all(tf.math.is_finite(embedding)),
        "The content of an artist has numbers too large to be embedded; are their units those of "
        "the catalogue?",
    )
    with tf.control_dependencies([finite]):
        return tf.identity(embedding)


def _shapes(given: Mapping[str, tf.Tensor], weighed: Mapping[str, str]) -> list[tf.Operation]:
    rows = tf.shape(given["artist_id"])[0]
    asserted = [
        _assert(tf.equal(tf.shape(value)[0], rows), f"{name} must have a row for each artist_id.")
        for name, value in given.items()
    ]
    return asserted + [
        _assert(
            tf.reduce_all(tf.equal(tf.shape(given[f"{name}_weight"]), tf.shape(given[texts]))),
            f"{name}_weight must have a number for each of {texts}, 0 for padding.",
        )
        for name, texts in weighed.items()
    ]


def _finite(numbers: tf.Tensor, counted: tf.Tensor) -> tf.Tensor:
    return tf.reduce_all(tf.math.is_finite(numbers) | ~counted)


def _assert(holds: tf.Tensor, sentence: str) -> tf.Operation:
    return tf.debugging.Assert(holds, [sentence])

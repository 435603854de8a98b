"""The weights of a network by what they mean, so that another catalogue's network finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Weight(NamedTuple):
    """A variable of a network.

    Attributes:
      name: the same in every network of the same configuration.
      variable: it.
      rows: what each row of it is about, such as an artist or a word, each once; None where its
        shape alone says whether two of the name mean the same.
    """

    name: str
    variable: tf.Variable
    rows: Sequence[str] | None = None


def dense_weights(
    name: str, layer: tf.keras.layers.Dense, inputs: Sequence[str] | None = None
) -> list[Weight]:
    """The weights of a dense layer that is built.

    Args:
      name: that theirs begin with.
      layer: it.
      inputs: what each number that it reads is about; None for the outputs of another layer.
    """
    found = [Weight(f"{name}/kernel", layer.kernel, inputs)]
    return found + [Weight(f"{name}/bias", layer.bias)] if layer.use_bias else found


def numbered(name: str, count: int) -> list[str]:
    """Names of a layer's outputs, which mean the same in every network that goes on from it."""
    return [f"{name}/{place}" for place in range(count)]

"""A trained network as steps over artists, for whoever brings the neighbours together elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import tensorflow as tf

MEAN: Final = "mean"
"""sum over neighbours of weight * message; an artist's weights sum to 1."""
SUM: Final = "sum"
"""The same, each weight times the number of the artist's neighbours."""
GATES: Final = "gates"
"""The same, each message through a gate: see `trainer.layers.gated_sum`. A message is what opens
the gate, and behind it as many numbers of what passes."""


class LayerStep(NamedTuple):
    """A graph convolution without the sum over neighbours. All tensors are float32.

    Attributes:
      aggregation: how neighbours' messages become what an artist hears: MEAN, SUM or GATES.
      units: width of what an artist hears.
      messages: X_{k-1} [num, width] -> what each artist says, [num, units]; with GATES [num, 2 *
        units].
      update: (X_{k-1} [num, width], heard [num, units]) -> X_k [num, next width].
      key: X_{k-1} -> what meets a message in a gate, [num, units]; None without GATES.
    """

    aggregation: str
    units: int
    messages: Callable[[tf.Tensor], tf.Tensor]
    update: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    key: Callable[[tf.Tensor], tf.Tensor] | None


class LayerSteps(NamedTuple):
    """A network that is layer after layer.

    Attributes:
      layers: the graph convolutions; none for a network that reads content alone.
      units: width of each X_k.
      fan_out: more neighbours than so many count as so many of the mean one in a sum; 0: all count.
      last: X_K -> [num, dim], the embedding.
      variables: all that these functions read.
    """

    layers: Sequence[LayerStep]
    units: int
    fan_out: int
    last: Callable[[tf.Tensor], tf.Tensor]
    variables: Sequence[tf.Variable]


class WalkSteps(NamedTuple):
    """A network of what an artist's walks visit (`trainer.visits`) and of its content.

    Attributes:
      hops: of a walk.
      reach: artists that are kept of each artist's visits.
      decay: what is left of a walk after a hop.
      dim: of the vectors.
      last: (content [num, num_features], walked [num, dim], count [num] numbers of neighbours) ->
        [num, dim], the embedding. `walked` is the sum over visited artists w of sqrt(r_w / |r|_1) *
        message_w.
      variables: all that it reads.
      memory_messages: which of what the network's `memory` returns are messages.
      memory_known: which of it says who has one.
    """

    hops: int
    reach: int
    decay: float
    dim: int
    last: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
    variables: Sequence[tf.Variable]
    memory_messages: int
    memory_known: int


Steps = LayerSteps | WalkSteps


def after(before: Callable[[tf.Tensor], tf.Tensor], step: LayerStep) -> LayerStep:
    """The step of artists that are something else before: each own state goes through `before`."""
    key = step.key
    return step._replace(
        messages=lambda own: step.messages(before(own)),
        update=lambda own, heard: step.update(before(own), heard),
        key=None if key is None else lambda own: key(before(own)),
    )

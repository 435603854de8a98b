"""The signature `listening`: an artist's plays -> the vector that the graph builder gives it."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from catalogues.spec import LISTENING
from trainer.listener_factors import ListenerFactors
from trainer.network import graph_function
from trainer.similar_signatures import Tensors


class ListeningSignature(tf.Module):
    """Folds plays in as `ListenerFactors.fold_in` does, in 64-bit floats.

    Args:
      known: the listeners' vectors of the examples that the model is trained on.
    """

    def __init__(self, known: ListenerFactors):
        super().__init__(name=LISTENING)
        ids = known.listener_id.tolist()
        self._row = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                # A table cannot be empty.
                tf.constant(ids or [""], tf.string),
                tf.constant([*range(len(ids))] or [-1], tf.int64),
            ),
            default_value=-1,
        )
        self._factors = tf.Variable(known.factors, trainable=False)
        # Y^T Y + lambda I: what all artists have in common.
        common = known.gram + known.regularization * np.eye(known.num_factors)
        self._common = tf.Variable(common, trainable=False)
        self._alpha, self._epsilon = known.alpha, known.epsilon

    def listening(self) -> Any:
        """listener_id, plays -> listening, listening_present, known_listeners.

        Inputs:
          listener_id: [batch, n] string, padded with "". Ids that are not known say nothing; plays
            of one that stands twice in a row are added up.
          plays: [batch, n] float32; none says nothing, and neither does what stands with "".

        Outputs:
          listening: [batch, num_factors] float32; zeros where it is not present.
          listening_present: [batch] int64: 1 where there are plays of a known listener.
          known_listeners: [batch] int64: those of whom there are.

        Raises, when it is asked, InvalidArgumentError: plays are of another shape than listener_id,
        or negative, NaN or infinite.
        """

        def listening(listener_id: tf.Tensor, plays: tf.Tensor) -> Tensors:
            # Read once: see `ServedModel.profile`.
            factors, common = self._factors.read_value(), self._common.read_value()

            def folded(given: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
                row, count = given
                counted = (row >= 0) & (count > 0.0)
                listener, place = tf.unique(tf.boolean_mask(row, counted))
                count = tf.cast(tf.boolean_mask(count, counted), tf.float64)
                count = tf.math.unsorted_segment_sum(count, place, tf.size(listener))
                confidence = 1.0 + self._alpha * tf.math.log1p(count / self._epsilon)
                played = tf.cast(tf.gather(factors, listener), tf.float64)
                added = tf.matmul(played * (confidence - 1.0)[:, None], played, transpose_a=True)
                right = tf.linalg.matvec(played, confidence, transpose_a=True)
                triangle = tf.linalg.cholesky(common + added)
                vector = tf.linalg.cholesky_solve(triangle, right[:, None])[:, 0]
                return tf.cast(vector, tf.float32), tf.size(listener, tf.int64)

            with tf.control_dependencies(_checks(listener_id, plays)):
                row = self._row.lookup(listener_id)
            # One artist at a time: all at once would take batch x n x num_factors numbers.
            vector, known = tf.map_fn(
                folded,
                (row, plays),
                fn_output_signature=(
                    tf.TensorSpec([factors.shape[1]], tf.float32),
                    tf.TensorSpec([], tf.int64),
                ),
            )
            return {
                LISTENING: vector,
                f"{LISTENING}_present": tf.cast(known > 0, tf.int64),
                "known_listeners": known,
            }

        return graph_function(
            listening,
            input_signature=[
                tf.TensorSpec([None, None], tf.string, "listener_id"),
                tf.TensorSpec([None, None], tf.float32, "plays"),
            ],
        )


def _checks(listener_id: tf.Tensor, plays: tf.Tensor) -> list[tf.Operation]:
    """Assertions in the graph; every server answers INVALID_ARGUMENT with the sentence."""
    same_shape = tf.reduce_all(tf.equal(tf.shape(listener_id), tf.shape(plays)))
    shapes = tf.debugging.Assert(
        same_shape, ["plays must have one number for each listener_id, 0 for padding."]
    )
    with tf.control_dependencies([shapes]):
        good = (tf.math.is_finite(plays) & (plays >= 0.0)) | tf.equal(listener_id, "")
    numbers = tf.debugging.Assert(
        tf.reduce_all(good),
        ["plays has a number that is negative, NaN or infinite; give how often it was played."],
    )
    return [shapes, numbers]

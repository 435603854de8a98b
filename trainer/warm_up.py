"""The requests that TF Serving asks a version before anybody else does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

WARMED: Final = (
    "serving_default",
    "similar",
    "similar_filtered",
    "nearest",
    "embed_new",
    "listening",
)
"""The signatures that clients wait for; a model may lack the last."""

_PATH: Final = ("assets.extra", "tf_serving_warmup_requests")
_K: Final = 10


def write_warm_up(path: str, signatures: Mapping[str, Any], artist_id: np.ndarray) -> None:
    """Adds one request for each signature to a SavedModel: TFRecords of PredictionLog.

    The first request of a signature has its graph optimised, which takes many times as long as any
    other.

    Args:
      path: of the SavedModel.
      signatures: by name, tf.functions or concrete functions.
      artist_id: [1] bytes, an artist of the catalogue; empty where there is none, which leaves
        nothing to ask.
    """
    if not len(artist_id):
        return
    folder = os.path.join(path, _PATH[0])
    tf.io.gfile.makedirs(folder)
    with tf.io.TFRecordWriter(os.path.join(folder, _PATH[1])) as writer:
        for name, function in signatures.items():
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = "artist_sim"
            request.model_spec.signature_name = name
            if not hasattr(function, "structured_input_signature"):
                function = function.get_concrete_function()
            for alias, spec in _inputs(function):
                value = _value(alias, spec, artist_id)
                request.inputs[alias].CopyFrom(tf.make_tensor_proto(value, spec.dtype))
            writer.write(log.SerializeToString())


def _inputs(function: Any) -> list[tuple[str, tf.TensorSpec]]:
    positional, named = function.structured_input_signature
    specs = [*positional, *named.values()]
    return sorted((spec.name, spec) for spec in specs)


def _value(alias: str, spec: tf.TensorSpec, artist_id: np.ndarray) -> np.ndarray:
    """One row: the artist, itself as a neighbour, and no content."""
    if alias == "k":
        return np.array(_K)
    shape = [1 if size is None else size for size in spec.shape]
    if alias in ("artist_id", "neighbor_id"):
        return np.broadcast_to(artist_id, shape)
    return np.full(shape, "" if spec.dtype == tf.string else 0)

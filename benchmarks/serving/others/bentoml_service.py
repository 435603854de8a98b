"""The SavedModel behind BentoML, as its users serve one; run in an environment of its own.

It answers the same JSON as TensorFlow Serving's column format, so that one load fits all servers.
"""

from __future__ import annotations

import os
from typing import Any

import bentoml
import tensorflow as tf


@bentoml.service(workers=1, threads=(os.cpu_count() or 1) + 1, traffic={"timeout": 60})
class ArtistSim:
    """The signatures of the version in the folder that MODEL names."""

    def __init__(self) -> None:
        self._model = tf.saved_model.load(os.environ["MODEL"])

    @bentoml.api
    def predict(self, signature_name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs of a signature by name."""
        signature = self._model.signatures[signature_name]
        specs = signature.structured_input_signature[1]
        given = {name: tf.constant(inputs[name], spec.dtype) for name, spec in specs.items()}
        return {"outputs": {name: _listed(value) for name, value in signature(**given).items()}}


def _listed(value: tf.Tensor) -> Any:
    found = value.numpy()
    return found.astype(str).tolist() if found.dtype == object else found.tolist()

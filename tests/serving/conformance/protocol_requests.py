"""What the suite asks, and what the SavedModel itself answers."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

UNKNOWN = "nobody's id"
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def requested(signature: str = "", model: str = "artist_sim", **inputs: Any):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(
            value
            if hasattr(value, "dtype") and hasattr(value, "tensor_shape")
            else tf.make_tensor_proto(value)
        )
    return request


def refusal(call, request) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as found:
        call(request, timeout=60)
    return found.value


def new_artists(model, ids: list[str]) -> dict[str, np.ndarray]:
    """Inputs of `embed_new` for three artists: with neighbours, with content, with nothing."""
    inputs: dict[str, np.ndarray] = {}
    rng = np.random.default_rng(0)
    for name, spec in model.signatures["embed_new"].structured_input_signature[1].items():
        shape = [3] + [2 if size is None else size for size in spec.shape[1:]]
        if spec.dtype == tf.string:
            inputs[name] = np.full(shape, "", object)
        elif spec.dtype.is_integer:
            inputs[name] = np.array([0, 1, 0], spec.dtype.as_numpy_dtype)
        else:
            value = rng.normal(size=shape) * np.array([0, 1, 0])[:, None]
            inputs[name] = np.abs(value).astype(np.float32)
    inputs["artist_id"][:] = ["x", "y", "z"]
    inputs["neighbor_id"][0] = ids[:2]
    return inputs


def questions(model, ids: list[str]) -> dict[str, dict[str, Any]]:
    return {
        "serving_default": {"artist_id": [*ids, UNKNOWN, ""]},
        "similar": {"artist_id": [*ids, UNKNOWN], "k": np.int32(3)},
        "similar_filtered": {"artist_id": [*ids, UNKNOWN], **filters(ids, 6)},
        "nearest": {"embedding": embeddings(model, ids), **filters(ids, 2)},
        "embed_new": new_artists(model, ids),
    }


def embeddings(model, ids: list[str]) -> np.ndarray:
    answer = model.signatures["serving_default"](artist_id=tf.constant(ids[:2]))
    return answer["embedding"].numpy() + np.float32(0.125)


def filters(ids: list[str], size: int) -> dict[str, Any]:
    """Inputs that leave out another two artists in each row."""
    exclude = [[ids[row % 5], ids[(row + 1) % 5], ""] for row in range(size)]
    return {
        "k": np.int32(3),
        "modality": [""],
        "min_popularity": np.float32(0.0),
        "exclude_id": exclude,
    }


SIGNATURES = ("serving_default", "similar", "similar_filtered", "nearest", "embed_new")


def own_answer(model, signature: str, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    given = {name: tf.constant(value) for name, value in inputs.items()}
    return {key: value.numpy() for key, value in model.signatures[signature](**given).items()}


def plain(value: Any) -> Any:
    """Bytes as text, arrays as lists, for JSON."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value

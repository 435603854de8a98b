"""What the servers are asked, encoded before anybody is timed, and what they must answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from benchmarks.serving.models import NAME
from serving.embedded.servable import Servable, Signature

K: Final = 10
MANY: Final = 64
_NEIGHBORS: Final = 10
_WORDS: Final = 4

KINDS: Final[Mapping[str, str]] = {
    "one": "`serving_default`, 1 id",
    "many": f"`serving_default`, {MANY} ids",
    "similar": f"`similar`, k = {K}",
    "computed": f"`similar_filtered`, k = {K}, no filter",
    "new": "`embed_new`, 1 artist",
}
"""What is asked, and what the page calls it."""

Outputs = Mapping[str, np.ndarray]


class WrongAnswer(Exception):
    """A server answered something else than the SavedModel does."""


@dataclasses.dataclass(frozen=True)
class Question:
    """A request, for each protocol, and its answer.

    Attributes:
      rest: JSON, in TF Serving's column format.
      grpc: a serialised PredictRequest.
      wanted: the SavedModel's own outputs, by alias.
    """

    rest: bytes
    grpc: bytes
    wanted: Outputs


def make_questions(path: Path, num_artists: int, number: int) -> dict[str, list[Question]]:
    """By kind, questions about artists drawn at random.

    Args:
      path: of a version.
      num_artists: of its catalogue, synthetic_graph's.
      number: of questions of each kind.
    """
    servable = Servable(path)
    ids = np.array([f"artist-{row:08d}".encode() for row in range(num_artists)], object)
    try:
        return {
            kind: [_question(servable, *asked) for asked in _asked(servable, ids, kind, number)]
            for kind in KINDS
        }
    finally:
        servable.close()


def check_rest(body: bytes, question: Question) -> None:
    """Raises WrongAnswer unless the JSON has the wanted outputs to the last bit of float32."""
    try:
        found = orjson.loads(body)["outputs"]
        columns = {
            name: np.asarray(found[name], None if wanted.dtype == object else wanted.dtype)
            for name, wanted in question.wanted.items()
        }
    except (ValueError, KeyError, TypeError) as error:
        raise WrongAnswer(f"no outputs in '{body[:200]!r}'") from error
    _check(columns, question)


def check_grpc(body: bytes, question: Question) -> None:
    """Raises WrongAnswer unless the PredictResponse has the wanted outputs to the last bit."""
    answer = predict_pb2.PredictResponse.FromString(body)
    _check({name: tf.make_ndarray(proto) for name, proto in answer.outputs.items()}, question)


def _check(found: Mapping[str, np.ndarray], question: Question) -> None:
    for name, wanted in question.wanted.items():
        given = found.get(name)
        if given is None or given.shape != wanted.shape or (_texts(given) != _texts(wanted)).any():
            raise WrongAnswer(f"output '{name}' is not the SavedModel's")


def _texts(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "OSU":
        return values
    found = [one.decode() if isinstance(one, bytes) else one for one in values.ravel().tolist()]
    return np.array(found, object).reshape(values.shape)


def _asked(
    servable: Servable, ids: np.ndarray, kind: str, number: int
) -> Iterator[tuple[Signature, dict[str, np.ndarray]]]:
    rng = np.random.default_rng(len(kind))

    def some(*shape: int) -> np.ndarray:
        return ids[rng.integers(len(ids), size=shape)]

    names = {"similar": "similar", "computed": "similar_filtered", "new": "embed_new"}
    name = names.get(kind, "serving_default")
    signature = servable.signatures[name]
    for _ in range(number):
        inputs: dict[str, np.ndarray] = {"artist_id": some(MANY if kind == "many" else 1)}
        if kind in ("similar", "computed"):
            inputs["k"] = np.array(K, np.int32)
        if kind == "computed":
            inputs["modality"] = np.array([b""], object)
            inputs["min_popularity"] = np.array(0.0, np.float32)
            inputs["exclude_id"] = np.array([[b""]], object)
        if kind == "new":
            for alias, wanted in signature.inputs.items():
                inputs[alias] = _of_new(alias, wanted.shape or (), wanted.dtype, some, rng)
        yield signature, inputs


def _of_new(alias: str, shape: tuple[int | None, ...], dtype: tf.DType, some: Any, rng: Any) -> Any:
    """One row: ten neighbours of different weights, vectors, and a few words."""
    width = _NEIGHBORS if alias.startswith("neighbor") else _WORDS
    sizes = [1, *(width if size is None else size for size in shape[1:])]
    if alias == "artist_id":
        return np.array([b"new-artist"], object)
    if alias == "neighbor_id":
        return some(*sizes)
    if dtype == tf.string:
        words = [f"mood-{number:02d}".encode() for number in rng.integers(24, size=sizes[1])]
        return np.array([words], object)
    if dtype.is_integer:
        return np.ones(sizes, dtype.as_numpy_dtype)
    return rng.random(sizes).astype(dtype.as_numpy_dtype)


def _question(
    servable: Servable, signature: Signature, inputs: Mapping[str, np.ndarray]
) -> Question:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = NAME, signature.name
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    columns = {name: _texts(value).tolist() for name, value in inputs.items()}
    return Question(
        rest=orjson.dumps({"signature_name": signature.name, "inputs": columns}),
        grpc=request.SerializeToString(),
        wanted=servable.run(signature.name, inputs, signature.outputs),
    )

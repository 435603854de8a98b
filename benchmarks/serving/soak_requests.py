"""What the soak asks: good questions with their right answers, and bad ones with their status."""

from __future__ import annotations

import dataclasses
import gzip
import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from serving.protocol import PredictRequest, tensor_of

REST: Final = "rest"
GRPC: Final = "grpc"
AUDIO: Final = 8
"""Width of the models' vector modality, `audio`; the other one is `tags`."""
WORDS: Final = ("dub", "jazz", "live", "polka", "ska", "soul")
PREDICT: Final = "/v1/models/artist_sim:predict"
_SERVICE: Final = "/tensorflow.serving.PredictionService/"
GRPC_PREDICT: Final = _SERVICE + "Predict"

Outputs = Mapping[str, np.ndarray]
Inputs = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Question:
    """A request.

    Attributes:
      protocol: REST or GRPC.
      path: of REST; of gRPC the method.
      body: the bytes that are sent.
      headers: of REST.
      code: that must come back: an HTTP status, or the name of gRPC's.
      answer: by model, the outputs that must come back; empty for a bad request.
      rows: whether the answer comes by rows.
    """

    protocol: str
    path: str
    body: bytes
    code: str
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    answer: tuple[Outputs, ...] = ()
    rows: bool = False


Ask = Callable[[str, Inputs], tuple[Outputs, ...]]
"""A signature's answers to inputs, of each model."""


def good_questions(ask: Ask, num_artists: int, number: int) -> list[Question]:
    """Questions of all signatures that clients ask, over both protocols.

    Args:
      ask: gives right answers.
      num_artists: of the catalogue.
      number: of questions.
    """
    rng = np.random.default_rng(1)
    found = []
    for place in range(number):
        rows = int(rng.integers(1, 9))
        known = np.array([f"artist-{row}" for row in rng.integers(num_artists, size=rows)], object)
        signature = ("serving_default", "similar", "embed_new")[place % 3]
        inputs = {"artist_id": known}
        if signature == "similar":
            inputs["k"] = np.array(rng.integers(1, 21), np.int32)
        elif signature == "embed_new":
            inputs = new_artists(rng, rows, num_artists)
        how = (GRPC, REST, REST)[place // 3 % 3]
        by_row = place // 3 % 3 == 2 and signature != "similar"
        found.append(_question(how, signature, inputs, by_row, ask))
    return found


def odd_questions(ask: Ask, num_artists: int) -> list[Question]:
    """What is odd and still has an answer: unknown artists, and NaN for what is not known."""
    rng = np.random.default_rng(2)
    mixed = np.array(["artist-0", "nobody", "", "artist-1"], object)
    content = new_artists(rng, 3, num_artists)
    content["audio"][1], content["audio_present"][1] = np.nan, 0
    return [
        _question(how, signature, inputs, False, ask)
        for how in (REST, GRPC)
        for signature, inputs in (
            ("serving_default", {"artist_id": mixed}),
            ("similar", {"artist_id": mixed, "k": np.array(5, np.int32)}),
            ("embed_new", content),
        )
    ]


def bad_questions(num_artists: int) -> list[Question]:
    """What must be refused, over both protocols."""
    ids = np.array(["artist-0", "artist-1"], object)
    column = {"artist_id": ids.tolist()}

    def rest(body: Any, code: int, path: str = PREDICT, **headers: str) -> Question:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Question(REST, path, raw, str(code), headers)

    def grpc(code: str, signature: str = "", **inputs: Any) -> Question:
        body = _message(signature, {name: np.asarray(value) for name, value in inputs.items()})
        return Question(GRPC, GRPC_PREDICT, body, code)

    good = _message("similar", {"artist_id": ids, "k": np.array(3, np.int32)})
    huge = {"signature_name": "similar", "inputs": {**column, "k": 10**6}}
    bomb = gzip.compress(b" " * 2**25)
    larger = np.array(["artist-0"] * 5000, object)
    claims = PredictRequest.FromString(_message("", {"artist_id": ids}))
    claims.inputs["artist_id"].tensor_shape.dim[0].size = 10**14
    elsewhere = PredictRequest.FromString(good)
    elsewhere.model_spec.version.value = 10**9
    no_number = new_artists(np.random.default_rng(3), 3, num_artists)
    no_number["audio"][1] = np.nan
    listed = {name: value.tolist() for name, value in no_number.items()}
    return [
        rest(b'{"instances": [', 400),
        rest(b"\xff\xfe\x00", 400),
        rest({"inputs": [1, 2]}, 400),
        rest({"inputs": [["a"], ["a", "b"]]}, 400),
        rest(huge, 400),
        rest({"signature_name": "nothing", **{"inputs": column}}, 400),
        rest({"signature_name": "similar", "inputs": column}, 400),
        rest({"instances": larger.tolist()}, 400),
        rest(b'{"inputs": ' + b"[" * 500 + b"]" * 500 + b"}", 400),
        rest({"inputs": column}, 404, "/v1/models/another:predict"),
        rest({"inputs": column}, 404, "/v1/models/artist_sim/versions/1000000000:predict"),
        rest({"examples": []}, 400, "/v1/models/artist_sim:classify"),
        rest(bomb, 413, **{"Content-Encoding": "gzip"}),
        rest(b"no gzip", 400, **{"Content-Encoding": "gzip"}),
        rest({"signature_name": "embed_new", "inputs": listed}, 400),
        grpc("INVALID_ARGUMENT", "embed_new", **no_number),
        grpc("INVALID_ARGUMENT", artist_id=np.ones(2, np.float32)),
        grpc("INVALID_ARGUMENT", artist_id=np.array([["a"]], object)),
        grpc("INVALID_ARGUMENT", "similar", artist_id=ids, k=np.array(10**6, np.int32)),
        grpc("INVALID_ARGUMENT", artist_id=larger),
        grpc("FAILED_PRECONDITION", "nothing", artist_id=ids),
        Question(GRPC, GRPC_PREDICT, good[:-5], "INTERNAL"),
        Question(GRPC, GRPC_PREDICT, claims.SerializeToString(), "INVALID_ARGUMENT"),
        Question(GRPC, GRPC_PREDICT, elsewhere.SerializeToString(), "NOT_FOUND"),
        Question(
            GRPC, "/tensorflow.serving.PredictionService/MultiInference", b"", "UNIMPLEMENTED"
        ),
    ]


def new_artists(rng: np.random.Generator, rows: int, num_artists: int) -> Inputs:
    """Inputs of `embed_new`: artists with content and neighbours, some of them unknown."""
    neighbors = rng.integers(num_artists + num_artists // 4, size=(rows, 3))
    return {
        "artist_id": np.array([f"new-{row}" for row in range(rows)], object),
        "audio": rng.normal(size=(rows, AUDIO)).astype(np.float32),
        "audio_present": np.ones(rows, np.int64),
        "tags": np.array(WORDS, object)[rng.integers(len(WORDS), size=(rows, 2))],
        "tags_weight": rng.uniform(1, 5, (rows, 2)).astype(np.float32),
        "neighbor_id": np.vectorize(lambda row: f"artist-{row}", otypes=[object])(neighbors),
        "neighbor_weight": np.ones((rows, 3), np.float32),
    }


def _question(how: str, signature: str, inputs: Inputs, by_row: bool, ask: Ask) -> Question:
    answer = ask(signature, inputs)
    if how == GRPC:
        return Question(GRPC, GRPC_PREDICT, _message(signature, inputs), "OK", answer=answer)
    columns = {name: value.tolist() for name, value in inputs.items()}
    asked: dict[str, Any] = {"signature_name": signature}
    if by_row:
        rows = zip(*columns.values(), strict=True)
        asked["instances"] = [dict(zip(columns, row, strict=True)) for row in rows]
    else:
        asked["inputs"] = columns
    body = json.dumps(asked).encode()
    return Question(REST, PREDICT, body, "200", answer=answer, rows=by_row)


def _message(signature: str, inputs: Mapping[str, np.ndarray]) -> bytes:
    request = PredictRequest()
    request.model_spec.name = "artist_sim"
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tensor_of(value))
    return request.SerializeToString()


def write_questions(path: Path, models: list[Path], num_artists: int, number: int) -> None:
    """Asks the SavedModels themselves, in this process, and keeps all questions in a file.

    Args:
      path: of the file, a pickle of (good, bad): bad ones include those with odd answers.
      models: folders of SavedModels.
      num_artists: of their catalogue.
      number: of good questions.
    """
    # Clients read this module's questions, and need no TensorFlow.
    import tensorflow as tf

    loaded = [tf.saved_model.load(str(model)) for model in models]

    def ask(signature: str, inputs: Inputs) -> tuple[Outputs, ...]:
        given = {name: tf.constant(value) for name, value in inputs.items()}
        return tuple(
            {
                key: _text(value.numpy())
                for key, value in model.signatures[signature](**given).items()
            }
            for model in loaded
        )

    good = good_questions(ask, num_artists, number)
    bad = bad_questions(num_artists) + odd_questions(ask, num_artists)
    path.write_bytes(pickle.dumps((good, bad)))


def read_questions(path: Path) -> tuple[list[Question], list[Question]]:
    """(good, bad) of `write_questions`."""
    good, bad = pickle.loads(path.read_bytes())
    return good, bad


def _text(value: np.ndarray) -> np.ndarray:
    if value.dtype != object:
        return value
    return np.array([one.decode() for one in value.ravel()], object).reshape(value.shape)

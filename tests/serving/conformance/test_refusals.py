"""What is wrong is refused with TF Serving's codes and a sentence."""

from __future__ import annotations

import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from tests.serving.conformance.protocol_requests import (
    INVALID,
    new_artists,
    own_answer,
    plain,
    questions,
    refusal,
    requested,
)

BAD_FILTERS = {
    "no such modality": ({"modality": ["", "no_such"]}, "The model has no modality no_such; it "),
    "popularity NaN": ({"min_popularity": np.float32("nan")}, "min_popularity is NaN; give"),
    "rows": ({"exclude_id": [["a"]] * 3}, "exclude_id must have a row for each artist"),
}


@pytest.mark.parametrize("signature", ["similar_filtered", "nearest"])
@pytest.mark.parametrize("case", BAD_FILTERS)
def test_filters_of_no_use_are_refused_in_a_sentence(
    model, ids, server, prediction, signature, case
):
    wrong, sentence = BAD_FILTERS[case]
    inputs = {**questions(model, ids)[signature], **wrong}
    refused = refusal(prediction.Predict, requested(signature, **inputs))
    assert refused.code() == INVALID
    assert sentence in refused.details()
    body = {"signature_name": signature, "inputs": {k: plain(v) for k, v in inputs.items()}}
    answer = server.predict(json.dumps(body))
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_embeddings_that_are_not_finite_are_refused(model, ids, server, prediction, number):
    inputs = questions(model, ids)["nearest"]
    inputs["embedding"][1, 0] = number
    refused = refusal(prediction.Predict, requested("nearest", **inputs))
    assert refused.code() == INVALID
    assert "An embedding has numbers that are NaN, infinite or too large" in refused.details()
    body = {"signature_name": "nearest", "inputs": {k: plain(v) for k, v in inputs.items()}}
    assert server.predict(json.dumps(body)).status_code == 400


BAD_BODIES = {
    "no JSON": b'{"instances": [',
    "no object": b"[1, 2]",
    "no text": b"\xff\xfe{}",
    "empty": b"",
    "neither": {},
    "both": {"instances": ["a"], "inputs": ["a"]},
    "no rows": {"instances": []},
    "rows with other names": {"instances": [{"artist_id": "a"}, {"id": "a"}]},
    "ragged": {"inputs": [["a"], ["a", "b"]]},
    "too deep": {"inputs": [["a"]]},
    "numbers for strings": {"inputs": [1, 2]},
    "null": {"inputs": None},
    "bad base64": {"inputs": [{"b64": "#"}]},
    "an input too many": {"inputs": {"artist_id": ["a"], "k": 1}},
    "an input missing": {"signature_name": "similar", "inputs": {"artist_id": ["a"]}},
    "wrong dtype": {"signature_name": "similar", "inputs": {"artist_id": ["a"], "k": "3"}},
    "out of range": {"signature_name": "similar", "inputs": {"artist_id": ["a"], "k": 2**40}},
    "beyond float32": {
        "signature_name": "similar_filtered",
        "inputs": {
            "artist_id": ["a"],
            "k": 1,
            "modality": [""],
            "min_popularity": 1e39,
            "exclude_id": [[""]],
        },
    },
    "wrong rank": {"signature_name": "similar", "inputs": {"artist_id": ["a"], "k": [3]}},
    "no such signature": {"signature_name": "nothing", "inputs": ["a"]},
    "signature no string": {"signature_name": 3, "inputs": ["a"]},
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body_is_refused_with_a_sentence(server, body):
    answer = server.predict(body)
    assert answer.status_code == 400
    message = answer.json()["error"]
    assert message and "Traceback" not in message and "/" not in message


def test_a_deeply_nested_body_is_refused(server):
    assert server.predict(b'{"inputs": ' + b"[" * 100_000).status_code == 400


def test_rest_paths_that_lead_nowhere(server, ids):
    body = {"inputs": ids}
    assert server.post("/v1/models/another:predict", body).status_code == 404
    assert server.post("/v1/models/artist_sim/versions/1:predict", body).status_code == 404
    assert server.get("/v1/models/another").status_code == 404
    assert server.get("/v1/models/another/metadata").status_code == 404
    assert server.get("/nothing").status_code == 404
    assert server.get("/v2/models/artist_sim").status_code == 404
    assert server.post("/v1/models/artist_sim/labels/best:predict", body).status_code >= 400
    assert server.post("/v1/models/artist_sim:guess", body).status_code == 400
    for method in ("classify", "regress"):
        answer = server.post(f"/v1/models/artist_sim:{method}", {"examples": [{"a": 1}]})
        assert answer.status_code == 400


def test_grpc_requests_that_are_wrong(ids, prediction):
    cases = {
        "another model": (requested(model="another", artist_id=ids), grpc.StatusCode.NOT_FOUND),
        "no such signature": (
            requested("nothing", artist_id=ids),
            grpc.StatusCode.FAILED_PRECONDITION,
        ),
        "no input": (requested(), INVALID),
        "wrong name": (requested(id=ids), INVALID),
        "wrong dtype": (requested(artist_id=[1.0]), INVALID),
        "wrong rank": (requested(artist_id=[ids]), INVALID),
        "no model": (predict_pb2.PredictRequest(), INVALID),
    }
    for case, (request, code) in cases.items():
        assert refusal(prediction.Predict, request).code() == code, case
    request = requested(artist_id=ids)
    request.model_spec.version.value = 1
    assert refusal(prediction.Predict, request).code() == grpc.StatusCode.NOT_FOUND


def test_an_output_that_is_named_twice_is_refused(ids, prediction):
    request = requested(artist_id=ids)
    request.output_filter.extend(["known", "embedding", "known"])
    refused = refusal(prediction.Predict, request)
    assert refused.code() == INVALID
    assert "duplicate output tensor alias: known" in refused.details()


def test_a_tensor_that_says_it_is_larger_than_it_is(prediction):
    proto = tf.make_tensor_proto(["a", "b"])
    proto.tensor_shape.dim[0].size = 10**14
    found = refusal(prediction.Predict, requested(artist_id=proto))
    assert found.code() in (INVALID, grpc.StatusCode.RESOURCE_EXHAUSTED)
    proto.tensor_shape.dim[0].size = -3
    assert refusal(prediction.Predict, requested(artist_id=proto)).code() == INVALID


def test_a_truncated_message_is_an_error_and_no_more(channel, prediction, ids):
    whole = requested(artist_id=ids).SerializeToString()
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    assert refusal(call, whole[:-3]).code() in (grpc.StatusCode.INTERNAL, INVALID)
    assert prediction.Predict(requested(artist_id=ids), timeout=60).outputs


def test_nan_is_answered_where_nothing_is_said_and_refused_elsewhere(model, ids, server):
    inputs = new_artists(model, ids)
    for name in [name for name, value in inputs.items() if value.dtype == np.float32]:
        if f"{name}_present" in inputs:
            nothing = inputs[f"{name}_present"] == 0
        else:
            texts = name.removesuffix("_weight")
            nothing = inputs["neighbor_id" if texts == "neighbor" else texts] == ""
        assert nothing.any()
        inputs[name][nothing] = np.nan
    body = {"signature_name": "embed_new", "inputs": {k: plain(v) for k, v in inputs.items()}}
    answer = server.predict(json.dumps(body))
    assert answer.status_code == 200, answer.text
    found = np.array(json.loads(answer.text)["outputs"]["embedding"], np.float32)
    np.testing.assert_array_equal(found, own_answer(model, "embed_new", inputs)["embedding"])
    assert np.isfinite(found).all()
    inputs["neighbor_weight"][:] = np.nan
    body["inputs"]["neighbor_weight"] = plain(inputs["neighbor_weight"])
    refused = server.predict(json.dumps(body))
    assert refused.status_code == 400
    assert "neighbor_weight has a NaN or infinite number" in refused.json()["error"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="neighbor_weight has a NaN"):
        own_answer(model, "embed_new", inputs)

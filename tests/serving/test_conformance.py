"""TF Serving's protocols, held against a server of a pushed model, the embedded or a real one.

TF_SERVING_ADDRESS and TF_SERVING_MODEL (see conftest.py) name a real one.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.running_server import Address

UNKNOWN = "nobody's id"
INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def model(pushed: Path):
    return tf.saved_model.load(str(pushed))


@pytest.fixture(scope="module")
def ids(model) -> list[str]:
    return [one.decode() for one in model.artist_id.numpy()[:5]]


@pytest.fixture(scope="module")
def channel(server: Address):
    with grpc.insecure_channel(server.grpc) as channel:
        yield channel


@pytest.fixture(scope="module")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def service(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


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


@pytest.mark.parametrize("signature", SIGNATURES)
def test_grpc_answers_what_the_saved_model_answers(model, ids, prediction, signature):
    inputs = questions(model, ids)[signature]
    answer = prediction.Predict(requested(signature, **inputs), timeout=60)
    expected = own_answer(model, signature, inputs)
    assert set(answer.outputs) == set(expected)
    for name, value in expected.items():
        found = tf.make_ndarray(answer.outputs[name])
        assert found.dtype == value.dtype
        np.testing.assert_array_equal(found, value)
    assert answer.model_spec.name == "artist_sim"
    assert answer.model_spec.signature_name == signature
    assert answer.model_spec.version.value > 0


@pytest.mark.parametrize("signature", SIGNATURES)
def test_rest_answers_what_the_saved_model_answers_by_column(model, ids, server, signature):
    inputs = questions(model, ids)[signature]
    body = {"signature_name": signature, "inputs": {k: plain(v) for k, v in inputs.items()}}
    answer = server.predict(body)
    assert answer.status_code == 200, answer.text
    expected = own_answer(model, signature, inputs)
    found = answer.json()["outputs"]
    assert set(found) == set(expected)
    for name, value in expected.items():
        if value.dtype == np.float32:
            # The text is rounded to float32 as a client would, and nothing is lost.
            np.testing.assert_array_equal(np.array(found[name], np.float32), value)
        else:
            assert found[name] == plain(value)


@pytest.mark.parametrize("signature", ["serving_default", "embed_new"])
def test_rest_answers_what_the_saved_model_answers_by_row(model, ids, server, signature):
    inputs = {name: plain(value) for name, value in questions(model, ids)[signature].items()}
    size = len(inputs["artist_id"])
    rows = [{name: value[i] for name, value in inputs.items()} for i in range(size)]
    answer = server.predict({"signature_name": signature, "instances": rows})
    assert answer.status_code == 200, answer.text
    expected = own_answer(model, signature, questions(model, ids)[signature])
    found = answer.json()["predictions"]
    assert len(found) == size
    for i, row in enumerate(found):
        assert set(row) == set(expected)
        np.testing.assert_array_equal(
            np.array(row["embedding"], np.float32), expected["embedding"][i]
        )


@pytest.mark.parametrize("signature", ["similar_filtered", "nearest"])
def test_who_is_excluded_is_not_in_the_answer(model, ids, server, signature):
    inputs = questions(model, ids)[signature]
    body = {"signature_name": signature, "inputs": {k: plain(v) for k, v in inputs.items()}}
    found = server.predict(body).json()["outputs"]["similar_id"]
    known = ids if signature == "similar_filtered" else ids[:2]
    for row in range(len(known)):
        assert len(set(found[row]) - {""}) == 3
        assert not set(found[row]) & {one for one in inputs["exclude_id"][row] if one}


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


def test_an_only_input_needs_no_name(model, ids, server):
    by_name = server.predict({"instances": [{"artist_id": one} for one in ids]}).json()
    assert server.predict({"instances": ids}).json() == by_name
    columns = server.predict({"inputs": {"artist_id": ids}}).json()
    assert server.predict({"inputs": ids}).json() == columns


def test_strings_may_come_as_base64(ids, server):
    # Padding may be left out.
    coded = [{"b64": base64.b64encode(one.encode()).decode().rstrip("=")} for one in ids]
    assert server.predict({"instances": coded}).json() == server.predict({"instances": ids}).json()


def test_a_version_may_be_named(ids, server, prediction, pushed):
    found = server.post(f"/v1/models/artist_sim/versions/{pushed.name}:predict", {"inputs": ids})
    assert found.json() == server.predict({"inputs": ids}).json()
    request = requested(artist_id=ids)
    request.model_spec.version.value = int(pushed.name)
    assert prediction.Predict(request, timeout=60).model_spec.version.value == int(pushed.name)


def test_an_output_filter_leaves_the_others_out(ids, prediction):
    request = requested(artist_id=ids)
    request.output_filter.append("known")
    assert set(prediction.Predict(request, timeout=60).outputs) == {"known"}
    request.output_filter.append("nothing")
    assert refusal(prediction.Predict, request).code() == INVALID


def test_an_empty_batch_has_an_empty_answer(prediction, model):
    answer = prediction.Predict(requested(artist_id=np.array([], object)), timeout=60)
    assert tf.make_ndarray(answer.outputs["embedding"]).shape[0] == 0


def test_status_and_metadata_by_rest(server, pushed, model):
    status = server.get("/v1/models/artist_sim").json()["model_version_status"]
    mine = [one for one in status if one["version"] == pushed.name]
    assert mine == [
        {
            "version": pushed.name,
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
    found = server.get("/v1/models/artist_sim/metadata").json()
    assert found["model_spec"]["version"] == pushed.name
    assert set(found["metadata"]["signature_def"]) == {"signature_def"}
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert set(model.signatures) <= set(signatures)
    assert signatures["similar"]["inputs"]["k"]["dtype"] == "DT_INT32"
    assert signatures["similar"]["method_name"] == "tensorflow/serving/predict"


def test_status_and_metadata_by_grpc(service, prediction, pushed, model):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "artist_sim"
    found = service.GetModelStatus(request, timeout=60).model_version_status
    assert [(one.version, one.state) for one in found if one.version == int(pushed.name)] == [
        (int(pushed.name), get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    ]
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "artist_sim"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    prediction.GetModelMetadata(asked, timeout=60).metadata["signature_def"].Unpack(signatures)
    assert set(model.signatures) <= set(signatures.signature_def)


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


def test_metadata_requests_that_are_wrong(prediction):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "artist_sim"
    assert refusal(prediction.GetModelMetadata, request).code() == INVALID
    request.metadata_field.append("everything")
    assert refusal(prediction.GetModelMetadata, request).code() == INVALID


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

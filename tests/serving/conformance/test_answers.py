"""Both protocols answer what the SavedModel answers."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.conformance.protocol_requests import (
    INVALID,
    SIGNATURES,
    own_answer,
    plain,
    questions,
    refusal,
    requested,
)


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

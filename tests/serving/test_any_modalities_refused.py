"""What a new artist cannot be is said in one sentence that names the modality and its length."""

from __future__ import annotations

import json
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.errors import InvalidRequest
from serving.new_artist import NewArtist
from tests.serving.modality_models import (
    ARTISTS,
    CONTENT,
    NEIGHBORS,
    as_json,
    as_rows,
    inputs_of,
)

WHOLE = NewArtist("whole", CONTENT, NEIGHBORS)


def changed(**given: Any) -> dict[str, np.ndarray]:
    """The inputs of a whole artist, some of them others, and None for one that is left out."""
    inputs = {**inputs_of([WHOLE]), **given}
    return {name: value for name, value in inputs.items() if value is not None}


def numbers(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


BAD = {
    "length": (
        changed(audio=numbers(1, 2)),
        "Input 'audio' must have shape [?, 3], not [1, 2].",
    ),
    "unknown": (
        changed(lyrics=numbers(1, 2)),
        "input size does not match signature: 10!=9. Sent extra: {lyrics}. Missing but required: "
        "{}.",
    ),
    "missing": (
        changed(audio=None),
        "input size does not match signature: 8!=9. Sent extra: {}. Missing but required: {audio}.",
    ),
    "NaN": (
        changed(audio=numbers(1, np.nan, 2)),
        "audio has a NaN or infinite number; give 3 finite ones, or 0 as audio_present where "
        "they are not known.",
    ),
    "infinity": (
        changed(listening=numbers(1, np.inf, 2, 3)),
        "listening has a NaN or infinite number; give 4 finite ones, or 0 as "
        "listening_present where they are not known.",
    ),
    "NaN of a word": (
        changed(tags_weight=numbers(np.nan, 1)),
        "tags_weight has a NaN or infinite number; give finite ones.",
    ),
    "NaN of a neighbour": (
        changed(neighbor_weight=numbers(np.nan, 1)),
        "neighbor_weight has a NaN or infinite number; give finite ones.",
    ),
    "weights": (
        changed(tags_weight=numbers(1)),
        "tags_weight must have a number for each of tags, 0 for padding.",
    ),
    "rows": (
        changed(audio_present=np.array([1, 1])),
        "audio_present must have a row for each artist_id.",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_said_in_one_sentence(asked, what):
    inputs, sentence = BAD[what]
    # As Python writes NaN and TF Serving reads it.
    body = json.dumps({"signature_name": "embed_new", "inputs": as_json(inputs)})
    answer = asked.server.address.predict(body)
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    with pytest.raises(grpc.RpcError) as refused:
        asked.by_grpc(inputs)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == sentence


def test_another_dtype_is_refused(asked):
    texts = {**as_json(inputs_of([WHOLE])), "audio": [["a", "b", "c"]]}
    answer = asked.by_rest({"inputs": texts})
    told = "Input 'audio' must be of numbers, in lists of equal size."
    assert (answer.status_code, answer.json()) == (400, {"error": told})
    with pytest.raises(grpc.RpcError) as refused:
        asked.by_grpc(changed(audio=np.zeros((1, 3))))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "Input 'audio' must be float32, not float64."


def test_a_row_of_another_length_is_told_the_length(asked):
    rows = as_rows(inputs_of(ARTISTS[:2]))
    rows[1]["audio"] = [1.0, 2.0]
    answer = asked.by_rest({"instances": rows})
    told = "Input 'audio': lists of 2 and of 3 values stand side by side; the shape must be [?, 3]."
    assert (answer.status_code, answer.json()) == (400, {"error": told})


def test_numbers_that_are_too_large_are_no_embedding(asked):
    huge = changed(audio=numbers(3e38, -3e38, 3e38))
    try:
        outputs = asked.by_grpc(huge)
    except grpc.RpcError as refused:
        assert refused.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert refused.details().startswith("The content of an artist has numbers too large")
    else:
        assert np.isfinite(tf.make_ndarray(outputs["embedding"])).all()


@pytest.mark.parametrize("how", ["grpc", "rest"])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"audio": [1, 2]}, "Content 'audio' has to be a vector of 3 numbers."),
        ({"audio": ["a", "b", "c"]}, "Content 'audio' has to be a vector of 3 numbers."),
        ({"audio": [1, 2, np.nan]}, "Content 'audio' has to have finite numbers."),
        ({"tags": [1.0, 2.0]}, "Content 'tags' has to be words with their weights."),
        (
            {"audios": [1, 2, 3]},
            "The model has no modality 'audios' (did you mean 'audio'?); it has: audio, listening, "
            "tags.",
        ),
    ],
)
def test_the_client_says_so_itself(asked, how, content, sentence):
    with asked.client(how) as client, pytest.raises(InvalidRequest) as refused:
        client.embed_new([NewArtist(content=content)])
    assert refused.value.message == sentence

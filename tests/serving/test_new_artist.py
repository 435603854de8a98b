"""New artists become the padded tensors of `embed_new`."""

from __future__ import annotations

import numpy as np
import pytest

from serving.errors import InvalidRequest
from serving.new_artist import NewArtist, modalities_of, tensors_of
from serving.protocol import Signature, TensorSpec

SIGNATURE = Signature(
    {
        "artist_id": TensorSpec("DT_STRING", (-1,)),
        "neighbor_id": TensorSpec("DT_STRING", (-1, -1)),
        "neighbor_weight": TensorSpec("DT_FLOAT", (-1, -1)),
        "audio": TensorSpec("DT_FLOAT", (-1, 2)),
        "audio_present": TensorSpec("DT_INT64", (-1,)),
        "tags": TensorSpec("DT_STRING", (-1, -1)),
        "tags_weight": TensorSpec("DT_FLOAT", (-1, -1)),
    },
    {},
)
MODALITIES = {"audio": 2, "tags": None}


def test_modalities_are_read_from_the_signature():
    assert modalities_of(SIGNATURE) == MODALITIES


def test_what_is_missing_is_padded():
    tensors = tensors_of(
        [
            NewArtist("björk", {"tags": {"trip hop": 2, "pop": 1}}, {"a": 0.5}),
            NewArtist(content={"audio": [1, 2]}, neighbors=["b", "c", "b"]),
        ],
        MODALITIES,
    )
    expected = {
        "artist_id": ["björk", ""],
        "neighbor_id": [["a", ""], ["b", "c"]],
        "neighbor_weight": [[0.5, 0.0], [0.0, 0.0]],
        "audio": [[0.0, 0.0], [1.0, 2.0]],
        "audio_present": [0, 1],
        "tags": [["trip hop", "pop"], ["", ""]],
        "tags_weight": [[2.0, 1.0], [0.0, 0.0]],
    }
    assert {name: array.tolist() for name, array in tensors.items()} == expected
    kinds = {name: array.dtype.kind for name, array in tensors.items()}
    assert {name for name, kind in kinds.items() if kind == "O"} == {
        "artist_id",
        "neighbor_id",
        "tags",
    }
    assert tensors["audio"].dtype == tensors["tags_weight"].dtype == np.float32
    assert tensors["audio_present"].dtype == np.int64


def test_an_artist_of_which_nothing_is_known_has_one_column_of_padding():
    tensors = tensors_of([NewArtist()], MODALITIES)
    assert tensors["tags"].tolist() == tensors["neighbor_id"].tolist() == [[""]]
    assert tensors["neighbor_weight"].shape == tensors["tags_weight"].shape == (1, 1)


@pytest.mark.parametrize(
    ("artist", "message"),
    [
        (
            NewArtist(content={"tag": {}}),
            "The model has no modality 'tag' (did you mean 'tags'?); it has: audio, tags.",
        ),
        (
            NewArtist(content={"lyrics": [1.0]}),
            "The model has no modality 'lyrics'; it has: audio, tags.",
        ),
        (NewArtist(content={"audio": [1.0]}), "Content 'audio' has to be a vector of 2 numbers."),
        (
            NewArtist(content={"audio": {"x": 1.0}}),
            "Content 'audio' has to be a vector of 2 numbers.",
        ),
        (
            NewArtist(content={"audio": ["x", "y"]}),
            "Content 'audio' has to be a vector of 2 numbers.",
        ),
        (
            NewArtist(content={"audio": [1.0, float("nan")]}),
            "Content 'audio' has to have finite numbers.",
        ),
        (NewArtist(content={"audio": [1.0, 1e99]}), "Content 'audio' has to have finite numbers."),
        (NewArtist(content={"audio": [1, 10**400]}), "Content 'audio' has to have finite numbers."),
        (
            NewArtist(content={"tags": ["jazz"]}),
            "Content 'tags' has to be words with their weights.",
        ),
        (
            NewArtist(content={"tags": {"": 1.0}}),
            "An empty text among the 'tags' would be taken for padding.",
        ),
        (
            NewArtist(content={"tags": {"jazz": float("inf")}}),
            "The weights of the 'tags' have to be finite.",
        ),
        (
            NewArtist(neighbors={"a": "close"}),
            "The weights of the neighbors have to be numbers.",
        ),
        (NewArtist(neighbors="abba"), "The neighbors have to be a list of Unicode texts."),
        (NewArtist(neighbors={1: 1.0}), "The neighbors have to be a list of Unicode texts."),
        (
            NewArtist(content={"tags": {"\ud800": 1}}),
            "The 'tags' have to be a list of Unicode texts.",
        ),
        (NewArtist(artist_id=7), "The artist_ids have to be a list of Unicode texts."),
        (
            NewArtist(neighbors=[""]),
            "An empty text among the neighbors would be taken for padding.",
        ),
    ],
)
def test_what_the_model_cannot_take_is_refused_in_one_sentence(artist, message):
    with pytest.raises(InvalidRequest) as raised:
        tensors_of([NewArtist(), artist], MODALITIES)
    assert str(raised.value) == message

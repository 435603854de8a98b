"""A new artist may have any of the modalities, and neighbours or none, however it is asked.

Of each way the answer is held against `embed_graph`, where the artist is a node that nobody lists.
"""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from serving.new_artist import NewArtist
from tests.serving.modality_models import (
    ARTISTS,
    CONTENT,
    LENGTHS,
    PLAYS,
    Asked,
    as_json,
    as_rows,
    inputs_of,
)

README = Path(__file__).parents[2] / "serving" / "README.md"
LISTENS = "listening"
OF_NOTHING = {"sage_mean": 1.0, "gin": 1.0, "contrastive": 0.0}
"""The length of what is embedded of an artist of whom nothing is known, where it is documented."""


def check(asked: Asked, embedding: Any, known_neighbors: Any) -> None:
    found = np.array(embedding, np.float64)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, asked.expected, atol=1e-5)
    assert list(known_neighbors) == [len(artist.neighbors) for artist in ARTISTS]


def test_by_rest_in_columns(asked):
    answer = asked.by_rest({"inputs": as_json(inputs_of(ARTISTS))})
    assert answer.status_code == 200, answer.text
    check(asked, **answer.json()["outputs"])


def test_by_rest_in_rows(asked):
    answer = asked.by_rest({"instances": as_rows(inputs_of(ARTISTS))})
    assert answer.status_code == 200, answer.text
    rows = answer.json()["predictions"]
    check(asked, *([row[name] for row in rows] for name in ("embedding", "known_neighbors")))


def test_by_grpc(asked):
    outputs = asked.by_grpc(inputs_of(ARTISTS))
    check(asked, *(tf.make_ndarray(outputs[name]) for name in ("embedding", "known_neighbors")))


@pytest.mark.parametrize("how", ["grpc", "rest"])
def test_by_the_client_which_fills_in_what_is_left_out(asked, how):
    with asked.client(how) as client:
        found = client.embed_new(ARTISTS)
        check(asked, found.embedding, found.known_neighbors)
        # The plays that the vector is made of say the same as the vector.
        played = [
            dataclasses.replace(
                artist,
                content={name: artist.content[name] for name in artist.content if name != LISTENS},
                plays=PLAYS if LISTENS in artist.content else {},
            )
            for artist in ARTISTS
        ]
        again = client.embed_new(played)
        check(asked, again.embedding, again.known_neighbors)


def test_lengths_are_as_documented(asked):
    lengths = np.linalg.norm(asked.expected, axis=1)
    nothing = next(i for i, one in enumerate(ARTISTS) if not one.content and not one.neighbors)
    if asked.name == "diffusion":
        return
    others = np.array([bool(one.content) for one in ARTISTS])
    np.testing.assert_allclose(lengths[others], 1, atol=1e-5)
    np.testing.assert_allclose(lengths[nothing], OF_NOTHING[asked.name], atol=1e-5)


def test_a_modality_that_is_missing_is_not_a_vector_of_zeros(asked):
    others = {name: one for name, one in CONTENT.items() if name != "audio"}
    zeros = {**others, "audio": [0.0, 0.0, 0.0]}
    with asked.client("grpc") as client:
        found = client.embed_new([NewArtist(content=others), NewArtist(content=zeros)]).embedding
    assert np.abs(found[0] - found[1]).max() > 1e-4


def test_what_is_not_known_may_be_any_number(asked):
    inputs = inputs_of(ARTISTS)
    for name in LENGTHS:
        inputs[name][inputs[f"{name}_present"] == 0] = np.nan
    for texts in ("tags", "neighbor_id"):
        weights = inputs["tags_weight" if texts == "tags" else "neighbor_weight"]
        weights[inputs[texts] == ""] = np.inf
    outputs = asked.by_grpc(inputs)
    check(asked, *(tf.make_ndarray(outputs[name]) for name in ("embedding", "known_neighbors")))


@pytest.mark.parametrize("known", [(), ("audio",), ("tags",), ("listening",), tuple(CONTENT)])
def test_the_explorer_ranks_by_any_of_them(asked, known):
    content = {name: CONTENT[name] for name in known if name != LISTENS}
    body: dict[str, Any] = {"content": content, "k": 5}
    if LISTENS in known:
        body["plays"] = {**PLAYS, "nobody": 3}
    if not known:
        body["neighbors"] = ["artist:0002"]
    answer = asked.server.address.post("/explorer/api/new", body)
    if asked.name == "contrastive" and not known:
        told = "The model reads nothing of what is given of this artist; give more content."
        assert (answer.status_code, answer.json()) == (400, {"error": told})
        return
    assert answer.status_code == 200, answer.text
    found = answer.json()
    new = NewArtist(
        content=content, plays=body.get("plays", {}), neighbors=body.get("neighbors", ())
    )
    with asked.client("grpc") as client:
        [expected] = client.similar_to_new([new], k=5)
    assert [(one["id"], one["score"]) for one in found["similar"]] == [
        (one.artist_id, pytest.approx(one.score, abs=1e-5)) for one in expected
    ]
    assert found["known_listeners"] == (len(PLAYS) if LISTENS in known else 0)


def test_the_explorer_is_not_told_the_same_twice(asked):
    body = {"plays": PLAYS, "content": {"listening": CONTENT["listening"]}}
    answer = asked.server.address.post("/explorer/api/new", body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("An artist has both plays and the content 'listening'")
    answer = asked.server.address.post("/explorer/api/new", {"plays": {"nobody": 3}})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Nothing is known of this artist")


def test_the_readme_says_how_to_ask_without_the_client(asked, capsys):
    blocks = README.read_text().split("```python\n")[1:]
    [code] = [one.split("```")[0] for one in blocks if "def nothing_known" in one]
    exec(code.replace("http://127.0.0.1:8501", asked.server.address.url("")), found := {})
    assert ast.literal_eval(capsys.readouterr().out) == found["answer"].json()
    [new] = found["answer"].json()["predictions"]
    assert new["known_neighbors"] == 0
    with asked.client("grpc") as client:
        [expected] = client.embed_new(
            [NewArtist(content={"tags": {"jazz": 3, "soul": 1}})]
        ).embedding
    np.testing.assert_allclose(new["embedding"], expected, atol=1e-6)

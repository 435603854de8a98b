"""The client gets its answers, in order and whole, from either interface."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.errors import InvalidRequest
from serving.new_artist import NewArtist
from tests.serving.client.small_catalogue import ARTISTS, assert_equal
from tests.serving.model_server import ModelServer

pytestmark = pytest.mark.parametrize("interface", ["grpc", "rest"])


def test_embeddings_in_order(steady, over, interface):
    answer = over(steady, interface).embed(["모노", "nobody", "a", "é"])
    third = np.float32(1 / 3)
    expected = np.array([[2, third, 1], [0, 0, 0], [0, third, 1], [1, third, 1]], np.float32)
    np.testing.assert_array_equal(answer.embedding, expected, strict=True)
    np.testing.assert_array_equal(answer.known, [True, False, True, True], strict=True)


def test_similar_artists(steady, over, interface):
    first, unknown = over(steady, interface).similar(["é", "nobody"], 2)
    assert (first.artist_id, first.known) == ("é", True)
    assert [(found.artist_id, found.name) for found in first.artists] == [
        ("모노", "모노"),
        ("d", "!!!"),
    ]
    assert [found.score for found in first.artists] == [1.0, 0.5]
    assert (unknown.known, unknown.artists) == (False, ())


def test_there_are_no_more_similar_artists_than_others(steady, over, interface):
    (answer,) = over(steady, interface).similar(["a"], 2**40)
    assert len(answer.artists) == 3


def test_new_artists(steady, over, interface):
    answer = over(steady, interface).embed_new(
        [
            NewArtist(content={"audio": np.array([0.5, 0.25])}, neighbors=["모노", "nobody"]),
            NewArtist("björk", {"tags": {"모노": 2.0, "x": 0.5}}, {"a": 0.5, "é": 0.25}),
            NewArtist(),
        ]
    )
    # 1 + 0.5 + 0.25; 2 letters · 2.0 + 1 letter · 0.5; 1 + weight of each known neighbour.
    expected = np.array([[1.75, 0, 1], [0, 4.5, 2.75], [0, 0, 0]], np.float32)
    np.testing.assert_array_equal(answer.embedding, expected, strict=True)
    np.testing.assert_array_equal(answer.known_neighbors, np.array([1, 2, 0]), strict=True)


def test_nothing_asked_is_nothing_answered(steady, over, interface):
    client = over(steady, interface)
    assert client.similar([]) == []
    embeddings, new = client.embed([]), client.embed_new([])
    assert embeddings.embedding.shape == new.embedding.shape == (0, 3)
    assert embeddings.embedding.dtype == np.float32
    assert (embeddings.known.shape, embeddings.known.dtype) == ((0,), np.bool_)
    assert (new.known_neighbors.shape, new.known_neighbors.dtype) == ((0,), np.int64)


def test_answers_beyond_the_4_mb_that_grpc_allows_by_default(steady, over, interface):
    ids = ["a", "é"] * 200_000
    answer = over(steady, interface, max_batch=len(ids), timeout=60).embed(ids)
    assert answer.embedding.nbytes > 4 * 2**20
    assert answer.embedding[:, 0].tolist() == [0.0, 1.0] * 200_000


def test_a_version_can_be_chosen(versions, over, interface):
    server = ModelServer(versions)
    assert over(server, interface, version=2).embed(["a"]).embedding[0, 2] == 2.0
    assert over(server, interface).embed(["a"]).embedding[0, 2] == 3.0
    server.close()


def test_what_the_model_takes_is_asked_once(server, over, interface):
    client = over(server, interface)
    for _ in range(3):
        client.embed_new([NewArtist()])
    assert [asked[1] for asked in server.asked] == ["metadata", *["embed_new"] * 3]


def test_a_newer_version_may_take_other_content(server, versions, over, interface):
    client = over(server, interface)
    client.embed_new([NewArtist(content={"audio": [1.0, 2.0]})])
    server.push(3, versions[3])
    assert client.embed_new([NewArtist()]).embedding.shape == (1, 3)
    answer = client.embed_new([NewArtist(content={"audio": [1.0]})])
    assert answer.embedding.tolist() == [[2.0, 0.0, 0.0]]


@given(
    ids=st.lists(st.sampled_from([*ARTISTS, "nobody", "", "Ünknown\n"]), max_size=9),
    max_batch=st.integers(1, 10),
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_split_gives_what_one_request_gives(steady, over, interface, ids, max_batch):
    whole, split = over(steady, interface), over(steady, interface, max_batch=max_batch)
    new = [
        NewArtist(content={"tags": {"x" * place: 0.5}}, neighbors=ids[:place])
        for place in range(1, len(ids))
    ]
    begin = len(steady.asked)
    assert_equal(split.embed(ids), whole.embed(ids))
    requests = [asked for asked in steady.asked[begin:] if asked[1] != "metadata"]
    assert len(requests) == -(-len(ids) // max_batch) + bool(ids)
    assert split.similar(ids, 2) == whole.similar(ids, 2)
    try:
        split_new = split.embed_new(new)
    except InvalidRequest:  # "" is padding, and no neighbour.
        assert "" in ids
    else:
        whole_new = whole.embed_new(new)
        np.testing.assert_array_equal(split_new.embedding, whole_new.embedding)
        np.testing.assert_array_equal(split_new.known_neighbors, whole_new.known_neighbors)

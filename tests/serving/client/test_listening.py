"""The client gives plays of new artists, from either interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from serving.client import Client
from serving.errors import InvalidRequest
from serving.new_artist import NewArtist
from serving.retries import RetryPolicy
from tests.serving.client.test_filters import Catalogue
from tests.serving.model_server import ModelServer
from tests.trainer.test_listener_factors import factors_of
from trainer.listening_signature import ListeningSignature

LISTENERS = factors_of([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
ANN, BOB, CAT = LISTENERS.listener_id
NOBODY_LISTENS = "127.0.0.1:1"


def folded(plays) -> np.ndarray:
    """What the builder makes of listener -> plays, all of them known."""
    rows = np.array([LISTENERS.listener_id.tolist().index(name) for name in plays], np.int64)
    return LISTENERS.fold_in(rows, np.array([*plays.values()], float))


class Listened(Catalogue):
    """As Catalogue, with `listening`: a new one's embedding is what plays become, by the version.

    Its audio is added; where nothing is heard of it, it is that alone.
    """

    def save(self, path: Path, with_filters: bool = True) -> Path:
        self.listeners = ListeningSignature(LISTENERS)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, "artist_id"),
                tf.TensorSpec([None, 2], tf.float32, "audio"),
                tf.TensorSpec([None], tf.int64, "audio_present"),
                tf.TensorSpec([None, 2], tf.float32, "listening"),
                tf.TensorSpec([None], tf.int64, "listening_present"),
                tf.TensorSpec([None, None], tf.string, "neighbor_id"),
                tf.TensorSpec([None, None], tf.float32, "neighbor_weight"),
            ]
        )
        def embed_new(
            artist_id, audio, audio_present, listening, listening_present,
            neighbor_id, neighbor_weight,
        ):  # fmt: skip
            heard = tf.cast(listening_present, tf.float32)[:, None]
            count = tf.reduce_sum(tf.cast(self.row.lookup(neighbor_id) >= 0, tf.int64), axis=1)
            embedding = self.version * listening * heard + audio
            return {"embedding": embedding, "known_neighbors": count}

        signatures = {
            "embed_new": embed_new,
            "nearest": self.rankings().nearest(),
            "listening": self.listeners.listening(),
        }
        tf.saved_model.save(self, str(path), signatures=signatures)
        return path


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Version 1 takes no plays."""
    root = tmp_path_factory.mktemp("artist_sim")
    return {
        1: Catalogue(1.0).save(root / "1"),
        2: Listened(2.0).save(root / "2"),
        3: Listened(3.0).save(root / "3"),
    }


@pytest.fixture
def server(versions) -> Iterator[ModelServer]:
    server = ModelServer({2: versions[2]})
    yield server
    server.close()


@pytest.fixture(params=["grpc", "rest"])
def client(request, server) -> Iterator[Client]:
    address = (
        {"address": server.address}
        if request.param == "grpc"
        else {"address": NOBODY_LISTENS, "rest_address": server.rest_address}
    )
    retry = RetryPolicy(attempts=2, first_wait=0.001)
    with Client(**address, retry=retry, timeout=60, max_batch=2) as client:
        yield client


def test_plays_become_what_the_builder_makes_of_them(client):
    plays = [{ANN: 3, BOB: 1.5}, {}, {"nobody": 9}, {CAT: 4, "nobody": 9}]
    found = client.listening(plays)
    expected = [folded({ANN: 3, BOB: 1.5}), [0, 0], [0, 0], folded({CAT: 4})]
    np.testing.assert_allclose(found.listening, expected, rtol=1e-5)
    assert found.listening.dtype == np.float32
    assert found.present.tolist() == [True, False, False, True]
    assert found.known_listeners.tolist() == [2, 0, 0, 1]


def test_plays_of_nobody_have_a_width(client):
    found = client.listening([])
    assert found.listening.shape == (0, 2)
    assert found.present.shape == found.known_listeners.shape == (0,)


def test_new_artists_may_be_given_their_plays(client):
    artists = [
        NewArtist(plays={ANN: 3}, neighbors=["a"]),
        NewArtist(content={"audio": [5, 7]}),
        NewArtist(content={"audio": [1, 1]}, plays={"nobody": 2}),
        NewArtist(content={"listening": [1, 2]}),
        NewArtist(content={"audio": [1, 0]}, plays={BOB: 2, CAT: 1}),
    ]
    found = client.embed_new(artists)
    expected = [
        2 * folded({ANN: 3}),
        [5, 7],
        [1, 1],
        [2, 4],
        2 * folded({BOB: 2, CAT: 1}) + [1, 0],
    ]
    np.testing.assert_allclose(found.embedding, expected, rtol=1e-5)
    assert found.known_neighbors.tolist() == [1, 0, 0, 0, 0]
    (nearest,) = client.similar_to_new([artists[0]], k=4)
    vector = client.embed_new(artists[:1]).embedding
    assert nearest == client.nearest(vector, k=4)[0]


def test_plays_and_embedding_are_of_one_version(client, server, versions):
    server.push(3, versions[3])
    server.asked.clear()
    found = client.embed_new([NewArtist(plays={ANN: 3})] * 3)
    np.testing.assert_allclose(found.embedding, [3 * folded({ANN: 3})] * 3, rtol=1e-5)
    asked = [(what, version) for _, what, version, _ in server.asked if what != "metadata"]
    assert asked == [("listening", 3), ("embed_new", 3)] * 2


@pytest.mark.parametrize(
    ("plays", "message"),
    [
        ({"": 1}, "An empty text among the listeners would be taken for padding."),
        ({ANN: -1}, "The plays of the listeners may not be below zero."),
        ({ANN: float("nan")}, "The plays of the listeners have to be finite."),
        ({ANN: 1e39}, "The plays of the listeners have to be finite."),
        ({ANN: 10**400}, "The plays of the listeners have to be finite."),
        ({ANN: "often"}, "The plays of the listeners have to be numbers."),
    ],
)
def test_what_are_no_plays_is_refused_in_one_sentence(client, plays, message):
    for ask in (
        lambda: client.listening([plays]),
        lambda: client.embed_new([NewArtist(plays=plays)]),
        lambda: client.similar_to_new([NewArtist(plays=plays)]),
    ):
        with pytest.raises(InvalidRequest) as error:
            ask()
        assert error.value.message == message


def test_plays_and_what_they_become_are_refused(client):
    both = NewArtist(content={"listening": [1, 2]}, plays={ANN: 1})
    with pytest.raises(InvalidRequest, match="has both plays and the content 'listening'"):
        client.embed_new([both])


def test_a_model_that_takes_no_plays_says_so(client, server, versions):
    server.push(1, versions[1])
    server.withdraw(2)
    for ask in (
        lambda: client.listening([{ANN: 1}]),
        lambda: client.embed_new([NewArtist(plays={ANN: 1})]),
    ):
        with pytest.raises(InvalidRequest, match="The model takes no plays"):
            ask()

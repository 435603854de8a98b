"""The client's filters and nearest artists, from either interface."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from serving.client import Client
from serving.errors import InvalidRequest, ServingError
from serving.filters import Filters
from serving.new_artist import NewArtist
from serving.retries import RetryPolicy
from tests.serving.model_server import ModelServer
from trainer.similar_signatures import Candidates, SimilarSignatures

IDS = ["a", "é", "모노", "d"]
EMBEDDING = [[4.0, 0.0], [3.0, 1.0], [2.0, 2.0], [1.0, 3.0]]
"""Of a the others come in the order of their ids; (0, 1) has them the other way round."""
NOBODY_LISTENS = "127.0.0.1:1"


class Catalogue(tf.Module):
    """The real rankings of four artists; a new one's embedding is its audio times the version."""

    def __init__(self, version: float):
        super().__init__()
        self.version = version
        self.ids, self.names = tf.Variable(IDS), tf.Variable([name.upper() for name in IDS])
        self.embedding = tf.Variable(EMBEDDING)
        self.longest = tf.Variable(float(np.linalg.norm(EMBEDDING, axis=1).max()))
        # All but the last have tags, only the first two audio.
        self.present = tf.Variable([[True, True], [True, True], [False, True], [False, False]])
        self.popularity = tf.Variable([10.0, 20.0, np.nan, 40.0])
        self.row = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(IDS), tf.range(4, dtype=tf.int64)), -1
        )

    def rankings(self) -> SimilarSignatures:
        return SimilarSignatures(
            Candidates(
                self.ids,
                self.names,
                self.row,
                lambda: {"embedding": self.embedding.read_value()},
                self.embedding.shape[1],
                self.longest,
                None,
                ("audio", "tags"),
                self.present,
                self.popularity,
            )
        )

    def save(self, path: Path, with_filters: bool = True) -> Path:
        rankings = self.rankings()

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, "artist_id"),
                tf.TensorSpec([None, 2], tf.float32, "audio"),
                tf.TensorSpec([None], tf.int64, "audio_present"),
                tf.TensorSpec([None, None], tf.string, "neighbor_id"),
                tf.TensorSpec([None, None], tf.float32, "neighbor_weight"),
            ]
        )
        def embed_new(artist_id, audio, audio_present, neighbor_id, neighbor_weight):
            count = tf.reduce_sum(tf.cast(self.row.lookup(neighbor_id) >= 0, tf.int64), axis=1)
            return {"embedding": self.version * audio, "known_neighbors": count}

        signatures = {"similar": rankings.similar(), "embed_new": embed_new}
        if with_filters:
            signatures["similar_filtered"] = rankings.similar_filtered()
            signatures["nearest"] = rankings.nearest()
        tf.saved_model.save(self, str(path), signatures=signatures)
        return path


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Versions 2 and 3; version 1 is of the time before filters."""
    root = tmp_path_factory.mktemp("artist_sim")
    return {
        1: Catalogue(1.0).save(root / "1", with_filters=False),
        2: Catalogue(2.0).save(root / "2"),
        3: Catalogue(3.0).save(root / "3"),
    }


@pytest.fixture
def server(versions) -> Iterator[ModelServer]:
    server = ModelServer({2: versions[2]})
    yield server
    server.close()


@pytest.fixture(params=["grpc", "rest"])
def ask(request, server):
    """Makes clients of one interface alone."""
    made = []

    def make(**arguments) -> Client:
        address = (
            {"address": server.address}
            if request.param == "grpc"
            else {"address": NOBODY_LISTENS, "rest_address": server.rest_address}
        )
        retry = RetryPolicy(attempts=2, first_wait=0.001)
        made.append(Client(**{"retry": retry, "timeout": 60, **address, **arguments}))
        return made[-1]

    yield make
    for client in made:
        client.close()


def names(artists) -> list[str]:
    return [artist.artist_id for artist in artists]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), ["é", "모노", "d"]),
        (Filters(modalities=["tags"]), ["é", "모노"]),
        (Filters(modalities=("tags", "audio")), ["é"]),
        (Filters(min_popularity=20), ["é", "d"]),
        (Filters(min_popularity=-1.0), ["é", "모노", "d"]),
        (Filters(exclude=["모노", "nobody", ""]), ["é", "d"]),
        (Filters(["tags"], 10.0, {"é"}), []),
    ],
)
def test_who_does_not_pass_is_not_there_and_nor_is_padding(ask, server, filters, expected):
    found, unknown = ask().similar(["a", "nobody"], 3, filters)
    assert (found.artist_id, found.known) == ("a", True)
    assert names(found.artists) == expected
    score = {"é": 12.0, "모노": 8.0, "d": 4.0}
    assert [(one.name, one.score) for one in found.artists] == [
        (name.upper(), score[name]) for name in expected
    ]
    assert (unknown.known, unknown.artists) == (False, ())
    assert server.asked[-1][1] == "similar_filtered"


def test_without_filters_an_older_model_will_do(ask, server, versions):
    server.push(9, versions[1])
    assert names(ask().similar(["a"], 2)[0].artists) == ["é", "모노"]
    assert [asked[1] for asked in server.asked] == ["similar"]


def test_an_older_model_is_told_of(ask, server, versions):
    server.push(9, versions[1])
    told = "The model has no signature '{}'; is it one of artist_sim\\? If so, it is older"
    with pytest.raises(InvalidRequest, match=told.format("similar_filtered")):
        ask().similar(["a"], filters=Filters())
    with pytest.raises(InvalidRequest, match=told.format("nearest")):
        ask().nearest([[1.0, 2.0]])
    with pytest.raises(InvalidRequest, match=told.format("nearest")):
        ask().similar_to_new([NewArtist()])


def test_a_model_that_was_older_is_looked_at_again(ask, server, versions):
    server.push(9, versions[1])
    client = ask()
    client.embed_new([NewArtist()])
    server.push(10, versions[2])
    assert names(client.similar(["a"], 1, Filters())[0].artists) == ["é"]


def test_a_modality_that_the_model_does_not_have(ask):
    told = "(The model has no modality lyrics; it has: audio, tags)."
    for call in (
        lambda client, filters: client.similar(["a"], filters=filters),
        lambda client, filters: client.nearest([[1.0, 0.0]], filters=filters),
        lambda client, filters: client.similar_to_new([NewArtist()], filters=filters),
    ):
        with pytest.raises(InvalidRequest) as raised:
            call(ask(), Filters(modalities=["lyrics"]))
        assert raised.value.message == f"The model server refused the request {told}"


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (Filters(modalities="tags"), "The modalities have to be a list of Unicode texts."),
        (Filters(exclude="a"), "The ids to exclude have to be a list of Unicode texts."),
        (Filters(exclude=[1]), "The ids to exclude have to be a list of Unicode texts."),
        (Filters(min_popularity=float("nan")), "min_popularity has to be a finite number."),
        (Filters(min_popularity=1e300), "min_popularity has to be a finite number."),
        (Filters(min_popularity=10**400), "min_popularity has to be a finite number."),
        (Filters(min_popularity="many"), "min_popularity has to be a finite number."),
        (Filters(min_popularity=[1.0]), "min_popularity has to be a finite number."),
    ],
)
def test_filters_of_no_use_are_refused_before_anything_is_asked(ask, server, filters, told):
    for call in (
        lambda client: client.similar(["a"], filters=filters),
        lambda client: client.nearest([[1.0, 0.0]], filters=filters),
        lambda client: client.similar_to_new([NewArtist()], filters=filters),
    ):
        with pytest.raises(InvalidRequest) as raised:
            call(ask())
        assert raised.value.message == told
    assert not server.asked


def test_the_nearest_of_embeddings(ask):
    embedding = np.array([[0, 1], [1, 0]], np.float64)
    first, second = ask().nearest(embedding, 9)
    assert [(one.artist_id, one.name, one.score) for one in first] == [
        ("d", "D", 3.0),
        ("모노", "모노", 2.0),
        ("é", "É", 1.0),
        ("a", "A", 0.0),
    ]
    assert names(second) == IDS
    filtered = ask().nearest(embedding.tolist(), 2, Filters(modalities=["tags"], exclude=["a"]))
    assert [names(artists) for artists in filtered] == [["모노", "é"], ["é", "모노"]]


@pytest.mark.parametrize("embeddings", [[1.0, 2.0], [[1.0], [1.0, 2.0]], None, "ab", [["a", "b"]]])
def test_embeddings_of_another_form(ask, server, embeddings):
    with pytest.raises(InvalidRequest, match="have to be rows of numbers, all of one length"):
        ask().nearest(embeddings)
    assert not server.asked


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, 10**400])
def test_embeddings_that_are_not_finite(ask, server, number):
    with pytest.raises(InvalidRequest, match="^The embeddings have to have finite numbers.$"):
        ask().nearest([[0.0, number]])
    assert not server.asked


def test_embeddings_of_another_length_are_refused_by_the_server(ask):
    with pytest.raises(InvalidRequest, match="^The model server refused the request"):
        ask().nearest([[1.0, 2.0, 3.0]])


def test_a_wrong_k(ask):
    for call in (Client.nearest, Client.similar_to_new):
        with pytest.raises(InvalidRequest, match="k has to be at least 1"):
            call(ask(), [], 0)


def test_nothing_asked_is_nothing_answered(ask):
    client = ask()
    assert client.nearest([]) == client.similar_to_new([]) == []
    assert client.nearest(np.zeros((0, 2))) == client.similar([], filters=Filters()) == []


@pytest.mark.parametrize("max_batch", [1, 2, 9])
def test_any_split_gives_what_one_request_gives(ask, max_batch):
    whole, split = ask(), ask(max_batch=max_batch)
    filters = Filters(min_popularity=20, exclude=["d"])
    assert split.similar(IDS, 3, filters) == whole.similar(IDS, 3, filters)
    assert split.nearest(EMBEDDING, 3, filters) == whole.nearest(EMBEDDING, 3, filters)
    new = [NewArtist(content={"audio": row}) for row in EMBEDDING]
    assert split.similar_to_new(new, 3, filters) == whole.similar_to_new(new, 3, filters)


def test_new_artists_are_embedded_and_compared_by_one_version(ask, server, versions):
    server.push(3, versions[3])
    new = [NewArtist(content={"audio": [0.0, 1.0]}), NewArtist(content={"audio": [1.0, 0.0]})]
    first, second = ask(max_batch=1).similar_to_new(new, 2, Filters(exclude=["d"]))
    # 3 · (0, 1) · (2, 2); 3 · (1, 0) · (4, 0)
    assert [(one.artist_id, one.score) for one in first] == [("모노", 6.0), ("é", 3.0)]
    assert [(one.artist_id, one.score) for one in second] == [("a", 12.0), ("é", 9.0)]
    assert [asked[1:3] for asked in server.asked] == [
        ("metadata", None),
        *[("embed_new", 3), ("nearest", 3)] * 2,
    ]


def test_new_artists_are_embedded_again_where_the_version_is_replaced(ask, server, versions):
    answer = server._answer

    def replace_before_nearest(how, name, what, version, authorization):
        if what == "nearest" and version == 2:
            server.push(3, versions[3])
            server.withdraw(2)
        return answer(how, name, what, version, authorization)

    server._answer = replace_before_nearest
    (found,) = ask().similar_to_new([NewArtist(content={"audio": [0.0, 1.0]})], 1)
    assert [(one.artist_id, one.score) for one in found] == [("d", 9.0)]
    assert [asked[1:3] for asked in server.asked] == [
        ("metadata", None),
        ("embed_new", 2),
        ("nearest", 2),
        ("metadata", None),
        ("embed_new", 3),
        ("nearest", 3),
    ]


def test_a_version_can_be_chosen(ask, server, versions):
    server.push(3, versions[3])
    new = [NewArtist(content={"audio": [0.0, 1.0]})]
    assert ask(version=2).similar_to_new(new, 1)[0][0].score == 6.0
    assert {asked[2] for asked in server.asked} == {2}


def test_a_closed_client(ask):
    client = ask()
    client.close()
    for call in (client.nearest, client.similar_to_new):
        with pytest.raises(ServingError, match="^The client is closed.$"):
            call([])


def test_filters_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Filters().min_popularity = 1.0

"""The client gets its answers, from either interface, or says in one sentence why not."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.client import Client, Embeddings
from serving.errors import DeadlineExceeded, InvalidRequest, NotFound, ServingError, Unavailable
from serving.new_artist import NewArtist
from serving.retries import RetryPolicy
from tests.serving.model_server import ModelServer

ARTISTS = {"a": "Belle and Sebastian", "é": "Sigur Rós", "모노": "모노", "d": "!!!"}
TOKEN = "s3cret-token"
SOON = RetryPolicy(attempts=4, first_wait=0.001)


class Catalogue(tf.Module):
    """Each artist's embedding is its row, a one and the version; the next artists are similar."""

    def __init__(self, version: float, audio_dim: int = 2):
        super().__init__()
        self.ids = tf.constant(list(ARTISTS))
        self.names = tf.constant(list(ARTISTS.values()))
        self.version = version
        self.audio_dim = audio_dim

    def row(self, artist_id):
        """[...] int32; as many as there are artists for one that is not known."""
        equal = tf.equal(artist_id[..., None], self.ids)
        row = tf.argmax(equal, axis=-1, output_type=tf.int32)
        return tf.where(tf.reduce_any(equal, axis=-1), row, len(ARTISTS))

    def save(self, path: Path) -> Path:
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "artist_id")])
        def serving_default(artist_id):
            known = self.row(artist_id) < len(ARTISTS)
            row = tf.cast(self.row(artist_id), tf.float32)
            embedding = tf.stack([row, row * 0 + 1 / 3, row * 0 + self.version], axis=1)
            return {"embedding": tf.where(known[:, None], embedding, 0.0), "known": known}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, "artist_id"),
                tf.TensorSpec([], tf.int32, "k"),
            ]
        )
        def similar(artist_id, k):
            known = self.row(artist_id) < len(ARTISTS)
            step = tf.range(1, 1 + tf.clip_by_value(k, 0, len(ARTISTS) - 1))
            found = (self.row(artist_id)[:, None] + step) % len(ARTISTS)
            score = 1 / tf.cast(step, tf.float32)[None] + tf.zeros_like(found, tf.float32)
            return {
                "similar_id": tf.where(known[:, None], tf.gather(self.ids, found), ""),
                "name": tf.where(known[:, None], tf.gather(self.names, found), ""),
                "score": tf.where(known[:, None], score, 0.0),
                "known": known,
            }

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, "artist_id"),
                tf.TensorSpec([None, self.audio_dim], tf.float32, "audio"),
                tf.TensorSpec([None], tf.int64, "audio_present"),
                tf.TensorSpec([None, None], tf.string, "tags"),
                tf.TensorSpec([None, None], tf.float32, "tags_weight"),
                tf.TensorSpec([None, None], tf.string, "neighbor_id"),
                tf.TensorSpec([None, None], tf.float32, "neighbor_weight"),
            ]
        )
        def embed_new(
            artist_id, audio, audio_present, tags, tags_weight, neighbor_id, neighbor_weight
        ):
            known = self.row(neighbor_id) < len(ARTISTS)
            length = tf.cast(tf.strings.length(tags, unit="UTF8_CHAR"), tf.float32)
            parts = [
                tf.cast(audio_present, tf.float32) * (1 + tf.reduce_sum(audio, axis=1)),
                tf.reduce_sum(length * tags_weight, axis=1),
                tf.reduce_sum(tf.where(known, 1 + neighbor_weight, 0.0), axis=1),
            ]
            count = tf.reduce_sum(tf.cast(known, tf.int64), axis=1)
            return {"embedding": tf.stack(parts, axis=1), "known_neighbors": count}

        signatures = {"serving_default": serving_default, "similar": similar}
        tf.saved_model.save(self, str(path), signatures={**signatures, "embed_new": embed_new})
        return path


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    root = tmp_path_factory.mktemp("artist_sim")
    return {
        1: Catalogue(1.0).save(root / "1"),
        2: Catalogue(2.0).save(root / "2"),
        3: Catalogue(3.0, audio_dim=1).save(root / "3"),
    }


@pytest.fixture
def server(versions) -> Iterator[ModelServer]:
    server = ModelServer({1: versions[1]})
    yield server
    server.close()


@pytest.fixture(scope="module")
def steady(versions) -> Iterator[ModelServer]:
    """A server that no test changes."""
    server = ModelServer({1: versions[1]})
    yield server
    server.close()


@pytest.fixture(scope="module")
def closed() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def over(closed):
    """A client of one of the interfaces alone."""
    clients = []

    def make(server: ModelServer, interface: str, **arguments) -> Client:
        address = {
            "grpc": {"address": server.address},
            "rest": {"address": closed, "rest_address": server.rest_address},
        }[interface]
        clients.append(Client(**{"retry": SOON, **address, **arguments}))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


both = pytest.mark.parametrize("interface", ["grpc", "rest"])


@both
class TestAnswers:
    def test_embeddings_in_order(self, steady, over, interface):
        answer = over(steady, interface).embed(["모노", "nobody", "a", "é"])
        third = np.float32(1 / 3)
        expected = np.array([[2, third, 1], [0, 0, 0], [0, third, 1], [1, third, 1]], np.float32)
        np.testing.assert_array_equal(answer.embedding, expected, strict=True)
        np.testing.assert_array_equal(answer.known, [True, False, True, True], strict=True)

    def test_similar_artists(self, steady, over, interface):
        first, unknown = over(steady, interface).similar(["é", "nobody"], 2)
        assert (first.artist_id, first.known) == ("é", True)
        assert [(found.artist_id, found.name) for found in first.artists] == [
            ("모노", "모노"),
            ("d", "!!!"),
        ]
        assert [found.score for found in first.artists] == [1.0, 0.5]
        assert (unknown.known, unknown.artists) == (False, ())

    def test_there_are_no_more_similar_artists_than_others(self, steady, over, interface):
        (answer,) = over(steady, interface).similar(["a"], 2**40)
        assert len(answer.artists) == 3

    def test_new_artists(self, steady, over, interface):
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

    def test_nothing_asked_is_nothing_answered(self, steady, over, interface):
        client = over(steady, interface)
        assert client.similar([]) == []
        embeddings, new = client.embed([]), client.embed_new([])
        assert embeddings.embedding.shape == new.embedding.shape == (0, 3)
        assert embeddings.embedding.dtype == np.float32
        assert (embeddings.known.shape, embeddings.known.dtype) == ((0,), np.bool_)
        assert (new.known_neighbors.shape, new.known_neighbors.dtype) == ((0,), np.int64)

    def test_answers_beyond_the_4_mb_that_grpc_allows_by_default(self, steady, over, interface):
        ids = ["a", "é"] * 200_000
        answer = over(steady, interface, max_batch=len(ids), timeout=60).embed(ids)
        assert answer.embedding.nbytes > 4 * 2**20
        assert answer.embedding[:, 0].tolist() == [0.0, 1.0] * 200_000

    def test_a_version_can_be_chosen(self, versions, over, interface):
        server = ModelServer(versions)
        assert over(server, interface, version=2).embed(["a"]).embedding[0, 2] == 2.0
        assert over(server, interface).embed(["a"]).embedding[0, 2] == 3.0
        server.close()

    def test_what_the_model_takes_is_asked_once(self, server, over, interface):
        client = over(server, interface)
        for _ in range(3):
            client.embed_new([NewArtist()])
        assert [asked[1] for asked in server.asked] == ["metadata", *["embed_new"] * 3]

    def test_a_newer_version_may_take_other_content(self, server, versions, over, interface):
        client = over(server, interface)
        client.embed_new([NewArtist(content={"audio": [1.0, 2.0]})])
        server.push(3, versions[3])
        assert client.embed_new([NewArtist()]).embedding.shape == (1, 3)
        answer = client.embed_new([NewArtist(content={"audio": [1.0]})])
        assert answer.embedding.tolist() == [[2.0, 0.0, 0.0]]


@both
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


def assert_equal(one: Embeddings, other: Embeddings) -> None:
    np.testing.assert_array_equal(one.embedding, other.embedding, strict=True)
    np.testing.assert_array_equal(one.known, other.known, strict=True)


@both
class TestOneVersion:
    """The parts of one request are answered by one version: vectors of two cannot be compared."""

    def test_though_another_is_pushed_meanwhile(self, server, versions, over, interface):
        server.delay = 0.1
        threading.Timer(0.25, server.push, (2, versions[2])).start()
        answer = over(server, interface, max_batch=1).embed(["a"] * 5)
        assert answer.embedding[:, 2].tolist() == [1.0] * 5

    def test_of_the_next_where_it_is_replaced_meanwhile(self, server, versions, over, interface):
        def replace():
            server.push(2, versions[2])
            server.withdraw(1)

        server.delay = 0.1
        threading.Timer(0.25, replace).start()
        answer = over(server, interface, max_batch=1).embed(["a"] * 5)
        assert answer.embedding[:, 2].tolist() == [2.0] * 5


@both
class TestFailures:
    def test_a_busy_server_is_asked_again(self, server, over, interface):
        server.faults.extend([("UNAVAILABLE", "all batch threads are busy")] * 3)
        assert over(server, interface).embed(["a"]).known.tolist() == [True]
        assert len(server.asked) == 4

    def test_but_not_for_ever(self, server, over, interface):
        server.faults.extend([("UNAVAILABLE", "all batch threads are busy")] * 9)
        with pytest.raises(Unavailable) as raised:
            over(server, interface).embed(["a"])
        assert raised.value.code == "UNAVAILABLE"
        assert raised.value.message == (
            "The model server cannot be reached or is busy (all batch threads are busy)."
        )
        assert len(server.asked) == 4

    @pytest.mark.parametrize(
        ("code", "kind"), [("INVALID_ARGUMENT", InvalidRequest), ("NOT_FOUND", NotFound)]
    )
    def test_what_cannot_succeed_is_asked_once(self, server, over, interface, code, kind):
        server.faults.append((code, f"bad {TOKEN} in /srv/models/artist_sim/7 of it\n at line 3"))
        with pytest.raises(kind) as raised:
            over(server, interface, token=TOKEN).embed(["a"])
        assert raised.value.code == code
        assert raised.value.message.endswith(" (bad … in 7 of it).")
        assert len(server.asked) == 1

    @pytest.mark.parametrize("arguments", [{"model": "other"}, {"version": 9}])
    def test_no_such_model_or_version(self, server, over, interface, arguments):
        with pytest.raises(NotFound, match="does not have this model or version"):
            over(server, interface, **arguments).embed(["a"])

    def test_the_deadline_is_one_for_all(self, server, over, interface):
        server.delay = 0.2
        begin = time.monotonic()
        with pytest.raises(DeadlineExceeded, match="^The model server did not answer in time.$"):
            over(server, interface, max_batch=1, timeout=0.5).embed(["a"] * 9)
        assert time.monotonic() - begin < 0.8
        assert len(server.asked) < 9

    def test_a_wrong_k(self, steady, over, interface):
        with pytest.raises(InvalidRequest, match="k has to be at least 1"):
            over(steady, interface).similar(["a"], 0)

    @pytest.mark.parametrize("ids", ["abba", [1], None, ["\ud800"]])
    def test_wrong_ids(self, steady, over, interface, ids):
        with pytest.raises(
            InvalidRequest, match="The artist_ids have to be a list of Unicode texts."
        ):
            over(steady, interface).embed(ids)

    def test_content_that_the_model_does_not_take(self, steady, over, interface):
        with pytest.raises(InvalidRequest) as raised:
            over(steady, interface).embed_new([NewArtist(content={"lyrics": [1.0]})])
        assert str(raised.value) == "The model has no modality 'lyrics'; it has: audio, tags."

    def test_a_model_of_another_kind(self, tmp_path, over, interface):
        module = tf.Module()
        module.double = tf.function(
            lambda x: {"y": x, "z": 2 * x}, input_signature=[tf.TensorSpec([], tf.float32, "x")]
        )
        tf.saved_model.save(module, str(tmp_path / "1"), signatures={"double": module.double})
        server = ModelServer({1: tmp_path / "1"})
        with pytest.raises(InvalidRequest, match="no signature 'embed_new'; is it one of artist"):
            over(server, interface).embed_new([NewArtist()])
        with pytest.raises(ServingError):
            over(server, interface).embed(["a"])
        server.close()

    def test_the_token_travels_with_every_request(self, server, over, interface):
        client = over(server, interface, token=TOKEN, max_batch=1)
        client.embed(["a", "é"])
        assert [asked[3] for asked in server.asked] == [f"Bearer {TOKEN}"] * 3
        over(server, interface).embed(["a"])
        assert server.asked[-1][3] is None

    def test_a_closed_client(self, steady, over, interface):
        with over(steady, interface) as client:
            client.embed(["a"])
        with pytest.raises(ServingError, match="^The client is closed.$"):
            client.embed(["a"])

    def test_threads_share_a_client(self, steady, over, interface):
        client = over(steady, interface)
        ids = [*ARTISTS] * 4
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda artist_id: client.embed([artist_id]), ids))
        rows = [answer.embedding[0, 0] for answer in answers]
        assert rows == [0.0, 1.0, 2.0, 3.0] * 4


class TestFallBack:
    def test_nobody_listens(self, closed):
        begin = time.monotonic()
        with Client(closed, retry=SOON) as client, pytest.raises(Unavailable) as raised:
            client.embed(["a"])
        assert "cannot be reached" in raised.value.message
        assert time.monotonic() - begin < 3

    def test_a_server_that_dies_and_comes_back(self, server, over):
        client = over(server, "grpc", retry=RetryPolicy(attempts=100, first_wait=0.1))
        before = client.embed(["a"])
        server.close_grpc()
        threading.Timer(0.5, server.open_grpc).start()
        assert_equal(client.embed(["a"]), before)

    def test_nobody_listens_on_either(self, closed):
        with (
            Client(closed, rest_address=closed, retry=SOON) as client,
            pytest.raises(Unavailable, match="cannot be reached"),
        ):
            client.embed(["a"])

    def test_grpc_where_both_answer(self, server):
        with Client(server.address, rest_address=server.rest_address) as client:
            client.embed(["a"])
        assert [asked[0] for asked in server.asked] == ["grpc"]

    def test_a_busy_server_is_not_asked_twice_at_once(self, server):
        server.faults.extend([("UNAVAILABLE", "busy")] * 2)
        with Client(server.address, rest_address=server.rest_address, retry=SOON) as client:
            client.embed(["a"])
        assert [asked[0] for asked in server.asked] == ["grpc"] * 3

    def test_rest_once_grpc_has_died(self, server):
        with Client(server.address, rest_address=server.rest_address, retry=SOON) as client:
            before = client.embed(["a", "é"])
            server.close_grpc()
            assert_equal(client.embed(["a", "é"]), before)
            assert_equal(client.embed(["a", "é"]), before)
        assert [asked[0] for asked in server.asked] == ["grpc", "rest", "rest"]

    def test_a_grpc_port_that_never_speaks(self, server):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            with Client(address, rest_address=server.rest_address, timeout=4) as client:
                client.embed(["a"])
                begin = time.monotonic()
                client.embed(["a"])
                # Known by now: it is not waited for again.
                assert time.monotonic() - begin < 0.5

    def test_an_answer_that_drips_is_not_waited_for_beyond_the_deadline(self, closed):
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def drip():
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
                    while True:
                        connection.sendall(b" ")
                        time.sleep(0.05)

            threading.Thread(target=drip, daemon=True).start()
            rest_address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
            begin = time.monotonic()
            with (
                Client(closed, rest_address=rest_address, timeout=0.5) as client,
                pytest.raises(DeadlineExceeded),
            ):
                client.embed(["a"])
            assert time.monotonic() - begin < 1.0

    @pytest.mark.parametrize(
        "body", [b"<html>", b"[]", b"{}", b'{"outputs": {"known": [true]}}', b"\xff"]
    )
    def test_an_answer_of_something_else_is_told(self, closed, body):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as other:
            threading.Thread(target=other.handle_request, daemon=True).start()
            rest_address = f"127.0.0.1:{other.server_port}"
            with (
                Client(closed, rest_address=rest_address) as client,
                pytest.raises(ServingError, match="The model server failed with INTERNAL") as told,
            ):
                client.embed(["a"])
        assert told.value.code == "INTERNAL"

    @pytest.mark.parametrize("status", ["429", "502", "503"])
    def test_http_statuses_that_are_asked_again(self, server, over, status):
        server.faults.append((status, "later"))
        assert over(server, "rest").embed(["a"]).known.tolist() == [True]

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            ("401", "UNAUTHENTICATED"),
            ("403", "PERMISSION_DENIED"),
            ("413", "RESOURCE_EXHAUSTED"),
            ("500", "INTERNAL"),
        ],
    )
    def test_http_statuses_that_are_not(self, server, over, status, code):
        server.faults.append((status, "no"))
        with pytest.raises(ServingError, match=f"failed with {code} \\(no\\)") as raised:
            over(server, "rest").embed(["a"])
        assert raised.value.code == code
        assert len(server.asked) == 1

    @pytest.mark.parametrize("status", ["408", "504"])
    def test_http_statuses_of_a_server_that_took_too_long(self, server, over, status):
        server.faults.append((status, "The request was not answered within 10 s."))
        with pytest.raises(DeadlineExceeded):
            over(server, "rest").embed(["a"])
        assert len(server.asked) == 1

    def test_grpc_that_runs_out_of_memory_is_not_asked_again(self, server, over):
        server.faults.append(("RESOURCE_EXHAUSTED", "OOM when allocating tensor"))
        with pytest.raises(ServingError, match="RESOURCE_EXHAUSTED"):
            over(server, "grpc").embed(["a"])
        assert len(server.asked) == 1


def test_the_client_does_not_import_tensorflow():
    code = "import sys, serving.client; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_grpc_over_tls(server):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server.close_grpc()
    server.address = "localhost:0"
    server.open_grpc(grpc.ssl_server_credentials([(private, certificate)]))
    trusting = grpc.ssl_channel_credentials(certificate)
    with Client(server.address, credentials=trusting, token=TOKEN) as client:
        assert client.embed(["a"]).known.tolist() == [True]
    assert server.asked[-1][3] == f"Bearer {TOKEN}"
    with Client(server.address, retry=SOON) as plain, pytest.raises(Unavailable):
        plain.embed(["a"])


@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"max_batch": 0},
        {"token": f"{TOKEN}\n"},
        {"token": f"{TOKEN} x"},
        {"rest_address": "ftp://host"},
    ],
)
def test_arguments_of_no_use_are_refused_without_the_token(arguments):
    with pytest.raises(ValueError) as raised:
        Client("127.0.0.1:1", **arguments)
    assert TOKEN not in str(raised.value)
    assert next(iter(arguments)) in str(raised.value)

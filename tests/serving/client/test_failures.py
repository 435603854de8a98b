"""What fails is asked again where that may help, or told in one sentence."""

from __future__ import annotations

import concurrent.futures

import pytest
import tensorflow as tf

from serving.errors import DeadlineExceeded, InvalidRequest, NotFound, ServingError, Unavailable
from serving.new_artist import NewArtist
from tests.serving.client.small_catalogue import ARTISTS, TOKEN
from tests.serving.model_server import ModelServer

pytestmark = pytest.mark.parametrize("interface", ["grpc", "rest"])


def test_a_busy_server_is_asked_again(server, over, interface):
    server.faults.extend([("UNAVAILABLE", "all batch threads are busy")] * 3)
    assert over(server, interface).embed(["a"]).known.tolist() == [True]
    assert len(server.asked) == 4


def test_but_not_for_ever(server, over, interface):
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
def test_what_cannot_succeed_is_asked_once(server, over, interface, code, kind):
    server.faults.append((code, f"bad {TOKEN} in /srv/models/artist_sim/7 of it\n at line 3"))
    with pytest.raises(kind) as raised:
        over(server, interface, token=TOKEN).embed(["a"])
    assert raised.value.code == code
    assert raised.value.message.endswith(" (bad … in 7 of it).")
    assert len(server.asked) == 1


@pytest.mark.parametrize("arguments", [{"model": "other"}, {"version": 9}])
def test_no_such_model_or_version(server, over, interface, arguments):
    with pytest.raises(NotFound, match="does not have this model or version"):
        over(server, interface, **arguments).embed(["a"])


def test_the_deadline_is_one_for_all(server, over, interface):
    server.delay = 0.2
    with pytest.raises(DeadlineExceeded, match="^The model server did not answer in time.$"):
        over(server, interface, max_batch=1, timeout=0.5).embed(["a"] * 9)
    # The third answer would come after 0.6 s.
    assert len(server.asked) <= 3


def test_a_wrong_k(steady, over, interface):
    with pytest.raises(InvalidRequest, match="k has to be at least 1"):
        over(steady, interface).similar(["a"], 0)


@pytest.mark.parametrize("ids", ["abba", [1], None, ["\ud800"]])
def test_wrong_ids(steady, over, interface, ids):
    with pytest.raises(InvalidRequest, match="The artist_ids have to be a list of Unicode texts."):
        over(steady, interface).embed(ids)


def test_content_that_the_model_does_not_take(steady, over, interface):
    with pytest.raises(InvalidRequest) as raised:
        over(steady, interface).embed_new([NewArtist(content={"lyrics": [1.0]})])
    assert str(raised.value) == "The model has no modality 'lyrics'; it has: audio, tags."


def test_a_model_of_another_kind(tmp_path, over, interface):
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


def test_the_token_travels_with_every_request(server, over, interface):
    client = over(server, interface, token=TOKEN, max_batch=1)
    client.embed(["a", "é"])
    assert [asked[3] for asked in server.asked] == [f"Bearer {TOKEN}"] * 3
    over(server, interface).embed(["a"])
    assert server.asked[-1][3] is None


def test_a_closed_client(steady, over, interface):
    with over(steady, interface) as client:
        client.embed(["a"])
    with pytest.raises(ServingError, match="^The client is closed.$"):
        client.embed(["a"])


def test_threads_share_a_client(steady, over, interface):
    client = over(steady, interface)
    ids = [*ARTISTS] * 4
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda artist_id: client.embed([artist_id]), ids))
    rows = [answer.embedding[0, 0] for answer in answers]
    assert rows == [0.0, 1.0, 2.0, 3.0] * 4

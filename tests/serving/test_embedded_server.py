"""What the embedded server does beyond TF Serving's protocols: limits, token, swaps, its ending."""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.client import Client
from serving.errors import InvalidRequest
from serving.filters import Filters
from serving.new_artist import NewArtist
from tests.serving.conformance.protocol_requests import refusal, requested
from tests.serving.running_server import RunningServer

WITHIN = 60.0


def until(condition, what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, f"{what} within {WITHIN} s"
        time.sleep(0.05)


def push(source: Path, root: Path, version: int) -> Path:
    """As Pusher does: saved_model.pb comes last."""
    folder = root / str(version)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("saved_model.pb"))
    shutil.copy(source / "saved_model.pb", folder / "saved_model.pb")
    return folder


@pytest.fixture
def root(pushed: Path, tmp_path: Path) -> Path:
    push(pushed, tmp_path / "models", 3)
    return tmp_path / "models"


def served_version(server: RunningServer) -> str:
    return server.address.get("/healthz").json().get("version", "")


def ask(server: RunningServer, **options) -> requests.Response:
    return server.address.post(
        "/v1/models/artist_sim:predict", {"instances": ["a", "b"]}, **options
    )


def test_each_limit_is_a_4xx_with_a_sentence(embedded, pushed):
    at = embedded.address
    default = tf.saved_model.load(str(pushed)).signatures["serving_default"]
    dim = default.structured_outputs["embedding"].shape[1]
    filters = {"modality": [""], "min_popularity": 0.0, "exclude_id": [[""]]}
    for signature, inputs in {
        "similar": {"artist_id": ["a"]},
        "similar_filtered": {"artist_id": ["a"], **filters},
        "nearest": {"embedding": [[0.0] * dim], **filters},
    }.items():
        for k, status in ((5, 200), (6, 400), (-1, 400)):
            answer = at.predict({"signature_name": signature, "inputs": {**inputs, "k": k}})
            assert answer.status_code == status
            if status == 400:
                assert answer.json()["error"] == f"'k' must lie between 0 and 5, not be {k}."
    answer = at.predict({"instances": ["a"] * 65})
    assert answer.status_code == 400
    assert "65 rows; at most 64" in answer.json()["error"]
    answer = at.predict({"instances": ["a" * 2**20]})
    assert answer.status_code == 413
    assert answer.json() == {"error": "The body has more than 1048576 bytes."}
    with grpc.insecure_channel(at.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        many = refusal(stub.Predict, requested(artist_id=["a"] * 65))
        assert many.code() == grpc.StatusCode.INVALID_ARGUMENT
        large = refusal(stub.Predict, requested(artist_id=["a" * 2**21]))
        assert large.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_metrics_count_requests_and_unknown_artists(embedded, pushed):
    at = embedded.address
    known = tf.saved_model.load(str(pushed)).artist_id.numpy()[0].decode()

    def figures() -> dict[str, float]:
        lines = at.get("/metrics").text.splitlines()
        return {
            name: float(value)
            for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")
        }

    before = figures()
    at.predict({"instances": [known, "nobody", "nobody else"]})
    at.predict({"instances": 3})
    after = figures()

    def grown(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    def counted(code: int) -> str:
        return f'artist_sim_requests_total{{asked="predict",code="{code}",protocol="rest"}}'

    assert grown(counted(200)) == 1
    assert grown(counted(400)) == 1
    assert grown('artist_sim_artists_total{known="yes"}') == 1
    assert grown('artist_sim_artists_total{known="no"}') == 2
    seconds = 'artist_sim_request_seconds_count{asked="predict",protocol="rest"}'
    assert grown(seconds) == 2
    unknown = after['artist_sim_artists_total{known="no"}']
    share = unknown / (unknown + after['artist_sim_artists_total{known="yes"}'])
    assert after["artist_sim_unknown_artist_share"] == pytest.approx(share)
    assert after["artist_sim_model_version"] == int(pushed.name)


def test_new_versions_are_served_broken_ones_are_not_and_requests_go_on(pushed, root, tmp_path):
    with (
        RunningServer(root, tmp_path / "log.txt") as server,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        stop = False

        def keep_asking() -> list[int]:
            codes = []
            while not stop:
                codes.append(ask(server).status_code)
            return codes

        asking = [pool.submit(keep_asking) for _ in range(2)]
        push(pushed, root, 4)
        until(lambda: served_version(server) == "4", "version 4 is served")
        broken = push(pushed, root, 5)
        data = next((broken / "variables").glob("*.data*"))
        data.write_bytes(data.read_bytes()[:100])
        os.utime(broken / "saved_model.pb", (1, 1))

        def state(version: str) -> dict:
            found = server.address.get("/v1/models/artist_sim").json()["model_version_status"]
            return next((one for one in found if one["version"] == version), {})

        until(lambda: state("5").get("state") == "END", "version 5 is given up")
        assert state("5")["status"]["error_code"] == "UNKNOWN"
        assert str(root) not in state("5")["status"]["error_message"]
        assert served_version(server) == "4"
        # Written again, as a whole: it is tried again.
        shutil.rmtree(broken)
        push(pushed, root, 5)
        until(lambda: served_version(server) == "5", "version 5 is served")
        # Rolled back by taking the newest away.
        shutil.rmtree(root / "5")
        until(lambda: served_version(server) == "4", "version 4 is served again")
        until(lambda: state("5").get("state") == "END", "version 5 is unloaded")
        stop = True
        codes = [code for future in asking for code in future.result()]
        assert len(codes) > 20
        assert set(codes) == {200}
        assert server.stop() == 0


def test_a_broken_newest_version_does_not_keep_a_server_from_starting(pushed, root, tmp_path):
    (push(pushed, root, 9) / "saved_model.pb").write_bytes(b"broken")
    with RunningServer(root, tmp_path / "log.txt") as server:
        assert served_version(server) == "3"
        assert str(tmp_path) not in server.address.get("/v1/models/artist_sim").text


def test_the_token_is_asked_for_by_both_protocols(root, tmp_path):
    token = {"ARTIST_SIM_TOKEN": "seven seas"}
    with RunningServer(root, tmp_path / "log.txt", environment=token) as server:
        assert served_version(server) == "3"
        assert ask(server).status_code == 401
        assert server.address.get("/metrics").status_code == 401
        wrong = {"headers": {"Authorization": "Bearer seven sea"}}
        assert ask(server, **wrong).status_code == 401
        right = {"headers": {"Authorization": "Bearer seven seas"}}
        assert ask(server, **right).status_code == 200
        with grpc.insecure_channel(server.address.grpc) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            request = requested(artist_id=["a"])
            assert refusal(stub.Predict, request).code() == grpc.StatusCode.UNAUTHENTICATED
            metadata = [("authorization", "Bearer seven seas")]
            assert stub.Predict(request, timeout=60, metadata=metadata).outputs
        assert "seven seas" not in server.log()


def test_a_request_ends_at_the_client_s_deadline(embedded):
    with grpc.insecure_channel(embedded.address.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        with pytest.raises(grpc.RpcError) as found:
            stub.Predict(requested(artist_id=["a"]), timeout=1e-6)
        assert found.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        answer = stub.Predict(requested(artist_id=["a"]), timeout=60)
        np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["known"]).shape, [1])


def run(*options: str, root: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline.command_line", "serve", "--root", str(root)]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=120)


def test_mistakes_at_the_start_get_one_sentence(root, tmp_path):
    found = run(root=tmp_path / "nothing")
    assert found.returncode == 2
    assert found.stderr == ("artist-sim: No model has been pushed yet; start with `make run`.\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in ("--rest-port", "--grpc-port"):
            ports = {"--rest-port": "0", "--grpc-port": "0", option: str(port)}
            found = run(*(word for pair in ports.items() for word in pair), root=root)
            assert found.returncode == 2
            assert found.stderr.splitlines()[-1] == (
                f"artist-sim: 127.0.0.1:{port} cannot be listened on; name another port with "
                f"`{option}`, or 0 for any."
            )
            assert "Traceback" not in found.stderr


def test_the_client_is_answered_over_both_protocols_and_through_a_swap(pushed, root, tmp_path):
    model = tf.saved_model.load(str(pushed))
    ids = [one.decode() for one in model.artist_id.numpy()] + ["nobody"]
    expected = model.signatures["serving_default"](artist_id=tf.constant(ids))
    with RunningServer(root, tmp_path / "log.txt", ["--max-batch", "4"]) as server:
        at = server.address
        # No gRPC is at the REST port, so that the second client falls back.
        rest = f"{at.host}:{at.rest_port}"
        for client in (
            Client(at.grpc, timeout=60, max_batch=4),
            Client(f"{at.host}:1", rest_address=rest, timeout=60, max_batch=4),
        ):
            with client:
                found = client.embed(ids)
                np.testing.assert_array_equal(found.embedding, expected["embedding"])
                np.testing.assert_array_equal(found.known, expected["known"])
                similar = client.similar(ids[:1], k=3)[0]
                assert len(similar.artists) == 3
                new = client.embed_new([NewArtist(neighbors=ids[:2] + ["nobody"])])
                assert new.known_neighbors.tolist() == [2]
                near = client.nearest(new.embedding, 3, Filters(exclude=ids[:2]))
                again = [NewArtist(neighbors=ids[:2] + ["nobody"])]
                assert client.similar_to_new(again, 3, Filters(exclude=ids[:2])) == near
                assert len(near[0]) == 3
                filtered = client.similar(ids[:1], 3, Filters())[0]
                assert filtered == similar
                with pytest.raises(InvalidRequest):
                    client.similar(ids[:1], k=10**6)
        with Client(at.grpc, timeout=60, max_batch=1) as client:
            push(pushed, root, 4)
            while served_version(server) != "4":
                np.testing.assert_array_equal(client.embed(ids[:5]).known, [True] * 5)
            np.testing.assert_array_equal(client.embed(ids).embedding, expected["embedding"])


def test_who_asks_at_once_gets_the_model_s_own_bits(pushed, embedded):
    """Put together or not; and a request that is wrong fails alone."""
    model = tf.saved_model.load(str(pushed))
    ids = [one.decode() for one in model.artist_id.numpy()]
    filters = {"modality": [""], "min_popularity": 0.0}
    asked = [("similar", {"artist_id": [one], "k": k}) for one in ids for k in (1, 4)]
    asked += [
        ("similar_filtered", {"artist_id": [one], "k": 4, "exclude_id": [[other]], **filters})
        for one, other in zip(ids, reversed(ids))
    ]
    asked += [("serving_default", {"artist_id": [one]}) for one in (*ids, "nobody")]
    near = {"k": 4, "exclude_id": [[""]], **filters}
    embedding = model.signatures["serving_default"](artist_id=tf.constant(ids))["embedding"]
    asked += [("nearest", {"embedding": [one], **near}) for one in embedding.numpy().tolist()]
    # Its square is no float32: the model refuses it, and with it all that it is computed with.
    bad = {"embedding": [[1e30] * embedding.shape[1]], **near}
    wanted = []
    for name, inputs in asked:
        specs = model.signatures[name].structured_input_signature[1]
        given = {key: tf.constant(value, specs[key].dtype) for key, value in inputs.items()}
        wanted.append({key: one.numpy() for key, one in model.signatures[name](**given).items()})

    def ask_one(place: int) -> requests.Response:
        name, inputs = asked[place] if place < len(asked) else ("nearest", bad)
        body = {"signature_name": name, "inputs": inputs}
        return embedded.address.post("/v1/models/artist_sim:predict", body)

    order = np.random.default_rng(0).permutation(2 * (len(asked) + 3)) % (len(asked) + 3)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask_one, order))
    for place, answer in zip(order, answers, strict=True):
        if place >= len(asked):
            assert answer.status_code == 400
            assert answer.json()["error"].startswith("An embedding has numbers")
            continue
        found = answer.json()["outputs"]
        for key, value in wanted[place].items():
            if value.dtype == np.float32:
                assert np.float32(found[key]).tobytes() == value.tobytes()
            else:
                text = value.dtype == object
                assert (
                    found[key] == (np.char.decode(value.astype(bytes)) if text else value).tolist()
                )


def test_the_explorer_says_the_highest_k(embedded):
    about = embedded.address.get("/explorer/api/about").json()
    assert about["most_k"] == 5

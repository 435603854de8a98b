"""REST is asked once gRPC cannot be; what HTTP answers is told as gRPC's codes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import pytest

from serving.client import Client
from serving.errors import DeadlineExceeded, ServingError, Unavailable
from serving.retries import RetryPolicy
from tests.serving.client.small_catalogue import SOON, assert_equal


def test_nobody_listens(closed):
    with Client(closed, retry=SOON) as client, pytest.raises(Unavailable) as raised:
        client.embed(["a"])
    assert "cannot be reached" in raised.value.message


def test_a_server_that_dies_and_comes_back(server, over):
    client = over(server, "grpc", retry=RetryPolicy(attempts=100, first_wait=0.1))
    before = client.embed(["a"])
    server.close_grpc()
    threading.Timer(0.5, server.open_grpc).start()
    assert_equal(client.embed(["a"]), before)


def test_nobody_listens_on_either(closed):
    with (
        Client(closed, rest_address=closed, retry=SOON) as client,
        pytest.raises(Unavailable, match="cannot be reached"),
    ):
        client.embed(["a"])


def test_grpc_where_both_answer(server):
    with Client(server.address, rest_address=server.rest_address) as client:
        client.embed(["a"])
    assert [asked[0] for asked in server.asked] == ["grpc"]


def test_a_busy_server_is_not_asked_twice_at_once(server):
    server.faults.extend([("UNAVAILABLE", "busy")] * 2)
    with Client(server.address, rest_address=server.rest_address, retry=SOON) as client:
        client.embed(["a"])
    assert [asked[0] for asked in server.asked] == ["grpc"] * 3


def test_rest_once_grpc_has_died(server):
    with Client(server.address, rest_address=server.rest_address, retry=SOON) as client:
        before = client.embed(["a", "é"])
        server.close_grpc()
        assert_equal(client.embed(["a", "é"]), before)
        assert_equal(client.embed(["a", "é"]), before)
    assert [asked[0] for asked in server.asked] == ["grpc", "rest", "rest"]


def test_a_grpc_port_that_never_speaks_is_waited_for_once(server, monkeypatch):
    waits = []
    opened = grpc.insecure_channel

    def watched(*arguments):
        channel = opened(*arguments)
        subscribe = channel.subscribe

        def subscribed(callback, try_to_connect=False):
            waits.append(try_to_connect)
            subscribe(callback, try_to_connect)

        channel.subscribe = subscribed
        return channel

    monkeypatch.setattr(grpc, "insecure_channel", watched)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with Client(address, rest_address=server.rest_address, timeout=4) as client:
            client.embed(["a"])
            assert waits == [True]
            client.embed(["a"])
    assert waits == [True]


def test_an_answer_that_drips_is_not_waited_for_beyond_the_deadline(closed):
    """Who waited for all of it, five seconds, would find that it is no JSON."""
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
        with (
            Client(closed, rest_address=rest_address, timeout=0.5) as client,
            pytest.raises(DeadlineExceeded),
        ):
            client.embed(["a"])


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"outputs": {"known": [true]}}', b"\xff"]
)
def test_an_answer_of_something_else_is_told(closed, body):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            # A connection that is closed with something unread is reset, at times before the
            # answer is read; the client would ask again, and nobody listen.
            self.rfile.read(int(self.headers["Content-Length"]))
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
def test_http_statuses_that_are_asked_again(server, over, status):
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
def test_http_statuses_that_are_not(server, over, status, code):
    server.faults.append((status, "no"))
    with pytest.raises(ServingError, match=f"failed with {code} \\(no\\)") as raised:
        over(server, "rest").embed(["a"])
    assert raised.value.code == code
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", ["408", "504"])
def test_http_statuses_of_a_server_that_took_too_long(server, over, status):
    server.faults.append((status, "The request was not answered within 10 s."))
    with pytest.raises(DeadlineExceeded):
        over(server, "rest").embed(["a"])
    assert len(server.asked) == 1


def test_grpc_that_runs_out_of_memory_is_not_asked_again(server, over):
    server.faults.append(("RESOURCE_EXHAUSTED", "OOM when allocating tensor"))
    with pytest.raises(ServingError, match="RESOURCE_EXHAUSTED"):
        over(server, "grpc").embed(["a"])
    assert len(server.asked) == 1

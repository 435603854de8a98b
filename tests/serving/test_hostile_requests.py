"""Requests that no honest client sends: each once found a defect, or would show one."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import socket
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from serving.embedded import server as embedded_server
from serving.embedded.authorisation import Authorisation
from serving.embedded.bodies import unpack
from serving.embedded.limits import Limits
from serving.embedded.metrics import Metrics
from serving.embedded.predictor import Predictor
from serving.embedded.rest import RestApi
from serving.embedded.server import ServerConfig
from serving.embedded.status import Refused
from serving.embedded.versions import Versions
from tests.serving.running_server import Address

PREDICT = "/v1/models/artist_sim:predict"
GOOD = b'{"instances": ["a"]}'


def exchanged(at: Address, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what comes back for bytes as they are."""
    with socket.create_connection((at.host, at.rest_port), 60) as connection:
        connection.sendall(request)
        with contextlib.closing(connection.makefile("rb")) as answer:
            line = answer.readline()
            headers = {}
            while (header := answer.readline().decode().strip()) != "":
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            body = answer.read(int(headers.get("content-length", 0)))
    return int(line.split()[1]), headers, body


def post(body: bytes, path: str = PREDICT, headers: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode("latin-1") + body


def chunks(*parts: bytes) -> bytes:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


def nested(levels: int, inner: bytes = b'"a"') -> bytes:
    return b'{"inputs": ' + b"[" * levels + inner + b"]" * levels + b"}"


def similar(k: bytes) -> bytes:
    return b'{"signature_name": "similar", "inputs": {"artist_id": ["a"], "k": ' + k + b"}}"


GZIP = "Content-Encoding: gzip\r\n"

ANSWERED = {
    "chunked": chunks(GOOD[:5], GOOD[5:]),
    "gzip": post(gzip.compress(GOOD), headers=GZIP),
    "gzip in capitals": post(gzip.compress(GOOD), headers="Content-Encoding: GZip\r\n"),
    "a mark of byte order": post(b"\xef\xbb\xbf" + GOOD),
    "another expectation": post(GOOD, headers="Expect: 200-ok\r\n"),
    "a charset that is none": post(GOOD, headers="Content-Type: a/b; charset=nonsense\r\n"),
    "headers in Latin-1": post(GOOD, headers="A: \xff\r\nAuthorization: Bearer \xff\r\n"),
    "a percent-encoded colon": post(GOOD, PREDICT.replace(":", "%3A")),
}

REFUSED = {
    "a version of 5000 digits": (
        post(GOOD, "/v1/models/artist_sim/versions/" + "9" * 5000 + ":predict"),
        400,
    ),
    "a version in other digits": (
        post(GOOD, "/v1/models/artist_sim/versions/%D9%A7:predict"),
        400,
    ),
    "lists in 40 levels": (post(nested(40)), 400),
    "empty lists in 40 levels": (post(nested(40, b"")), 400),
    "lists in 900 levels": (post(nested(900)), 400),
    "objects in 5000 levels": (post(b'{"inputs":' * 5000), 400),
    "k of 5000 digits": (post(similar(b"9" * 5000)), 400),
    "k of 400 digits": (post(similar(b"9" * 400)), 400),
    "k too large for a float": (post(similar(b"1e400")), 400),
    "k no number": (post(similar(b"NaN")), 400),
    "half a surrogate pair": (post(b'{"instances": ["\\ud800"]}'), 400),
    "half a surrogate pair as a name": (post(b'{"instances": [{"\\ud800": "a"}]}'), 400),
    "half a surrogate pair, raw": (post(b'{"instances": ["\xed\xa0\x80"]}'), 400),
    "no UTF-8": (post(b'{"instances": ["\xff"]}'), 400),
    "a very long name": (post(b'{"inputs": {"%s": ["a"]}}' % (b"x" * 900_000)), 400),
    "no gzip": (post(GOOD, headers=GZIP), 400),
    "half a gzip": (post(gzip.compress(GOOD)[:-6], headers=GZIP), 400),
    "two in a gzip": (post(gzip.compress(GOOD) * 2, headers=GZIP), 400),
    "a bomb in a gzip": (post(gzip.compress(b" " * 2**22), headers=GZIP), 413),
    "packed by brotli": (post(GOOD, headers="Content-Encoding: br\r\n"), 415),
    "packed twice": (post(GOOD, headers="Content-Encoding: gzip, gzip\r\n"), 415),
    "no length": (f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 400),
    "a percent-encoded slash": (
        b"GET /v1/models/artist_sim%2Fmetadata HTTP/1.1\r\nHost: x\r\n\r\n",
        404,
    ),
    "control characters": (b"GET /v1/models/%ff%00%0a HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "two slashes": (b"GET //healthz HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "dots": (b"GET /v1/../healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "TRACE": (b"TRACE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "OPTIONS": (b"OPTIONS /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "OPTIONS of all": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "another method": (b"DELETE /v1/models/artist_sim HTTP/1.1\r\nHost: x\r\n\r\n", 400),
}

# The HTTP layer's own refusals, which are no JSON.
NO_HTTP = {
    "TLS": b"\x16\x03\x01\x02\x00\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method that is none": b"FOO /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a length below zero": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no chunk": chunks(GOOD).replace(b"14\r\n", b"zz\r\n"),
    "a long path": b"GET /" + b"a" * 1_100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "many headers": b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 500 + b"\r\n",
    "an address that is none": b"GET http://[/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture
def at(embedded) -> Address:
    return embedded.address


@pytest.mark.parametrize("request_", ANSWERED.values(), ids=ANSWERED.keys())
def test_odd_but_right_requests_are_answered(at, request_):
    status, _, body = exchanged(at, request_)
    assert (status, json.loads(body)["predictions"][0]["known"]) == (200, False)


@pytest.mark.parametrize(("request_", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_requests_get_their_status_and_a_sentence(at, request_, code):
    status, headers, body = exchanged(at, request_)
    assert status == code
    assert headers["content-type"].startswith("application/json")
    message = json.loads(body)["error"]
    assert 0 < len(message) <= 500
    assert code != 405 or headers["allow"] == "GET, HEAD"


def test_what_is_no_http_is_refused_and_does_not_fill_the_log(embedded):
    for case, request_ in NO_HTTP.items():
        assert exchanged(embedded.address, request_)[0] == 400, case
    # Half a body, and away.
    with socket.create_connection((embedded.address.host, embedded.address.rest_port)) as one:
        one.sendall(post(GOOD)[:-3])
    assert exchanged(embedded.address, post(GOOD))[0] == 200
    assert "Traceback" not in embedded.log()


def test_head_has_the_headers_of_get_and_no_body(at):
    for path in ("/healthz", "/v1/models/artist_sim", "/openapi.json"):
        request_ = f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        with socket.create_connection((at.host, at.rest_port), 60) as connection:
            connection.sendall(request_)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))  # noqa: B023
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b" 200 " in head
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        assert (length, body) == (len(at.get(path).content), b"")


def test_the_limit_is_on_what_a_body_unpacks_to():
    body = b"x" * 1000
    assert unpack(gzip.compress(body), "gzip", 1000) == body
    for encoding in ("gzip", "deflate"):
        with pytest.raises(Refused) as found:
            unpack(gzip.compress(body), encoding, 999)
        assert found.value.http == 413
    assert unpack(body, "", 0) == unpack(body, "identity", 0) == body


def without_model(folder: Path, seconds: float = 10.0) -> RestApi:
    limits = Limits(seconds=seconds)
    predictor = Predictor("artist_sim", Versions(folder), limits, Metrics(), 1)
    predictor.close()
    return RestApi(predictor, Authorisation())


def test_a_body_that_does_not_come_ends_with_408(tmp_path):
    async def ask() -> bytes:
        async with TestServer(without_model(tmp_path, 0.1).application()) as server:
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(post(GOOD)[:-3])
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 60)
            writer.close()
            return answer

    assert asyncio.run(ask()).startswith(b"HTTP/1.1 408 ")


def test_a_connection_is_closed_on_which_headers_trickle_in(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_server, "_IDLE", 0.3)

    async def ask() -> bytes:
        async with contextlib.AsyncExitStack() as stack:
            config = ServerConfig(tmp_path, rest_port=0)
            port = await embedded_server._listen_rest(stack, config, without_model(tmp_path))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def trickle() -> None:
                writer.write(b"GET /healthz HTTP/1.1\r\n")
                while True:
                    writer.write(b"a: b\r\n")
                    await asyncio.sleep(0.05)

            task = asyncio.create_task(trickle())
            try:
                return await asyncio.wait_for(reader.read(), 60)
            except ConnectionError:
                return b""
            finally:
                task.cancel()
                writer.close()

    assert asyncio.run(ask()) == b""

"""One request at a time: what is tried again, and what each failure is called."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from catalogues.errors import InputError
from pipeline import kubeflow_connection
from pipeline.kubeflow_client import AlreadyThere, KubeflowClient, KubeflowError, NotFound
from pipeline.kubeflow_connection import TOKEN_VARIABLE, read_token
from serving.retries import RetryPolicy
from tests.pipeline.kubeflow_server import Fault, KubeflowServer, serving

TOKEN = "eyJhbGciOi.secret-token.c2ln"
PAGE = "<html><body>Log in to continue</body></html>"
AT_ONCE = RetryPolicy(attempts=4, first_wait=0.0)


@pytest.fixture
def server() -> Iterator[KubeflowServer]:
    with serving(KubeflowServer()) as state:
        yield state


def client(server: KubeflowServer, **changes) -> KubeflowClient:
    return KubeflowClient(server.host, **{"token": TOKEN, "retry": AT_ONCE, **changes})


def is_one_sentence(text: str) -> bool:
    return "\n" not in text and text.endswith(".") and TOKEN not in text


def refusal(server: KubeflowServer, fault: Fault, change: bool = False, **changes) -> str:
    """What is said of a fault that does not pass."""
    fault.times = 99
    server.faults = [fault]
    with client(server, **changes) as asking, pytest.raises(KubeflowError) as raised:
        asking.post("/pipelines", {"display_name": "x"}) if change else asking.get("/runs")
    assert is_one_sentence(str(raised.value)), raised.value
    assert (
        raised.value.__cause__ is None
        and raised.value.__suppress_context__
        or (raised.value.__context__ is None)
    )
    return str(raised.value)


def error(status: int, message: str = "") -> Fault:
    return Fault(status, f'{{"code": 2, "message": "{message}", "details": []}}')


class TestRetries:
    @pytest.mark.parametrize("fault", [error(500), error(502), error(503), Fault(breaks=True)])
    def test_a_question_is_asked_again(self, server, fault):
        fault.times = 3
        server.faults = [fault]
        with client(server) as asking:
            assert asking.get("/runs") == {}
        assert len(server.sent("GET")) == 4

    def test_not_for_ever(self, server):
        assert "fails (503: busy)" in refusal(server, error(503, "busy"))
        assert len(server.sent("GET")) == AT_ONCE.attempts

    @pytest.mark.parametrize("fault", [error(503), Fault(breaks=True)])
    def test_a_change_is_sent_once(self, server, fault):
        text = refusal(server, fault, change=True)
        assert "it may have done it all the same, so look first" in text
        assert len(server.sent("POST")) == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429])
    def test_a_no_is_a_no(self, server, status):
        refusal(server, error(status))
        assert len(server.sent("GET")) == 1

    def test_waits_grow(self, server, monkeypatch):
        waits: list[float] = []
        monkeypatch.setattr("pipeline.kubeflow_client.time.sleep", waits.append)
        monkeypatch.setattr("serving.retries.random.uniform", lambda low, high: high)
        refusal(server, error(503), retry=RetryPolicy(attempts=4, first_wait=1.0))
        assert waits == [1, 2, 3], "the last is the longest that RetryPolicy allows"

    def test_no_wait_goes_beyond_the_time(self, server, monkeypatch):
        waits: list[float] = []
        monkeypatch.setattr("pipeline.kubeflow_client.time.sleep", waits.append)
        monkeypatch.setattr("serving.retries.random.uniform", lambda low, high: high)
        refusal(server, error(503), retry=RetryPolicy(first_wait=1000, longest_wait=1000))
        assert waits == [] and len(server.sent("GET")) == 1


class TestErrors:
    def test_no_token(self, server):
        text = refusal(server, error(401, "no header"), token=None)
        assert "asks who you are (401: no header)" in text and TOKEN_VARIABLE in text

    def test_a_token_that_has_run_out(self, server):
        text = refusal(server, error(401, f"token {TOKEN} is expired"))
        assert "does not accept the token (401: token (token) is expired)" in text
        assert "renew it" in text

    def test_no_right(self, server):
        text = refusal(server, error(403, "User alice is not authorized"))
        assert "(403: User alice is not authorized)" in text and "--namespace" in text

    def test_not_there_and_there_already(self, server):
        server.faults = [error(404, "run x not found"), error(409, "exists")]
        with client(server) as asking:
            with pytest.raises(NotFound, match="run x not found"):
                asking.get("/runs/x")
            with pytest.raises(AlreadyThere, match="exists"):
                asking.post("/pipelines", {})

    def test_a_request_that_is_refused(self, server):
        text = refusal(server, error(400, "Invalid input error: namespace is empty"))
        assert "namespace is empty" in text and "--namespace" in text
        assert "--namespace" not in refusal(server, error(400, "bad"), namespace="music")

    def test_the_answer_of_an_upload(self, server):
        fault = Fault(400, '{"error_message": "Failed to read a spec", "error_details": "…"}')
        assert "(400: Failed to read a spec)" in refusal(server, fault, change=True)

    @pytest.mark.parametrize("status", [200, 404])
    @pytest.mark.parametrize("body", [PAGE, "[1]", "", "\ufffd", '"text"'])
    def test_a_page_in_place_of_json(self, server, status, body):
        text = refusal(server, Fault(status, body, "text/html"))
        assert "not its interface's JSON" in text and "check --host" in text
        assert "Log in" not in text

    def test_the_page_of_a_gateway_that_finds_nobody(self, server):
        assert "fails (502); its log" in refusal(server, Fault(502, PAGE, "text/html"))

    def test_a_login_is_not_followed(self, server):
        login = Fault(302, "", "text/html", {"location": "https://dex.example.com/auth?x=1"})
        assert "asks who you are (302)" in refusal(server, login, token=None)
        assert "does not accept the token (302)" in refusal(server, login)
        assert len(server.requests) == 2

    def test_a_server_that_has_moved_does_not_get_the_token(self, server):
        place = {"location": "https://kubeflow.example.com/pipeline/apis/v2beta1/runs"}
        text = refusal(server, Fault(308, "", "text/html", place))
        assert "has moved (308); give --host https://kubeflow.example.com/pipeline." in text

    def test_no_answer_in_time(self, server):
        text = refusal(server, Fault(seconds=0.5), timeout=0.1)
        assert "did not answer within 0.1 seconds" in text
        text = refusal(server, Fault(seconds=0.5), change=True, timeout=0.1)
        assert "so look first: `artist-sim kubeflow runs`" in text

    def test_nobody_listens(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with KubeflowClient(host, retry=AT_ONCE) as asking, pytest.raises(KubeflowError) as raised:
            asking.get("/runs")
        assert f"{host} cannot be reached" in str(raised.value)
        assert "port-forward" in str(raised.value) and is_one_sentence(str(raised.value))

    def test_what_a_server_says_is_one_short_line(self, server):
        message = "line\\nnext \\u001b[31mred" + "x" * 1000
        text = refusal(server, error(400, message))
        assert "line next [31mred" in text and len(text) < 500

    def test_a_proxy_that_cannot_be(self, monkeypatch):
        monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:1")
        with pytest.raises(KubeflowError, match="proxy of the environment cannot be used"):
            KubeflowClient("http://kubeflow.example.com")


class TestPages:
    def test_all_items_come_with_the_same_question_on_each_page(self, server):
        for _ in range(5):
            server.add_run("SUCCEEDED")
        with client(server) as asking:
            found = list(asking.items("/runs", "runs", sort_by="created_at desc"))
        assert [one["run_id"] for one in found] == list(server.runs)[::-1]
        assert [one.query.get("sort_by") for one in server.requests] == ["created_at desc"] * 3

    def test_what_is_not_wanted_is_not_asked_for(self, server):
        for _ in range(5):
            server.add_run("SUCCEEDED")
        with client(server) as asking:
            next(asking.items("/runs", "runs"))
        assert len(server.requests) == 1

    def test_pages_in_a_circle_come_to_an_end(self, server):
        server.faults = [Fault(body='{"runs": [], "next_page_token": "x"}', times=99)]
        with client(server) as asking, pytest.raises(KubeflowError, match="in a circle"):
            list(asking.items("/runs", "runs"))


class TestToken:
    def test_it_comes_with_every_request(self, server):
        server.token = TOKEN
        with client(server) as asking:
            asking.get("/runs")
            asking.post("/pipelines", {"display_name": "x"})
        assert {one.headers["authorization"] for one in server.requests} == {f"Bearer {TOKEN}"}

    def test_the_file_comes_before_the_variable_and_that_before_the_pods_own(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(kubeflow_connection, "TOKEN_FILE", str(tmp_path / "pod"))
        monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
        assert read_token(None) is None
        (tmp_path / "pod").write_text("of-the-pod\n")
        assert read_token(None) == "of-the-pod"
        monkeypatch.setenv(TOKEN_VARIABLE, "of-the-variable")
        assert read_token(None) == "of-the-variable"
        (tmp_path / "file").write_text("of-the-file\n")
        assert read_token(tmp_path / "file") == "of-the-file"

    @pytest.mark.parametrize("text", ["", "  \n", "Bearer secret", "secret\nsecret", "secrét"])
    def test_what_is_no_token_is_not_shown(self, tmp_path, monkeypatch, text):
        (tmp_path / "token").write_text(text)
        monkeypatch.setenv(TOKEN_VARIABLE, text or " ")
        for file in (tmp_path / "token", None):
            with pytest.raises(InputError, match="There is no bearer token in") as refused:
                read_token(file)
            assert "secr" not in str(refused.value)

    def test_a_file_that_is_not_there_or_no_text(self, tmp_path):
        with pytest.raises(InputError, match=r"read from 'none' \(No such file"):
            read_token(tmp_path / "none")
        (tmp_path / "bytes").write_bytes(b"\xff\xfe")
        with pytest.raises(InputError, match=r"read from 'bytes' \(it is no text\)"):
            read_token(tmp_path / "bytes")


@pytest.mark.parametrize(
    "host", ["", "kubeflow.example.com", "ftp://x", "http://", "http://x y", "http://x/?a=b"]
)
def test_what_is_no_url(host):
    with pytest.raises(InputError, match="is not the URL of Kubeflow Pipelines"):
        KubeflowClient(host)


def test_a_password_in_the_url_is_refused_and_not_shown():
    with pytest.raises(InputError, match="must not have a name and password") as refused:
        KubeflowClient("https://alice:secret@kubeflow.example.com")
    assert "secret" not in str(refused.value)


def test_a_path_below_the_host_is_kept(server):
    asking = KubeflowClient(f"{server.host}/pipeline/", retry=AT_ONCE)
    with asking, pytest.raises(NotFound):
        asking.get("/runs")
    assert server.requests[0].path == "/pipeline/apis/v2beta1/runs"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself; with its key."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(timezone.utc)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / "ca.pem").write_bytes(made.public_bytes(encoding))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
    )
    return tmp_path / "ca.pem", tmp_path / "key.pem"


def test_certificates_are_verified(certificate):
    with serving(KubeflowServer(), certificate) as server:
        assert server.host.startswith("https://")
        text = ""
        with client(server) as asking, pytest.raises(KubeflowError) as refused:
            asking.get("/runs")
        text = str(refused.value)
        assert "is not trusted" in text and "--ca-file" in text and is_one_sentence(text)
        assert server.requests == [], "neither the token nor anything else was sent"
        with client(server, ca_file=certificate[0]) as asking:
            assert asking.get("/runs") == {}


def test_a_file_without_certificates(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(InputError, match=f"'{name}' holds no certificates"):
            KubeflowClient("https://x", ca_file=tmp_path / name)

"""A server that answers as Kubeflow Pipelines' API server does, as far as artist_sim asks it.

It keeps pipelines, versions, experiments, recurring runs and runs in memory, gives lists in pages,
knows the filters and the order that the back end knows (`APIToModelFieldMap` in
backend/src/apiserver/model of kubeflow/pipelines), and runs nothing. Given the public description
of the interface, it holds each request and each of its own answers against it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import email
import email.policy
import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import yaml

from tests.pipeline.swagger import Swagger

_ROOT = "/apis/v2beta1"
_START = datetime(2026, 11, 21, 3, 0, tzinfo=timezone.utc)
_FILTERS = {
    "pipeline_versions": {"name", "display_name"},
    "experiments": {"name", "display_name"},
    "runs": {"state", "display_name", "recurring_run_id"},
    "recurringRuns": {"name", "display_name"},
}
GOING = "RUNNING"
NEVER = "1970-01-01T00:00:00Z"
"""When what is going has ended."""


@dataclasses.dataclass
class Request:
    """What came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any = None
    file: str | None = None


@dataclasses.dataclass
class Fault:
    """What is answered in place of the truth, so many times, to requests that match."""

    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    method: str = ""
    path: str = ""
    times: int = 1
    seconds: float = 0
    """Before the answer."""
    breaks: bool = False
    """The connection, in place of an answer."""
    done: bool = False
    """Whether what was asked for is done all the same."""


class Refused(Exception):
    """An error as gRPC's gateway tells it."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


class KubeflowServer:
    """The state of one installation, and what happened to it.

    Attributes:
      requests: all that came, the oldest first.
      faults: what to answer in place of the truth.
      token: that requests must bring, if one is set.
      page_size: the most items of a list in one answer.
      on_created: called after a run was created, in the same moment.
    """

    def __init__(self, swagger: Swagger | None = None):
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.token: str | None = None
        self.page_size = 2
        self.on_created: Callable[[], None] = lambda: None
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.schedules: dict[str, dict[str, Any]] = {}
        self.host = ""
        self.complaints: list[str] = []
        self._swagger = swagger
        self._count = 0
        self._lock = threading.RLock()

    def sent(self, method: str, path: str = "") -> list[Request]:
        """The requests of one kind, whose paths end like that."""
        return [one for one in self.requests if one.method == method and one.path.endswith(path)]

    def add_run(self, state: str, schedule: str = "", **known: Any) -> dict[str, Any]:
        """A run that somebody else, or a schedule, started; as the back end tells of it."""
        run = self._made("run_id") | {"display_name": "someone's", "state": state}
        if schedule:
            run |= {"recurring_run_id": schedule}
        elif self.pipelines:
            run |= {"pipeline_version_reference": {"pipeline_id": next(iter(self.pipelines))}}
        run["finished_at"] = NEVER if state == GOING else _told(self._now())
        self.runs[run["run_id"]] = run | known
        return self.runs[run["run_id"]]

    def answer(self, request: Request) -> tuple[int, Any]:
        """Status and JSON."""
        with self._lock:
            try:
                return 200, self._route(request)
            except Refused as refused:
                return refused.status, {"code": 0, "message": refused.message, "details": []}

    def _route(self, request: Request) -> dict[str, Any]:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(401, "Failed to authenticate: the request has no valid token")
        parts = request.path.removeprefix(f"{_ROOT}/").split("/")
        key = (request.method, *(part if i % 2 == 0 else "*" for i, part in enumerate(parts)))
        match key:
            case ("GET", "pipelines", "*", _) if parts[1] == "names":
                for one in self.pipelines.values():
                    if one["name"] == urllib.parse.unquote(parts[2]):
                        return one
                raise Refused(404, f"Pipeline {parts[2]} not found")
            case ("POST", "pipelines"):
                return self._add_pipeline(request.body)
            case ("POST", "pipelines", "*") if parts[1] == "upload_version":
                return self._add_version(request)
            case ("GET", "pipelines", "*", "versions"):
                found = [v for v in self.versions.values() if v["pipeline_id"] == parts[1]]
                return self._page(request, "pipeline_versions", found)
            case ("GET", "pipelines", "*", "versions", "*"):
                return self._there(self.versions, parts[3])
            case ("GET", "experiments"):
                return self._page(request, "experiments", list(self.experiments.values()))
            case ("POST", "experiments"):
                made = self._made("experiment_id") | request.body
                self.experiments[made["experiment_id"]] = made
                return made
            case ("GET", "runs"):
                return self._page(request, "runs", list(self.runs.values()))
            case ("GET", "runs", "*"):
                return self._there(self.runs, parts[1])
            case ("POST", "runs"):
                return self._add_run(request.body)
            case ("POST", "runs", "*"):
                run_id, _, verb = parts[1].partition(":")
                assert verb == "terminate"
                self._there(self.runs, run_id)["state"] = "CANCELING"
                return {}
            case ("GET", "recurringruns"):
                return self._page(request, "recurringRuns", list(self.schedules.values()))
            case ("POST", "recurringruns"):
                return self._add_schedule(request.body)
            case ("POST", "recurringruns", "*"):
                schedule, _, verb = parts[1].partition(":")
                status = {"enable": "ENABLED", "disable": "DISABLED"}[verb]
                self._there(self.schedules, schedule)["status"] = status
                return {}
            case ("DELETE", "recurringruns", "*"):
                self._there(self.schedules, parts[1])
                del self.schedules[parts[1]]
                return {}
        raise Refused(404, "Not Found")

    def _there(self, kept: Mapping[str, dict[str, Any]], key: str) -> dict[str, Any]:
        if key not in kept:
            raise Refused(404, f"ResourceNotFoundError: {key} not found")
        return kept[key]

    def _add_pipeline(self, body: dict[str, Any]) -> dict[str, Any]:
        made = {"name": body["display_name"]} | self._made("pipeline_id") | body
        if any(one["name"] == made["name"] for one in self.pipelines.values()):
            raise Refused(409, "The pipeline already exists")
        self.pipelines[made["pipeline_id"]] = made
        return made

    def _add_version(self, request: Request) -> dict[str, Any]:
        name, pipeline = request.query["name"], request.query["pipelineid"]
        self._there(self.pipelines, pipeline)
        for one in self.versions.values():
            if one["pipeline_id"] == pipeline and one["name"] == name:
                raise Refused(409, "The pipeline version already exists")
        assert request.file is not None
        documents = list(yaml.safe_load_all(request.file))
        spec = documents[0]
        if len(documents) == 2:
            spec = {"pipeline_spec": documents[0], "platform_spec": documents[1]}
        made = self._made("pipeline_version_id") | {
            "name": name,
            "display_name": name,
            "pipeline_id": pipeline,
            "pipeline_spec": spec,
        }
        self.versions[made["pipeline_version_id"]] = made
        return made

    def _started(self, body: dict[str, Any]) -> None:
        reference = body["pipeline_version_reference"]
        self._there(self.pipelines, reference["pipeline_id"])
        self._there(self.versions, reference["pipeline_version_id"])
        self._there(self.experiments, body["experiment_id"])

    def _add_run(self, body: dict[str, Any]) -> dict[str, Any]:
        self._started(body)
        finished = {"state": "PENDING", "finished_at": NEVER}
        made = self._made("run_id") | finished | body
        self.runs[made["run_id"]] = made
        self.on_created()
        return made

    def _add_schedule(self, body: dict[str, Any]) -> dict[str, Any]:
        self._started(body)
        status = {"ENABLE": "ENABLED", "DISABLE": "DISABLED"}[body["mode"]]
        made = self._made("recurring_run_id") | body | {"status": status}
        self.schedules[made["recurring_run_id"]] = made
        return made

    def _page(self, request: Request, key: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        given = request.query
        order = given.get("sort_by", "")
        if order not in ("", "created_at asc", "created_at desc"):
            raise Refused(400, f"Cannot sort by {order}")
        for predicate in json.loads(given.get("filter", "{}")).get("predicates", []):
            field, value = predicate["key"], predicate["stringValue"]
            if field not in _FILTERS[key]:
                raise Refused(400, f"no support for filtering on unrecognized field {field}")
            wanted = {"EQUALS": True, "NOT_EQUALS": False}[predicate["operation"]]
            # As the back end compares: without case.
            items = [
                one for one in items if (one.get(field, "").lower() == value.lower()) is wanted
            ]
        items = sorted(items, key=lambda one: one["created_at"], reverse=order.endswith("desc"))
        asked = {name: given.get(name, "") for name in ("filter", "sort_by")}
        first = 0
        if given.get("page_token"):
            token = json.loads(given["page_token"])
            if token["asked"] != asked:
                raise Refused(400, "page token does not match the supplied sort by or filtering")
            first = token["first"]
        last = first + min(int(given.get("page_size", 20)), self.page_size)
        # As protobuf's JSON does, empty fields are left out.
        page: dict[str, Any] = {"total_size": len(items)} if items else {}
        if items[first:last]:
            page[key] = items[first:last]
        if last < len(items):
            page["next_page_token"] = json.dumps({"first": last, "asked": asked})
        return page

    def _made(self, key: str) -> dict[str, Any]:
        self._count += 1
        return {
            key: f"{self._count:08x}-0000-4000-8000-{key[:4]}",
            "created_at": _told(self._now()),
        }

    def _now(self) -> datetime:
        return _START + timedelta(seconds=self._count)


def _told(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}Z"


@contextlib.contextmanager
def serving(
    state: KubeflowServer, certificate: tuple[Path, Path] | None = None
) -> Iterator[KubeflowServer]:
    """Serves it at `state.host` on this machine, over TLS if a certificate and its key are given.

    Raises AssertionError at the end for a request or an answer that is not as described.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet an answer: the second of two would wait for the first to be acknowledged.
        wbufsize = -1

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _answer(self) -> None:
            request, parts = self._read()
            state.requests.append(request)
            fault = next(
                (
                    one
                    for one in state.faults
                    if one.times and one.method in ("", self.command) and one.path in request.path
                ),
                None,
            )
            if fault is None or fault.done:
                status, answer = state.answer(request)
                self._check(request, parts, status, answer)
            if fault is None:
                self._write(status, json.dumps(answer), "application/json", {})
                return
            fault.times -= 1
            if fault.seconds:
                time.sleep(fault.seconds)
            if fault.breaks:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            with contextlib.suppress(ConnectionError):
                self._write(fault.status, fault.body, fault.content_type, fault.headers)

        do_GET = do_POST = do_DELETE = do_PATCH = _answer  # noqa: N815 (names of the library)

        def _read(self) -> tuple[Request, list[str]]:
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, url.path, query, headers)
            content = self.rfile.read(int(headers.get("content-length", 0)))
            kind = headers.get("content-type", "")
            if kind.startswith("multipart/form-data"):
                whole = f"Content-Type: {kind}\n\n".encode() + content
                message = email.message_from_bytes(whole, policy=email.policy.HTTP)
                (part,) = message.iter_parts()
                request.file = part.get_payload(decode=True).decode()
                return request, [str(part.get_param("name", header="content-disposition"))]
            if content:
                assert kind == "application/json"
                request.body = json.loads(content)
            return request, []

        def _check(self, request: Request, parts: list[str], status: int, answer: Any) -> None:
            if not state._swagger:
                return
            try:
                state._swagger.check_request(
                    request.method, request.path, list(request.query.items()), request.body, parts
                )
                state._swagger.check_answer(request.method, request.path, status, answer)
            except Exception as error:
                state.complaints.append(f"{request.method} {request.path}: {error}")

        def _write(self, status: int, text: str, kind: str, headers: Mapping[str, str]) -> None:
            content = text.encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.host = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not state.complaints, "\n".join(state.complaints)

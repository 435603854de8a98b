"""The servers that are compared, each in a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.environments import own_environment
from benchmarks.serving.load import GRPC, REST
from benchmarks.serving.models import NAME
from benchmarks.serving.program import BENTOML, EMBEDDED
from catalogues.errors import InputError

TF_SERVING: Final = "tf_serving"

TITLES: Final[Mapping[str, str]] = {
    EMBEDDED: "artist-sim serve",
    BENTOML: "BentoML",
    TF_SERVING: "TensorFlow Serving",
}
_HERE: Final = Path(__file__).parent
_STARTS_WITHIN: Final = 180.0
_HOST: Final = "127.0.0.1"


@dataclasses.dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
      name: a key of TITLES.
      host: it listens on.
      ports: by protocol.
      path: that REST posts to.
    """

    name: str
    host: str
    ports: Mapping[str, int]
    path: str


@contextlib.contextmanager
def embedded_server(root: Path, log: Path) -> Iterator[Server]:
    """`artist-sim serve` of the versions in `root`, as its user starts it."""
    command = [sys.executable, "-m", "pipeline.command_line", "serve", "--root", str(root)]
    with _process([*command, "--rest-port", "0", "--grpc-port", "0"], log) as check:
        pattern = re.compile(r"REST: http://[^/]*:(\d+)/.*\ngRPC: .*:(\d+)\n")
        ports = _wait(lambda: pattern.search(log.read_text()), check)
        rest, grpc = (int(port) for port in ports.groups())
        yield Server(EMBEDDED, _HOST, {REST: rest, GRPC: grpc}, f"/v1/models/{NAME}:predict")


@contextlib.contextmanager
def bentoml_server(version: Path, folder: Path, log: Path) -> Iterator[Server]:
    """`bentoml serve` of a version, in the environment that `bentoml_environment` made.

    Args:
      version: the version's folder.
      folder: of the environment.
      log: of the server.
    """
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port = free.getsockname()[1]
    command = [str(folder / "bin" / "bentoml"), "serve", "bentoml_service:ArtistSim"]
    command += ["--working-dir", str(_HERE / "others"), "--host", _HOST, "--port", str(port)]
    told = {
        "MODEL": str(version),
        "BENTOML_HOME": str(folder / "home"),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    with _process(command, log, told) as check:
        _wait(lambda: _answers(f"http://{_HOST}:{port}/readyz"), check)
        yield Server(BENTOML, _HOST, {REST: port}, "/predict")


def given_tf_serving(version: Path) -> Server | None:
    """The TensorFlow Serving that TF_SERVING_ADDRESS names, if it serves this version.

    TF_SERVING_ADDRESS is `host:rest_port:grpc_port`, TF_SERVING_MODEL the folder of its version, as
    for the conformance tests.
    """
    address, model = os.environ.get("TF_SERVING_ADDRESS"), os.environ.get("TF_SERVING_MODEL")
    if not address or not model or Path(model).resolve() != version.resolve():
        return None
    host, rest, grpc = address.rsplit(":", 2)
    ports = {REST: int(rest), GRPC: int(grpc)}
    return Server(TF_SERVING, host, ports, f"/v1/models/{NAME}:predict")


def bentoml_environment(folder: Path, tell: Callable[[str], None]) -> Path:
    """A virtual environment with the versions of requirements-bentoml.txt; made once.

    Raises:
      InputError: its packages could not be installed.
    """
    requirements = _HERE / "requirements-bentoml.txt"
    instead = "leave it out with --servers embedded"
    return own_environment(folder, "BentoML", [requirements], instead, tell)


@contextlib.contextmanager
def _process(
    command: Sequence[str], log: Path, told: Mapping[str, str] = {}
) -> Iterator[Callable[[], None]]:
    """Yields what raises if the process has ended."""
    with log.open("w") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **told}, start_new_session=True
        )

    def check() -> None:
        if process.poll() is not None:
            last = (log.read_text().strip() or "no message").splitlines()[-1]
            raise InputError(f"{Path(command[0]).name} did not start: {last}; see {log}.")

    try:
        yield check
    finally:
        # Its workers are processes too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(found: Callable[[], re.Match[str] | bool | None], check: Callable[[], None]):
    deadline = time.monotonic() + _STARTS_WITHIN
    while not (what := found()):
        check()
        if time.monotonic() > deadline:
            raise InputError(f"A server did not start within {_STARTS_WITHIN:.0f} s.")
        time.sleep(0.1)
    return what


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

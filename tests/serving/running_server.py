"""The embedded server in a process of its own, as its user starts it."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

STARTS_WITHIN = 600.0


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a server of TF Serving's protocols listens."""

    host: str
    rest_port: int
    grpc_port: int

    @property
    def grpc(self) -> str:
        return f"{self.host}:{self.grpc_port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}:{self.rest_port}{path}"

    def post(self, path: str, body: Any, **options: Any) -> requests.Response:
        """Posts bytes as they are, and anything else as JSON."""
        given = {"data": body} if isinstance(body, (bytes, str)) else {"json": body}
        return requests.post(self.url(path), timeout=60, **given, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url(path), timeout=60, **options)

    def predict(self, body: Any) -> requests.Response:
        return self.post("/v1/models/artist_sim:predict", body)


class RunningServer:
    """`artist-sim serve` on free ports, from `with` on until its end."""

    def __init__(
        self,
        root: Path,
        log: Path,
        options: Sequence[str] = (),
        environment: Mapping[str, str] = {},
    ):
        command = [sys.executable, "-m", "pipeline.command_line", "serve", "--root", str(root)]
        command += ["--rest-port", "0", "--grpc-port", "0", *options]
        self._log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, env={**os.environ, **environment}
            )

    def __enter__(self) -> RunningServer:
        deadline = time.monotonic() + STARTS_WITHIN
        pattern = re.compile(r"REST: http://127\.0\.0\.1:(\d+)/.*\ngRPC: 127\.0\.0\.1:(\d+)\n")
        while not (found := pattern.search(self.log())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"The server did not start:\n{self.log()}")
            time.sleep(0.1)
        self.address = Address("127.0.0.1", int(found[1]), int(found[2]))
        return self

    def __exit__(self, *args: object) -> None:
        self.stop()

    def log(self) -> str:
        return self._log.read_text()

    def stop(self) -> int:
        """Ends it as an operator does; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()

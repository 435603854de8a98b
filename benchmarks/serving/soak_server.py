"""The embedded server in a process of its own, and versions that are pushed to it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

_STARTS_WITHIN: Final = 300.0
_ENDS_WITHIN: Final = 60.0
_ADDRESSES: Final = re.compile(r"REST: http://(127\.0\.0\.1:\d+)/.*\ngRPC: (127\.0\.0\.1:\d+)\n")


class Server:
    """`artist-sim serve` on free ports, in a `with`.

    Args:
      root: the folder of the versions.
      log: the file of what it says.

    Attributes:
      rest: host:port.
      grpc: host:port.
      process: its own.
      exit_code: after the `with`.

    Raises:
      RuntimeError: it does not start.
    """

    def __init__(self, root: Path, log: Path):
        command = [sys.executable, "-m", "pipeline.command_line", "serve", "--root", str(root)]
        self._log = log
        self.exit_code: int | None = None
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [*command, "--rest-port", "0", "--grpc-port", "0"], stdout=out, stderr=out
            )

    def __enter__(self) -> Server:
        deadline = time.monotonic() + _STARTS_WITHIN
        while not (found := _ADDRESSES.search(self.log())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"The server did not start:\n{self.log()}")
            time.sleep(0.1)
        self.rest, self.grpc = found[1], found[2]
        return self

    def __exit__(self, *args: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.exit_code = self.process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text()

    def version(self) -> int:
        """The one that is served."""
        return int(self._get("/healthz")["version"])

    def state(self, version: int) -> str:
        """Of a version, "" before it was tried."""
        statuses = self._get("/v1/models/artist_sim")["model_version_status"]
        found = {int(one["version"]): one["state"] for one in statuses}
        return str(found.get(version, ""))

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self.rest}{path}", timeout=60) as answer:
            return json.load(answer)


def push(model: Path, root: Path, version: int, *, broken: bool = False) -> None:
    """Copies a SavedModel as Pusher does: saved_model.pb comes last.

    Args:
      model: its folder.
      root: the folder of the versions.
      version: its number.
      broken: leaves most of its variables away.
    """
    folder = root / str(version)
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("saved_model.pb"))
    if broken:
        data = next((folder / "variables").glob("*.data*"))
        data.write_bytes(data.read_bytes()[:100])
    shutil.copy(model / "saved_model.pb", folder / "saved_model.pb")

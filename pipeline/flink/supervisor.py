"""The process behind a local Flink cluster: it starts the others and puts task managers back.

Run as `python -m pipeline.flink.supervisor SETTINGS`, with the settings as JSON. It holds the lock
of the cluster's folder for as long as it lives, and none of the others outlives it.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pipeline.flink import settings as start
from pipeline.flink.settings import HOST, ClusterSettings

LOCK_FILE: Final = "lock"
STATE_FILE: Final = "state.json"
JOB_MANAGER: Final = "job manager"
JOB_SERVER: Final = "job server"
TASK_MANAGER: Final = "task manager"

_PR_SET_PDEATHSIG: Final = 1
_LOOKS: Final = 0.5
"""Seconds between two looks at the processes."""
_BACKOFF: Final = 5.0
"""Seconds between two starts of a task manager: one that cannot start is not started in a whirl."""
_GRACE: Final = 10.0
"""Seconds that a process has to end by itself."""


def main(arguments: list[str]) -> int:
    """Runs the cluster until a signal ends it, or until what cannot be replaced is gone."""
    settings = from_argument(arguments[0])

    def stop(*_: Any) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with hold_lock(settings.folder):
        # Of one that was killed: its process ids may be others' by now.
        (settings.folder / STATE_FILE).unlink(missing_ok=True)
        shutil.rmtree(settings.temporary, ignore_errors=True)
        for folder in (settings.conf, settings.temporary, settings.logs):
            folder.mkdir(parents=True, exist_ok=True)
        configuration = start.flink_configuration(settings)
        (settings.conf / "flink-conf.yaml").write_text(configuration, encoding="utf-8")
        cluster = _Cluster(settings)
        try:
            return cluster.run()
        finally:
            cluster.end()
            (settings.folder / STATE_FILE).unlink(missing_ok=True)
            shutil.rmtree(settings.temporary, ignore_errors=True)


@contextlib.contextmanager
def hold_lock(folder: Path) -> Iterator[None]:
    """Holds the lock of a cluster's folder.

    Raises:
      BlockingIOError: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


class _Cluster:
    def __init__(self, settings: ClusterSettings):
        self._settings = settings
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._replaced = 0
        self._ready = False

    def run(self) -> int:
        """Starts everything and watches it; returns 1 when what cannot be replaced has ended."""
        self._start(JOB_MANAGER, start.job_manager(self._settings))
        self._start(JOB_SERVER, start.job_server(self._settings))
        names = [f"{TASK_MANAGER} {n + 1}" for n in range(self._settings.task_managers)]
        for name in names:
            self._start(name, start.task_manager(self._settings))
        self._write_state()
        while True:
            for name, process in self._processes.items():
                if process.poll() is None:
                    continue
                print(f"The {name} has ended with {process.returncode}.", flush=True)
                if not name.startswith(TASK_MANAGER):
                    return 1
                time.sleep(max(0.0, self._started[name] + _BACKOFF - time.monotonic()))
                self._replaced += 1
                self._start(name, start.task_manager(self._settings))
                self._write_state()
            if not self._ready and self._is_ready():
                self._ready = True
                self._write_state()
            time.sleep(_LOOKS)

    def end(self) -> None:
        """Ends every process, the work before who gives it out."""
        for process in reversed(self._processes.values()):
            process.terminate()
        deadline = time.monotonic() + _GRACE
        for process in self._processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name: str, command: list[str]) -> None:
        log = self._settings.logs / f"{name.replace(' ', '-')}.log"
        # Workers make their folders where the task manager says.
        environment = {**os.environ, "TMPDIR": str(self._settings.temporary)}
        with log.open("ab") as file:
            self._processes[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=self._settings.temporary,
                env=environment,
                preexec_fn=_die_with_parent,
            )
        self._started[name] = time.monotonic()

    def _is_ready(self) -> bool:
        try:
            found = asked(self._settings.rest_port, "overview")["taskmanagers"]
            with socket.create_connection((HOST, self._settings.job_port), timeout=1):
                pass
        except OSError:
            return False
        return found >= self._settings.task_managers

    def _write_state(self) -> None:
        state = {
            "pid": os.getpid(),
            "ready": self._ready,
            "job_port": self._settings.job_port,
            "rest_port": self._settings.rest_port,
            "replaced": self._replaced,
            "processes": {name: process.pid for name, process in self._processes.items()},
        }
        path = self._settings.folder / STATE_FILE
        beside = path.with_suffix(".writing")
        beside.write_text(json.dumps(state), encoding="utf-8")
        beside.replace(path)


def asked(rest_port: int, path: str) -> dict[str, Any]:
    """What Flink's REST API answers.

    Raises:
      OSError: it does not, or has not got that.
    """
    # No proxy stands between two processes of one machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{HOST}:{rest_port}/{path}", timeout=5) as answer:
        return json.load(answer)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def as_argument(settings: ClusterSettings) -> str:
    """The settings as `main` takes them."""
    return json.dumps(dataclasses.asdict(settings), default=str)


def from_argument(argument: str) -> ClusterSettings:
    """The settings that `as_argument` was given."""
    given = json.loads(argument)
    return ClusterSettings(**given | {name: Path(given[name]) for name in ("jars", "folder")})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

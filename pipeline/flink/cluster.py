"""A local Flink session cluster that is brought up, looked at and taken down."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from catalogues.errors import InputError
from pipeline.flink.jars import fetch_jars, find_java
from pipeline.flink.settings import HOST, JOB_PORT, SLOTS, ClusterSettings
from pipeline.flink.supervisor import STATE_FILE, as_argument, asked, hold_lock
from pipeline.flink.worker_boot import MEMORY_VARIABLE
from pipeline.home import home

BOOT_FILE: Final = "boot"
_BOOT: Final = Path(__file__).with_name("worker_boot.py")
_PATIENCE: Final = 300.0
"""Seconds that a cluster may take to come up, on a machine that is busy otherwise."""
_LOOKS: Final = 0.2


@dataclasses.dataclass(frozen=True)
class ClusterState:
    """What a cluster that is up says of itself.

    Attributes:
      pid: of the process that supervises it.
      job_port: where pipelines are handed in.
      rest_port: Flink's REST API.
      replaced: how many task managers were started again.
      processes: what each is -> its process id.
      overview: what Flink's REST API says of task managers, slots and jobs; None if it is silent.
    """

    pid: int
    job_port: int
    rest_port: int
    replaced: int
    processes: dict[str, int]
    overview: dict[str, Any] | None


def cluster_folder() -> Path:
    """Where the cluster of this home keeps its files."""
    return home() / "flink"


def up(
    *,
    job_port: int = JOB_PORT,
    task_managers: int = 2,
    worker_memory: int | None = None,
    jars: Path | None = None,
) -> ClusterState:
    """Fetches the jars where they are not there yet, and brings the cluster of this home up.

    Args:
      job_port: where pipelines are handed in.
      task_managers: how many.
      worker_memory: megabytes of data that each worker may have; None: no limit.
      jars: the folder that holds the folder of jars; the cluster's if None.

    Raises:
      InputError: it is up, the port is taken, Java or Maven is missing, or it does not come up.
    """
    folder = cluster_folder()
    if _is_up(folder):
        raise InputError(
            "The Flink cluster of this home is up; `artist-sim flink status` shows it, "
            "`artist-sim flink down` ends it."
        )
    java = find_java()
    _check_port(job_port)
    fetched = fetch_jars(jars or folder)
    _write_boot(folder / BOOT_FILE, worker_memory)
    rest_port, rpc_port = _free_ports(2)
    settings = ClusterSettings(
        java=java,
        jars=fetched,
        folder=folder,
        job_port=job_port,
        rest_port=rest_port,
        rpc_port=rpc_port,
        task_managers=task_managers,
    )
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    with (folder / "logs" / "supervisor.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.flink.supervisor", as_argument(settings)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C in the terminal that brought it up does not end it.
            start_new_session=True,
        )
    return _until_ready(process, folder)


def down() -> bool:
    """Takes the cluster of this home down, and waits until it is; returns whether there was one."""
    folder = cluster_folder()
    if not _is_up(folder):
        return False
    while _is_up(folder):
        state = _read_state(folder)
        # Without a state it is just coming up or going down.
        if state:
            _signal(state["pid"])
        time.sleep(_LOOKS)
    return True


def status() -> ClusterState | None:
    """What the cluster of this home says of itself; None if there is none."""
    folder = cluster_folder()
    state = _read_state(folder) if _is_up(folder) else None
    if state is None:
        return None
    try:
        overview = asked(state["rest_port"], "overview")
    except OSError:
        overview = None
    del state["ready"]
    return ClusterState(**state, overview=overview)


def total_slots(state: ClusterState) -> int:
    """How many tasks can run at the same time when all task managers are there."""
    return SLOTS * sum(name.startswith("task manager") for name in state.processes)


def _until_ready(process: subprocess.Popen[bytes], folder: Path) -> ClusterState:
    deadline = time.monotonic() + _PATIENCE
    try:
        while process.poll() is None and time.monotonic() < deadline:
            state = _read_state(folder)
            if state and state["ready"] and state["pid"] == process.pid:
                found = status()
                if found:
                    return found
            time.sleep(_LOOKS)
    except BaseException:
        process.terminate()
        raise
    what = "ended while it came up" if process.poll() is not None else "did not come up"
    process.terminate()
    process.wait()
    raise InputError(
        f"The Flink cluster {what}; the files in 'flink/logs' of the home say why. Is there "
        "memory enough, about 2 GB for each task manager and 2 GB for the rest?"
    )


def _is_up(folder: Path) -> bool:
    try:
        with hold_lock(folder):
            return False
    except BlockingIOError:
        return True


def _read_state(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _signal(pid: int) -> None:
    # It may have ended by itself in between.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As the job server does: connections of before that are still closing are in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise InputError(
                f"Port {port} is taken, by another cluster perhaps; end what listens there, or "
                "name another with `--job-port`, and in the configuration's `--job_endpoint`."
            ) from None


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _write_boot(path: Path, worker_memory: int | None) -> None:
    """The program that the configuration names to task managers; they give it its arguments."""
    limit = ""
    if worker_memory:
        # The kernel counts what threads and arenas of malloc set aside, used or not: a worker has
        # some hundred threads, of 8 MB each by default.
        limit = f"export {MEMORY_VARIABLE}={worker_memory} MALLOC_ARENA_MAX=2\nulimit -S -s 1024\n"
    # Isolated: neither the folder it is started in nor PYTHONPATH says which code it runs.
    command = shlex.join([sys.executable, "-I", "-W", "ignore", str(_BOOT)])
    beside = path.with_suffix(".writing")
    beside.parent.mkdir(parents=True, exist_ok=True)
    beside.write_text(f'#!/bin/sh\n{limit}exec {command} "$@"\n', encoding="utf-8")
    beside.chmod(0o755)
    beside.replace(path)

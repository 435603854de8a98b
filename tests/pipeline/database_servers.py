"""Real database servers for tests, in a folder and on a port of their own.

They run as 'nobody' where the tests run as root, as which neither server would start.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.metadata_config import MetadataConfig

# What texts of connections, SQL and protocol buffers would each trip over.
PASSWORD: Final = "Se's\\a m öff\"ne =x"
_PLACES: Final = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/postgresql/{}/bin")
_VERSIONS: Final = range(18, 12, -1)
_PATIENCE: Final = 120.0
"""Seconds that a server may take until it answers."""


@contextlib.contextmanager
def postgresql_server() -> Iterator[MetadataConfig]:
    """A PostgreSQL with a database for the user 'artist'; skips where there is none to start."""
    initdb, postgres = _programs("PostgreSQL", "postgresql", "initdb", "postgres")
    with _folder() as folder:
        data = str(folder / "data")
        (folder / "admin").write_text("unused")
        access = ["-U", "admin", "--pwfile=admin", "-A", "scram-sha-256"]
        _made([initdb, "-D", data, *access, "-N"], folder)
        literal = PASSWORD.replace("\\", "\\\\").replace("'", "''")
        statements = (
            f"CREATE ROLE artist LOGIN PASSWORD E'{literal}'\n"
            "CREATE DATABASE artist_sim OWNER artist\n"
        )
        _made([postgres, "--single", "-D", data, "postgres"], folder, statements)
        port = _free_port()
        command = [postgres, "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
        with _running([*command, "-F"], folder, "database system is ready to accept connections"):
            yield _config("postgresql", port)


@contextlib.contextmanager
def mariadb_server() -> Iterator[MetadataConfig]:
    """A MariaDB with a database for the user 'artist'; skips where there is none to start."""
    install, mariadbd = _programs("MariaDB", "mariadb-server", "mariadb-install-db", "mariadbd")
    with _folder() as folder:
        data = f"--datadir={folder / 'data'}"
        # Without the users that have no name, whom any client of this machine would be taken for.
        options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        _made([install, "--no-defaults", data, *options], folder)
        # As the server keeps it: it reads the file below as Latin-1.
        digest = hashlib.sha1(hashlib.sha1(PASSWORD.encode()).digest()).hexdigest().upper()
        statements = (
            "CREATE DATABASE artist_sim;\n"
            f"CREATE USER 'artist'@'%' IDENTIFIED BY PASSWORD '*{digest}';\n"
            "GRANT ALL ON artist_sim.* TO 'artist'@'%';\n"
        )
        (folder / "first.sql").write_text(statements, encoding="utf-8")
        port = _free_port()
        command = [
            *(mariadbd, "--no-defaults", data, f"--port={port}", "--bind-address=127.0.0.1"),
            *(f"--socket={folder / 'socket'}", f"--init-file={folder / 'first.sql'}"),
        ]
        with _running(command, folder, "ready for connections"):
            yield _config("mysql", port)


def _config(backend: Any, port: int) -> MetadataConfig:
    return MetadataConfig(backend, "127.0.0.1", port, "artist_sim", "artist")


def _programs(server: str, package: str, *names: str) -> list[str]:
    places = [place.format(version) for place in _PLACES for version in _VERSIONS]
    path = os.pathsep.join([os.environ.get("PATH", ""), *places])
    found = [shutil.which(name, path=path) for name in names]
    if not all(found):
        pytest.skip(
            f"{server} is not installed: runs whose metadata lies on one are UNTESTED; on Debian "
            f"or Ubuntu: apt-get install {package}"
        )
    return [str(program) for program in found]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # Those of pytest are for the tests' own user alone, and too long for a socket's name.
    with tempfile.TemporaryDirectory(prefix="metadata-") as name:
        if os.geteuid() == 0:
            shutil.chown(name, "nobody", "nogroup")
        yield Path(name)


def _user() -> dict[str, Any]:
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    return {**(user if os.geteuid() == 0 else {}), "env": environment}


def _made(command: Sequence[str], folder: Path, given: str = "") -> None:
    done = subprocess.run(
        command, cwd=folder, input=given, capture_output=True, text=True, check=False, **_user()
    )
    assert not done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def _running(command: Sequence[str], folder: Path, ready: str) -> Iterator[None]:
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **_user())
    try:
        end = time.monotonic() + _PATIENCE
        while ready not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(
                    f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}"
                )
            time.sleep(0.1)
        yield
    finally:
        # At once: PostgreSQL would else wait for whoever is still connected.
        process.send_signal(signal.SIGINT if "postgres" in command[0] else signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]

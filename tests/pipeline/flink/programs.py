"""Stand-ins for `java` and `mvn` that do as much of their work as a cluster's keeper can see."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

_JAVA = """\
#!{python} -IS
import http.server, json, os, re, signal, socket, sys, threading

if "-version" in sys.argv:
    sys.exit('openjdk version "{version}" 2025-04-15')
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
told = " ".join(sys.argv)


def option(name):
    return sys.argv[sys.argv.index(name) + 1]


if {broken}:
    sys.exit(1)
if "StandaloneSessionClusterEntrypoint" in told:
    conf = open(option("--configDir") + "/flink-conf.yaml").read()
    port = int(re.search(r"rest.port: (\\d+)", conf)[1])

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            names = ("slots-available", "jobs-running", "jobs-finished", "jobs-failed")
            said = dict.fromkeys(names, 0) | {{"taskmanagers": 2}}
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_):
            pass

    http.server.HTTPServer(("localhost", port), Answers).serve_forever()
if "FlinkJobServerDriver" in told:
    server = socket.create_server(("localhost", int(option("--job-port"))))
    while True:
        server.accept()[0].close()
threading.Event().wait()
"""

_MAVEN = """\
#!{python} -IS
import os, sys

if {message!r}:
    print("[ERROR] " + {message!r})
    sys.exit(1)
(folder,) = [a.split("=", 1)[1] for a in sys.argv if a.startswith("-DoutputDirectory=")]
os.makedirs(folder)
for name, content in {files!r}.items():
    open(os.path.join(folder, name), "wb").write(content)
"""


def write_java(folder: Path, version: str = "17.0.15", broken: bool = False) -> None:
    """A `java` that answers as a job manager, a task manager or a job server does."""
    _write(folder / "java", _JAVA, version=version, broken=broken)


def write_maven(folder: Path, files: dict[str, bytes], message: str = "") -> None:
    """An `mvn` that fetches these files, or says the message and fails."""
    _write(folder / "mvn", _MAVEN, files=files, message=message)


def _write(path: Path, text: str, **values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).format(python=sys.executable, **values))
    path.chmod(0o755)


def is_alive(pid: int) -> bool:
    """Whether a process has not ended, nor waits as a zombie for somebody to ask how it did."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"

"""Beam on Spark, a master of one process with two threads: the direct runner's bytes.

Minutes, Java, Maven and 3 GB of memory: `make test-spark`.
"""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.flink import cluster
from pipeline.flink.jars import fetch_jars, find_java
from pipeline.home import home
from tests.conftest import NO_SPARK, SPARK_VARIABLE
from tests.pipeline.engines.contract import ENDPOINT, EngineContract

pytestmark = pytest.mark.skipif(not os.environ.get(SPARK_VARIABLE), reason=NO_SPARK)
PATIENCE = 300
"""Seconds in which the server has to listen."""
# What Spark's own start scripts give Java 17.
OPENED = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio"),
    *("java.util", "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch"),
    *("sun.nio.cs", "sun.security.action", "sun.util.calendar"),
)


@pytest.fixture(scope="module")
def job_server(tmp_path_factory):
    """Beam's job server with Spark in its process, and the port where pipelines are handed in."""
    beside = Path(__file__).parent
    jars = fetch_jars(home() / "spark", beside / "spark.xml", beside / "spark.sha256")
    folder = tmp_path_factory.mktemp("spark")
    (port,) = cluster._free_ports(1)
    command = [
        find_java(),
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED),
        *("-Xmx1g", "-Djava.net.preferIPv4Stack=true", f"-Djava.io.tmpdir={folder}"),
        # Spark finds an address of the machine by itself otherwise, and listens there.
        *("-Dspark.driver.host=localhost", "-Dspark.driver.bindAddress=127.0.0.1"),
        "-Dspark.ui.enabled=false",
        *("-cp", f"{jars}/*", "org.apache.beam.runners.spark.SparkJobServerDriver"),
        *("--job-host=localhost", f"--job-port={port}", "--artifact-port=0", "--expansion-port=0"),
        *(f"--artifacts-dir={folder}/staged", "--spark-master-url=local[2]"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(port):
            assert process.poll() is None, (folder / "log").read_text()[-3000:]
            assert time.monotonic() < deadline, (folder / "log").read_text()[-3000:]
            time.sleep(0.2)
        yield process, port
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def options(job_server, tmp_path_factory):
    """What docs/scale.md has for Spark, with workers as processes of this machine."""
    _, port = job_server
    boot = tmp_path_factory.mktemp("boot") / "boot"
    cluster._write_boot(boot, None)
    return [
        "--runner=PortableRunner",
        "--environment_type=PROCESS",
        f"--environment_config={json.dumps({'command': str(boot)})}",
        "--environment_cache_millis=60000",
        "--setup_file=./setup.py",
        f"{ENDPOINT}localhost:{port}",
    ]


@pytest.fixture
def processes(job_server):
    """What tells the ids of Spark's processes."""
    process, _ = job_server
    return lambda: [process.pid]


class TestSpark(EngineContract):
    """Spark gives what each engine must give."""


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port)).close()
    except OSError:
        return False
    return True

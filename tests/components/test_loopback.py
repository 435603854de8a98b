"""Nobody else can reach the ports over which worker processes are talked to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own, since what is changed stays changed.
PIPELINE = """
import os, sys
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from components.loopback import keep_workers_local
from tests.components.test_loopback import write_addresses

if sys.argv[1] == "local":
    keep_workers_local()
    keep_workers_local()

options = ["--runner=DirectRunner", "--direct_running_mode=multi_processing"]
with beam.Pipeline(options=PipelineOptions([*options, "--direct_num_workers=2"])) as pipeline:
    own = pipeline | beam.Create([os.getpid()]) | beam.Reshuffle()
    _ = own | beam.Map(write_addresses, sys.argv[2])
"""


def write_addresses(runner, path):
    """In a worker: writes down where the process of the runner listens."""
    assert runner != os.getpid()
    Path(path).write_text(" ".join(sorted(listening_addresses(runner))))


def listening_addresses(pid):
    """The addresses, in hexadecimal as Linux has them, of the TCP ports a process listens on."""
    own = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and f"socket:[{columns[9]}]" in own:
                found.add(columns[1].partition(":")[0])
    return found


EVERYWHERE = {"00000000", "0" * 32}
# 127.0.0.1, ::1, and the first of them as a socket of both kinds has it.
LOOPBACK = {"0100007F", "0" * 24 + "01000000", "0" * 16 + "FFFF00000100007F"}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system has no /proc/net/tcp")
@pytest.mark.parametrize(("how", "expected"), [("local", LOOPBACK), ("as it is", EVERYWHERE)])
def test_worker_processes_are_talked_to_over_these_addresses(how, expected, tmp_path):
    out = tmp_path / "heard"
    subprocess.run([sys.executable, "-c", PIPELINE, how, str(out)], check=True, capture_output=True)
    heard = set(out.read_text().split())
    assert heard
    assert heard <= expected

"""Nobody else can reach the ports over which worker processes are talked to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.listening import EVERYWHERE, LOOPBACK, listening

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
    Path(path).write_text(" ".join(sorted(address for address, _ in listening([runner]))))


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system has no /proc/net/tcp")
@pytest.mark.parametrize(("how", "expected"), [("local", LOOPBACK), ("as it is", EVERYWHERE)])
def test_worker_processes_are_talked_to_over_these_addresses(how, expected, tmp_path):
    out = tmp_path / "heard"
    subprocess.run([sys.executable, "-c", PIPELINE, how, str(out)], check=True, capture_output=True)
    heard = set(out.read_text().split())
    assert heard
    assert heard <= expected

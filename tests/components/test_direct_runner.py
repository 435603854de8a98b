"""Workers get all that they are sent, over ports that nobody else can reach."""

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
from components.direct_runner import mend_direct_runner
from tests.components.test_direct_runner import write_addresses

if sys.argv[1] == "local":
    mend_direct_runner()
    mend_direct_runner()

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


# What the runner writes for a worker comes from two pieces. The second one is written while Beam's
# thread, where it has one, sends the first, which it does a second after the stream was opened.
SENDING = """
import queue, sys, threading
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from components.direct_runner import mend_direct_runner

if sys.argv[1] == "mended":
    mend_direct_runner()

sending, written = threading.Event(), threading.Event()

class Sent(queue.Queue):
    def put(self, item):
        sending.set()
        assert written.wait(60)
        super().put(item)

server = worker_handlers.GrpcServer(worker_handlers.StateServicer(), None, None)
connection = server.data_plane_handler.get_conn_by_worker_id("worker")
connection._to_send = Sent()
stream = connection.output_stream("bundle", "input")
stream.write(b"first, ")
sending.wait(3)
stream.write(b"second")
written.set()
stream.close()
sent = []
while not (item := connection._to_send.get_nowait()).is_last:
    sent.append(item.data)
print(b"".join(sent).decode())
"""


@pytest.mark.parametrize(
    ("how", "expected"), [("mended", "first, second"), ("as it is", "first, ")]
)
def test_what_is_written_while_something_is_sent_is_sent_too(how, expected):
    """Beam as it is loses it (docs/decisions/0024)."""
    done = subprocess.run(
        [sys.executable, "-c", SENDING, how], check=True, capture_output=True, text=True
    )
    assert done.stdout == f"{expected}\n"

"""The graph builder on a real Flink cluster: the same bytes, also after a loss.

Minutes, Java, Maven and 6 GB of memory: `make test-flink`.
"""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.config import load_config
from pipeline.flink import cluster
from pipeline.flink.supervisor import asked
from pipeline.home import home
from tests.conftest import FLINK_VARIABLE, REPOSITORY

pytestmark = pytest.mark.skipif(
    not os.environ.get(FLINK_VARIABLE), reason=f"{FLINK_VARIABLE} is not set"
)
SAMPLER = REPOSITORY / "catalogues" / "sampler"


@pytest.fixture(scope="module")
def flink(tmp_path_factory):
    """A cluster, and the options that `configs/flink.yaml` gives for it."""
    jars = home() / "flink"
    (port,) = cluster._free_ports(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARTIST_SIM_HOME", str(tmp_path_factory.mktemp("flink")))
        beam = load_config(REPOSITORY / "configs" / "flink.yaml").beam
        options = [f"--runner={beam.runner}", *beam.options, f"--job_endpoint=localhost:{port}"]
        cluster.up(job_port=port, jars=jars)
        yield options
        cluster.down()


@pytest.fixture(scope="module")
def sampler_directly(tmp_path_factory):
    target = tmp_path_factory.mktemp("direct")
    finished(building(SAMPLER, target, []))
    return target


def building(catalogue, target, options):
    command = [sys.executable, "-W", "ignore", "-m", "tests.pipeline.flink.graph_building"]
    return subprocess.Popen(
        [*command, str(catalogue), str(target), *options],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process):
    _, said = process.communicate()
    assert process.returncode == 0, said[-5000:]


def records(target):
    """The records of each split, in an order of their own."""
    found = {}
    for split in sorted(Path(target).glob("Split-*")):
        files = sorted(str(path) for path in split.glob("data_tfrecord-*.gz"))
        read = tf.data.TFRecordDataset(files, compression_type="GZIP")
        found[split.name] = sorted(read.as_numpy_iterator())
    return found


def assert_same_examples(one, other):
    wanted, found = records(one), records(other)
    assert {"Split-train", "Split-val", "Split-test", "Split-hidden_test"} < wanted.keys()
    assert all(wanted.values())
    assert found == wanted
    for name in ("graph_schema.pbtxt", "summary.json", "rejects.jsonl"):
        assert (other / name).read_bytes() == (one / name).read_bytes()


def test_ego_graphs_have_the_bytes_of_the_direct_runners(flink, sampler_directly, tmp_path):
    before = cluster.status()
    finished(building(SAMPLER, tmp_path / "out", flink))
    assert_same_examples(sampler_directly, tmp_path / "out")
    after = cluster.status()
    assert after.overview["jobs-finished"] == before.overview["jobs-finished"] + 1
    assert dataclasses.replace(after, overview=None) == dataclasses.replace(before, overview=None)
    # The code came along.
    assert list(cluster.cluster_folder().glob("tmp/worker-*/code/*/graph_schema.pbtxt"))


def test_a_task_manager_that_is_killed_costs_nothing_but_time(flink, sampler_directly, tmp_path):
    before = cluster.status()
    process = building(SAMPLER, tmp_path / "out", flink)
    job = _running_job(before.rest_port, process)
    while True:
        states = [task["status"] for task in asked(before.rest_port, f"jobs/{job}")["vertices"]]
        # A job that has just begun has no tasks yet.
        if states and states.count("FINISHED") >= len(states) // 3:
            break
        assert process.poll() is None
        time.sleep(0.2)
    assert set(states) > {"FINISHED"}, "nothing is left to be disturbed"
    os.kill(before.processes["task manager 1"], signal.SIGKILL)
    finished(process)
    assert_same_examples(sampler_directly, tmp_path / "out")
    history = asked(before.rest_port, f"jobs/{job}/exceptions")["exceptionHistory"]["entries"]
    assert history, "the job did not notice"
    assert cluster.status().replaced == before.replaced + 1


def _running_job(rest_port, process):
    while True:
        jobs = asked(rest_port, "jobs/overview")["jobs"]
        running = [job["jid"] for job in jobs if job["state"] == "RUNNING"]
        if running:
            return running[0]
        assert process.poll() is None
        time.sleep(0.2)

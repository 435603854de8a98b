"""Beam on a real Flink cluster: the same bytes, after a loss and of much data too.

Minutes, Java, Maven and 6 GB of memory: `make test-flink`.
"""

import dataclasses
import os
import signal
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import load_config
from pipeline.flink import cluster, worker_boot
from pipeline.flink.supervisor import asked
from pipeline.home import home
from tests.conftest import FLINK_VARIABLE, NO_FLINK, REPOSITORY
from tests.pipeline.engines.contract import (
    ENDPOINT,
    SAMPLER,
    EngineContract,
    assert_same_examples,
    build,
    building,
)

pytestmark = pytest.mark.skipif(not os.environ.get(FLINK_VARIABLE), reason=NO_FLINK)
WORKER_MEMORY = 900
"""Megabytes; a worker has some 600 before its first record, most of it TensorFlow."""


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """A cluster, and the options that `configs/flink.yaml` gives for it."""
    jars = home() / "flink"
    (port,) = cluster._free_ports(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARTIST_SIM_HOME", str(tmp_path_factory.mktemp("flink")))
        beam = load_config(REPOSITORY / "configs" / "flink.yaml").beam
        told = [f"--runner={beam.runner}", *beam.options, f"{ENDPOINT}localhost:{port}"]
        cluster.up(job_port=port, jars=jars, worker_memory=WORKER_MEMORY)
        yield told
        cluster.down()


@pytest.fixture
def processes(options):
    """What tells the ids of the cluster's processes."""
    return lambda: cluster.status().processes.values()


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """20,000 artists with a vector of 512 numbers and 6 KB of text each: 160 MB.

    As Python's objects the vectors alone are 330 MB, more than a worker has left.
    """
    folder = tmp_path_factory.mktemp("large")
    generator = np.random.default_rng(0)
    ids = np.array([f"a{place:05}" for place in range(20_000)])
    around = np.concatenate([np.roll(ids, 1), np.roll(ids, 7)])
    pq.write_table(pa.table({"of": np.tile(ids, 2), "to": around}), folder / "edges.parquet")
    for file in range(8):
        own = ids[file::8]
        vectors = generator.normal(size=(len(own), 512)).astype(np.float32)
        story = [f"{name} " * 857 for name in own]
        artists = pa.table({"id": own, "story": story})
        pq.write_table(artists, folder / f"artists-{file}.parquet", row_group_size=500)
        tracks = pa.table({"id": own, "wide": list(vectors)})
        pq.write_table(tracks, folder / f"tracks-{file}.parquet", row_group_size=500)
    (folder / "catalogue.yaml").write_text(
        "name: large\n"
        "artists: {table: artists-*.parquet, id: id, meta: [story]}\n"
        "content: {wide: {table: tracks-*.parquet, artist: id, column: wide}}\n"
        "edges: {table: edges.parquet, source: of, target: to}\n"
    )
    return folder


class TestFlink(EngineContract):
    """Flink gives what each engine must give."""


def test_a_build_leaves_the_cluster_as_it_was(options, tmp_path):
    before = cluster.status()
    build(SAMPLER, tmp_path / "out", options)
    after = cluster.status()
    assert after.overview["jobs-finished"] == before.overview["jobs-finished"] + 1
    assert dataclasses.replace(after, overview=None) == dataclasses.replace(before, overview=None)
    # The code came along.
    assert list(cluster.cluster_folder().glob("tmp/worker-*/code/*/graph_schema.pbtxt"))


def test_a_task_manager_that_is_killed_costs_nothing_but_time(options, sampler_directly, tmp_path):
    before = cluster.status()
    earlier = {job["jid"] for job in asked(before.rest_port, "jobs/overview")["jobs"]}
    with building(SAMPLER, tmp_path / "out", options) as (process, ended):
        job = _running_job(before.rest_port, process, earlier)
        while True:
            told = asked(before.rest_port, f"jobs/{job}")["vertices"]
            states = [task["status"] for task in told]
            # A job that has just begun has no tasks yet.
            if states and states.count("FINISHED") >= len(states) // 3:
                break
            assert process.poll() is None
            time.sleep(0.2)
        assert set(states) > {"FINISHED"}, "nothing is left to be disturbed"
        os.kill(before.processes["task manager 1"], signal.SIGKILL)
        said = ended()
    assert process.returncode == 0, said[-5000:]
    assert_same_examples(sampler_directly, tmp_path / "out")
    history = asked(before.rest_port, f"jobs/{job}/exceptions")["exceptionHistory"]["entries"]
    assert history, "the job did not notice"
    assert cluster.status().replaced == before.replaced + 1


def test_a_run_larger_than_a_workers_memory_passes(options, large, tmp_path):
    in_parts = ["--parallelism=8", "--execution_mode_for_batch=BATCH_FORCED"]
    build(large, tmp_path / "flink", [*options, *in_parts])

    # One process with as much memory holds not all that the run holds.
    def limit():
        worker_boot._limit_memory(str(WORKER_MEMORY))

    with building(large, tmp_path / "limited", [], limit) as (process, ended):
        said = ended()
    assert process.returncode > 0
    assert any(fault in said for fault in ("MemoryError", "realloc failed", "bad_alloc"))
    build(large, tmp_path / "direct", [])
    assert_same_examples(tmp_path / "direct", tmp_path / "flink")


def _running_job(rest_port, process, earlier):
    while True:
        jobs = asked(rest_port, "jobs/overview")["jobs"]
        running = {job["jid"] for job in jobs if job["state"] == "RUNNING"} - earlier
        if running:
            return running.pop()
        assert process.poll() is None
        time.sleep(0.2)

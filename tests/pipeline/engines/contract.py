"""What a distributed engine must give through Beam: the direct runner's bytes, and closed doors."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from tests.components.bulk_catalogues import make_case
from tests.conftest import REPOSITORY
from tests.listening import LOOPBACK, listening, with_descendants
from tests.trainer.small_systems import small_config, small_diffusion_config

SAMPLER = REPOSITORY / "catalogues" / "sampler"
ENDPOINT = "--job_endpoint="
"""Of the last option."""


@contextlib.contextmanager
def building(
    catalogue: Path, target: Path, options: Sequence[str], limit: Callable[[], None] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
    """A process that builds the graphs of a catalogue with these options of Beam.

    Gives the process, and what waits for it and returns all that it said; it does not outlive this.
    """
    command = [sys.executable, "-W", "ignore", "-m", "tests.pipeline.engines.graph_building"]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*command, str(catalogue), str(target), *options],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stderr=said,
            preexec_fn=limit,
        )

        def ended() -> str:
            process.wait()
            said.seek(0)
            return said.read()

        try:
            yield process, ended
        finally:
            process.kill()
            process.wait()


def build(catalogue: Path, target: Path, options: Sequence[str]) -> None:
    """Builds the graphs of a catalogue, which must not fail."""
    with building(catalogue, target, options) as (process, ended):
        said = ended()
        assert process.returncode == 0, said[-5000:]


def records(target: Path) -> dict[str, list[str]]:
    """Digests of the records of each split, in an order of their own."""
    found = {}
    for split in sorted(target.glob("Split-*")):
        files = sorted(str(path) for path in split.glob("data_tfrecord-*.gz"))
        read = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
        found[split.name] = sorted(hashlib.sha256(record).hexdigest() for record in read)
    return found


def assert_same_examples(one: Path, other: Path) -> None:
    """Of two folders: the same records in each split, and the same bytes beside them."""
    wanted, found = records(one), records(other)
    assert {"Split-train", "Split-val", "Split-test", "Split-hidden_test"} < wanted.keys()
    assert all(wanted.values())
    assert found == wanted
    # What is compressed has its records in any order.
    names = {path.name for path in one.iterdir() if path.is_file() and path.suffix != ".gz"}
    assert {"content.json", "content.npz", "graph_schema.pbtxt", "summary.json"} < names
    for name in names:
        assert (other / name).read_bytes() == (one / name).read_bytes(), name


def jobs_of(options: Sequence[str]) -> int:
    """How many pipelines have been handed in to the job server that options name."""
    with grpc.insecure_channel(options[-1].removeprefix(ENDPOINT)) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        return len(service.GetJobs(beam_job_api_pb2.GetJobsRequest()).job_info)


class EngineContract:
    """Tests that each engine inherits.

    Its module has the fixtures `options`, what Beam is told, the job server's endpoint last; and
    `processes`, the ids of the engine's own ones.
    """

    def test_ego_graphs_have_the_bytes_of_the_direct_runners(
        self, options, sampler_directly, tmp_path
    ):
        before = jobs_of(options)
        build(SAMPLER, tmp_path / "out", options)
        assert jobs_of(options) == before + 1
        assert_same_examples(sampler_directly, tmp_path / "out")

    @pytest.mark.parametrize(
        "config", [small_config(2, fan_out=5), small_diffusion_config()], ids=["gnn", "diffusion"]
    )
    def test_embeddings_have_the_bytes_of_the_direct_runners(
        self, config, options, tmp_path, monkeypatch
    ):
        # What is sent along is named from there.
        monkeypatch.chdir(REPOSITORY)
        # Three blocks of walks.
        case = make_case(tmp_path / "model", True, config, num_artists=600)
        direct = case.embedded(tmp_path / "direct")
        assert direct
        before = jobs_of(options)
        assert case.embedded(tmp_path / "engine", *options) == direct
        assert jobs_of(options) > before

    def test_nobody_else_can_hand_in_a_pipeline_or_speak_to_a_worker(
        self, options, processes, tmp_path
    ):
        """During a job, as ports for workers are open then."""
        found = idle = listening(processes())
        with building(SAMPLER, tmp_path / "out", options) as (process, ended):
            while process.poll() is None:
                found = found | listening(with_descendants(processes()))
                time.sleep(0.5)
            said = ended()
        assert process.returncode == 0, said[-5000:]
        assert found > idle
        assert {address for address, _ in found} <= LOOPBACK

"""What a distributed engine must give through Beam: the direct runner's bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import tensorflow as tf

from tests.components.bulk_catalogues import make_case
from tests.conftest import REPOSITORY
from tests.trainer.small_systems import small_config, small_diffusion_config

SAMPLER = REPOSITORY / "catalogues" / "sampler"


def building(
    catalogue: Path, target: Path, options: Sequence[str], limit: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    """A process that builds the graphs of a catalogue with these options of Beam."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.pipeline.engines.graph_building"]
    return subprocess.Popen(
        [*command, str(catalogue), str(target), *options],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )


def finished(process: subprocess.Popen[str]) -> None:
    """Waits for a process, which must not fail."""
    _, said = process.communicate()
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


class EngineContract:
    """Tests that each engine inherits; its module has a fixture `options`, what Beam is told."""

    def test_ego_graphs_have_the_bytes_of_the_direct_runners(
        self, options, sampler_directly, tmp_path
    ):
        finished(building(SAMPLER, tmp_path / "out", options))
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
        assert case.embedded(tmp_path / "engine", *options) == direct

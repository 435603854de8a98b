"""What `artist-sim kubeflow` loads and repeats of other modules."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import REPOSITORY


def test_the_command_line_starts_without_what_is_slow(config):
    words = ["-X", "importtime", "-m", "pipeline.command_line", "kubeflow", "schedule", "--help"]
    ended = subprocess.run(
        [sys.executable, *words], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"kfp", "tfx", "tensorflow", "httpx", "croniter", "rich", "numpy"}
    assert '"0 30 3 * * *"' in ended.stdout and "--ca-file" in ended.stdout


def test_the_names_of_parameters_are_those_of_the_first_step():
    from pipeline import kubeflow_asking, run_parameters

    names = (run_parameters.SPAN, run_parameters.GATE_FLOOR, run_parameters.OVERRIDES)
    assert names == kubeflow_asking._PARAMETERS

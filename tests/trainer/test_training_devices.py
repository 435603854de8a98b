"""Training compiled with XLA, and on two devices at once."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import REPOSITORY


@pytest.mark.parametrize("mode", ["xla", "mirrored"])
def test_it_trains(mode):
    environment = dict(os.environ, PYTHONPATH=str(REPOSITORY))
    if mode == "xla":
        environment["TF_XLA_FLAGS"] = "--tf_xla_cpu_global_jit"
    done = subprocess.run(
        [sys.executable, "-m", "tests.trainer.training_probe", mode],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["finite"]
    assert np.mean(found["losses"][-3:]) < np.mean(found["losses"][:3])
    assert found["replicas"] == (2 if mode == "mirrored" else 1)
    # Sizes vary from step to step; the graph must not be built anew for each.
    assert found["traces"] <= 2

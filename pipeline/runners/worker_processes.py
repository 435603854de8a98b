"""DSL file: Beam stages in as many worker processes as there are cores, at most 8."""

from __future__ import annotations

import sys

from components.machine import usable_cores
from pipeline.config import DIRECT_RUNNER, MOST_WORKERS, BeamConfig
from pipeline.local_runner import main


def beam() -> BeamConfig:
    """Beam's direct runner with worker processes, for a small catalogue as well."""
    return BeamConfig(DIRECT_RUNNER).with_workers(min(usable_cores(), MOST_WORKERS))


if __name__ == "__main__":
    sys.exit(main(beam))

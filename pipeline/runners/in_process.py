"""DSL file: Beam stages in the process of the run, whatever the size of the catalogue."""

from __future__ import annotations

import sys

from pipeline.config import DIRECT_RUNNER, BeamConfig
from pipeline.local_runner import main


def beam() -> BeamConfig:
    """Beam's direct runner, whose default is this process."""
    return BeamConfig(DIRECT_RUNNER)


if __name__ == "__main__":
    sys.exit(main(beam))

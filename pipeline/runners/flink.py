"""DSL file: Beam stages on the local Flink cluster of `make flink-up`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from pipeline.config import BeamConfig, load_config
from pipeline.local_runner import main

_CONFIG: Final = Path(__file__).parents[2] / "configs" / "flink.yaml"


def beam() -> BeamConfig:
    """The section `beam` of configs/flink.yaml; raises InputError where that is wrong."""
    return load_config(_CONFIG).beam


if __name__ == "__main__":
    sys.exit(main(beam))

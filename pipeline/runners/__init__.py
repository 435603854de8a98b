"""DSL files for `tfx pipeline create --pipeline_path`, one for each place of the Beam stages.

The TFX command line has no flags for Beam, so that the file which it is given says the runner and
its options (docs/decisions/0025): in place of the configuration's section `beam`, whose word counts
with `pipeline/local_runner.py`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.config import BeamConfig

RUNNERS: Final = ("flink", "in_process", "worker_processes")
"""Names of the files, without `.py`."""


def dsl_file(name: str) -> Path:
    """The file of one of `RUNNERS`."""
    return Path(__file__).with_name(f"{name}.py")


def beam_of(name: str) -> BeamConfig:
    """What the file of one of `RUNNERS` says in place of the section `beam`.

    Raises:
      InputError: it reads a configuration, and that one is wrong.
    """
    beam: Callable[[], BeamConfig] = importlib.import_module(f"{__name__}.{name}").beam
    return beam()

"""Where a run keeps what it makes: all under one folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PIPELINE_NAME: Final = "artist_sim"
DEPLOYED_NAME: Final = "artist-sim"
"""On Kubeflow Pipelines, which has no underscores in names."""


def home() -> Path:
    """`.artist_sim` in the current folder, or what ARTIST_SIM_HOME says; absolute."""
    return Path(os.environ.get("ARTIST_SIM_HOME") or ".artist_sim").absolute()


def metadata_path() -> Path:
    """The SQLite file of TFX's metadata."""
    return home() / "metadata" / "metadata.sqlite"


def pipeline_root() -> Path:
    """Where TFX writes artifacts."""
    return home() / "pipelines" / PIPELINE_NAME


def serving_root() -> Path:
    """Where the pushed versions of the model lie, one folder a version."""
    return home() / "serving_model" / PIPELINE_NAME


def log_folder() -> Path:
    """Where the full logs of runs lie."""
    return home() / "logs"


def shown(path: Path) -> str:
    """A path for a person: relative to the current folder where it lies below it."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)

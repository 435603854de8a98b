"""Commands as a person types them, in the checkout, and what their mistakes look like."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import REPOSITORY

BIN = Path(sys.executable).parent
CONFIG = """\
catalogue:
  path: {catalogue}
trainer:
  network: {{convolutions: 1, convolution_units: 16, backend_units: [16], embedding_dim: 8}}
  training: {{epochs: 4}}
judge:
  gate: {{floor: 0.5}}
"""


def type_in(
    command: Sequence[str], home: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Types a command in the checkout, without what the tests have put into the environment."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=REPOSITORY,
        env={**inherited, "ARTIST_SIM_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


def write_config(folder: Path, catalogue: Path) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(CONFIG.format(catalogue=catalogue))
    return path


def is_one_sentence(text: str) -> bool:
    return len(text.splitlines()) == 1 and "Traceback" not in text and text.endswith(".\n")

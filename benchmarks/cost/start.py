"""Seconds from `python -m pipeline.run`, what `make run` runs, to the first training step."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from catalogues.errors import InputError

ROOT: Final = Path(__file__).parents[2]
_WATCHED: Final = Path(__file__).parent / "watched"
_WITHIN: Final = 3600.0
_STAGE: Final = re.compile(r"^\[\d+/\d+\] (.+?)(?: →.*)?$")


def measure_start(config: str, folder: Path) -> dict[str, Any]:
    """Runs the pipeline from nothing, and ends it after its first training step.

    Args:
      config: of the pipeline, a path inside the project.
      folder: a home for the run is made in it, and removed.

    Returns:
      `seconds`, from the start of the process, and `before`: by its name, the second in which each
      stage of the run began, as its output says.

    Raises:
      InputError: the run ends, or takes an hour, without a step.
    """
    folder.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix=".start-", dir=folder))
    started_file, log = home / "started", home / "log"
    paths = [str(_WATCHED), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "ARTIST_SIM_HOME": str(home / "home"),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",
        "STARTED_FILE": str(started_file),
    }
    try:
        with log.open("w") as out:
            began = time.time()
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.run", "--config", config],
                cwd=ROOT,
                env=environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            before: dict[str, float] = {}
            while not started_file.exists():
                for line in log.read_text().splitlines():
                    if (found := _STAGE.match(line)) and found[1] not in before:
                        before[found[1]] = round(time.time() - began, 1)
                if process.poll() is not None or time.time() - began > _WITHIN:
                    last = (log.read_text().strip() or "it said nothing").splitlines()[-1]
                    raise InputError(f"A run with {config} came to no training step: {last}")
                time.sleep(0.1)
            seconds = float(started_file.read_text()) - began
        finally:
            # What the run started belongs to it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return {"seconds": round(seconds, 1), "before": before}

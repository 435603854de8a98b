"""Seconds from the command to the first training step."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from benchmarks.cost.pipeline_run import pipeline_run
from catalogues.errors import InputError

_WATCHED: Final = Path(__file__).parent / "watched"
_WITHIN: Final = 3600.0


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
    started = folder / f"started-{time.time_ns()}"
    variables = {"PYTHONPATH": str(_WATCHED), "STARTED_FILE": str(started)}
    try:
        with pipeline_run(config, folder, variables) as run:
            before: dict[str, float] = {}
            while not started.exists():
                for stage in run.stages():
                    before.setdefault(stage, round(time.time() - run.began, 1))
                if run.process.poll() is not None or time.time() - run.began > _WITHIN:
                    raise InputError(
                        f"A run with {config} came to no training step: {run.last_words()}"
                    )
                time.sleep(0.1)
            seconds = float(started.read_text()) - run.began
    finally:
        started.unlink(missing_ok=True)
    return {"seconds": round(seconds, 1), "before": before}

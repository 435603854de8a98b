"""`python -m pipeline.run`, what `make run` runs, from nothing, as the cost suite watches it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.processes import ROOT

_STAGE: Final = re.compile(r"^\[\d+/\d+\] (.+?)(?: →.*)?$")


@dataclasses.dataclass(frozen=True)
class PipelineRun:
    """A run that goes on.

    Attributes:
      process: of the command.
      began: when it was started, as time.time() has it.
      folder: of what the run is given, gone when it is.
    """

    process: subprocess.Popen[bytes]
    began: float
    folder: Path

    @property
    def home(self) -> Path:
        """What the run calls ARTIST_SIM_HOME."""
        return self.folder / "home"

    def said(self) -> list[str]:
        """The lines of its output so far."""
        return (self.folder / "log").read_text().splitlines()

    def last_words(self) -> str:
        """The last line, for whoever has to be told that it failed.

        A log of the run that it names is moved beside `folder`, which will be gone, and named
        there.
        """
        words = next((line for line in reversed(self.said()) if line.strip()), "it said nothing")
        for log in self.home.glob("logs/*.log"):
            if str(log) in words:
                kept = log.replace(self.folder.parent / f"failed-{log.name}")
                words = words.replace(str(log), str(kept))
        return words

    def stages(self) -> list[str]:
        """The names of the stages that have begun, in their order."""
        return [found[1] for line in self.said() if (found := _STAGE.match(line))]


@contextlib.contextmanager
def pipeline_run(
    config: str, folder: Path, variables: Mapping[str, str] | None = None
) -> Iterator[PipelineRun]:
    """Starts a run in a home of its own; ends it, and all that it started, at the end.

    Args:
      config: of the pipeline, a path inside the project or an absolute one.
      folder: a home for the run is made in it, and removed.
      variables: of its environment; PYTHONPATH comes before the project's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = Path(tempfile.mkdtemp(prefix=".run-", dir=folder))
    given = dict(variables or {})
    paths = [given.pop("PYTHONPATH", ""), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "ARTIST_SIM_HOME": str(own / "home"),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",
        **given,
    }
    try:
        with (own / "log").open("w") as out:
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
            yield PipelineRun(process, began, own)
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
        shutil.rmtree(own, ignore_errors=True)

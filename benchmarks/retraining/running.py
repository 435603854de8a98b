"""One day of one policy: the pipeline as a person runs it, in a process and a home of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import yaml

from benchmarks.retraining.feed import PATTERN, Event
from pipeline.webhook import WEBHOOK_VARIABLE

_ROOT: Final = Path(__file__).parents[2]
_POLL: Final = 0.05
_OURS: Final = "artist_sim: "
"""How the pipeline begins the sentence that it fails with."""

Policy = Literal["gated", "blind"]
POLICIES: Final[tuple[Policy, ...]] = ("gated", "blind")

_COMMON: Final[Mapping[str, Any]] = {
    # A fifth of the artists asks, so that a small world has queries enough.
    "graph": {"fractions": [0.6, 0.2, 0.2]},
    "trainer": {
        "diffusion": {"embedding_dim": 64, "reach": 100, "content_units": [64]},
        "training": {"epochs": 30, "patience": 8},
        "explorer": {"export": False},
    },
}
_OWN: Final[Mapping[Policy, Mapping[str, Any]]] = {
    "gated": {
        # The days of the simulation are minutes; age means nothing there.
        "retrain": {
            "when": "changed",
            "min_changed_artists": 0.02,
            "min_changed_edges": 0.08,
            "max_age_days": None,
        },
        "judge": {"gate": {"floor": 0.42, "slack": 0.05}},
    },
    "blind": {"on_bad_rows": "set_aside", "judge": {"gate": {"floor": 0, "slack": 1}}},
}


@dataclasses.dataclass(frozen=True)
class Ran:
    """What became of a run.

    Attributes:
      outcome: as pipeline.run_summary has it, or 'killed'.
      reason: one sentence; '' of a killed run, which says nothing.
      version: that was pushed, '' where none was.
      seconds: that it took.
    """

    outcome: str
    reason: str
    version: str
    seconds: float


def configuration(policy: Policy, arrived: Path) -> dict[str, Any]:
    """The pipeline's configuration under a policy.

    Args:
      policy: 'gated' decides whether to train, stops at bad rows and has a gate; 'blind' trains on
        whatever can be read, each day, and pushes whatever comes out.
      arrived: the folder of the dated spans.
    """
    return {"catalogue": {"path": f"{arrived}/{PATTERN}"}, **_COMMON, **_OWN[policy]}


class Stopped(Exception):
    """The run was ended from outside: nothing became of it."""


class PipelineRunner:
    """Runs `python -m pipeline.run` once a day, for several policies at a time.

    Args:
      folder: gets a home for each policy, with its configuration beside it.
      arrived: the folder of the dated spans.
    """

    def __init__(self, folder: Path, arrived: Path):
        self._folder, self._arrived = folder, arrived
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        # Of what runs, and of the environment, which all threads share.
        self._lock = threading.Lock()

    def home(self, policy: Policy) -> Path:
        """ARTIST_SIM_HOME of a policy."""
        return self._folder / policy

    def run(self, policy: Policy, event: Event) -> Ran:
        """Runs the pipeline on the newest span, and kills it while it trains if it is to be.

        Raises:
          Stopped: by `stop`, meanwhile or before.
        """
        config = self._folder / f"{policy}.yaml"
        self.home(policy).mkdir(parents=True, exist_ok=True)
        config.write_text(yaml.safe_dump(configuration(policy, self._arrived)))
        environment = {**os.environ, "ARTIST_SIM_HOME": str(self.home(policy)), "COLUMNS": "200"}
        environment.pop(WEBHOOK_VARIABLE, None)
        started = time.monotonic()
        output = self.home(policy) / "console.txt"
        # What an earlier run that was killed has left there is none of this one's.
        kept = self._kept_epochs(policy)
        with (
            output.open("wb") as console,
            self._started(config, environment, console) as process,
        ):
            killed = event == "killed" and self._kill_in_training(process, policy, kept)
            status = process.wait()
        seconds = round(time.monotonic() - started, 1)
        if killed:
            return Ran("killed", "", "", seconds)
        if status:
            return Ran("failed", sentence(output.read_text(errors="replace")), "", seconds)
        return self._told(policy, seconds)

    def stop(self) -> None:
        """Ends what runs, and lets nothing begin any more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _end(process)

    @contextlib.contextmanager
    def _started(
        self, config: Path, environment: Mapping[str, str], console: BinaryIO
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A run's process, which is over on leaving."""
        with self._lock:
            if self._stopped:
                raise Stopped
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.run", "--config", str(config)],
                cwd=_ROOT,
                env=environment,
                stdout=console,
                stderr=subprocess.STDOUT,
                # A group of its own: what is killed is the command and all that it started.
                start_new_session=True,
            )
            self._running.add(process)
        try:
            yield process
        except BaseException:
            _end(process)
            process.wait()
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if self._stopped:
            raise Stopped

    def _kill_in_training(
        self, process: subprocess.Popen[bytes], policy: Policy, kept: set[Path]
    ) -> bool:
        """Whether it could be: once the first epoch is kept, nobody gets time to say goodbye."""
        while process.poll() is None:
            if self._kept_epochs(policy) - kept:
                os.killpg(process.pid, signal.SIGKILL)
                return True
            time.sleep(_POLL)
        return False

    def _kept_epochs(self, policy: Policy) -> set[Path]:
        return set((self.home(policy) / "checkpoints").rglob("*.index"))

    def _told(self, policy: Policy, seconds: float) -> Ran:
        from pipeline.run_summary import local_summary
        from pipeline.runs import list_runs, open_store

        with self._lock, at_home(self.home(policy)):
            run = list_runs(open_store())[-1]
        summary = local_summary(run, seconds, None, None)
        version = str(summary.version or "") if summary.outcome == "pushed" else ""
        return Ran(summary.outcome, summary.reason, version, seconds)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def sentence(output: str) -> str:
    """What a run that failed said last of itself; its last line where it said nothing."""
    lines = [line for line in output.splitlines() if line.strip()]
    own = [line.removeprefix(_OURS) for line in lines if line.startswith(_OURS)]
    return (own or lines or [""])[-1].strip()


@contextlib.contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """Lets pipeline.home find another home meanwhile."""
    before = os.environ.get("ARTIST_SIM_HOME")
    os.environ["ARTIST_SIM_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ARTIST_SIM_HOME"]
        else:
            os.environ["ARTIST_SIM_HOME"] = before

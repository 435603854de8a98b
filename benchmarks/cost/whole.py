"""A whole run of the pipeline, from tables to a pushed model: its time and its memory."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.cost.pipeline_run import pipeline_run
from catalogues.errors import InputError

_EVERY: Final = 1.0
_TICK: Final = os.sysconf("SC_CLK_TCK")


def measure_whole(catalogue: Path, changes: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Runs the pipeline on a catalogue to its end.

    Args:
      catalogue: its folder.
      changes: to the default configuration.
      folder: a home for the run is made in it, and removed.

    Returns:
      `seconds`; `cpu_seconds` of all its processes; `peak_mib`, the most that they held together,
      looked at each second, of pages that several have each its share; `stages`, by name the second
      in which each began; `stage_peak_mib`, by name; `said`, whether the model was good enough.

    Raises:
      InputError: the run fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / f"whole-{catalogue.name}.yaml"
    config.write_text(yaml.safe_dump({"catalogue": {"path": str(catalogue)}, **changes}))
    with pipeline_run(str(config), folder) as run:
        began: dict[str, float] = {}
        peaks: dict[str, float] = {}
        worked: dict[int, float] = {}
        stage = "start"
        while run.process.poll() is None:
            for name in run.stages():
                if name not in began:
                    stage, began[name] = name, round(time.time() - run.began, 1)
            held = 0.0
            for process in processes_of(run.process.pid):
                held += held_mib(process)
                worked[process] = worked_seconds(process) or worked.get(process, 0.0)
            peaks[stage] = max(peaks.get(stage, 0.0), round(held, 1))
            time.sleep(_EVERY)
        seconds = time.time() - run.began
        if run.process.returncode:
            raise InputError(f"A run on {catalogue.name} failed: {run.last_words()}")
        return {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(sum(worked.values()), 1),
            "peak_mib": max(peaks.values()),
            "stages": began,
            "stage_peak_mib": peaks,
            "said": [line.strip() for line in run.said() if "BLESSED: " in line],
        }


def processes_of(session: int) -> list[int]:
    """The processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        fields = _fields(path)
        if fields and int(fields[3]) == session:
            found.append(int(path.name))
    return found


def held_mib(process: int) -> float:
    """What a process holds, of shared pages its share; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def worked_seconds(process: int) -> float:
    """Processor seconds of a process so far; 0 if it is gone."""
    fields = _fields(Path(f"/proc/{process}"))
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def _fields(process: Path) -> list[str]:
    """Of /proc/…/stat, what comes behind the name, which may hold anything."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []

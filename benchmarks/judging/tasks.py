"""What the judging suite measures, each task in a process of its own."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.judging.measure import Task

ROOT: Final = Path(__file__).parents[2]

# Queries and artists of the judged split: OLGA's, that of 136,731 artists, and of 1,000,000.
SIZES: Final = ((1767, 1767), (13_674, 13_674), (50_000, 100_000))
DIMS: Final = (100, 256)
# What the others can do in minutes: so many of the queries, of all candidates.
SOME: Final = {1767: 1767, 13_674: 1000, 100_000: 100}


def tasks() -> list[Task]:
    """All that is measured, in this order."""
    whole = [
        Task(what, queries, candidates, dim, 1 if candidates > 20_000 else 3)
        for what, dims in (("evaluate_ranking", DIMS), ("query_ndcg", DIMS[:1]))
        for dim in dims
        for queries, candidates in SIZES
    ]
    beside = [
        Task(what, queries, candidates, repeats=3 if candidates < 20_000 else 1)
        for candidates, queries in SOME.items()
        for what in (
            "query_ndcg, scores given",
            "evaluate_ranking, scores given",
            "scikit-learn",
            "scikit-learn, ignore_ties",
            "pytrec_eval",
        )
    ]
    return whole + beside


def measure_all(tell: Callable[[str], None]) -> dict[str, Any]:
    """Every task's measurement, and the machine that they were made on."""
    started, found = time.monotonic(), []
    for task in (everything := tasks()):
        found.append(_measured(task))
        tell(
            f"[{len(found)}/{len(everything)}] {task.what}, {task.queries:,} queries of "
            f"{task.candidates:,} artists, dim {task.dim}: {found[-1]['seconds']:.3g} s, "
            f"{found[-1]['peak_mib']:,.0f} MiB"
        )
    return {
        "measurements": found,
        "took_seconds": round(time.monotonic() - started),
        "load": [round(load, 1) for load in os.getloadavg()],
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "versions": {
            "python": platform.python_version(),
            **{
                name: importlib.metadata.version(name)
                for name in ("numpy", "scipy", "scikit-learn", "pytrec-eval-terrier")
            },
        },
    }


def _measured(task: Task) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.judging.measure"]
    done = subprocess.run(
        [*command, json.dumps(dataclasses.asdict(task))],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result

"""What else is measured of training: a run's start, what an epoch has to move, how it waits."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.cost.program import BOUND, PROFILE, START
from benchmarks.cost.start import measure_start
from benchmarks.cost.trainings import Trained, own_process, record_path
from benchmarks.store import write_json

CONFIGS: Final = ("configs/sampler.yaml", "configs/olga.yaml")
"""Of the runs whose start is measured."""


def measure_starts(
    configs: Sequence[str], rounds: int, records: Path, folder: Path, tell: Callable[[str], None]
) -> None:
    """Starts each run as often as there are rounds, unless a record says how long it took.

    Args:
      configs: paths inside the project.
      rounds: of each.
      records: keeps a record of each.
      folder: each run's home is made in it, and removed.
      tell: told what is done.

    Raises:
      InputError: a run comes to no training step.
    """
    for number in range(rounds):
        for config in configs:
            path = record_path(records, START, Path(config).stem, "run", number)
            if not path.exists():
                record = measure_start(config, folder)
                write_json(path, {**record, "load": round(os.getloadavg()[0], 1)})
                tell(f"start of {config}, round {number + 1}: {record['seconds']:.3g} s")


def measure_part(
    part: str,
    catalogues: Sequence[tuple[Trained, Callable[[], Path]]],
    records: Path,
    folder: Path,
    tell: Callable[[str], None],
) -> None:
    """BOUND or PROFILE of each catalogue, once.

    Args:
      part: which.
      catalogues: each with what makes its examples.
      records: keeps a record of each.
      folder: profiles are written in it, and removed.
      tell: told what is done.

    Raises:
      InputError: a process fails.
    """
    for catalogue, examples in catalogues:
        path = record_path(records, part, catalogue.name, "traced", 0)
        if not path.exists():
            task = {"task": part, "examples": str(examples()), "folder": str(folder)}
            write_json(path, {**own_process(task), "load": round(os.getloadavg()[0], 1)})
            tell(f"{part}, {catalogue.name}: done")


def part_results(records: Path, catalogues: Sequence[Trained]) -> dict[str, Any]:
    """All that the page says of these, from the records that there are; plain values."""
    starts = []
    for config in CONFIGS:
        pattern = record_path(records, START, Path(config).stem, "run", "*").name
        found = [json.loads(path.read_text()) for path in sorted(records.glob(pattern))]
        if found:
            seconds = [one["seconds"] for one in found]
            starts.append(
                {
                    "config": config,
                    "seconds": statistics.median(seconds),
                    "fastest": min(seconds),
                    "slowest": max(seconds),
                    "rounds": len(found),
                    "before": found[0]["before"],
                    "load": statistics.median(one["load"] for one in found),
                }
            )
    return {
        START: starts,
        BOUND: _once(records, BOUND, catalogues),
        PROFILE: _once(records, PROFILE, catalogues),
    }


def bound_seconds(bound: Mapping[str, Any]) -> tuple[float, float]:
    """The seconds that an epoch's bytes take at the bandwidth, and its products at their rate."""
    return bound["bytes"] / bound["bandwidth"], bound["flop"] / bound["product_rate"]


def _once(records: Path, part: str, catalogues: Sequence[Trained]) -> list[dict[str, Any]]:
    paths = [(one.name, record_path(records, part, one.name, "traced", 0)) for one in catalogues]
    return [{"catalogue": n, **json.loads(p.read_text())} for n, p in paths if p.exists()]

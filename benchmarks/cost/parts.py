"""What else is measured of training: a run's start, what an epoch has to move, how it waits."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.cost.numbers import short
from benchmarks.cost.records import Records, record_name
from benchmarks.cost.stages import BOUND, PROFILE, START, STEPS, WHOLE
from benchmarks.cost.start import measure_start
from benchmarks.cost.trainings import Trained, own_process
from benchmarks.cost.whole import measure_whole
from benchmarks.processes import module_answer

CONFIGS: Final = ("configs/sampler.yaml", "configs/olga.yaml")
"""Of the runs whose start is measured."""
WHOLE_ARTISTS: Final = 136_731
"""Of the catalogue that a whole run is of."""
WHOLE_EPOCHS: Final = 3
"""Of it: a further one takes as long as each of these, and no more memory."""


def measure_starts(
    configs: Sequence[str], rounds: int, records: Records, folder: Path, tell: Callable[[str], None]
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
            name = record_name(START, Path(config).stem, "run", number)
            if not records.has(name, START):
                record = measure_start(config, folder)
                records.keep(name, START, record)
                tell(f"start of {config}, round {number + 1}: {short(record['seconds'])} s")


def measure_part(
    part: str,
    catalogues: Sequence[tuple[Trained, Callable[[], Path]]],
    records: Records,
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
        name = record_name(part, catalogue.name, "traced", 0)
        if not records.has(name, part):
            task = {"task": part, "examples": str(examples()), "folder": str(folder)}
            records.keep(name, part, own_process(task))
            tell(f"{part}, {catalogue.name}: done")


def measure_steps(
    catalogue: str,
    make: Callable[[], Path],
    records: Records,
    folder: Path,
    tell: Callable[[str], None],
) -> None:
    """Where the graph builder's time goes, once.

    Args:
      catalogue: its name in the records.
      make: makes it, and returns its folder.
      records: keeps a record of it.
      folder: ego graphs are built in it, and removed.
      tell: told what is done.

    Raises:
      InputError: the process fails.
    """
    name = record_name(STEPS, catalogue, "process", 0)
    if records.has(name, STEPS):
        return
    given = {"catalogue": str(make()), "folder": str(folder)}
    what = f"steps of the builder, {int(catalogue):,} artists"
    record = module_answer("benchmarks.cost.steps", given, what)
    records.keep(name, STEPS, record)
    tell(f"{what}: {short(record['seconds'])} s")


def measure_one_whole(
    catalogue: Callable[[], Path], records: Records, folder: Path, tell: Callable[[str], None]
) -> None:
    """A whole run, once.

    Args:
      catalogue: makes the catalogue that it is of.
      records: keeps a record of it.
      folder: the run's home is made in it, and removed.
      tell: told what is done.

    Raises:
      InputError: the run fails.
    """
    name = record_name(WHOLE, str(WHOLE_ARTISTS), "run", 0)
    if not records.has(name, WHOLE):
        changes = {"trainer": {"training": {"epochs": WHOLE_EPOCHS}}}
        record = measure_whole(catalogue(), changes, folder)
        records.keep(name, WHOLE, record)
        tell(f"whole run: {short(record['seconds'])} s, {record['peak_mib']:,.0f} MiB")


def part_results(
    records: Records, catalogues: Sequence[Trained], sizes: Sequence[int] = ()
) -> dict[str, Any]:
    """All that the page says of these, from the records that there are; plain values.

    Args:
      records: of what was measured.
      catalogues: of the trainings.
      sizes: artists of the catalogues whose ego graphs are built.
    """
    starts = []
    for config in CONFIGS:
        found = records.find(record_name(START, Path(config).stem, "run", "*"))
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
        STEPS: [
            {"artists": size, **found}
            for size in sizes
            for found in records.find(record_name(STEPS, str(size), "process", 0))
        ],
        WHOLE: records.find(record_name(WHOLE, str(WHOLE_ARTISTS), "run", 0)),
        BOUND: _once(records, BOUND, catalogues),
        PROFILE: _once(records, PROFILE, catalogues),
    }


def bound_seconds(bound: Mapping[str, Any]) -> tuple[float, float]:
    """The seconds that an epoch's bytes take at the bandwidth, and its products at their rate."""
    return bound["bytes"] / bound["bandwidth"], bound["flop"] / bound["product_rate"]


def _once(records: Records, part: str, catalogues: Sequence[Trained]) -> list[dict[str, Any]]:
    return [
        {"catalogue": one.name, **found}
        for one in catalogues
        for found in records.find(record_name(part, one.name, "traced", 0))
    ]

"""Which Beam runner a local run takes, chosen before anything runs."""

from __future__ import annotations

import dataclasses
from typing import Final

from components.catalogue_example_gen.table_rows import all_rows, newest_catalogue
from components.machine import free_bytes, usable_cores
from pipeline.config import AUTO, DIRECT_RUNNER, MOST_WORKERS, BeamConfig

MANY_ROWS: Final = 500_000
"""A catalogue of so many rows or more is built in several processes (decision 19)."""
FEWEST_CORES: Final = 4
"""On two cores worker processes gained nothing (decision 19)."""
_PROCESS_BYTES: Final = 9 * 10**8
"""Of the runner and of each worker before the first row: they load TensorFlow."""
_ROW_BYTES: Final = 2000
"""Of all processes together; 1,400 were measured (decision 19)."""
_CHOOSING: Final = ("runner", "direct_running_mode", "direct_num_workers")
"""Options of Beam that say where a pipeline runs."""


@dataclasses.dataclass(frozen=True)
class ChosenRunner:
    """Where the Beam stages of a run go.

    Attributes:
      beam: without `auto`.
      told: one line that says which runner it is, and why.
    """

    beam: BeamConfig
    told: str


def choose_runner(beam: BeamConfig, catalogue: str, dsl_file: str = "") -> ChosenRunner:
    """Puts a runner in the place of `auto`; what a person says of it stays.

    It is Beam's direct runner in this process for few rows, on few cores, or where memory is
    short, and else the same with worker processes.

    Args:
      beam: of the configuration, or of a DSL file.
      catalogue: the catalogue's folder, or a pattern, whose newest folder counts.
      dsl_file: the name of that file.

    Raises:
      InputError: there is no such catalogue, or its description is wrong.
    """
    if beam.runner != AUTO:
        return ChosenRunner(beam, f"{beam.runner}, as {dsl_file or '`beam.runner`'} says")
    direct = dataclasses.replace(beam, runner=DIRECT_RUNNER)
    names = [option.partition("=")[0].removeprefix("--") for option in beam.options]
    if any(name in _CHOOSING for name in names):
        return ChosenRunner(
            direct, f"as {f'{dsl_file} says' if dsl_file else '`beam.options` say'}"
        )
    rows = all_rows(newest_catalogue(catalogue))
    if rows < MANY_ROWS:
        why = f"the catalogue has {rows:,} rows, fewer than {MANY_ROWS:,}"
        return ChosenRunner(direct, f"in this process, as {why}")
    cores = usable_cores()
    if cores < FEWEST_CORES:
        there = "is one core" if cores == 1 else f"are {cores} cores"
        why = f"there {there}, fewer than {FEWEST_CORES}"
        return ChosenRunner(direct, f"in this process, as {why}")
    workers = min(cores, MOST_WORKERS)
    needed, free = (1 + workers) * _PROCESS_BYTES + rows * _ROW_BYTES, free_bytes()
    if free < needed:
        why = f"{workers} workers and {rows:,} rows may take {needed / 1e9:.1f} GB, and"
        return ChosenRunner(direct, f"in this process, as {why} {free / 1e9:.1f} GB are free")
    return ChosenRunner(
        direct.with_workers(workers),
        f"with {workers} worker processes, as the catalogue has {rows:,} rows, {MANY_ROWS:,} or "
        f"more, and there are {cores} cores",
    )

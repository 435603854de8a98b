"""What the cost suite measures, each time in a process of its own, and what is kept of it."""

from __future__ import annotations

import dataclasses
import functools
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.cost.measure import CATALOGUE, TABLES, catalogue_of, examples_of
from benchmarks.cost.parts import (
    CONFIGS,
    WHOLE_ARTISTS,
    measure_one_whole,
    measure_part,
    measure_starts,
    measure_steps,
    part_results,
)
from benchmarks.cost.records import Records, record_name
from benchmarks.cost.stages import (
    BOUND,
    FORMS,
    PARTS,
    PROFILE,
    SCORE,
    SCORED,
    STAGES,
    START,
    STEPS,
    TRAINING,
    WHOLE,
)
from benchmarks.cost.training import TRACED
from benchmarks.cost.trainings import (
    OLGA,
    Trained,
    measure_scores,
    measure_trainings,
    own_process,
    training_results,
)
from benchmarks.processes import module_answer
from catalogues.errors import InputError


@dataclasses.dataclass(frozen=True)
class Size:
    """Of a catalogue.

    Attributes:
      artists: how many there are.
      edges: undirected.
      dim: width of an artist's features.
    """

    artists: int
    edges: int
    dim: int = 32


SIZES: Final = (
    Size(10_000, 100_000),
    Size(100_000, 1_000_000),
    Size(136_731, 3_277_677, 170),
    Size(1_000_000, 10_000_000),
)
"""Three of 10 edges an artist, over which slopes are taken, and the largest published catalogue."""
TRAINED: Final = (Trained(OLGA, 4, 50), Trained("136731", 2, 5))
"""What `gnn` and PyTorch Geometric are trained on side by side."""
QUICK_PARTS: Final = (*STAGES, STEPS, BOUND, PROFILE, TRAINING)
"""What trains for long, or runs the whole pipeline, comes with --quick where --stages names it."""
QUICK: Final = (Size(300, 3000, 8), Size(600, 6000, 8))


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be measured now, of all that belongs to the page.

    Attributes:
      sizes: all of the page's catalogues.
      stages: that are measured now.
      artists: of the catalogues that are measured now.
      rounds: processes of each stage and size.
      forms: of training that are measured now; none where TRAINING is not.
      scored: forms whose way to a score is measured now.
      trained: catalogues of the page's trainings.
      parts: STEPS, START, WHOLE, BOUND and PROFILE, as far as they are measured now.
    """

    sizes: tuple[Size, ...]
    stages: tuple[str, ...]
    artists: tuple[int, ...]
    rounds: int
    forms: tuple[str, ...] = ()
    scored: tuple[str, ...] = ()
    trained: tuple[Trained, ...] = ()
    parts: tuple[str, ...] = ()


def plan_of(
    quick: bool,
    stages: Sequence[str] | None,
    artists: Sequence[int] | None,
    rounds: int,
    forms: Sequence[str] | None = None,
) -> Plan:
    """The plan that the options make.

    Raises:
      InputError: no catalogue has so many artists, or there is no round.
    """
    sizes = QUICK if quick else SIZES
    known = tuple(size.artists for size in sizes)
    for wanted in artists or ():
        if wanted not in known:
            there = ", ".join(map(str, known))
            raise InputError(f"--artists {wanted}: there are catalogues of {there} artists.")
    if rounds < 1:
        raise InputError(f"--rounds must be at least 1, not {rounds}.")
    # The order of the stages is that of the data: examples come before what reads them.
    chosen = tuple(stage for stage in STAGES if stage in (stages or STAGES))
    # With --quick nothing is installed and no catalogue imported, unless it is asked for by name.
    named = tuple(form for form in FORMS if form in (forms or ([TRACED] if quick else FORMS)))
    parts = stages or (QUICK_PARTS if quick else PARTS)
    trained = (Trained(str(QUICK[0].artists), 2, 2),) if quick else TRAINED
    return Plan(
        sizes,
        chosen,
        tuple(artists or known),
        1 if quick else rounds,
        named if TRAINING in parts else (),
        tuple(form for form in named if form in SCORED) if SCORE in parts else (),
        trained,
        tuple(part for part in (STEPS, START, WHOLE, BOUND, PROFILE) if part in parts),
    )


def measure_all(
    plan: Plan, records: Records, folder: Path, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Does what is left of the plan; returns all that the page says, also from earlier runs.

    Args:
      plan: what is to be measured.
      records: what was, and is.
      folder: keeps catalogues, examples and what else is made once.
      tell: told what is done.

    Raises:
      InputError: a process fails.
    """
    for size in plan.sizes:
        for stage in plan.stages if size.artists in plan.artists else ():
            for number in range(plan.rounds):
                name = _name(stage, size, number)
                if records.has(name, stage):
                    continue
                record = _measured(stage, size, folder)
                records.keep(name, stage, record)
                tell(
                    f"{stage}, {size.artists:,} artists, round {number + 1}: "
                    f"{record['seconds']:.3g} s, {record['peak_mib']:,.0f} MiB"
                )
    for size in plan.sizes if STEPS in plan.parts else ():
        if size.artists in plan.artists:
            make = functools.partial(_catalogue, size, folder)
            measure_steps(str(size.artists), make, records, folder, tell)
    if plan.forms or plan.scored or plan.parts:
        _measure_trainings(plan, records, folder, tell)
    return results_of(plan, records)


def results_of(plan: Plan, records: Records) -> dict[str, Any]:
    """All that the page says, from the records that there are; plain values."""
    from benchmarks.measure import machine, versions

    return {
        "sizes": [dataclasses.asdict(size) for size in plan.sizes],
        "measurements": [
            {"stage": stage, "artists": size.artists, **summary}
            for size in plan.sizes
            for stage in STAGES
            if (summary := _summary(records, stage, size))
        ],
        "trained": [one.name for one in plan.trained],
        "training": training_results(records, plan.trained),
        "parts": part_results(records, plan.trained, tuple(size.artists for size in plan.sizes)),
        "outdated": records.outdated(),
        "days": records.days(),
        "machine": machine(),
        "versions": versions(),
    }


def _measure_trainings(
    plan: Plan, records: Records, folder: Path, tell: Callable[[str], None]
) -> None:
    def examples(name: str) -> Path:
        if name == OLGA:
            return Path(own_process({"task": "olga", "folder": str(folder)})["examples"])
        size = next(size for size in plan.sizes if str(size.artists) == name)
        return _examples(size, folder)

    wanted = [
        (one, functools.cache(functools.partial(examples, one.name)))
        for one in plan.trained
        if one.name == OLGA or int(one.name) in plan.artists
    ]
    if START in plan.parts:
        measure_starts(CONFIGS, plan.rounds, records, folder, tell)
    if WHOLE in plan.parts and WHOLE_ARTISTS in plan.artists:
        size = next(size for size in plan.sizes if size.artists == WHOLE_ARTISTS)
        measure_one_whole(functools.partial(_catalogue, size, folder), records, folder, tell)
    for part in (BOUND, PROFILE):
        if part in plan.parts:
            measure_part(part, wanted, records, folder, tell)
    measure_trainings(wanted, plan.forms, plan.rounds, records, folder, tell)
    measure_scores(wanted, plan.scored, records, folder, tell)


def median_of(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure, the fastest and slowest round, and how many there were."""
    seconds = [one["seconds"] for one in rounds]
    return {
        **{
            name: statistics.median(one[name] for one in rounds)
            for name, value in rounds[0].items()
            if not isinstance(value, str)
        },
        "rounds": len(rounds),
        "fastest": min(seconds),
        "slowest": max(seconds),
    }


def _summary(records: Records, stage: str, size: Size) -> dict[str, Any] | None:
    found = records.find(_name(stage, size, "*"))
    return median_of(found) if found else None


def _name(stage: str, size: Size, number: int | str) -> str:
    return record_name(stage, str(size.artists), str(size.edges), number)


def _measured(stage: str, size: Size, folder: Path) -> dict[str, Any]:
    """Of one process, after others that make what it reads."""
    if stage not in (CATALOGUE, TABLES):
        _measured(CATALOGUE, size, folder)
    if stage == "sampler":
        _measured(TABLES, size, folder)
    if stage in ("epoch", "embed"):
        _examples(size, folder)
    given = {
        "stage": stage,
        "size": dataclasses.asdict(size),
        "folder": str(folder),
        "started": time.time(),
    }
    return module_answer("benchmarks.cost.measure", given, f"{stage} with {size.artists:,} artists")


def _catalogue(size: Size, folder: Path) -> Path:
    _measured(CATALOGUE, size, folder)
    return catalogue_of(folder, dataclasses.asdict(size))


def _examples(size: Size, folder: Path) -> Path:
    """Made by the graph builder, unless they are there."""
    target = examples_of(folder, vars(size))
    if not target.exists():
        _measured("graph", size, folder)
    return target

"""The trainings of a suite, and how long those that are left will take."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.suite import Suite, SuiteSystem
from catalogues.errors import InputError
from components.catalogue_example_gen.config import Reach
from components.catalogue_example_gen.sampling import reach_of
from trainer.config import TrainerConfig
from trainer.systems.registry import SYSTEMS

Record = Mapping[str, Any]
"""What is kept of one training; see benchmarks.measure."""


@dataclasses.dataclass(frozen=True)
class Job:
    """One training (or one baseline) and its judgement.

    Attributes:
      system: which.
      seed: None for a baseline, which has none.
      config: the trainer's, with the seed; None for a baseline.
      reach: of the subgraphs that it is trained on; None where the graph is in memory.
      digest: of the catalogue.
      key: of all that determines its result, 12 hex digits.
    """

    system: SuiteSystem
    seed: int | None
    config: TrainerConfig | None
    digest: str
    key: str
    reach: Reach | None = None

    @property
    def title(self) -> str:
        """For the console."""
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"{self.system.name}{seed}"


def jobs_of(
    suite: Suite, digest: str, *, only: Sequence[str] = (), seeds: Sequence[int] | None = None
) -> list[Job]:
    """Lists the suite's jobs, baselines first, then seed by seed.

    Args:
      suite: the suite.
      digest: of the catalogue.
      only: keep systems whose name holds one of these, if there are any.
      seeds: only these of the suite's, if given.

    Raises:
      InputError: a seed that the suite does not have.
    """
    for seed in seeds or ():
        if seed not in suite.seeds:
            raise InputError(
                f"The suite '{suite.name}' has no seed {seed}; it has "
                f"{', '.join(map(str, suite.seeds))}."
            )
    wanted = [
        system for system in suite.systems if not only or any(part in system.name for part in only)
    ]
    jobs = [
        Job(system, None, None, digest, _key(digest, suite.split, {"baseline": system.name}))
        for system in wanted
        if system.trainer is None
    ]
    for seed in suite.seeds if seeds is None else seeds:
        for system in wanted:
            if system.trainer is not None:
                config = system.with_seed(seed)
                what = {"trainer": determining(config)}
                reach = None
                if system.fan_outs is not None:
                    build = dataclasses.replace(suite.config.graph, fan_outs=system.fan_outs)
                    reach = reach_of(build, config)
                    what["subgraphs"] = dataclasses.asdict(reach)
                key = _key(digest, suite.split, what)
                jobs.append(Job(system, seed, config, digest, key, reach))
    return jobs


def seconds_left(jobs: Sequence[Job], done: Sequence[tuple[Job, Record]]) -> float | None:
    """Estimates how long some jobs take; None if nothing like one of them is done."""
    total = 0.0
    for job in jobs:
        seconds = estimate(job, done)
        if seconds is None:
            return None
        total += seconds
    return total


def estimate(job: Job, done: Sequence[tuple[Job, Record]]) -> float | None:
    """Mean seconds of the most similar jobs: another seed, as many convolutions, any training."""

    def same_system(other: Job) -> bool:
        return other.system.name == job.system.name

    def same_depth(other: Job) -> bool:
        depth = job.system.convolutions
        return depth is not None and other.system.convolutions == depth

    def same_kind(other: Job) -> bool:
        return (other.config is None) == (job.config is None)

    for alike in (same_system, same_depth, same_kind):
        seconds = [
            record["fit_seconds"] + record["judge_seconds"]
            for other, record in done
            if alike(other)
        ]
        if seconds:
            return sum(seconds) / len(seconds)
    return None


def clock(seconds: float | None) -> str:
    """'1:02:03', '2:03', or '?' if unknown."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def determining(config: TrainerConfig) -> dict[str, Any]:
    """The configuration without the sections of other systems than those that it trains."""
    sections = {**dataclasses.asdict(config), "features": dataclasses.asdict(config.content)}
    if config.pretrained == "none":
        sections.pop("pretrained")
    # Without convolutions there is none whose kind could matter.
    if not config.network.convolutions:
        sections["network"].pop("layer", None)
    return {
        name: value
        for name, value in sections.items()
        if name in (config.system, config.pretrained) or name not in SYSTEMS
    }


def _key(digest: str, split: str, determined: Mapping[str, Any]) -> str:
    text = json.dumps({"catalogue": digest, "split": split, **determined}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]

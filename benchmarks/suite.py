"""A suite: which systems are trained and judged, on which catalogue, with which seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import dacite
import yaml

from catalogues.errors import InputError, nearest
from components.catalogue_example_gen.config import BuildConfig
from pipeline.config import PipelineConfig, load_config, parse_config
from trainer.config import TrainerConfig

SUITES: Final = Path(__file__).parent / "suites"

BASELINE_TITLES: Final[Mapping[str, str]] = {
    "pagerank": "personalised PageRank",
    "common_neighbours": "common neighbours",
    "knn": "nearest content",
    "popularity": "popularity",
    "random": "random order",
}
"""By name as trainer.systems.baselines has it; all of them are in every suite."""

OWN_PROGRAMS: Final = ("cost", "judging", "modalities", "retraining", "serving")
"""Suites that train nothing and are no file here: packages of benchmarks with a `program`."""


@dataclasses.dataclass(frozen=True)
class SuiteSystem:
    """One line of the tables.

    Attributes:
      name: what --only and the results call it: 'gnn-2/random', 'pagerank'.
      title: what a person reads.
      trainer: how it is trained, but for the seed; None for a baseline.
      ladder: the ladder that it is a rung of.
      convolutions: its number of graph convolutions, if it is a rung.
      fan_outs: it is trained on a stream of subgraphs (docs/scale.md) with these, as
        `graph.fan_outs` has them; None where the graph is in memory.
    """

    name: str
    title: str
    trainer: TrainerConfig | None = None
    ladder: str | None = None
    convolutions: int | None = None
    fan_outs: tuple[int, ...] | None = None

    def with_seed(self, seed: int) -> TrainerConfig:
        """Its configuration with every seed of it (of weights, random vectors …) set."""
        if self.trainer is None:
            raise ValueError(f"{self.name} is not trained.")
        seeded: TrainerConfig = _seeded(self.trainer, seed)
        return seeded


@dataclasses.dataclass(frozen=True)
class Ladder:
    """The same network with a growing number of convolutions (000, figure 4).

    Attributes:
      title: what its features are.
      trainer: overrides of the configuration's trainer.
      published: by number of convolutions, the nDCG@200 that 000 has.
    """

    title: str
    trainer: dict[str, Any] = dataclasses.field(default_factory=dict)
    published: dict[int, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Suite:
    """All that a benchmark is told.

    Attributes:
      name: of its file.
      title: of the catalogue.
      config: catalogue, graph and trainer that the systems build on.
      page: the Markdown file that is written.
      split: the judged one.
      seeds: each trained system is trained once with each.
      ladders: by name.
      systems: ladders' rungs first, baselines last.
      compare_with: names of systems that all others are compared with, query by query.
    """

    name: str
    title: str
    config: PipelineConfig
    page: Path
    split: str
    seeds: tuple[int, ...]
    ladders: Mapping[str, Ladder]
    systems: tuple[SuiteSystem, ...]
    compare_with: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Other:
    title: str
    trainer: dict[str, Any]
    fan_outs: list[int] | None = None


@dataclasses.dataclass(frozen=True)
class _File:
    title: str
    config: str
    page: str
    seeds: list[int]
    convolutions: list[int] = dataclasses.field(default_factory=list)
    ladders: dict[str, Ladder] = dataclasses.field(default_factory=dict)
    systems: dict[str, _Other] = dataclasses.field(default_factory=dict)
    compare_with: list[str] = dataclasses.field(default_factory=list)
    split: Literal["val", "test"] = "test"


def load_suite(name: str, folder: Path = SUITES) -> Suite:
    """Reads the suite of that name.

    Raises:
      InputError: there is no such suite, or something in it is wrong.
    """
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        known = sorted([*known, *OWN_PROGRAMS])
        raise InputError(
            f"There is no suite '{name}'{nearest(name, known)}; there is {', '.join(known)}."
        )
    path = folder / f"{name}.yaml"
    try:
        file = dacite.from_dict(_File, yaml.safe_load(path.read_text()), dacite.Config(strict=True))
    except yaml.YAMLError:
        raise InputError(f"{path.name}: this is not valid YAML; mend it.") from None
    except dacite.UnexpectedDataError as error:
        keys = ", ".join(sorted(map(str, error.keys)))
        raise InputError(f"{path.name}: unknown key {keys}; take it out.") from None
    except (dacite.DaciteError, TypeError) as error:
        raise InputError(f"{path.name}: {error}; mend it.") from None
    config_file = Path(file.config)
    config = load_config(config_file)
    given = yaml.safe_load(config_file.read_text())
    systems = tuple(_systems(file, given, path.name))
    names = [system.name for system in systems]
    for reference in file.compare_with:
        if reference not in names:
            raise InputError(
                f"{path.name}: compare_with names '{reference}'{nearest(reference, names)}, which "
                f"the suite does not have; it has {', '.join(names)}."
            )
    if not file.seeds or len(set(file.seeds)) < len(file.seeds):
        raise InputError(f"{path.name}: seeds must be at least one, each once.")
    return Suite(
        name,
        file.title,
        config,
        Path(file.page),
        file.split,
        tuple(file.seeds),
        file.ladders,
        systems,
        tuple(file.compare_with),
    )


def _systems(file: _File, given: Mapping[str, Any], name: str):
    def trainer(*overrides: Mapping[str, Any]) -> TrainerConfig:
        merged = dict(given.get("trainer") or {})
        for override in overrides:
            merged = _merged(merged, override)
        return parse_config({**given, "trainer": merged}, name).trainer

    for feature, ladder in file.ladders.items():
        for convolutions in file.convolutions:
            rung = {"system": "gnn", "network": {"convolutions": convolutions}}
            kind = f"gnn-{convolutions}" if convolutions else "dnn"
            yield SuiteSystem(
                f"{kind}/{feature}",
                f"{f'GNN-{convolutions}' if convolutions else 'DNN'}, {ladder.title}",
                trainer(ladder.trainer, rung),
                feature,
                convolutions,
            )
    for other, entry in file.systems.items():
        fan_outs = None if entry.fan_outs is None else tuple(entry.fan_outs)
        try:
            BuildConfig(fan_outs=BuildConfig.fan_outs if fan_outs is None else fan_outs)
        except ValueError as error:
            raise InputError(f"{name}: systems.{other}: {error}; mend it.") from None
        yield SuiteSystem(other, entry.title, trainer(entry.trainer), fan_outs=fan_outs)
    for baseline, title in BASELINE_TITLES.items():
        yield SuiteSystem(baseline, title)


def _merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in override.items():
        inner = merged.get(key)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return merged


def _seeded(config: Any, seed: int) -> Any:
    changes = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name == "seed":
            changes[field.name] = seed
        elif dataclasses.is_dataclass(value):
            changes[field.name] = _seeded(value, seed)
    return dataclasses.replace(config, **changes)

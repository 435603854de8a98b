"""The configuration of the whole pipeline: one typed place, read from YAML.

Nothing heavy is imported here, so that a mistake is told before anybody waits.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import dacite
import yaml

from catalogues.errors import InputError, nearest
from components.catalogue_example_gen.config import SUBGRAPHS, BuildConfig
from components.catalogue_example_gen.sampling import streaming_fault
from components.retraining.config import RetrainConfig
from components.retrieval_evaluator.config import SET_FROM, JudgeConfig
from components.smoke_test.config import SmokeTestConfig
from pipeline.home import home
from pipeline.kubeflow_config import KubeflowConfig
from pipeline.metadata_config import MetadataConfig
from trainer.config import TrainerConfig

DEFAULT_CONFIG: Final = "configs/sampler.yaml"
CONFIG_VARIABLE: Final = "ARTIST_SIM_CONFIG"
AUTO: Final = "auto"
DIRECT_RUNNER: Final = "DirectRunner"
MOST_WORKERS: Final = 8
"""Worker processes of the direct runner. One process hands out what they read, which was a sixth of
the work where it was measured."""
_DATA_DEFAULT: Final = "../shared/data"
_EXPONENT: Final = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


@dataclasses.dataclass(frozen=True)
class ImportConfig:
    """A public dataset to make the catalogue from, when its folder is not there.

    Attributes:
      format: as `artist-sim catalogue import --help` lists them.
      source: where the dataset lies.
    """

    format: str
    source: str


@dataclasses.dataclass(frozen=True)
class CatalogueConfig:
    """The catalogue of a run.

    Attributes:
      path: its folder. `{SPAN}` or `{YYYY}`, `{MM}` and `{DD}` in a part of it: the newest such
        folder is taken.
      imported_from: how to make it, when it is not there.
    """

    path: str
    imported_from: ImportConfig | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for an empty path, which would be the current folder."""
        if not self.path:
            raise ValueError("path is empty; name the catalogue's folder")


@dataclasses.dataclass(frozen=True)
class BeamConfig:
    """The Beam runner of the graph builder and the statistics.

    Attributes:
      runner: its name as Beam has it, or 'auto': the direct runner, in as many processes as a local
        run's cores and catalogue are worth (`pipeline.beam_runner`), and else in one.
      options: Beam's own, as on a command line: '--direct_num_workers=2'.
      staging: an address, as 'gs://bucket/folder', at which the graph builder's workers find the
        tables and leave the examples; '' where workers see this machine's files. With it, what
        else is on Beam runs in the process of its step.
    """

    runner: str = AUTO
    options: tuple[str, ...] = ()
    staging: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for a staging that is no address."""
        if self.staging and "://" not in self.staging:
            raise ValueError(
                f"staging is '{self.staging}', not an address such as gs://bucket/folder; where "
                "workers see this machine's files, leave it out"
            )

    @property
    def unstaged(self) -> BeamConfig:
        """Where stages run whose files are not staged."""
        return BeamConfig() if self.staging else self

    def with_workers(self, workers: int) -> BeamConfig:
        """The same with so many worker processes of the direct runner; its own options stay."""
        spread = ("--direct_running_mode=multi_processing", f"--direct_num_workers={workers}")
        return dataclasses.replace(self, options=(*spread, *self.options))

    def arguments(self) -> list[str]:
        """As on Beam's command line, where the last one counts."""
        runner = DIRECT_RUNNER if self.runner == AUTO else self.runner
        return [f"--runner={runner}", *self.options]


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """All that a run can be told.

    Attributes:
      catalogue: what to learn from.
      graph: how ego graphs are built.
      on_bad_rows: 'error' stops the run at a bad row, 'set_aside' writes it to the rejects.
      schema: a curated TFDV schema (.pbtxt) that the data must fit; inferred from it if not given.
      trainer: the system and its training.
      judge: the judged split and the gate.
      retrain: when a run trains, and when there is nothing to do.
      smoke_test: how a pushed version is tried where it is served.
      beam: where the Beam stages run.
      metadata: where local runs are recorded.
      kubeflow: where a run on Kubeflow Pipelines finds and leaves things.
    """

    catalogue: CatalogueConfig
    graph: BuildConfig = BuildConfig()
    on_bad_rows: Literal["error", "set_aside"] = "error"
    schema: str | None = None
    trainer: TrainerConfig = TrainerConfig()
    judge: JudgeConfig = JudgeConfig()
    retrain: RetrainConfig = RetrainConfig()
    smoke_test: SmokeTestConfig = SmokeTestConfig()
    beam: BeamConfig = BeamConfig()
    metadata: MetadataConfig = MetadataConfig()
    kubeflow: KubeflowConfig | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where sections do not go together."""
        if self.graph.sampling == SUBGRAPHS:
            fault = streaming_fault(self.graph, self.trainer)
            if fault:
                raise ValueError(
                    f"graph.sampling cannot be 'subgraphs', as {fault.why}; {fault.mend}"
                )


def config_path() -> Path:
    """The configuration that ARTIST_SIM_CONFIG names, or the sampler's."""
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def load_config(path: Path) -> PipelineConfig:
    """Reads a configuration file.

    Environment variables are put in as ${NAME}; ARTIST_SIM_HOME and ARTIST_SIM_DATA always have a
    value.

    Raises:
      InputError: no such file, no YAML, an unknown or missing key, a wrong type or value.
    """
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"There is no configuration '{path}'; configs/ holds examples.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise InputError(f"{path.name}{line}: this is not valid YAML; mend it.") from None
    if not isinstance(given, dict):
        raise InputError(f"{path.name}: keys with values are expected, such as `catalogue:`.")
    return parse_config(given, path.name)


def parse_config(given: Mapping[str, Any], name: str) -> PipelineConfig:
    """Makes the configuration of plain values; `name` is what messages call the file."""
    return _built(PipelineConfig, _expanded(given, name), "", name)


def _built(cls: type, given: Any, path: str, name: str) -> Any:
    """Makes a dataclass of plain values, the nested ones first, so that a message can say where."""
    if not isinstance(given, Mapping):
        raise InputError(f"{name}: `{path.rstrip('.')}` must hold keys with values.")
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if SET_FROM in field.metadata:
            del hints[field.name]
            if field.name in given:
                raise InputError(
                    f"{name}: `{path}{field.name}` is taken from `{field.metadata[SET_FROM]}`; "
                    "say it there."
                )
    values = {}
    for key, value in given.items():
        if key not in hints:
            raise InputError(
                f"{name}: unknown key `{path}{key}`{nearest(str(key), hints)}; there is "
                f"{', '.join(hints)}."
            )
        nested: Any = next(filter(dataclasses.is_dataclass, _alternatives(hints[key])), None)
        listed = _listed(hints[key])
        optional = type(None) in _alternatives(hints[key])
        if nested and not (optional and value is None):
            values[key] = _built(nested, value, f"{path}{key}.", name)
        elif listed:
            if not isinstance(value, list):
                raise InputError(
                    f"{name}: `{path}{key}` must be a list, each item with keys and values."
                )
            values[key] = tuple(
                _built(listed, item, f"{path}{key}[{place}].", name)
                for place, item in enumerate(value)
            )
        else:
            values[key] = _checked(hints[key], value, f"{path}{key}", name)
    try:
        return dacite.from_dict(cls, values, dacite.Config(type_hooks={float: _to_float}))
    except dacite.MissingValueError as error:
        raise InputError(f"{name}: `{path}{error.field_path}` is missing; add it.") from None
    except dacite.WrongTypeError as error:
        key = str(error.field_path).split(".")[0]
        raise InputError(
            f"{name}: `{path}{key}` is {given[key]!r}, but must be {_type_name(hints[key])}."
        ) from None
    except (TypeError, ValueError) as error:
        # The dataclass's own check; its sentence begins with the field's name.
        key, _, rest = str(error).rstrip(".").partition(" ")
        raise InputError(f"{name}: `{path}{key}` {rest}.") from None


def _alternatives(wanted: Any) -> tuple[Any, ...]:
    """The types of a union, or the type itself."""
    return get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)


def _listed(wanted: Any) -> Any:
    """The dataclass that a list is of, None for any other type."""
    if get_origin(wanted) is not tuple:
        return None
    return next(filter(dataclasses.is_dataclass, get_args(wanted)), None)


def _checked(wanted: Any, value: Any, path: str, name: str) -> Any:
    """A value that is no dataclass, lists as tuples; refuses what Python would let pass.

    Those are true for a number, NaN and infinity, and a text for a list of texts.
    """
    is_list = get_origin(wanted) is tuple
    items = [_to_float(item) for item in value] if isinstance(value, list) else [_to_float(value)]
    if (any(isinstance(item, bool) for item in items) and wanted is not bool) or (
        is_list and not isinstance(value, list)
    ):
        shown = str(value).lower() if isinstance(value, bool) else repr(value)
        raise InputError(f"{name}: `{path}` is {shown}, but must be {_type_name(wanted)}.")
    if any(isinstance(item, float) and not math.isfinite(item) for item in items):
        raise InputError(f"{name}: `{path}` is {value}, but must be finite.")
    return tuple(value) if is_list else value


def _type_name(wanted: Any) -> str:
    """A type in a person's words."""
    if get_origin(wanted) is Literal:
        return " or ".join(f"'{choice}'" for choice in get_args(wanted))
    if get_origin(wanted) is tuple:
        items = get_args(wanted)
        if items[-1] is Ellipsis:
            return f"a list with {_type_name(items[0])} an item"
        return f"a list of {len(items)} items, each {_type_name(items[0])}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return next((names[kind] for kind in _alternatives(wanted) if kind in names), str(wanted))


def _to_float(value: Any) -> Any:
    """What a person takes for a number: YAML reads 1 as an int, and 1e-3 as a text."""
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _expanded(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _expanded(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, name) for item in value]
    if not isinstance(value, str):
        return value
    known = {"ARTIST_SIM_DATA": _DATA_DEFAULT, **os.environ, "ARTIST_SIM_HOME": str(home())}

    def replace(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise InputError(f"{name}: the environment variable {match[1]} is not set; set it.")
        return known[match[1]]

    return re.sub(r"\$\{(\w+)\}", replace, value)

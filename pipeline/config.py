"""The configuration of the whole pipeline: one typed place, read from YAML.

Nothing heavy is imported here, so that a mistake is told before anybody waits.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import dacite
import yaml

from catalogues.errors import InputError, nearest
from components.catalogue_example_gen.config import BuildConfig
from components.retrieval_evaluator.config import JudgeConfig
from pipeline.home import home
from trainer.config import TrainerConfig

DEFAULT_CONFIG: Final = "configs/sampler.yaml"
CONFIG_VARIABLE: Final = "ARTIST_SIM_CONFIG"
_DATA_DEFAULT: Final = "../shared/data"


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


@dataclasses.dataclass(frozen=True)
class BeamConfig:
    """The Beam runner of the graph builder and the statistics.

    Attributes:
      runner: its name as Beam has it.
      options: Beam's own, as on a command line: '--direct_num_workers=2'.
    """

    runner: str = "DirectRunner"
    options: tuple[str, ...] = ()


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
      beam: where the Beam stages run.
    """

    catalogue: CatalogueConfig
    graph: BuildConfig = BuildConfig()
    on_bad_rows: Literal["error", "set_aside"] = "error"
    schema: str | None = None
    trainer: TrainerConfig = TrainerConfig()
    judge: JudgeConfig = JudgeConfig()
    beam: BeamConfig = BeamConfig()


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
        given = yaml.safe_load(path.read_text())
    except FileNotFoundError:
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
    _check_keys(PipelineConfig, given, "", name)
    try:
        return dacite.from_dict(
            PipelineConfig,
            _expanded(given, name),
            dacite.Config(cast=[tuple], type_hooks={float: _to_float}),
        )
    except dacite.MissingValueError as error:
        raise InputError(f"{name}: `{error.field_path}` is missing; add it.") from None
    except dacite.WrongTypeError as error:
        raise InputError(
            f"{name}: `{error.field_path}` is {error.value!r}, but must be "
            f"{_type_name(error.field_type)}."
        ) from None
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {error}.".replace("..", ".")) from None


def _type_name(wanted: Any) -> str:
    if get_origin(wanted) is Literal:
        return " or ".join(f"'{choice}'" for choice in get_args(wanted))
    return f"of type {getattr(wanted, '__name__', str(wanted))}"


def _to_float(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check_keys(cls: type, given: Any, path: str, name: str) -> None:
    """Refuses keys that no field has, with the nearest that there is."""
    if not isinstance(given, Mapping):
        raise InputError(f"{name}: `{path.rstrip('.')}` must hold keys with values.")
    hints = get_type_hints(cls)
    for key, value in given.items():
        if key not in hints:
            raise InputError(
                f"{name}: unknown key `{path}{key}`{nearest(str(key), hints)}; there is "
                f"{', '.join(hints)}."
            )
        inner = [hints[key], *getattr(hints[key], "__args__", ())]
        nested = next(
            (h for h in inner if isinstance(h, type) and dataclasses.is_dataclass(h)), None
        )
        if nested and value is not None:
            _check_keys(nested, value, f"{path}{key}.", name)


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

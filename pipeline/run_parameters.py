"""The first step on Kubeflow Pipelines: what a person changed for this run, checked.

It ends a run that is told something wrong before anything is spent, and hands all others the
sections of the configuration that hold for this run.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping
from typing import Any, Final

import yaml
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.orchestration import data_types
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from catalogues.errors import InputError, nearest
from components.retrieval_evaluator.config import SET_FROM, JudgeConfig
from components.run_parameters import RUN_PARAMETERS, RUN_PARAMETERS_FILE, STARTED
from pipeline.config import PipelineConfig, parse_config
from trainer.systems.registry import check_system

CONFIG: Final = "config"
SPAN: Final = "span"
GATE_FLOOR: Final = "gate_floor"
OVERRIDES: Final = "overrides"
SECTIONS: Final = ("graph", "on_bad_rows", "trainer", "judge", "retrain")
"""What may differ from run to run; all else is compiled in."""


def judge_config(config: PipelineConfig) -> JudgeConfig:
    """The judge's, with what it takes from the trainer's."""
    return dataclasses.replace(config.judge, fan_out=config.trainer.fan_out)


def sections_of(config: PipelineConfig) -> dict[str, Any]:
    """The sections that may differ, as plain values that `parse_config` would read."""
    given = dataclasses.asdict(config)
    for field in dataclasses.fields(JudgeConfig):
        if SET_FROM in field.metadata:
            del given["judge"][field.name]
    return json.loads(json.dumps({name: given[name] for name in SECTIONS}))


def parameters_of_run(
    sections: Mapping[str, Any], *, span: str, gate_floor: str, overrides: str
) -> dict[str, Any]:
    """The configuration of one run.

    Args:
      sections: of the compiled configuration.
      span: of the catalogue; '' for the newest.
      gate_floor: in place of `judge.gate.floor`; '' for that.
      overrides: part of a configuration as YAML or JSON; '' for none.

    Returns:
      'span', and the sections as the steps read them.

    Raises:
      InputError: a parameter is no such thing, or a value is wrong.
    """
    changes = _parsed(overrides)
    for name in changes:
        if name not in SECTIONS:
            raise InputError(
                f"{OVERRIDES}: `{name}` cannot be changed for one run"
                f"{nearest(str(name), SECTIONS)}; {', '.join(SECTIONS)} can, and all else with a "
                "new `artist-sim kubeflow compile`."
            )
    if gate_floor.strip():
        changes = _merged(changes, {"judge": {"gate": {"floor": _number(gate_floor)}}})
    # Any catalogue does: it is compiled in.
    given = {"catalogue": {"path": "any"}, **_merged(sections, changes)}
    config = parse_config(given, OVERRIDES)
    check_system(config.trainer.system)
    found = dataclasses.asdict(dataclasses.replace(config, judge=judge_config(config)))
    return {SPAN: span.strip(), **{name: found[name] for name in SECTIONS}}


def _parsed(overrides: str) -> dict[str, Any]:
    try:
        given = yaml.safe_load(overrides) if overrides.strip() else {}
    except yaml.YAMLError:
        given = None
    if not isinstance(given, dict):
        raise InputError(
            f"{OVERRIDES}: part of a configuration is expected as YAML or JSON, such as "
            '\'{"trainer": {"training": {"epochs": 20}}}\'; correct it.'
        )
    return given


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f"{GATE_FLOOR}: '{text}' is not a number; give one between 0 and 1, or leave it out."
        ) from None


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, key by key; lists and values are replaced as a whole."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            merged[key] = _merged(under, value)
        else:
            merged[key] = value
    return merged


class RunParametersSpec(component_spec.ComponentSpec):
    """Inputs and outputs."""

    PARAMETERS = {
        name: component_spec.ExecutionParameter(type=str)
        for name in (CONFIG, SPAN, GATE_FLOOR, OVERRIDES)
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {
        RUN_PARAMETERS: component_spec.ChannelParameter(type=standard_artifacts.HyperParameters)
    }


class Executor(base_executor.BaseExecutor):
    """Parameters of the run -> the configuration of its steps."""

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the one file of the artifact."""
        found = parameters_of_run(
            json.loads(exec_properties[CONFIG]),
            span=exec_properties[SPAN],
            gate_floor=exec_properties[GATE_FLOOR],
            overrides=exec_properties[OVERRIDES],
        )
        artifact = artifact_utils.get_single_instance(output_dict[RUN_PARAMETERS])
        artifact.set_int_custom_property(STARTED, int(time.time()))
        text = json.dumps(found, indent=1, sort_keys=True) + "\n"
        io_utils.write_string_file(os.path.join(artifact.uri, RUN_PARAMETERS_FILE), text)


class RunParameters(base_component.BaseComponent):
    """Checks what a person said of this run, and hands it to the other steps.

    Args:
      config: what was compiled, from which a run may differ.
    """

    SPEC_CLASS = RunParametersSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, config: PipelineConfig):
        chosen = {
            name: data_types.RuntimeParameter(name=name, ptype=str, default="")
            for name in (SPAN, GATE_FLOOR, OVERRIDES)
        }
        super().__init__(
            spec=RunParametersSpec(
                config=json.dumps(sections_of(config), sort_keys=True),
                run_parameters=types.Channel(type=standard_artifacts.HyperParameters),
                **chosen,
            )
        )

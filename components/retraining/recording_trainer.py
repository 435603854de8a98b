"""TFX's Trainer, which begins where it was decided, and whose models say what they know."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tfx import types
from tfx.components.trainer import executor, fn_args_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.io import fileio
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY, HYPERPARAMETERS_KEY, TrainerSpec
from tfx.utils import path_utils

from components.retraining.component import DECISION_FILE, inputs_record, todays_graph
from components.retraining.config import WARM
from components.retraining.names import DECISION, START
from components.retraining.training_record import write_record
from components.run_parameters import read_parameters
from trainer import starting_point

_STATISTICS: Final = "statistics"
# What TFX calls the input that the condition on this step looks at. Under another name its compiler
# for Kubeflow Pipelines leaves that input out, and the condition has nothing to look at.
_DECISION: Final = f"_RetrainDecision.{DECISION}"


class RecordingTrainerSpec(TrainerSpec):
    """What TFX's Trainer has, the statistics of what it is trained on, and where it begins."""

    INPUTS = {
        **TrainerSpec.INPUTS,
        _STATISTICS: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        _DECISION: component_spec.ChannelParameter(
            type=standard_artifacts.HyperParameters, optional=True
        ),
    }


class Executor(executor.GenericExecutor):
    """Trains as TFX does, from where it was decided, then adds to the model what it knows."""

    def _GetFnArgs(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> fn_args_utils.FnArgs:
        """TFX's, with what `run_fn` is told of where it begins."""
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        given = fn_args.hyperparameters or fn_args.custom_config
        if given.get("retrain", {}).get("start") != WARM:
            return fn_args
        told: dict[str, Any] = {starting_point.KEEP_STARTING_POINT: True}
        folder = artifact_utils.get_single_uri(input_dict[_DECISION])
        with fileio.open(os.path.join(folder, DECISION_FILE)) as file:
            start = json.load(file)[START]
        if start["version"]:
            fn_args.base_model = folder
            told[starting_point.START] = {
                name: start[name] for name in ("version", "trained_in_full")
            }
        fn_args.custom_config = {**fn_args.custom_config, **told}
        return fn_args

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the trainer; see tfx.components.trainer."""
        super().Do(input_dict, output_dict, exec_properties)
        given = read_parameters(input_dict.get(HYPERPARAMETERS_KEY))
        given = given or json.loads(exec_properties[CUSTOM_CONFIG_KEY])
        record = inputs_record(input_dict, given, todays_graph(input_dict))
        model = artifact_utils.get_single_instance(output_dict["model"])
        write_record(record, path_utils.serving_model_dir(model.uri))
        decision = input_dict.get(_DECISION)
        if decision and decision[0].has_custom_property(START):
            # For those who see the model and not the decision.
            told = decision[0].get_string_custom_property(START)
            model.set_string_custom_property(START, told)


class Trainer(base_component.BaseComponent):
    """Trains by `run_fn`.

    Args:
      run_fn: its import path.
      examples: what it is trained on.
      statistics: TFDV's, of the examples.
      schema: of the examples.
      hyperparameters: what holds for this run alone; None without such.
      train_splits: the splits that training reads.
      eval_splits: the splits that stop it.
      custom_config: what `run_fn` is told; without `hyperparameters` it has the sections that a
        TrainingRecord has, and, to begin where `decision` says, `retrain`.
      decision: of RetrainDecision; None without a step that decides where it begins.
    """

    SPEC_CLASS = RecordingTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        run_fn: str,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        hyperparameters: types.BaseChannel | None,
        train_splits: Sequence[str],
        eval_splits: Sequence[str],
        custom_config: Mapping[str, Any],
        decision: types.BaseChannel | None = None,
    ):
        super().__init__(
            spec=RecordingTrainerSpec(
                run_fn=run_fn,
                train_args=trainer_pb2.TrainArgs(splits=train_splits),
                eval_args=trainer_pb2.EvalArgs(splits=eval_splits),
                custom_config=json.dumps(custom_config),
                examples=examples,
                statistics=statistics,
                schema=schema,
                hyperparameters=hyperparameters,
                **{_DECISION: decision},
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )

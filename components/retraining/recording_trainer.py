"""TFX's Trainer, whose models say what they were trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tfx import types
from tfx.components.trainer import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY, HYPERPARAMETERS_KEY, TrainerSpec
from tfx.utils import path_utils

from components.retraining.component import inputs_record
from components.retraining.training_record import write_record
from components.run_parameters import read_parameters

_STATISTICS: Final = "statistics"


class RecordingTrainerSpec(TrainerSpec):
    """What TFX's Trainer has, and the statistics of what it is trained on."""

    INPUTS = {
        **TrainerSpec.INPUTS,
        _STATISTICS: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }


class Executor(executor.GenericExecutor):
    """Trains as TFX does, then adds to the model what it was trained on."""

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the trainer; see tfx.components.trainer."""
        super().Do(input_dict, output_dict, exec_properties)
        given = read_parameters(input_dict.get(HYPERPARAMETERS_KEY))
        record = inputs_record(input_dict, given or json.loads(exec_properties[CUSTOM_CONFIG_KEY]))
        model = artifact_utils.get_single_uri(output_dict["model"])
        write_record(record, path_utils.serving_model_dir(model))


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
        TrainingRecord has.
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
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )

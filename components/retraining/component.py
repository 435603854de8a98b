"""The step that decides whether a run trains, and where it begins, before anything is spent."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components.example_gen import utils
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from components.latest_served_model import SERVING_ROOT
from components.retraining.config import ALWAYS, WARM, RetrainConfig, read_config
from components.retraining.decision import Decision, Served, decide
from components.retraining.names import DECISION, REASON, START, STOP, TRAIN
from components.retraining.start import Start, begin_at, since_full
from components.retraining.training_record import (
    NoRecordError,
    TrainingRecord,
    read_record,
    record_of,
)
from components.run_parameters import RUN_PARAMETERS, read_run_parameters
from components.served_versions import ServedVersions
from trainer.console import console
from trainer.graph import ArtistGraph
from trainer.loading import load_graph
from trainer.starting_point import STARTING_POINT_PATH

DECISION_FILE: Final = "decision.json"
CONFIG: Final = "config"
ASKED_AT: Final = "asked_at"
_STATISTICS_FILE: Final = "FeatureStats.pb"
_SECONDS_A_DAY: Final = 86_400


class RetrainDecisionSpec(component_spec.ComponentSpec):
    """Inputs and outputs."""

    PARAMETERS = {
        SERVING_ROOT: component_spec.ExecutionParameter(type=str),
        CONFIG: component_spec.ExecutionParameter(type=str, optional=True),
        ASKED_AT: component_spec.ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        RUN_PARAMETERS: component_spec.ChannelParameter(
            type=standard_artifacts.HyperParameters, optional=True
        ),
    }
    # A type of our own does not compile for Kubeflow Pipelines.
    OUTPUTS = {DECISION: component_spec.ChannelParameter(type=standard_artifacts.HyperParameters)}


class Executor(base_executor.BaseExecutor):
    """Examples, statistics and what is served -> whether the run trains, and what it begins with.

    The folder of the decision has, beside DECISION_FILE, the starting point of the served version
    where training begins there, at the place that it has in the SavedModel. A copy: on Kubeflow
    Pipelines a step reads what its inputs are, and the served version may go meanwhile.
    """

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Decides, says so, and writes it down."""
        given = read_run_parameters(input_dict) or json.loads(exec_properties[CONFIG])
        config = read_config(given["retrain"])
        # It takes time, and not every decision looks at it.
        graph = functools.cache(functools.partial(todays_graph, input_dict))
        newest = _newest(ServedVersions(exec_properties[SERVING_ROOT]))
        decision = _decision(config, newest, lambda: inputs_record(input_dict, given, graph()))
        artifact = artifact_utils.get_single_instance(output_dict[DECISION])
        artifact.set_string_custom_property(DECISION, TRAIN if decision.train else STOP)
        artifact.set_string_custom_property(REASON, decision.reason)
        told = dataclasses.asdict(decision)
        start = None
        if decision.train and config.start == WARM:
            start = _start(config, newest, given, graph)
            artifact.set_string_custom_property(START, start.reason)
            told[START] = dataclasses.asdict(start)
            if start.version:
                _copy_starting_point(newest, artifact.uri)
        text = json.dumps(told, indent=1) + "\n"
        io_utils.write_string_file(os.path.join(artifact.uri, DECISION_FILE), text)
        word = "trains" if decision.train else "nothing to do"
        console().print(f"  {word}: {decision.reason}", highlight=False, soft_wrap=True)
        if start is not None:
            console().print(f"  {start.reason}", highlight=False, soft_wrap=True)


class RetrainDecision(base_component.BaseComponent):
    """Decides whether a run trains and where it begins, by what is served.

    Args:
      examples: what a model would be trained on.
      statistics: TFDV's, of the examples.
      serving_root: the push destination.
      config: sections `retrain`, and those that a TrainingRecord has; None where `run_parameters`
        say it.
      asked_at: another one each time, so that no cache answers what depends on what is served and
        on the day; None without a cache.
      run_parameters: what holds for this run alone.
    """

    SPEC_CLASS = RetrainDecisionSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        serving_root: str,
        config: Mapping[str, Any] | None,
        asked_at: str | None,
        run_parameters: types.BaseChannel | None = None,
    ):
        super().__init__(
            spec=RetrainDecisionSpec(
                serving_root=serving_root,
                config=config and json.dumps(config, sort_keys=True),
                asked_at=asked_at,
                examples=examples,
                statistics=statistics,
                run_parameters=run_parameters,
                decision=types.Channel(type=standard_artifacts.HyperParameters),
            )
        )

    def trains(self) -> Any:
        """The predicate of `tfx.dsl.Cond` for the steps that a run without training leaves out."""
        return self.outputs[DECISION].future()[0].custom_property(DECISION) == TRAIN


def todays_graph(input_dict: Mapping[str, Sequence[types.Artifact]]) -> ArtistGraph:
    """The graph of the `examples`."""
    return load_graph(artifact_utils.get_single_uri(list(input_dict["examples"])))


def inputs_record(
    input_dict: Mapping[str, Sequence[types.Artifact]],
    configuration: Mapping[str, Any],
    graph: ArtistGraph,
) -> TrainingRecord:
    """What a model is, or would be, trained on.

    Args:
      input_dict: has `examples` and `statistics`.
      configuration: has the sections that a TrainingRecord has.
      graph: of the examples.
    """
    examples = artifact_utils.get_single_instance(list(input_dict["examples"]))
    folder = artifact_utils.get_split_uri(list(input_dict["statistics"]), "train")
    statistics = io_utils.read_bytes_file(os.path.join(folder, _STATISTICS_FILE))
    return record_of(
        graph,
        statistics_pb2.DatasetFeatureStatisticsList.FromString(statistics),
        configuration,
        examples.get_int_custom_property(utils.SPAN_PROPERTY_NAME),
    )


@dataclasses.dataclass(frozen=True)
class _Newest:
    """The version that is served.

    Attributes:
      version: its name; 0: there is none.
      folder: of it.
      pushed: when, in seconds since 1970.
    """

    version: int
    folder: str
    pushed: float


def _newest(versions: ServedVersions) -> _Newest:
    version = versions.latest(other_than="")
    entry = versions.entries().get(version)
    # A version from before the ledger is named by the second of its push.
    return _Newest(version, versions.folder(version), entry.time if entry else version)


def _decision(
    config: RetrainConfig, newest: _Newest, record_of_today: Callable[[], TrainingRecord]
) -> Decision:
    if config.when == ALWAYS:
        return Decision(True, f"each run does (`retrain.when: {ALWAYS}`)")
    version = newest.version
    if not version:
        return Decision(True, "no model is served yet")
    try:
        record = read_record(newest.folder)
    except NoRecordError as error:
        return Decision(True, f"of the served version {version} nothing is known: {error}")
    now = time.time()
    age = (now - newest.pushed) / _SECONDS_A_DAY
    full = None
    if config.start == WARM:
        full = since_full(newest.folder, newest.pushed, now)
    return decide(config, Served(version, age, record, full), record_of_today())


def _start(
    config: RetrainConfig,
    newest: _Newest,
    configuration: Mapping[str, Any],
    graph: Callable[[], ArtistGraph],
) -> Start:
    if not newest.version:
        return Start("begins anew: no model is served yet")
    return begin_at(
        config, newest.version, newest.folder, newest.pushed, time.time(), configuration, graph()
    )


def _copy_starting_point(newest: _Newest, uri: str) -> None:
    source, target = (os.path.join(root, *STARTING_POINT_PATH) for root in (newest.folder, uri))
    io_utils.copy_file(source, target, overwrite=True)

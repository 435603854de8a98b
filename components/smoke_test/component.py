"""The step after the push: what is served is tried, and taken back where it fails."""

from __future__ import annotations

import os
from typing import Any, Final

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils, path_utils

from catalogues.errors import InputError
from components.latest_served_model import SERVING_ROOT
from components.ordered_pusher import RUN
from components.run_parameters import RUN_PARAMETERS
from components.served_versions import ServedVersions
from components.smoke_test.config import SmokeTestConfig
from components.smoke_test.trial import not_served, version_fault

BLESSED: Final = "blessed"
_SERVER: Final = "server"
_REST_SERVER: Final = "rest_server"
_MODEL_NAME: Final = "model_name"
_SECONDS: Final = "seconds"


class VersionTakenBack(InputError):
    """The pushed version failed, and the one before is served again."""


class SmokeTestSpec(component_spec.ComponentSpec):
    """Inputs and outputs. Parameters are single texts and numbers: '' stands for none."""

    PARAMETERS = {
        SERVING_ROOT: component_spec.ExecutionParameter(type=str),
        RUN: component_spec.ExecutionParameter(type=str),
        _SERVER: component_spec.ExecutionParameter(type=str),
        _REST_SERVER: component_spec.ExecutionParameter(type=str),
        _MODEL_NAME: component_spec.ExecutionParameter(type=str),
        _SECONDS: component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "pushed_model": component_spec.ChannelParameter(type=standard_artifacts.PushedModel),
        # For the run's summary, which is posted where the last step runs.
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        RUN_PARAMETERS: component_spec.ChannelParameter(
            type=standard_artifacts.HyperParameters, optional=True
        ),
    }
    OUTPUTS = {"blessing": component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing)}


class Executor(base_executor.BaseExecutor):
    """Pushed version -> whether what is served answers as the judged model does."""

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Tries the version that was pushed, if one was.

        Raises:
          VersionTakenBack: it fails and is taken back, or was taken back before.
          InputError: it fails, and another is at work at the push destination.
        """
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        if pushed.get_int_custom_property("pushed") != 1:
            _write(blessing, "NOT_PUSHED", 0)
            return
        version = int(pushed.get_string_custom_property("pushed_version"))
        model = artifact_utils.get_single_uri(input_dict["model"])
        config = SmokeTestConfig(
            exec_properties[_SERVER] or None,
            exec_properties[_REST_SERVER] or None,
            exec_properties[_MODEL_NAME],
            exec_properties[_SECONDS],
        )
        served = ServedVersions(exec_properties[SERVING_ROOT])
        # A local run has no placeholder for its id.
        run = exec_properties[RUN] or f"{self._context and self._context.pipeline_run_id}"
        wrong = None
        if version not in served.taken_back():
            wrong = version_fault(
                version, served.folder(version), path_utils.serving_model_dir(model), config
            )
            if wrong is None:
                _write(blessing, "INFRA_BLESSED", 1)
                return
        raise VersionTakenBack(take_back(served, version, f"{wrong}", run, config))


def take_back(
    served: ServedVersions, version: int, wrong: str, run: str, config: SmokeTestConfig
) -> str:
    """Takes a version back and waits until the one before is served.

    Args:
      served: the push destination.
      version: that failed; or that was taken back before, perhaps in part.
      wrong: what is wrong with it, as the end of a sentence.
      run: the id of the run.
      config: the server, if there is one.

    Returns:
      One sentence of what was wrong and what is served now.

    Raises:
      InputError: another is at work at the push destination.
    """
    with served.lock(run) as lock:
        note = served.take_back(version, reason=wrong, by=run, lock=lock)
    before = served.latest()
    if not before:
        now = "there is no version before it, so that nothing is served"
    elif not config.server:
        now = f"version {before} is the newest again"
    else:
        why = not_served(before, config)
        now = f"version {before} is served again"
        if why:
            now = f"version {before} ought to be served again, but {why}"
    return (
        f"Version {version} was pushed and taken back: {note.reason.rstrip('.')}; {now}. It lies "
        f"in '{os.path.basename(os.path.dirname(served.quarantine(version)))}'; "
        "`artist-sim rollback --undo` brings it back."
    )


def _write(blessing: types.Artifact, name: str, blessed: int) -> None:
    blessing.set_int_custom_property(BLESSED, blessed)
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")


class SmokeTest(base_component.BaseComponent):
    """Fails where the pushed version does not answer as the judged model, and takes it back.

    Args:
      model: that was judged.
      pushed_model: the pusher's.
      evaluation: the judge's, for the run's summary.
      serving_root: the push destination.
      config: the server that serves it, if there is one.
      run: the id of the run, for the ledger.
      run_parameters: what holds for this run alone, for the run's summary.
    """

    SPEC_CLASS = SmokeTestSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        model: types.BaseChannel,
        pushed_model: types.BaseChannel,
        evaluation: types.BaseChannel,
        serving_root: str,
        config: SmokeTestConfig,
        run: str,
        run_parameters: types.BaseChannel | None = None,
    ):
        super().__init__(
            spec=SmokeTestSpec(
                serving_root=serving_root,
                run=run,
                server=config.server or "",
                rest_server=config.rest_server or "",
                model_name=config.model,
                seconds=config.seconds,
                model=model,
                pushed_model=pushed_model,
                evaluation=evaluation,
                run_parameters=run_parameters,
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )

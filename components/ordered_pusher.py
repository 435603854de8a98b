"""TFX's Pusher, which pushes only in the order in which models were compared."""

from __future__ import annotations

from typing import Any, Final

from tfx import types
from tfx.components.pusher import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

from catalogues.errors import InputError
from components.artifact_uris import artifact_uri
from components.judged_scores import judged_scores
from components.latest_served_model import SERVED_VERSION, SERVING_ROOT
from components.served_versions import ServedVersions

RUN: Final = "run"


class OrderedPusherSpec(component_spec.ComponentSpec):
    """Inputs and outputs."""

    PARAMETERS = {
        SERVING_ROOT: component_spec.ExecutionParameter(type=str),
        RUN: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        "baseline_model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }
    OUTPUTS = {"pushed_model": component_spec.ChannelParameter(type=standard_artifacts.PushedModel)}


class Executor(executor.Executor):
    """Blessed model -> a version of the push destination and an entry of its ledger."""

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes a blessed model, once however often it is tried.

        Raises:
          InputError: the model was compared with another than the latest blessed one of now, was
            taken back before, or another run is pushing.
        """
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        model = artifact_uri(artifact_utils.get_single_uri(input_dict["model"]))
        baseline = artifact_utils.get_single_instance(input_dict["baseline_model"])
        compared_with = baseline.get_int_custom_property(SERVED_VERSION)
        served, run = ServedVersions(exec_properties[SERVING_ROOT]), exec_properties[RUN]
        with served.lock(run) as lock:
            push = served.push_of(model)
            taken = push and served.taken_back().get(push.version)
            if push and taken:
                raise InputError(
                    f"This model was pushed as version {push.version} and taken back: "
                    f"{taken.reason.rstrip('.')}; it is not pushed again, so run anew, or bring "
                    "that version back with `artist-sim rollback --undo`."
                )
            if push is None or not served.is_complete(push.version):
                latest = served.latest(other_than=model)
                if latest != compared_with:
                    raise InputError(
                        f"Version {latest or 'none'} is served now, but this model was judged "
                        f"beside {f'version {compared_with}' if compared_with else 'none'}; "
                        "nothing is pushed: another run was faster or a version was taken back, "
                        "so run again."
                    )
                push = served.push(
                    self.GetModelPath(input_dict),
                    model=model,
                    run=run,
                    compared_with=compared_with,
                    scores=judged_scores(artifact_utils.get_single_uri(input_dict["evaluation"])),
                    lock=lock,
                )
        self._MarkPushed(pushed, served.folder(push.version), str(push.version))


class OrderedPusher(base_component.BaseComponent):
    """Pushes a blessed model as the newest version, unless another was pushed meanwhile.

    Args:
      model: the new model.
      model_blessing: the judge's.
      baseline_model: of LatestServedModel; what the judge compared it with.
      evaluation: the judge's, whose scores the ledger keeps.
      serving_root: the push destination.
      run: the id of the run, for the ledger.
    """

    SPEC_CLASS = OrderedPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        baseline_model: types.BaseChannel,
        evaluation: types.BaseChannel,
        serving_root: str,
        run: str,
    ):
        super().__init__(
            spec=OrderedPusherSpec(
                serving_root=serving_root,
                run=run,
                model=model,
                model_blessing=model_blessing,
                baseline_model=baseline_model,
                evaluation=evaluation,
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )

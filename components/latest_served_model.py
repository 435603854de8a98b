"""The latest blessed model as a component that asks the push destination.

TFX's Resolver compiles to a resolver executor, which the open-source back end of Kubeflow
Pipelines refuses. What is found is the same as in `components/latest_blessed_model.py`: the latest
blessed model that is not the one at hand.
"""

from __future__ import annotations

import os
from typing import Any, Final

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils, path_utils

from components.artifact_uris import artifact_uri
from components.served_versions import ServedVersions

SERVED_VERSION: Final = "served_version"
"""Custom property of the model that is found: its version, 0 where there is none."""
SERVING_ROOT: Final = "serving_root"
_NONE_FILE: Final = "NO_BLESSED_MODEL"


class LatestServedModelSpec(component_spec.ComponentSpec):
    """Inputs and outputs."""

    PARAMETERS = {SERVING_ROOT: component_spec.ExecutionParameter(type=str)}
    INPUTS = {"current_model": component_spec.ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS = {"model": component_spec.ChannelParameter(type=standard_artifacts.Model)}


class Executor(base_executor.BaseExecutor):
    """Model at hand -> a copy of the latest blessed one that is another.

    A copy, not the artifact of the run that trained it: the launcher refuses an output artifact
    that lies outside the folder of its own run.
    """

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies it; an artifact with the version 0 and no model says that there is none."""
        current = artifact_utils.get_single_uri(input_dict["current_model"])
        model = artifact_utils.get_single_instance(output_dict["model"])
        served = ServedVersions(exec_properties[SERVING_ROOT])
        version = served.latest(other_than=artifact_uri(current))
        model.set_int_custom_property(SERVED_VERSION, version)
        if version:
            io_utils.copy_dir(served.folder(version), path_utils.serving_model_dir(model.uri))
            return
        fileio.makedirs(model.uri)
        # A store has no empty folders.
        io_utils.write_string_file(
            os.path.join(model.uri, _NONE_FILE), "No model has been blessed before this one.\n"
        )


class LatestServedModel(base_component.BaseComponent):
    """Finds the model that a new one is compared with.

    Args:
      current_model: the one at hand.
      serving_root: the push destination.
    """

    SPEC_CLASS = LatestServedModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, *, current_model: types.BaseChannel, serving_root: str):
        super().__init__(
            spec=LatestServedModelSpec(
                serving_root=serving_root,
                current_model=current_model,
                model=types.Channel(type=standard_artifacts.Model),
            )
        )


def there_is_none(model: types.Artifact) -> bool:
    """Whether a model of this component says that there is no blessed one."""
    return model.has_custom_property(SERVED_VERSION) and not model.get_int_custom_property(
        SERVED_VERSION
    )

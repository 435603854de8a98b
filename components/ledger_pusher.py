"""TFX's Pusher, which keeps the ledger of the push destination, for runs on this machine."""

from __future__ import annotations

import time
from typing import Any, Final

from tfx import types
from tfx.components.pusher import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from components.served_versions import Push, ServedVersions

_DESTINATION: Final = "push_destination"


class Executor(executor.Executor):
    """Pushes as TFX does, while nobody else pushes or takes back, and notes where it came from."""

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes a blessed model; see tfx.components.pusher.

        Raises:
          InputError: another is at work at the push destination.
        """
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[_DESTINATION], destination)
        served = ServedVersions(destination.filesystem.base_directory)
        run = f"{self._context and self._context.pipeline_run_id}"
        with served.lock(run):
            super().Do(input_dict, output_dict, exec_properties)
            pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
            if pushed.get_int_custom_property("pushed"):
                version = int(pushed.get_string_custom_property("pushed_version"))
                model = artifact_utils.get_single_uri(input_dict["model"])
                served.note(Push(version, model, run, int(time.time()), None))


class LedgerPusher(component.Pusher):
    """Pusher with a ledger."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

"""TFX's ExampleValidator, but an anomaly stops the run."""

from __future__ import annotations

from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.example_validator import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils
from tfx.utils import io_utils

from catalogues.errors import InputError

_SHOWN = 5


class Executor(executor.Executor):
    """Validates as TFX does, then raises InputError when there is an anomaly."""

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> Any:
        """Runs the validator; see tfx.components.example_validator."""
        result = super().Do(input_dict, output_dict, exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict["anomalies"])
        found = []
        for split in artifact_utils.decode_split_names(artifact.split_names):
            path = f"{artifact_utils.get_split_uri([artifact], split)}/SchemaDiff.pb"
            anomalies = anomalies_pb2.Anomalies.FromString(io_utils.read_bytes_file(path))
            found += [
                f"{split}: {feature}: {info.description}"
                for feature, info in sorted(anomalies.anomaly_info.items())
            ]
            if anomalies.HasField("dataset_anomaly_info"):
                found.append(f"{split}: {anomalies.dataset_anomaly_info.description}")
        if found:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise InputError(
                f"The data does not fit its schema: {'; '.join(found[:_SHOWN])}{more}. Mend the "
                "catalogue, or the schema where the data is right (`schema` in the configuration)."
            )
        return result


class StoppingExampleValidator(component.ExampleValidator):
    """ExampleValidator whose anomalies stop the run instead of being written down only."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

"""A schema that a person keeps, brought into the pipeline."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tfx import types
from tfx.components.schema_gen.import_schema_gen import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types.standard_component_specs import ImportSchemaGenSpec


class CuratedSchemaGenSpec(ImportSchemaGenSpec):
    """What ImportSchemaGen has, and what tells one content of the file from another."""

    PARAMETERS = {
        **ImportSchemaGenSpec.PARAMETERS,
        "fingerprint": component_spec.ExecutionParameter(type=str),
    }


class CuratedSchemaGen(base_component.BaseComponent):
    """TFX's ImportSchemaGen, which alone would answer an edited file from the cache.

    Args:
      schema_file: path of the TFDV schema (.pbtxt).
    """

    SPEC_CLASS = CuratedSchemaGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, schema_file: str):
        super().__init__(
            spec=CuratedSchemaGenSpec(
                schema_file=schema_file,
                fingerprint=hashlib.sha256(Path(schema_file).read_bytes()).hexdigest()[:16],
                schema=types.Channel(type=standard_artifacts.Schema),
            )
        )

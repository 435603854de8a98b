"""The catalogue reader as an ExampleGen, aware of spans."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.example_gen import driver, utils
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.io import fileio
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import io_utils, proto_utils

from components.catalogue_example_gen.config import BuildConfig, Reach
from components.catalogue_example_gen.executor import (
    BUILD_CONFIG,
    CODE_FINGERPRINT,
    ON_BAD_ROWS,
    STAGING,
    SUBGRAPHS_OF,
    Executor,
)
from components.catalogue_example_gen.spans import resolve_span
from components.run_parameters import RUN_PARAMETERS

FILES = "catalogue"
"""The one input split of the TFX driver: all files of the catalogue's folder."""


class Driver(driver.FileBasedDriver):
    """TFX's file-based driver, whose fingerprint covers tables in folders of the catalogue too."""

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Picks the span and fingerprints the files."""
        resolved = super().resolve_exec_properties(exec_properties, pipeline_info, component_info)
        inputs = example_gen_pb2.Input()
        proto_utils.json_to_proto(resolved[standard_component_specs.INPUT_CONFIG_KEY], inputs)
        base = resolved[standard_component_specs.INPUT_BASE_KEY]
        pattern = os.path.join(base, inputs.splits[0].pattern, "*")
        fingerprints = [resolved[utils.FINGERPRINT_PROPERTY_NAME]]
        while fileio.glob(pattern):
            fingerprints.append(io_utils.generate_fingerprint(FILES, pattern))
            pattern = os.path.join(pattern, "*")
        resolved[utils.FINGERPRINT_PROPERTY_NAME] = "\n".join(fingerprints)
        return resolved


class CatalogueExampleGenSpec(component_spec.ComponentSpec):
    """What FileBasedExampleGen has, with the graph builder's own parameters."""

    PARAMETERS = {
        standard_component_specs.INPUT_BASE_KEY: component_spec.ExecutionParameter(type=str),
        standard_component_specs.INPUT_CONFIG_KEY: component_spec.ExecutionParameter(
            type=example_gen_pb2.Input
        ),
        standard_component_specs.OUTPUT_DATA_FORMAT_KEY: component_spec.ExecutionParameter(
            type=int
        ),
        standard_component_specs.OUTPUT_FILE_FORMAT_KEY: component_spec.ExecutionParameter(
            type=int
        ),
        BUILD_CONFIG: component_spec.ExecutionParameter(type=str, optional=True),
        SUBGRAPHS_OF: component_spec.ExecutionParameter(type=str, optional=True),
        ON_BAD_ROWS: component_spec.ExecutionParameter(type=str, optional=True),
        STAGING: component_spec.ExecutionParameter(type=str, optional=True),
        CODE_FINGERPRINT: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        RUN_PARAMETERS: component_spec.ChannelParameter(
            type=standard_artifacts.HyperParameters, optional=True
        )
    }
    OUTPUTS = {
        standard_component_specs.EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        )
    }


class CatalogueExampleGen(base_beam_component.BaseBeamComponent):
    """Builds ego graphs from a catalogue's tables.

    TFX's file-based driver picks the newest span that the pattern matches, and fingerprints the
    files, so that an unchanged catalogue is answered from the cache. Where a runner has no drivers,
    the executor picks the span.

    Args:
      catalogue: the catalogue's folder; a part of it may be a date or number pattern as TFX has
        them: 'catalogues/{YYYY}-{MM}-{DD}' or 'catalogues/span-{SPAN}'.
      build: how; None where `run_parameters` say it.
      subgraphs: what the subgraphs of each artist hold; None where none are made, or
        `run_parameters` say it.
      on_bad_rows: 'error' or 'set_aside'; None where `run_parameters` say it.
      staging: an address where workers that do not see this machine's files read tables and write
        examples; '' where they see them.
      code_fingerprint: changes when the code does, and the cache with it.
      run_parameters: what holds for this run alone.
    """

    SPEC_CLASS = CatalogueExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        *,
        catalogue: str,
        build: BuildConfig | None,
        on_bad_rows: str | None,
        code_fingerprint: str,
        subgraphs: Reach | None = None,
        staging: str = "",
        run_parameters: types.BaseChannel | None = None,
    ):
        fixed, _, pattern = _split_pattern(catalogue)
        super().__init__(
            spec=CatalogueExampleGenSpec(
                input_base=fixed,
                input_config=example_gen_pb2.Input(
                    splits=[example_gen_pb2.Input.Split(name=FILES, pattern=pattern)]
                ),
                output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
                output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
                build_config=build and json.dumps(dataclasses.asdict(build), sort_keys=True),
                subgraphs_of=subgraphs
                and json.dumps(dataclasses.asdict(subgraphs), sort_keys=True),
                on_bad_rows=on_bad_rows,
                staging=staging or None,
                code_fingerprint=code_fingerprint,
                run_parameters=run_parameters,
                examples=types.Channel(type=standard_artifacts.Examples),
            )
        )


def newest_folder(catalogue: str) -> Path:
    """The folder of the newest span, as TFX's driver finds it.

    Args:
      catalogue: as CatalogueExampleGen takes it, with a pattern.

    Raises:
      InputError: no folder matches.
    """
    fixed, _, pattern = _split_pattern(catalogue)
    inputs = example_gen_pb2.Input(
        splits=[example_gen_pb2.Input.Split(name=FILES, pattern=pattern)]
    )
    resolve_span(fixed, inputs, "")
    return Path(fixed, inputs.splits[0].pattern).parent


def _split_pattern(catalogue: str) -> tuple[str, str, str]:
    """'a/b/{SPAN}' -> ('a/b', '/', '{SPAN}/*'): what is fixed, and what the driver resolves."""
    parts = catalogue.rstrip("/").split("/")
    for place, part in enumerate(parts):
        if "{" in part:
            return "/".join(parts[:place]), "/", "/".join([*parts[place:], "*"])
    return catalogue.rstrip("/"), "/", "*"

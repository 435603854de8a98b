"""What a person said of one run alone, as an artifact that the steps read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tfx import types
from tfx.dsl.io import fileio

RUN_PARAMETERS: Final = "run_parameters"
STARTED: Final = "started"
"""Custom property of that artifact: when it was made, in seconds since 1970."""
RUN_PARAMETERS_FILE: Final = "parameters.json"


def read_run_parameters(input_dict: Mapping[str, Sequence[types.Artifact]]) -> dict[str, Any]:
    """The sections of the configuration that hold for this run, and its span.

    Returns:
      'span', 'graph', 'on_bad_rows', 'trainer', 'judge' and 'retrain', as
      `pipeline/run_parameters.py` wrote them; empty where a pipeline has no such step.
    """
    return read_parameters(input_dict.get(RUN_PARAMETERS))


def read_parameters(found: Sequence[types.Artifact] | None) -> dict[str, Any]:
    """The same of the artifacts themselves; empty where there is none."""
    if not found:
        return {}
    with fileio.open(os.path.join(found[0].uri, RUN_PARAMETERS_FILE)) as file:
        return json.load(file)

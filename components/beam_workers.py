"""Whether Beam's direct runner was told to have worker processes, and how to have none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

_ALONE: Final = ("--direct_running_mode=in_memory", "--direct_num_workers=1")
_DIRECT: Final = (None, "DirectRunner")


def without_workers(arguments: Sequence[str]) -> list[str] | None:
    """The same arguments for a pipeline in this process.

    Args:
      arguments: Beam's.

    Returns:
      The arguments, of which Beam takes the last one of a name; None where they do not ask the
      direct runner for worker processes.
    """
    options = PipelineOptions(list(arguments))
    direct = options.view_as(DirectOptions).direct_running_mode == "multi_processing"
    if not direct or options.view_as(StandardOptions).runner not in _DIRECT:
        return None
    return [*arguments, *_ALONE]

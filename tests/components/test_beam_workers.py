"""Which of Beam's arguments mean worker processes, and what undoes them."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions

from components.beam_workers import without_workers

SPREAD = ["--direct_running_mode=multi_processing", "--direct_num_workers=4"]


@pytest.mark.parametrize("runner", [[], ["--runner=DirectRunner"]])
def test_the_last_ones_count(runner):
    alone = without_workers([*runner, *SPREAD, "--labels", "a=b"])
    options = PipelineOptions(alone).view_as(DirectOptions)
    assert (options.direct_running_mode, options.direct_num_workers) == ("in_memory", 1)
    assert "a=b" in alone
    assert without_workers(alone) is None


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--runner=DirectRunner"],
        ["--direct_running_mode=multi_threading", "--direct_num_workers=4"],
        ["--runner=FlinkRunner", *SPREAD],
    ],
)
def test_there_is_nothing_to_leave_out(arguments):
    assert without_workers(arguments) is None

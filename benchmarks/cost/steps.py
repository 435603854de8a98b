"""Where the graph builder's time goes, step by step, by Beam's own clocks; in this process."""

from __future__ import annotations

import collections
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.cost.measure import peak_kib

PHASES: Final[Mapping[str, str]] = {
    "reading and checking rows": r"^Read ",
    "joining edges": r"^Edges/",
    "encoding ego graphs": r"^Write.*/(Encode|Ego graphs|Pack)",
    "writing": r"^Write",
    "statistics of content": r"^Content",
    "joining artists, counting": "",
}
"""Of the builder's steps, with what the names of Beam's transforms begin with; the first that
fits."""
BETWEEN: Final = "Beam, between the steps"
"""What no step's clock has counted: grouping, passing on, planning."""
_CLOCK: Final = "beam:metric:ptransform_execution_time:total_msecs:v1"


def profile_builder(catalogue: Path, folder: Path) -> dict[str, Any]:
    """Builds ego graphs on Beam's direct runner in this process; what is built is removed.

    Args:
      catalogue: of which.
      folder: they are built in a folder in it.

    Returns:
      `seconds` and `cpu_seconds`, of the whole pipeline; `steps`, seconds of each of PHASES and of
      BETWEEN; and `peak_mib`.
    """
    import apache_beam as beam
    from apache_beam.metrics.monitoring_infos import extract_counter_value
    from apache_beam.options.pipeline_options import PipelineOptions

    from catalogues.spec import load_catalogue
    from components.catalogue_example_gen.build import build
    from pipeline.config import parse_config

    config = parse_config(
        {"catalogue": {"path": str(catalogue)}, "beam": {"runner": "DirectRunner"}}, "cost"
    )
    folder.mkdir(parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix=".steps-", dir=folder))
    try:
        started, worked = time.perf_counter(), time.process_time()
        options = PipelineOptions(config.beam.arguments(), save_main_session=False)
        pipeline = beam.Pipeline(options=options)
        build(pipeline, load_catalogue(catalogue), config.graph, str(target))
        done = pipeline.run()
        done.wait_until_finish()
        seconds, worked = time.perf_counter() - started, time.process_time() - worked
    finally:
        shutil.rmtree(target, ignore_errors=True)
    clocks: dict[str, float] = collections.defaultdict(float)
    for info in done.monitoring_infos():
        if info.urn == _CLOCK:
            clocks[info.labels["PTRANSFORM"]] += extract_counter_value(info) / 1000
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(worked, 3),
        "steps": phases(clocks, seconds),
        "peak_mib": round(peak_kib() / 1024, 1),
    }


def phases(clocks: Mapping[str, float], total: float) -> dict[str, float]:
    """Seconds of each of PHASES, and of BETWEEN what is left of all.

    Args:
      clocks: seconds by the full name of a transform.
      total: seconds of the pipeline, in which one transform runs at a time.
    """
    found = dict.fromkeys((*PHASES, BETWEEN), 0.0)
    for name, seconds in clocks.items():
        found[next(one for one, begin in PHASES.items() if re.match(begin, name))] += seconds
    found[BETWEEN] = total - sum(clocks.values())
    return {name: round(seconds, 3) for name, seconds in found.items()}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(profile_builder(Path(given["catalogue"]), Path(given["folder"]))))

"""`artist-sim kubeflow`: the pipeline on Kubeflow Pipelines."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from catalogues.errors import InputError
from pipeline.config import load_config
from pipeline.home import DEPLOYED_NAME, shown
from pipeline.kubeflow_asking import add_config
from pipeline.kubeflow_remote_commands import add_remote_commands
from pipeline.kubeflow_schedule_command import add_schedule_command
from pipeline.preflight import check_kubeflow

_OUTPUT: Final = f"{DEPLOYED_NAME}.yaml"
_ENDINGS: Final = (".yaml", ".yml")
_KUBEFLOW: Final = """\
The pipeline on Kubeflow Pipelines, version 2 (docs/kubeflow.md). For a cluster that is reached at
http://127.0.0.1:8888, and a configuration with a section `kubeflow`:

  export KF_PIPELINES_ENDPOINT=http://127.0.0.1:8888
  artist-sim kubeflow deploy --config mine.yaml
  artist-sim kubeflow run                                       one run now
  artist-sim kubeflow schedule --cron "0 30 3 * * *" --config mine.yaml
  artist-sim kubeflow schedule list                             or pause, resume, delete
  artist-sim kubeflow runs                                      what came of them

They end with 0, with 1 where something is in the way (a run that is going, a schedule that is
there), and with 2 for a mistake and where the cluster gives no answer.
"""
_COMPILE: Final = """\
Compiles the pipeline to a package that Kubeflow Pipelines takes. Nothing is asked of a cluster.

The configuration needs a section `kubeflow`, and its catalogue must lie where the steps reach it:

  catalogue: {path: "/mnt/artist-sim/catalogues/{YYYY}-{MM}-{DD}"}
  kubeflow:
    image: registry.example.com/artist-sim:0.1.0
    pipeline_root: minio://mlpipeline/artist-sim
    serving_root: /mnt/artist-sim/serving/artist_sim
    checkpoints: /mnt/artist-sim/checkpoints
    volume: {claim: artist-sim, path: /mnt/artist-sim}

What a person may change from run to run are parameters of the run: the span of the catalogue,
the floor of the gate, and any part of graph, on_bad_rows, trainer and judge (docs/kubeflow.md).
"""


def add_kubeflow_commands(
    commands: argparse._SubParsersAction, quiet_libraries: Callable[[], None]
) -> None:
    """Adds `kubeflow` to the commands of artist-sim.

    Args:
      commands: those of artist-sim.
      quiet_libraries: called before TFX is imported.
    """
    parser = commands.add_parser(
        "kubeflow",
        help="the pipeline on Kubeflow Pipelines",
        description=_KUBEFLOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(metavar="COMMAND", required=True)
    parser = kinds.add_parser(
        "compile",
        help="write the package, without a cluster",
        description=_COMPILE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config(parser)
    parser.add_argument("--output", type=Path, default=Path(_OUTPUT), help=f"default: {_OUTPUT}")
    parser.set_defaults(func=lambda args: _compile(args.config, args.output, quiet_libraries))
    add_remote_commands(kinds, quiet_libraries)
    add_schedule_command(kinds, quiet_libraries)


def _compile(config_path: Path, output: Path, quiet_libraries: Callable[[], None]) -> int:
    if output.suffix not in _ENDINGS:
        raise InputError(
            f"'{output.name}' does not end in {' or '.join(_ENDINGS)}, which Kubeflow Pipelines "
            "needs; name such a file with --output."
        )
    config = load_config(config_path)
    # TFX is slow to import; a wrong configuration is told before.
    kubeflow = check_kubeflow(config)
    quiet_libraries()
    from pipeline.kubeflow_runner import compile_package, write_package

    documents = compile_package(config)
    write_package(documents, output)
    tasks = documents[0]["root"]["dag"]["tasks"]
    parameters = documents[0]["root"]["inputDefinitions"]["parameters"]
    print(f"{shown(output)}: pipeline '{DEPLOYED_NAME}', {len(tasks)} steps")
    print(f"  image:         {kubeflow.image}")
    print(f"  artifacts:     {kubeflow.pipeline_root}")
    print(f"  pushed to:     {kubeflow.serving_root}")
    print(f"  parameters:    {', '.join(sorted(parameters))}")
    return 0

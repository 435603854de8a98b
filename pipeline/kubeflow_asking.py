"""What the commands of `artist-sim kubeflow` that ask a cluster have in common.

Nothing slow is imported before a command is chosen.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalogues.errors import InputError
from pipeline.config import DEFAULT_CONFIG, PipelineConfig

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.kubeflow_deployment import Deployment

HOST_VARIABLE: Final = "KF_PIPELINES_ENDPOINT"
"""As for the `kfp` command line."""
CONNECTION: Final = """\
Where Kubeflow Pipelines is comes from --host or KF_PIPELINES_ENDPOINT: the URL below which
/apis/v2beta1 lies. Inside the cluster that is mostly http://ml-pipeline.kubeflow:8888; from outside
https://…/pipeline, or http://127.0.0.1:8888 after
  kubectl port-forward -n kubeflow svc/ml-pipeline 8888
A bearer token comes from --token-file, else from ARTIST_SIM_KUBEFLOW_TOKEN, else from the file that
a pod has it in (/var/run/secrets/kubeflow/pipelines/token).
"""
EXIT_REFUSED: Final = 1
_PARAMETERS: Final = ("span", "gate_floor", "overrides")


def add_asking_parser(
    commands: argparse._SubParsersAction, name: str, summary: str, description: str
) -> argparse.ArgumentParser:
    """Adds a command that asks a cluster, with the options of the connection."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=CONNECTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options = parser.add_argument_group("connection")
    # Without defaults: a command and the one below it may both have them.
    missing = argparse.SUPPRESS
    options.add_argument("--host", metavar="URL", default=missing, help=f"or {HOST_VARIABLE}")
    options.add_argument(
        "--namespace", default=missing, help="of the pipeline, where there are several users"
    )
    options.add_argument("--token-file", type=Path, default=missing, metavar="FILE")
    options.add_argument(
        "--ca-file",
        type=Path,
        default=missing,
        metavar="FILE",
        help="certificates to trust, in PEM form (default: the system's)",
    )
    options.add_argument(
        "--timeout", type=positive, default=missing, metavar="S", help="of a request (default: 30)"
    )
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Adds --config."""
    parser.add_argument(
        "--config", type=Path, default=Path(DEFAULT_CONFIG), help=f"default: {DEFAULT_CONFIG}"
    )


def add_run_parameters(parser: argparse.ArgumentParser) -> None:
    """Adds what a person may change from run to run."""
    options = parser.add_argument_group("parameters of the run (default: as compiled)")
    options.add_argument("--span", help="of the catalogue, such as 2026-01-31 (default: newest)")
    options.add_argument("--gate-floor", metavar="SCORE", help="in place of judge.gate.floor")
    options.add_argument(
        "--overrides",
        metavar="YAML",
        help='part of a configuration: \'{"trainer": {"training": {"epochs": 20}}}\'',
    )
    options.add_argument(
        "--service-account", default="", metavar="NAME", help="that the steps run as"
    )


def asked(
    args: argparse.Namespace,
    command: Callable[[argparse.Namespace, Deployment, Callable[[], None]], int],
    quiet_libraries: Callable[[], None],
) -> int:
    """Runs a command with a connection; 1 where what it asks for would be two runs at once."""
    from pipeline.kubeflow_client import KubeflowClient
    from pipeline.kubeflow_connection import read_token
    from pipeline.kubeflow_deployment import Deployment, TwoAtOnce

    host = getattr(args, "host", None) or os.environ.get(HOST_VARIABLE)
    if not host:
        raise InputError(
            f"Where is Kubeflow Pipelines? Give --host, or set {HOST_VARIABLE}: a URL such as "
            "'http://127.0.0.1:8888'."
        )
    client = KubeflowClient(
        host,
        token=read_token(getattr(args, "token_file", None)),
        namespace=getattr(args, "namespace", ""),
        ca_file=getattr(args, "ca_file", None),
        timeout=float(getattr(args, "timeout", 30)),
    )
    with client:
        try:
            return command(args, Deployment(client), quiet_libraries)
        except TwoAtOnce as refusal:
            print(f"artist-sim: {refusal}", file=sys.stderr)
            return EXIT_REFUSED


def command_to_type(args: argparse.Namespace, *words: str) -> str:
    """A further command for the same cluster, as a shell takes it."""
    connection = [
        word
        for name in ("host", "namespace", "token_file", "ca_file")
        if getattr(args, name, None)
        for word in (f"--{name.replace('_', '-')}", str(getattr(args, name)))
    ]
    return shlex.join(["artist-sim", "kubeflow", *words, *connection])


def compiled(config: PipelineConfig, quiet_libraries: Callable[[], None]) -> tuple[str, str]:
    """The package of a configuration as YAML, and the name of its version."""
    quiet_libraries()
    from pipeline.kubeflow_runner import compile_package, package_text, version_name

    text = package_text(compile_package(config))
    return text, version_name(text)


def given_parameters(args: argparse.Namespace) -> dict[str, str]:
    """What was said of the run on the command line."""
    return {
        name: getattr(args, name).strip()
        for name in _PARAMETERS
        if (getattr(args, name) or "").strip()
    }


def parameter_words(parameters: Mapping[str, str]) -> list[str]:
    """Parameters as options."""
    return [
        word
        for name, value in parameters.items()
        for word in (f"--{name.replace('_', '-')}", value)
    ]


def check_parameters(
    compiled_in: PipelineConfig | Mapping[str, Any],
    parameters: Mapping[str, str],
    quiet_libraries: Callable[[], None],
) -> None:
    """Raises InputError for what the first step of the run would refuse.

    Args:
      compiled_in: the configuration of the package, or the sections of it that may differ.
      parameters: of the run.
      quiet_libraries: called before TFX is imported.
    """
    if set(parameters) <= {"span"}:
        # Nothing to check; importing TFX takes seconds.
        return
    quiet_libraries()
    from pipeline.run_parameters import parameters_of_run, sections_of

    given = compiled_in
    sections = sections_of(given) if isinstance(given, PipelineConfig) else given
    parameters_of_run(sections, **{name: parameters.get(name, "") for name in _PARAMETERS})


def screen() -> Console:
    """Where tables are printed."""
    from rich.console import Console

    # A file or another program reads lines, which are not to be broken at 80 characters.
    return Console(width=None if sys.stdout.isatty() else 120)


def positive(text: str) -> int:
    """A number above zero, of the command line."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return int(text)

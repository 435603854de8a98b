"""`artist-sim kubeflow deploy`, `run` and `runs`."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from catalogues.errors import InputError
from pipeline.config import load_config
from pipeline.home import DEPLOYED_NAME
from pipeline.kubeflow_asking import (
    add_asking_parser,
    add_config,
    add_run_parameters,
    asked,
    check_parameters,
    command_to_type,
    compiled,
    given_parameters,
    parameter_words,
    positive,
    screen,
)
from pipeline.preflight import check_kubeflow

if TYPE_CHECKING:
    from pipeline.kubeflow_deployment import Deployment
    from pipeline.kubeflow_records import KubeflowSchedule, Version

_DEPLOY: Final = """\
Compiles the pipeline and uploads it as a version of the pipeline 'artist-sim', which is made the
first time. The version is named after artist_sim's own and a digest of the package: the same
configuration and code are the same version, and nothing is uploaded twice. No run is started.
"""
_RUN: Final = """\
Starts one run now, of the version that was uploaded last. Two at once must not be: where a run of
the pipeline is going, it says which, starts none, and ends with status 1.
"""
_RUNS: Final = """\
Lists the runs of the pipeline, the newest last, whoever or whatever started them: state, times,
version, what was changed for that run, and why it failed, as far as the back end knows.
"""


def add_remote_commands(
    commands: argparse._SubParsersAction, quiet_libraries: Callable[[], None]
) -> None:
    """Adds deploy, run and runs to the commands of `artist-sim kubeflow`.

    Args:
      commands: those of `artist-sim kubeflow`.
      quiet_libraries: called before TFX is imported.
    """
    parser = add_asking_parser(commands, "deploy", "upload the package", _DEPLOY)
    add_config(parser)
    parser.set_defaults(func=lambda args: asked(args, _deploy, quiet_libraries))
    parser = add_asking_parser(commands, "run", "start one run now", _RUN)
    parser.add_argument("--version", metavar="NAME", help="of the pipeline (default: the newest)")
    add_run_parameters(parser)
    parser.set_defaults(func=lambda args: asked(args, _run, quiet_libraries))
    parser = add_asking_parser(commands, "runs", "states of past runs, and why they failed", _RUNS)
    parser.add_argument("--last", type=positive, default=20, help="how many (default: 20)")
    parser.set_defaults(func=lambda args: asked(args, _runs, quiet_libraries))


def _deploy(
    args: argparse.Namespace, deployment: Deployment, quiet_libraries: Callable[[], None]
) -> int:
    from pipeline.kubeflow_client import NotFound

    config = load_config(args.config)
    kubeflow = check_kubeflow(config)
    # A cluster that does not answer is told before what takes longest.
    with contextlib.suppress(NotFound):
        deployment.pipeline_id()
    done = deployment.deploy(*compiled(config, quiet_libraries))
    name = done.version.name
    if done.uploaded:
        kind = "the first version of a new pipeline" if done.first else "a new version"
        print(f"{DEPLOYED_NAME} {name}: uploaded, {kind}")
    else:
        print(f"{DEPLOYED_NAME} {name}: is there already, nothing was uploaded")
    print(f"  image:     {kubeflow.image}")
    run = ["run"]
    if done.newest != done.version:
        run += ["--version", name]
        print(f"  newest:    {done.newest.name}, which runs take unless --version is given")
    schedules = deployment.schedules()
    names = deployment.version_names() if schedules else {}
    for schedule in schedules:
        runs = names.get(schedule.version_id, "a version that is gone")
        state = "" if schedule.enabled else ", paused"
        print(f"  schedule:  '{schedule.name}' ({schedule.cron}{state}) runs {runs}")
    print(f"  next:      {command_to_type(args, *run)}")
    if not schedules:
        words = ["schedule", "--cron", "0 30 3 * * *", "--config", str(args.config)]
        print(f"             {command_to_type(args, *words)}")
    for schedule in schedules:
        if schedule.version_id != done.version.id:
            print(f"             {_again(args, schedule)}")
    return 0


def _again(args: argparse.Namespace, schedule: KubeflowSchedule) -> str:
    """The command that sets a schedule as it is, with the configuration at hand."""
    words = ["schedule", "--cron", schedule.cron, "--name", schedule.name]
    words += ["--config", str(args.config), *parameter_words(schedule.parameters)]
    if schedule.service_account:
        words += ["--service-account", schedule.service_account]
    return command_to_type(args, *words, "--replace")


def _run(
    args: argparse.Namespace, deployment: Deployment, quiet_libraries: Callable[[], None]
) -> int:
    from pipeline.kubeflow_listing import next_time, parameters_shown
    from pipeline.kubeflow_records import Order
    from pipeline.kubeflow_schedule import in_words

    version = deployment.version(args.version) if args.version else deployment.newest_version()
    parameters = given_parameters(args)
    sections = _compiled_sections(deployment.package(version), version)
    check_parameters(sections, parameters, quiet_libraries)
    run = deployment.start_run(Order(version, parameters, args.service_account))
    print(f"{DEPLOYED_NAME} {version.name}: run {run.id} started")
    if parameters:
        print(f"  parameters:  {parameters_shown(parameters)}")
    for schedule in deployment.schedules():
        if schedule.enabled:
            coming = next_time(schedule)
            when = f"on {in_words(coming)}" if coming else f"by {schedule.cron}"
            pause = command_to_type(args, "schedule", "pause", schedule.name)
            print(f"  schedule:    '{schedule.name}' starts its next run {when}, and would not")
            print(f"               wait for this one; if that may be too early: {pause}")
    print(f"  next:        {command_to_type(args, 'runs')}")
    return 0


def _compiled_sections(package: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """The sections that a version was compiled with, for its first step.

    Raises:
      InputError: it is no package of artist_sim, or its steps are answered from the cache.
    """
    tasks = package.get("root", {}).get("dag", {}).get("tasks", {})
    if any((task.get("cachingOptions") or {}).get("enableCache") for task in tasks.values()):
        raise InputError(
            f"The steps of version '{version.name}' take answers from the cache, so that its runs "
            "would do nothing; upload another with `artist-sim kubeflow deploy`."
        )
    try:
        told = tasks["RunParameters"]["inputs"]["parameters"]["config"]
        sections: dict[str, Any] = json.loads(told["runtimeValue"]["constant"])
        return sections
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"The version '{version.name}' was not compiled by artist_sim; upload one with "
            "`artist-sim kubeflow deploy`."
        ) from None


def _runs(
    args: argparse.Namespace, deployment: Deployment, quiet_libraries: Callable[[], None]
) -> int:
    from pipeline.kubeflow_listing import print_kubeflow_runs

    runs = deployment.last_runs(args.last)
    if not runs:
        start = command_to_type(args, "run")
        print(f"There is no run of '{DEPLOYED_NAME}' yet; start one with `{start}`.")
        return 0
    schedules = {one.id: one.name for one in deployment.schedules()}
    print_kubeflow_runs(runs, schedules, deployment.version_names(), screen())
    return 0

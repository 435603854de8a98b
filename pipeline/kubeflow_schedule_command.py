"""`artist-sim kubeflow schedule`: retraining that starts by itself."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from pipeline.config import load_config
from pipeline.home import DEPLOYED_NAME
from pipeline.kubeflow_asking import (
    EXIT_REFUSED,
    add_asking_parser,
    add_config,
    add_run_parameters,
    asked,
    check_parameters,
    command_to_type,
    compiled,
    given_parameters,
    screen,
)
from pipeline.preflight import check_kubeflow

if TYPE_CHECKING:
    from pipeline.kubeflow_deployment import Deployment
    from pipeline.kubeflow_records import KubeflowSchedule, Order
    from pipeline.kubeflow_schedule import Schedule

_DESCRIPTION: Final = """\
Starts runs of this configuration again and again, one at a time. Its version is uploaded if it is
not there, and stays that of the schedule when others are deployed. Of times that were missed only
the last is made up for, and no step is answered from the cache.

cron has six fields, the second first, or five as elsewhere, or is a descriptor:

  "0 30 3 * * *"       at 03:30 every day
  "30 3 * * *"         the same
  "0 0 4 * * MON-FRI"  at 04:00 from Monday to Friday
  "0 0 4 1,15 * *"     at 04:00 on the 1st and 15th of each month
  @daily, @weekly      at 00:00; also @hourly, @monthly, @yearly
  @every 24h           a day after it was set, then every day

In UTC, unless the cluster's scheduler has another CRON_SCHEDULE_TIMEZONE. Where both day of month
and day of week are given, either is enough. One schedule may be enabled at a time: the runs of two
would not wait for each other. A schedule that is there is changed with --replace only.
"""
_LIST: Final = "Lists the schedules of the pipeline: state, cron, next time, version, parameters."
_PAUSE: Final = "Lets a schedule start no more runs. One that is going goes on."
_RESUME: Final = "Lets a paused schedule start runs again."
_DELETE: Final = """\
Deletes a schedule. A run of it that is going goes on; Kubeflow Pipelines 2.15 and older end it,
which leaves what is served as it is.
"""


def add_schedule_command(
    commands: argparse._SubParsersAction, quiet_libraries: Callable[[], None]
) -> None:
    """Adds schedule, with list, pause, resume and delete, to `artist-sim kubeflow`.

    Args:
      commands: those of `artist-sim kubeflow`.
      quiet_libraries: called before TFX is imported.
    """
    parser = add_asking_parser(commands, "schedule", "start runs again and again", _DESCRIPTION)
    parser.add_argument("--cron", help="when runs start")
    parser.add_argument("--name", help=f"of the schedule (default: {DEPLOYED_NAME})")
    add_config(parser)
    parser.add_argument(
        "--replace", action="store_true", help="the schedule of that name, if there is one"
    )
    add_run_parameters(parser)

    def set_one(args: argparse.Namespace) -> int:
        if not args.cron:
            parser.error("give --cron to set a schedule, or one of list, pause, resume, delete")
        return asked(args, _set, quiet_libraries)

    parser.set_defaults(func=set_one)
    kinds = parser.add_subparsers(metavar="COMMAND", title="schedules that are there")

    def add(name: str, summary: str, description: str, command: _Command) -> None:
        kind = add_asking_parser(kinds, name, summary, description)
        if name != "list":
            kind.add_argument(
                "named", nargs="?", metavar="NAME", help="of the schedule (default: the only one)"
            )

        def run(args: argparse.Namespace) -> int:
            if args.cron:
                parser.error(f"--cron sets a schedule, and does not go with {name}")
            return asked(args, command, quiet_libraries)

        kind.set_defaults(func=run)

    add("list", "what there is, and when it starts the next run", _LIST, _list)
    add("pause", "start no more runs", _PAUSE, _pause)
    add("resume", "start runs again", _RESUME, _resume)
    add("delete", "take it away", _DELETE, _delete)


_Command = Callable[[argparse.Namespace, "Deployment", Callable[[], None]], int]


def _set(
    args: argparse.Namespace, deployment: Deployment, quiet_libraries: Callable[[], None]
) -> int:
    from pipeline.kubeflow_client import NotFound
    from pipeline.kubeflow_listing import parameters_shown
    from pipeline.kubeflow_records import Order
    from pipeline.kubeflow_schedule import typed_schedule

    schedule, title = typed_schedule(args.cron), args.name or DEPLOYED_NAME
    config = load_config(args.config)
    check_kubeflow(config)
    parameters = given_parameters(args)
    # What the cluster says is told before what takes longest.
    try:
        is_there = any(one.name == title for one in deployment.schedules())
    except NotFound:
        is_there = False
    replaced = deployment.schedule(title) if is_there else None
    text, version = compiled(config, quiet_libraries)
    check_parameters(config, parameters, quiet_libraries)
    done = deployment.deploy(text, version)
    order = Order(done.version, parameters, args.service_account)
    if replaced and _is_as(replaced, schedule.text, order):
        state = "" if replaced.enabled else ", but paused"
        print(f"The schedule '{title}' is there already, just so{state}; nothing was changed.")
        return 0
    if replaced and not args.replace:
        names = deployment.version_names()
        runs = names.get(replaced.version_id, "one that is gone")
        print(
            f"artist-sim: The schedule '{title}' is there already ({_shown(replaced, runs)}); to "
            "put this one in its place, add --replace.",
            file=sys.stderr,
        )
        return EXIT_REFUSED
    made = deployment.create_schedule(title, schedule.text, order, replaced)
    how = "replaced" if replaced else "set"
    print(f"Schedule '{made.name}' {how}: {schedule.text}")
    print(f"  version:     {done.version.name}{', uploaded just now' if done.uploaded else ''}")
    if parameters:
        print(f"  parameters:  {parameters_shown(parameters)}")
    _print_times(schedule)
    print(f"  next:        {command_to_type(args, 'schedule', 'list')}")
    print(f"               {command_to_type(args, 'runs')}")
    return 0


def _is_as(there: KubeflowSchedule, cron: str, order: Order) -> bool:
    return (
        there.cron == cron
        and there.version_id == order.version.id
        and there.parameters == order.parameters
        and there.service_account == order.service_account
    )


def _shown(schedule: KubeflowSchedule, version: str) -> str:
    from pipeline.kubeflow_listing import parameters_shown

    state = "enabled" if schedule.enabled else "paused"
    parameters = parameters_shown(schedule.parameters)
    told = ["cron " + schedule.cron, "version " + version, *([parameters] if parameters else [])]
    return ", ".join([*told, state])


def _print_times(schedule: Schedule) -> None:
    from pipeline.kubeflow_schedule import in_words

    for i, time in enumerate(schedule.next_times(datetime.now(timezone.utc), 3)):
        print(f"  {'' if i else 'starts:':<11}  {in_words(time)}")


def _list(
    args: argparse.Namespace, deployment: Deployment, quiet_libraries: Callable[[], None]
) -> int:
    from pipeline.kubeflow_listing import print_kubeflow_schedules

    schedules = deployment.schedules()
    if schedules:
        print_kubeflow_schedules(schedules, deployment.version_names(), screen())
    else:
        words = command_to_type(args, "schedule", "--cron", "0 30 3 * * *")
        print(f"There is no schedule of '{DEPLOYED_NAME}'; set one: {words}")
    return 0


def _pause(
    args: argparse.Namespace, deployment: Deployment, quiet_libraries: Callable[[], None]
) -> int:
    schedule = deployment.schedule(args.named or args.name)
    deployment.pause_schedule(schedule)
    print(f"Schedule '{schedule.name}' paused: {schedule.cron}")
    _print_going(deployment, schedule, "goes on")
    print(f"  next:  {command_to_type(args, 'schedule', 'resume', schedule.name)}")
    return 0


def _resume(
    args: argparse.Namespace, deployment: Deployment, quiet_libraries: Callable[[], None]
) -> int:
    from pipeline.kubeflow_listing import next_time
    from pipeline.kubeflow_schedule import in_words

    schedule = deployment.schedule(args.named or args.name)
    deployment.resume_schedule(schedule)
    print(f"Schedule '{schedule.name}' resumed: {schedule.cron}")
    coming = next_time(dataclasses.replace(schedule, enabled=True))
    if coming:
        print(f"  starts:  {in_words(coming)}")
    return 0


def _delete(
    args: argparse.Namespace, deployment: Deployment, quiet_libraries: Callable[[], None]
) -> int:
    schedule = deployment.schedule(args.named or args.name)
    # Afterwards nothing says which runs were its own.
    _print_going(deployment, schedule, "goes on, or is ended by Kubeflow Pipelines 2.15 and older")
    deployment.delete_schedule(schedule)
    print(f"Schedule '{schedule.name}' deleted: {schedule.cron}")
    return 0


def _print_going(deployment: Deployment, schedule: KubeflowSchedule, what: str) -> None:
    for run in deployment.going_runs():
        if run.schedule_id == schedule.id:
            print(f"  run:   {run.id} {what}")

"""`artist-sim flink up`, `status` and `down`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pipeline.flink.settings import JOB_PORT

if TYPE_CHECKING:
    from pipeline.flink.cluster import ClusterState

_UP = """\
Brings up a Flink session cluster on this machine: a job manager, task managers, and Beam's job
server. The first time Maven fetches the jars, 152 MB. A task manager that ends is started again.
It needs Java, Maven, and about 2 GB of memory for each task manager and 2 GB for the rest.
"""
_EXAMPLES = """\
example:
  artist-sim flink up
  make run CONFIG=configs/flink.yaml
  artist-sim flink down
"""


def add_flink_commands(commands: argparse._SubParsersAction) -> None:
    """Adds `flink` to the commands of artist-sim."""
    parser = commands.add_parser(
        "flink",
        help="a local Flink cluster for the Beam stages",
        description="A local Flink cluster for the Beam stages of the pipeline.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_subparsers(metavar="WHAT", required=True)
    parser = what.add_parser(
        "up",
        help="bring it up",
        description=_UP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--job-port",
        type=_port,
        default=JOB_PORT,
        help=f"where pipelines are handed in (default: {JOB_PORT})",
    )
    parser.add_argument(
        "--task-managers", type=_positive, default=2, metavar="N", help="how many (default: 2)"
    )
    parser.add_argument(
        "--worker-memory",
        type=_positive,
        metavar="MB",
        help="megabytes of data that each Python worker may have (default: no limit)",
    )
    parser.set_defaults(func=_up)
    what.add_parser("status", help="is it up, and what does it do?").set_defaults(func=_status)
    what.add_parser("down", help="take it down").set_defaults(func=_down)


def _up(args: argparse.Namespace) -> int:
    from pipeline.flink.cluster import up
    from pipeline.preflight import check_home

    check_home()
    print("Bringing up the Flink cluster …", flush=True)
    state = up(
        job_port=args.job_port,
        task_managers=args.task_managers,
        worker_memory=args.worker_memory,
    )
    print(_described(state))
    return 0


def _status(args: argparse.Namespace) -> int:
    from pipeline.flink.cluster import status

    state = status()
    print(_described(state) if state else "No Flink cluster of this home is up.")
    return 0 if state else 1


def _down(args: argparse.Namespace) -> int:
    from pipeline.flink.cluster import down

    print("The cluster is down." if down() else "No Flink cluster of this home was up.")
    return 0


def _described(state: ClusterState) -> str:
    from pipeline.flink.cluster import total_slots

    lines = [f"Pipelines are handed in at localhost:{state.job_port}."]
    if state.overview is None:
        lines.append("Flink does not answer; it is coming up, or very busy.")
    else:
        lines.append(
            f"{state.overview['taskmanagers']} task managers with {total_slots(state)} slots, "
            f"{state.overview['slots-available']} of them free; "
            f"{state.overview['jobs-running']} jobs at work, "
            f"{state.overview['jobs-finished']} done, {state.overview['jobs-failed']} failed."
        )
    if state.replaced:
        lines.append(f"Task managers that were started again: {state.replaced}.")
    lines += [f"  {name}: process {pid}" for name, pid in state.processes.items()]
    return "\n".join(lines)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port from 1 to 65535")
    return int(text)

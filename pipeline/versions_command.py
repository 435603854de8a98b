"""`artist-sim versions` and `artist-sim rollback`: what was pushed, and what is served of it."""

from __future__ import annotations

import argparse
import datetime
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from catalogues.errors import InputError
from pipeline.config import load_config
from pipeline.home import serving_root
from pipeline.metadata_config import remembered_store

if TYPE_CHECKING:
    from components.served_versions import ServedVersions
    from pipeline.runs import Run

_BY_HAND: Final = "a person"
_REASON: Final = "It was rolled back by hand."
_ROLLBACK: Final = """\
Takes the newest version away, so that the server goes back to the one before it. Nothing is
deleted: a version that is taken back lies in '<push destination>.quarantine', its reason in
'<push destination>.ledger'. What is trained from now on is compared with what is served then.
"""


def add_version_commands(
    commands: argparse._SubParsersAction, quiet_libraries: Callable[[], None]
) -> None:
    """Adds `versions` and `rollback` to the commands of artist-sim.

    Args:
      commands: those of artist-sim.
      quiet_libraries: called before TFX is imported.
    """
    parser = commands.add_parser(
        "versions",
        help="the pushed versions, which of them is served, and what was taken back",
        description="Lists the versions of a push destination, the newest last.",
    )
    _add_destination(parser)
    parser.set_defaults(func=lambda args: _versions(args, quiet_libraries))
    parser = commands.add_parser(
        "rollback",
        help="take the newest version back; the one before it is served again",
        description=_ROLLBACK,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--to", type=_version, metavar="N", help="take all versions back that are newer than N"
    )
    which.add_argument(
        "--undo",
        type=_version,
        nargs="?",
        const=0,
        metavar="N",
        help="bring back version N, or the newest of those that were taken back",
    )
    parser.add_argument("--reason", default=_REASON, help="one sentence for the ledger")
    _add_destination(parser)
    parser.set_defaults(func=lambda args: _rollback(args, quiet_libraries))


def _add_destination(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--root", help="the push destination (default: where the pipeline pushes on this machine)"
    )
    which.add_argument(
        "--config", type=Path, help="a configuration; the push destination is `kubeflow`'s"
    )


def _destination(args: argparse.Namespace) -> str:
    if args.config:
        kubeflow = load_config(args.config).kubeflow
        return kubeflow.serving_root if kubeflow else str(serving_root())
    return args.root or str(serving_root())


def _opened(args: argparse.Namespace, quiet_libraries: Callable[[], None]) -> ServedVersions:
    root = _destination(args)
    quiet_libraries()
    from tfx.dsl.io import fileio

    from components.served_versions import ServedVersions

    if not fileio.isdir(root):
        raise InputError(
            f"Nothing has been pushed to '{Path(root).name}' yet; check --root or --config, or "
            "start with `make run`."
        )
    return ServedVersions(root)


def _versions(args: argparse.Namespace, quiet_libraries: Callable[[], None]) -> int:
    served = _opened(args, quiet_libraries)
    from rich.console import Console
    from rich.table import Table

    entries, gone, there = served.entries(), served.taken_back(), served.served()
    runs = _runs_of_this_machine() if _destination(args) == str(serving_root()) else {}
    titles = ("version", "pushed", "run", "connected", "cold", "state")
    table = Table(*titles, box=None, padding=(0, 2, 0, 0))
    for version in sorted({*there, *gone}):
        entry, run = entries.get(version), runs.get(version)
        when = entry.time if entry else version
        scores = _scores(run) if run else dict(entry.scores) if entry else {}
        if version in gone:
            note = gone[version]
            state = f"taken back {_time(note.time)} by {note.by or 'nobody'}: {note.reason}"
        else:
            state = "served" if version == there[-1] else ""
        table.add_row(
            str(version),
            _time(when),
            str(run.number) if run else entry.run if entry else "–",
            *(f"{scores[c][0]:.3f}" if c in scores else "–" for c in ("connected", "cold")),
            state,
        )
    # A file or another program reads lines, which are not to be broken.
    Console(width=None if sys.stdout.isatty() else 300, highlight=False).print(table)
    return 0


def _rollback(args: argparse.Namespace, quiet_libraries: Callable[[], None]) -> int:
    served = _opened(args, quiet_libraries)
    # Two of these are two owners.
    with served.lock(f"rollback {uuid.uuid4().hex[:8]}") as lock:
        # What was taken back in part, by one that was killed.
        for version in served.unfinished():
            served.take_back(version, reason=args.reason, by=_BY_HAND, lock=lock)
        if args.undo is not None:
            version = _restorable(served, args.undo)
            served.restore(version, lock)
            print(f"Version {version} is back; version {served.latest()} is the newest.")
            return 0
        there = served.served()
        kept = _kept(there, args.to)
        # The newest last, so that none between is served for a moment.
        for version in there[there.index(kept) + 1 :]:
            served.take_back(version, reason=args.reason, by=_BY_HAND, lock=lock)
            print(f"Version {version} is taken back.")
    print(f"Version {kept} is the newest; `artist-sim rollback --undo` brings back the last one.")
    return 0


def _kept(there: list[int], to: int | None) -> int:
    """The version that is to be the newest."""
    if to is None:
        if len(there) < 2:
            which = f"version {there[0]} is the only one" if there else "there is none"
            raise InputError(f"There is no version to go back to: {which}.")
        return there[-2]
    if to not in there:
        known = ", ".join(str(version) for version in there) or "none"
        raise InputError(f"There is no version {to} to go back to; there is {known}.")
    if to == there[-1]:
        raise InputError(f"Version {to} is the newest; there is nothing to take back.")
    return to


def _restorable(served: ServedVersions, wanted: int) -> int:
    gone = sorted(served.taken_back())
    if not gone or (wanted and wanted not in gone):
        which = f"Version {wanted} was not" if wanted else "No version was"
        known = f"; there is {', '.join(str(version) for version in gone)}" if gone else ""
        raise InputError(f"{which} taken back{known}.")
    version = wanted or gone[-1]
    if not served.is_quarantined(version):
        raise InputError(
            f"Version {version} was taken back, but its folder is not in the quarantine any more."
        )
    return version


def _runs_of_this_machine() -> Mapping[int, Run]:
    """By version, the run that pushed it, as the metadata store of this machine knows it."""
    if remembered_store() is None:
        return {}
    from pipeline.runs import list_runs, open_store

    found: dict[int, Run] = {}
    try:
        runs = list_runs(open_store())
    except InputError as error:
        # What is served is known without them.
        print(f"artist-sim: {error}", file=sys.stderr)
        return {}
    for run in runs:
        if run.lineage.version:
            # Later ones were answered from the cache.
            found.setdefault(int(run.lineage.version), run)
    return found


def _scores(run: Run) -> dict[str, list[float]]:
    from components.judged_scores import scores_of

    return scores_of(run.metrics(), "model")


def _time(seconds: int) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"


def _version(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no version, which is a number")
    return int(text)

"""`artist-sim`: what the TFX command line has no word for."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from catalogues.errors import InputError
from pipeline.home import PIPELINE_NAME, serving_root

_EXAMPLES = """\
examples:
  artist-sim catalogue check catalogues/sampler     is the catalogue sound?
  artist-sim catalogue generate --artists 10000 --seed 1 my-catalogue
  artist-sim similar "Nina Simone"                  who sounds like Nina Simone?
  artist-sim embed --output vectors                 the vectors of all artists, as Parquet
  artist-sim report                                 look at the last judgement
  artist-sim runs                                   scores and verdicts of past runs
  artist-sim versions                               what was pushed, served and taken back
  artist-sim rollback                               serve the version before the newest
  artist-sim plan configs/olga.yaml                 what training would take
  artist-sim serve                                  answer requests, as TF Serving does
  artist-sim kubeflow compile --config mine.yaml    a package for Kubeflow Pipelines
  artist-sim flink up                               a local Flink cluster for the Beam stages

The pipeline itself runs through TFX: `make run`, or `make run CONFIG=configs/olga.yaml`.
Everything that it makes lies in .artist_sim/; ARTIST_SIM_HOME moves it.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns 0, 1 (the answer is no), 2 (a mistake) or 130 (interrupted)."""
    parser = argparse.ArgumentParser(
        prog="artist-sim",
        description="Make and check catalogues, ask a pushed model, show past runs.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    from catalogues.cli import add_commands
    from pipeline.embed_command import add_embed_command
    from pipeline.flink.command import add_flink_commands
    from pipeline.kubeflow_command import add_kubeflow_commands
    from pipeline.plan_command import add_plan
    from pipeline.versions_command import add_version_commands
    from serving.embedded.command import add_command

    add_commands(commands)
    _add_similar(commands)
    add_embed_command(commands)
    _add_report(commands)
    _add_runs(commands)
    add_plan(commands, _quiet_libraries)
    add_version_commands(commands, _quiet_libraries)
    add_command(commands, PIPELINE_NAME, serving_root, _quiet_libraries)
    add_kubeflow_commands(commands, _quiet_libraries)
    add_flink_commands(commands)
    args = parser.parse_args(arguments)
    try:
        status = args.func(args)
        # Here, where a closed pipe is caught, not when Python ends.
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"artist-sim: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _add_similar(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "similar",
        help="who sounds like an artist, as the last pushed model has it",
        description="Lists the artists most similar to the given ones, the most similar first.",
    )
    parser.add_argument("artist", nargs="+", help="name or id; case and accents do not matter")
    parser.add_argument("--k", type=_positive, default=10, help="how many (default: 10)")
    parser.add_argument(
        "--model", type=Path, help="folder of a version (default: the newest pushed one)"
    )
    parser.set_defaults(func=_similar)


def _add_report(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "report",
        help="open the page of the last judgement",
        description="Opens the page of a judgement in the browser: verdict, scores, slices, map.",
    )
    parser.add_argument("run", nargs="?", type=_positive, help="its number (default: the newest)")
    parser.add_argument(
        "--path", action="store_true", help="print where the page lies, and open nothing"
    )
    parser.set_defaults(func=_report)


def _add_runs(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "runs",
        help="the scores and verdicts of past runs",
        description="Lists past runs from the metadata store, the newest last, or one with its "
        "lineage. 'beside' is the blessed model that a run's model was compared with.",
    )
    parser.add_argument("run", nargs="?", type=_positive, help="the number of one to look at")
    parser.add_argument("--last", type=_positive, default=20, help="how many (default: 20)")
    parser.set_defaults(func=_runs)


def _similar(args: argparse.Namespace) -> int:
    _quiet_libraries()
    from serving.pushed_model import PushedModel, newest_version

    model = PushedModel(args.model or newest_version(serving_root()))
    for artist in args.artist:
        key, name = model.find(artist)
        print(f"{name} ({key})")
        for similar in model.similar(key, args.k):
            print(f"  {similar.score:.3f}  {similar.name}")
    return 0


def _report(args: argparse.Namespace) -> int:
    _quiet_libraries()
    import webbrowser

    from pipeline.home import shown
    from pipeline.runs import find_run, list_runs, open_store

    runs = list_runs(open_store())
    run = find_run(runs, args.run) if args.run else next((r for r in runs[::-1] if r.page), None)
    if run is None or run.page is None:
        which = f"Run {args.run} has no page" if args.run else "No run has a page"
        raise InputError(f"{which}; a run that judges a model makes one: `make run`.")
    print(shown(run.page))
    if not args.path and not webbrowser.open(run.page.as_uri()):
        print("No browser could be opened; open that file in one.", file=sys.stderr)
    return 0


def _runs(args: argparse.Namespace) -> int:
    _quiet_libraries()
    from rich.console import Console

    from pipeline.run_listing import print_run, print_runs
    from pipeline.runs import find_run, list_runs, open_store

    runs = list_runs(open_store())
    # A file or another program reads lines, which are not to be broken at 80 characters.
    screen = Console(width=None if sys.stdout.isatty() else 120)
    if args.run:
        print_run(find_run(runs, args.run), screen)
    else:
        print_runs(runs[-args.last :], screen)
    return 0


def _quiet_libraries() -> None:
    """Before they are imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GLOG_minloglevel", "4")
    # Google's client libraries tell everybody who imports them that Python 3.10 is ageing.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

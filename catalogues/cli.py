"""`artist-sim catalogue`: import, generate and check catalogues."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_commands(subparsers: Any) -> None:
    """Adds the command ``catalogue`` with its subcommands.

    Each subcommand sets ``func``, a function from the parsed arguments to the exit code. A
    handler may raise `catalogues.errors.InputError`, which the caller prints.

    Args:
        subparsers: what ``ArgumentParser.add_subparsers`` returned.
    """
    catalogue = subparsers.add_parser(
        "catalogue",
        help="make, convert or check a catalogue of artists",
        description="Make, convert or check a catalogue: a folder with a catalogue.yaml and "
        "tables of artists, edges and content (docs/catalogue.md).",
    )
    commands = catalogue.add_subparsers(dest="catalogue_command", metavar="COMMAND", required=True)
    _add_import(commands)
    _add_generate(commands)
    _add_check(commands)


def _add_import(commands: Any) -> None:
    from catalogues.importers import FORMATS

    width = max(len(name) for name in FORMATS)
    listed = "\n".join(f"  {name:<{width}}  {kind.summary}" for name, kind in FORMATS.items())
    command = commands.add_parser(
        "import",
        help="make a catalogue out of a public data set",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Make a catalogue out of a public data set's files.\n\nformats:\n{listed}",
        epilog="example:\n  artist-sim catalogue import olga ../data my-catalogues/olga",
    )
    command.add_argument("format", metavar="FORMAT", help="one of: " + ", ".join(FORMATS))
    command.add_argument("source", metavar="FROM", type=Path, help="folder with the data set")
    command.add_argument("target", metavar="TO", type=Path, help="folder of the new catalogue")
    _add_force(command)
    command.set_defaults(func=run_import)


def _add_generate(commands: Any) -> None:
    command = commands.add_parser(
        "generate",
        help="make a synthetic catalogue of any size",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make a synthetic catalogue with the statistics of a real one: communities "
        "inside\ngenres, top-heavy degrees, content with noise and gaps, tags and plays. The "
        "same\nseed gives the same bytes, and memory does not grow with the number of artists.",
        epilog="example:\n  artist-sim catalogue generate --artists 2000 --seed 1 catalogues/toy",
    )
    command.add_argument("--artists", type=int, required=True, metavar="N", help="how many artists")
    command.add_argument("--seed", type=int, default=0, metavar="S", help="default: 0")
    command.add_argument("target", metavar="TO", type=Path, help="folder of the new catalogue")
    _add_force(command)
    command.set_defaults(func=run_generate)


def _add_check(commands: Any) -> None:
    command = commands.add_parser(
        "check",
        help="count what a catalogue holds and list what is wrong with it",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Count what a catalogue holds and list what is wrong with it.\n"
        "Exits with 1 when something is.",
        epilog="example:\n  artist-sim catalogue check catalogues/sampler",
    )
    command.add_argument("folder", metavar="FOLDER", type=Path, help="the catalogue's folder")
    command.set_defaults(func=run_check)


def _add_force(command: argparse.ArgumentParser) -> None:
    command.add_argument("--force", action="store_true", help="replace the catalogue that is at TO")


def run_import(args: argparse.Namespace) -> int:
    """Handles ``catalogue import``."""
    from catalogues.importers import import_catalogue

    imported = import_catalogue(args.format, args.source, args.target, force=args.force)
    _print_made(args.target, imported.counts, imported.notes)
    return 0


def run_generate(args: argparse.Namespace) -> int:
    """Handles ``catalogue generate``."""
    from catalogues.generate import generate

    counts = generate(args.target, artists=args.artists, seed=args.seed, force=args.force)
    _print_made(args.target, counts, ())
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Handles ``catalogue check``: 0 when all is well, 1 when something is wrong."""
    from catalogues.check import check
    from catalogues.report import print_report
    from catalogues.spec import load_catalogue

    report = check(load_catalogue(args.folder))
    print_report(report)
    return 0 if report.ok else 1


def _print_made(target: Path, counts: Any, notes: tuple[str, ...]) -> None:
    for what, count in counts.items():
        print(f"{count:>12,}  {what}")
    for note in notes:
        print(f"note: {note}")
    print(f"The catalogue is in {target}. Look at it with: artist-sim catalogue check {target}")

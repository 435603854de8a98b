"""The cost suite on the command line; imports nothing that takes time."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.cost.stages import FORMS, PARTS
from catalogues.errors import InputError

DESCRIPTION: Final = (
    "Measures what graph building, an epoch, embedding and start-up cost over sizes of catalogues; "
    "what is measured is not measured again."
)
_ROOT: Final = Path(__file__).parents[2]
_PAGE: Final = _ROOT / "docs" / "results" / "cost.md"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of this suite alone."""
    parser.add_argument("--stages", nargs="+", choices=PARTS, help="only these")
    parser.add_argument("--forms", nargs="+", choices=tuple(FORMS), help="of training, only these")
    parser.add_argument(
        "--artists", nargs="+", type=int, metavar="N", help="only the catalogues of so many artists"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of each; the median counts")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--quick",
        action="store_true",
        help="one round of two small catalogues, nothing of others; results and page stay beside "
        "the work",
    )
    what.add_argument("--page-only", action="store_true", help="write the page from the results")


def run(args: argparse.Namespace, results: Path, folder: Path, tell: Callable[[str], None]) -> int:
    """Measures what is left of the plan, and writes results and page; returns the exit status.

    Args:
      args: with the options above.
      results: the folder of the results' JSON files, and of a record of each process.
      folder: keeps catalogues and examples.
      tell: told what is done.

    Raises:
      InputError: an option is out of range, a process fails, or a page is wanted of nothing.
    """
    from benchmarks.cost.page import write_page
    from benchmarks.cost.records import Records
    from benchmarks.cost.tasks import measure_all, plan_of, results_of
    from benchmarks.store import write_json

    work = folder / ("cost-quick" if args.quick else "cost")
    kept = work if args.quick else results
    source, records = kept / "cost.json", Records(kept / "cost")
    page = work / "cost.md" if args.quick else _PAGE
    plan = plan_of(args.quick, args.stages, args.artists, args.rounds, args.forms)
    if args.page_only and not records.days():
        raise InputError("Nothing is measured yet; `make benchmark SUITE=cost` begins.")
    found = results_of(plan, records) if args.page_only else measure_all(plan, records, work, tell)
    write_json(source, found)
    write_page(json.loads(source.read_text()), page, source)
    tell(f"page: {page.relative_to(_ROOT) if page.is_relative_to(_ROOT) else page.name}")
    return 0

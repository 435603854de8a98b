"""The judging suite on the command line; imports nothing that takes time."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from catalogues.errors import InputError

DESCRIPTION: Final = "Measures the judge's time and memory, beside public libraries."
_ROOT: Final = Path(__file__).parents[2]
_PAGE: Final = _ROOT / "docs" / "results" / "judging.md"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of this suite alone."""
    parser.add_argument("--page-only", action="store_true", help="write the page from the results")


def run(args: argparse.Namespace, results: Path, folder: Path, tell: Callable[[str], None]) -> int:
    """Measures, unless only the page is wanted, and writes it; returns the exit status.

    Args:
      args: with the options above.
      results: the folder of the results' JSON files.
      folder: keeps what benchmarks make once; nothing here.
      tell: told what is done.

    Raises:
      InputError: a page is wanted of what is not measured.
    """
    from benchmarks.judging.page import write_page
    from benchmarks.judging.tasks import measure_all
    from benchmarks.store import write_json

    source = results / "judging.json"
    if not args.page_only:
        write_json(source, measure_all(tell))
    elif not source.exists():
        raise InputError("Nothing is measured yet; `make benchmark SUITE=judging` begins.")
    write_page(json.loads(source.read_text()), _PAGE, source)
    tell(f"page: {_PAGE.relative_to(_ROOT)}")
    return 0

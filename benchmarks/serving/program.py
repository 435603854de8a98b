"""The serving suite on the command line; imports nothing that takes time."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

DESCRIPTION: Final = "Measures how fast models are served, by the embedded server and another."
EMBEDDED: Final = "embedded"
BENTOML: Final = "bentoml"
SERVERS: Final = (EMBEDDED, BENTOML)
"""That are started."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of this suite alone."""
    parser.add_argument("--servers", nargs="+", choices=SERVERS, help="only these")
    parser.add_argument("--artists", nargs="+", type=int, metavar="N", help="of the catalogues")
    parser.add_argument("--rounds", type=int, help="in which the servers take turns")
    parser.add_argument("--seconds", type=float, help="of each run")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--quick", action="store_true", help="one short round of 1,000 artists; nothing is written"
    )
    what.add_argument("--page-only", action="store_true", help="write the page from the results")


def run(args: argparse.Namespace, results: Path, folder: Path, tell: Callable[[str], None]) -> int:
    """Measures and writes; returns the exit status.

    Args:
      args: with the options above.
      results: the folder of the results' JSON files.
      folder: keeps what benchmarks make once.
      tell: told what is done.

    Raises:
      InputError: something does not start, or answers wrongly.
    """
    from benchmarks.serving.suite import run_suite

    run_suite(args, results, folder / "serving", tell)
    return 0

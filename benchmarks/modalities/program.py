"""The modalities suite on the command line; imports nothing that takes time."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

DESCRIPTION: Final = (
    "Compares what several modalities say of artists (contrastive encoders, single modalities, "
    "PCA, random projection), then graph layers on each content; what is done is not done again."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of this suite alone."""
    parser.add_argument("--seeds", nargs="+", type=int, metavar="SEED", help="only these of 0 1 2")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="PART",
        help="of the second part, trainings whose name holds one of these: --only gnn-2/gin tags",
    )
    parser.add_argument("--no-layers", action="store_true", help="leave the graph layers out")
    parser.add_argument("--page-only", action="store_true", help="write the pages from the results")


def run(args: argparse.Namespace, results: Path, folder: Path, tell: Callable[[str], None]) -> int:
    """Trains and ranks what is not done yet, and writes the pages; returns the exit status.

    Args:
      args: with the options above.
      results: the folder of the results.
      folder: keeps what benchmarks make once.
      tell: told what is done.

    Raises:
      InputError: a seed that the suite does not have, or a page is wanted of nothing.
    """
    from benchmarks.modalities.suite import run_suite

    return run_suite(args, results, folder, tell)
